"""Reference implementations of filters in which pixels do not count alike, in float64.

Nothing here imports imgconv. Images are 2-D; weights have their shape.
"""

import numpy as np
import oracle


def places(n, before, after, mode):
    """Source of each place of an extended axis; -1 is outside."""
    fold = "constant" if mode == "ignore" else mode
    return np.array([oracle.fold(i, n, fold) for i in range(-before, n + after)], int)


def extend(image, before, after, *, weights=None, nan="spread", mode="reflect", cval=0.0):
    """Values and weights of the image and of what is around it; what does not count is 0."""
    image = np.asarray(image)
    values = image.astype(np.float64)
    weights = np.ones(image.shape) if weights is None else np.asarray(weights, np.float64)
    modes = (mode, mode) if isinstance(mode, str) else tuple(mode)
    y, x = (places(*along) for along in zip(image.shape, before, after, modes, strict=True))
    outside = (y < 0)[:, None] | (x < 0)
    values = np.where(outside, cval, values[y][:, x])
    weights = np.where(outside, 1.0, weights[y][:, x])
    for axis, along in enumerate((y, x)):
        if modes[axis] == "ignore":
            weights = np.where(np.expand_dims(along < 0, 1 - axis), 0.0, weights)
    if nan == "omit":
        weights = np.where(np.isnan(values), 0.0, weights)
    return np.where(weights == 0, 0.0, values), weights


def windows(array, size):
    """The windows of an extended array, on two more axes."""
    return np.lib.stride_tricks.sliding_window_view(array, size)


