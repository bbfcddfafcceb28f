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