def correlate(image, kernel, *, normalize=False, stride=1, **how):
    """sum(k w x), and with `normalize` that sum over sum(k w)."""
    kernel = np.asarray(kernel, np.float64)
    before = [k // 2 for k in kernel.shape]
    after = [k - 1 - ahead for k, ahead in zip(kernel.shape, before, strict=True)]
    values, weights = extend(image, before, after, **how)
    sums, totals = (
        (windows(array, kernel.shape) * kernel).sum(axis=(-2, -1))
        for array in (values * weights, weights)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        result = sums / totals if normalize else sums
    down, right = np.broadcast_to(stride, 2)
    return result[::down, ::right]


def pool_mean(image, size, stride, **how):
    """The mean of what counts in each window that lies in the image."""
    how = {"mode": "ignore", **how}
    values, weights = extend(image, (0, 0), (0, 0), **how)
    sums, totals = (
        windows(array, size)[:: stride[0], :: stride[1]].sum(axis=(-2, -1))
        for array in (values * weights, weights)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums / totals


def order(image, footprint, place, **how):
    """The element number `place(n)` of the n pixels of each window that count; NaN if none does.

    The window of even size is centred at size // 2. Values are those of float64.
    """
    footprint = np.asarray(footprint, bool)
    before = [k // 2 for k in footprint.shape]
    after = [k - 1 - ahead for k, ahead in zip(footprint.shape, before, strict=True)]
    values, weights = extend(image, before, after, **how)
    result = np.full(np.shape(image), np.nan)
    for y, x in np.ndindex(*result.shape):
        inside = np.s_[y : y + footprint.shape[0], x : x + footprint.shape[1]]
        counted = values[inside][footprint & (weights[inside] > 0)]
        if len(counted) and not np.isnan(counted).any():
            result[y, x] = np.sort(counted)[place(len(counted))]
    return result


def statistic(image, footprint, result, **how):
    """`result(values, weights)` of the pixels of each window that count; NaN if none does.

    The window of even size is centred at size // 2.
    """
    footprint = np.asarray(footprint, bool)
    before = [k // 2 for k in footprint.shape]
    after = [k - 1 - ahead for k, ahead in zip(footprint.shape, before, strict=True)]
    values, weights = extend(image, before, after, **how)
    found = np.full(np.shape(image), np.nan)
    for y, x in np.ndindex(*found.shape):
        inside = np.s_[y : y + footprint.shape[0], x : x + footprint.shape[1]]
        counts = footprint & (weights[inside] > 0)
        if counts.any():
            found[y, x] = result(values[inside][counts], weights[inside][counts])
    return found


def mean_of(values, weights):
    """The mean of numbers with weights."""
    return (weights * values).sum() / weights.sum()


def variance_of(values, weights, ddof=0.0):
    """The variance of numbers with weights; NaN if their sum is not above ddof."""
    total = weights.sum()
    if not total > ddof:
        return np.nan
    return (weights * (values - mean_of(values, weights)) ** 2).sum() / (total - ddof)


def entropy_of(values, weights):
    """The entropy of the values of pixels that count alike, in bits."""
    shares = np.unique(values, return_counts=True)[1] / len(values)
    return -(shares * np.log2(shares)).sum()


def pool(image, size, stride, how, **how_counted):
    """One number of what counts in each window that lies in the image; a sum of nothing is 0."""
    values, weights = extend(image, (0, 0), (0, 0), **{"mode": "ignore", **how_counted})
    values, weights = (
        windows(array, size)[:: stride[0], :: stride[1]] for array in (values, weights)
    )
    found = np.full(values.shape[:2], 0.0 if how == "sum" else np.nan)
    for place in np.ndindex(*found.shape):
        counts = weights[place] > 0
        if how == "sum":
            found[place] = (values[place] * weights[place])[counts].sum()
        elif counts.any():
            found[place] = getattr(np, how)(values[place][counts])
    return found


def bilateral(image, guide=None, *, win_size, sigma_color, sigma_spatial, **how):
    """The bilateral filter of images with channels last; a guide that is missing has no colour."""
    own = guide is None
    guide = image if own else guide
    reach = (win_size // 2, win_size // 2)
    stacks, weights = [], None
    for stack in (image, guide):
        by_channel = np.asarray(stack, np.float64).reshape(*np.shape(stack)[:2], -1)
        found = [
            extend(by_channel[..., c], reach, reach, **how) for c in range(by_channel.shape[2])
        ]
        raw = {**how, "nan": "spread", "weights": None}
        values = [extend(by_channel[..., c], reach, reach, **raw) for c in range(len(found))]
        stacks.append(np.stack([value for value, _ in values], axis=-1))
        for _, counted in found:
            weights = counted if weights is None else np.minimum(weights, counted)
    pixels, colours = stacks
    there = weights > 0 if own else ~np.isnan(colours).any(axis=-1)
    pixels = np.where(weights[..., None] > 0, pixels, 0)
    height, width = np.shape(image)[:2]
    result = np.full((height, width, pixels.shape[2]), np.nan)
    offsets = np.arange(win_size) - win_size // 2
    near = -(offsets[:, None] ** 2 + offsets**2) / (2 * sigma_spatial**2)
    for y, x in np.ndindex(height, width):
        window = np.s_[y : y + win_size, x : x + win_size]
        centre = y + win_size // 2, x + win_size // 2
        apart = ((colours[window] - colours[centre]) ** 2).sum(axis=-1) / (2 * sigma_color**2)
        both = there[window] & there[centre]
        weight = np.exp(near - np.where(both, apart, 0)) * weights[window]
        if weight.sum() > 0:
            summed = (weight[..., None] * pixels[window]).sum(axis=(0, 1))
            result[y, x] = summed / weight.sum()
    return result.reshape(np.shape(image))


def guided(image, guide, radius, eps, **how):
    """The guided filter of weighted means; lines of empty windows do not count."""
    image, guide = np.asarray(image, np.float64), np.asarray(guide, np.float64)
    reach, size = (2 * radius, 2 * radius), (2 * radius + 1, 2 * radius + 1)
    pixels, weights = extend(image, reach, reach, **how)
    colours, counted = extend(guide, reach, reach, **how)
    weights = np.minimum(weights, counted)
    pixels, colours = (np.where(weights > 0, each, 0) for each in (pixels, colours))
    total = windows(weights, size).sum(axis=(-2, -1))

    def mean(array):
        with np.errstate(invalid="ignore"):
            return windows(weights * array, size).sum(axis=(-2, -1)) / total

    g, v = mean(colours), mean(pixels)
    a = (mean(colours * pixels) - g * v) / (mean(colours**2) - g**2 + eps)
    b = v - a * g
    middle = np.s_[radius : radius + total.shape[0], radius : radius + total.shape[1]]
    _, inside = extend(np.zeros(image.shape), reach, reach, mode=how.get("mode", "reflect"))
    lines = (inside[middle] > 0) & (total > 0)
    count = windows(lines.astype(float), size).sum(axis=(-2, -1))
    a, b = (windows(np.where(lines, each, 0), size).sum(axis=(-2, -1)) for each in (a, b))
    with np.errstate(invalid="ignore"):
        return (a * guide + b) / count
