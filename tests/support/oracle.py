"""Reference implementations: the filters as their definitions read, in float64, by NumPy alone.

Nothing here imports imgconv. Images are 2-D; a border mode is one name, or one for each axis.
"""

import numpy as np


def fold(index, n, mode):
    """Source of the pixel `index` of an axis of `n` pixels a b c d; -1 is the constant.

    >>> def draw(mode):
    ...     line = "".join("abcdk"[fold(index, 4, mode)] for index in range(-4, 8))
    ...     print(*line[:4], "|", *line[4:8], "|", *line[8:])
    >>> draw("reflect")  # or grid-mirror
    d c b a | a b c d | d c b a
    >>> draw("mirror")
    c d c b | a b c d | c b a b
    >>> draw("nearest")
    a a a a | a b c d | d d d d
    >>> draw("wrap")  # or grid-wrap
    a b c d | a b c d | a b c d
    >>> draw("constant")  # or grid-constant
    k k k k | a b c d | k k k k
    """
    if 0 <= index < n:
        return index
    if mode in ("reflect", "grid-mirror"):
        index %= 2 * n
        return min(index, 2 * n - 1 - index)
    if mode == "mirror":
        index %= max(2 * n - 2, 1)
        return min(index, 2 * n - 2 - index)
    if mode == "nearest":
        return 0 if index < 0 else n - 1
    if mode in ("wrap", "grid-wrap"):
        return index % n
    if mode in ("constant", "grid-constant"):
        return -1
    raise ValueError(f"mode must be one of SciPy's, got {mode!r}")


def extend(image, before, after, mode="reflect", cval=0.0):
    """`image` in float64 with `before` = (y, x) pixels put before it and `after` behind it."""
    modes = (mode, mode) if isinstance(mode, str) else tuple(mode)
    extended = np.asarray(image, dtype=np.float64)
    for axis in (0, 1):
        n = extended.shape[axis]
        sources = [fold(i, n, modes[axis]) for i in range(-before[axis], n + after[axis])]
        beyond = np.full_like(np.take(extended, [0], axis=axis), cval)
        extended = np.take(np.concatenate([extended, beyond], axis=axis), sources, axis=axis)
    return extended


def correlate(image, kernel, *, shape="same", stride=1, dilation=1, mode="reflect", cval=0.0):
    """out[y, x] = sum of kernel[i, j] * image[y + d (i - kh // 2), x + d (j - kw // 2)].

    For shape "valid" the kernel takes all places inside the image, for "full" all places where it
    overlaps the image.
    """
    kernel = np.asarray(kernel, dtype=np.float64)
    centre = tuple(k // 2 for k in kernel.shape)
    return _slide(image, kernel, centre, shape, stride, dilation, mode, cval)


def convolve(image, kernel, *, shape="same", stride=1, dilation=1, mode="reflect", cval=0.0):
    """out[y, x] = sum of kernel[i, j] * image[y - d (i - kh // 2), x - d (j - kw // 2)]."""
    kernel = np.asarray(kernel, dtype=np.float64)
    centre = tuple(k - 1 - k // 2 for k in kernel.shape)
    return _slide(image, kernel[::-1, ::-1], centre, shape, stride, dilation, mode, cval)


def separable(image, kernel_y, kernel_x, *, mode="reflect", cval=0.0):
    """Correlation with the outer product; the border extends the image once."""
    return correlate(image, np.outer(kernel_y, kernel_x), mode=mode, cval=cval)


def _slide(image, kernel, centre, shape, stride, dilation, mode, cval):
    image = np.asarray(image)
    stride, dilation = np.broadcast_to(stride, 2), np.broadcast_to(dilation, 2)
    reach = dilation * (np.array(kernel.shape) - 1)
    before = {"same": dilation * centre, "valid": 0 * reach, "full": reach}[shape]
    after = {"same": reach - before, "valid": 0 * reach, "full": reach}[shape]
    height, width = [
        int(n + b + a - r) if n else 0
        for n, b, a, r in zip(image.shape, before, after, reach, strict=True)
    ]
    out = np.zeros((height, width))
    if out.size:
        extended = extend(image, before, after, mode, cval)
        # Row by row: sums of sums lose fewer digits than one long sum.
        for i in range(kernel.shape[0]):
            rows = extended[i * dilation[0] :][:height]
            taps = range(kernel.shape[1])
            out += sum(kernel[i, j] * rows[:, j * dilation[1] :][:, :width] for j in taps)
    return out[:: stride[0], :: stride[1]]


def pool(
    image, size, stride=None, *, how="max", padding=0, dilation=1, ceil_mode=False,
    count_include_pad=True,
):  # fmt: skip
    """Maximum, minimum, sum, mean or median of the pixels of each window, before it is rounded.

    In float64, but integers of 64 bits are Python's, so that nothing is lost.
    """
    size, dilation = np.broadcast_to(size, 2), np.broadcast_to(dilation, 2)
    stride = size if stride is None else np.broadcast_to(stride, 2)
    sides = np.broadcast_to(
        padding if np.ndim(padding) == 2 else np.reshape(padding, (-1, 1)), (2, 2)
    )
    taps, inside, padded = [], [], []
    for n, k, s, d, (before, after) in zip(image.shape, size, stride, dilation, sides, strict=True):
        room = n + before + after - (k - 1) * d - 1 + (s - 1 if ceil_mode else 0)
        count = room // s + 1
        if ceil_mode and (count - 1) * s >= n + before:
            count -= 1
        places = np.arange(count)[:, None] * s - before + np.arange(k) * d
        taps.append(np.clip(places, 0, n - 1))
        inside.append((places >= 0) & (places < n))
        padded.append(((places >= -before) & (places < n + after)).sum(axis=1))
    wide = object if image.dtype.kind in "iu" and image.dtype.itemsize == 8 else np.float64
    windows = image.astype(wide)[taps[0][:, None, :, None], taps[1][None, :, None, :]]
    counts = inside[0][:, None, :, None] & inside[1][None, :, None, :]
    windows, counts = (array.reshape(*array.shape[:2], -1) for array in (windows, counts))
    pixels = counts.sum(axis=-1)
    if how in ("max", "min"):
        return getattr(np, how)(np.where(counts, windows, -np.inf if how == "max" else np.inf), -1)
    if how == "median":
        return _median(np.sort(np.where(counts, windows, np.inf), axis=-1), pixels)
    total = np.where(counts, windows, 0).sum(axis=-1)
    divisor = np.outer(*padded) if count_include_pad else pixels
    return total if how == "sum" else total / divisor


def _median(windows, pixels):
    """The mean of the middle two of the first `pixels` of sorted windows; NaN sorts last."""
    low, high = (
        np.take_along_axis(windows, at[..., None], axis=-1)[..., 0]
        for at in ((pixels - 1) // 2, pixels // 2)
    )
    if windows.dtype == object:
        floor = (low + high) // 2
        return floor + (low + high) % 2 * (floor % 2)  # halves to even
    return np.where(np.isnan(windows[..., -1]), np.nan, low / 2 + high / 2)


# ---- filters that keep edges -------------------------------------------------------------------


def bilateral(
    image,
    guide=None,
    *,
    win_size,
    sigma_color,
    sigma_spatial,
    window="square",
    metric="l2",
    mode="reflect",
    cval=0.0,
):
    """out[p] = sum over q of w(p, q) image[q] / sum over q of w(p, q), where w(p, q) is
    exp(-|q - p|^2 / (2 sigma_spatial^2) - |guide[q] - guide[p]|^2 / (2 sigma_color^2)).

    Channels, if any, are last. The mean is that of the differences to image[p], plus image[p]:
    small numbers lose fewer digits.
    """
    image = np.asarray(image, dtype=np.float64)
    guide = image if guide is None else np.asarray(guide, dtype=np.float64)
    height, width = image.shape[:2]
    r = win_size // 2
    values, around = (
        extend(each, (r, r), (r, r), mode, cval).reshape(height + 2 * r, width + 2 * r, -1)
        for each in (image, guide)
    )
    inside = np.s_[r : r + height, r : r + width]
    weighted = np.zeros((height, width, values.shape[2]))
    weights = np.zeros((height, width, 1))
    for i in range(2 * r + 1):
        for j in range(2 * r + 1):
            distance = (i - r) ** 2 + (j - r) ** 2
            if window == "disk" and distance > r**2:
                continue
            there = np.s_[i : i + height, j : j + width]
            apart = np.abs(around[there] - around[inside])
            colour = apart.sum(axis=-1) ** 2 if metric == "l1" else (apart**2).sum(axis=-1)
            w = np.exp(-distance / (2 * sigma_spatial**2) - colour / (2 * sigma_color**2))[
                ..., None
            ]
            weighted += w * (values[there] - values[inside])
            weights += w
    return (values[inside] + weighted / weights).reshape(image.shape)


def guided(image, guide, radius, eps, *, mode="reflect", cval=0.0):
    """mean(a) guide + mean(b), where a = cov(guide, image) / (var(guide) + eps) and b = mean(image)
    - a mean(guide), all over the pixels at most `radius` away.
    """

    def mean(array):
        size = 2 * radius + 1
        rows = sum(array[i : i + len(array) - size + 1] for i in range(size))
        return sum(rows[:, j : j + rows.shape[1] - size + 1] for j in range(size)) / size**2

    reach = (2 * radius, 2 * radius)
    image, extended = (extend(each, reach, reach, mode, cval) for each in (image, guide))
    covariance = mean(extended * image) - mean(extended) * mean(image)
    a = covariance / (mean(extended**2) - mean(extended) ** 2 + eps)
    return mean(a) * guide + mean(mean(image) - a * mean(extended))


# ---- statistics of a window --------------------------------------------------------------------


def window_values(image, footprint, mode="reflect", cval=0.0):
    """All pixels of each window in float64, along the last axis; the window is centred.

    NumPy adds neighbours in memory by pairs, and others one after the other, which loses bits.
    """
    before = [n // 2 for n in footprint.shape]
    after = [n - 1 - ahead for n, ahead in zip(footprint.shape, before, strict=True)]
    extended = extend(image, before, after, mode, cval)
    height, width = image.shape
    places = np.argwhere(footprint)
    return np.stack([extended[i : i + height, j : j + width] for i, j in places], axis=-1)


def mean(image, footprint, *, mode="reflect", cval=0.0):
    """The mean of each window."""
    return window_values(image, footprint, mode, cval).mean(axis=-1)


def variance(image, footprint, *, ddof=0, mode="reflect", cval=0.0):
    """The mean of the squared differences to the mean of each window, in two passes."""
    return np.var(window_values(image, footprint, mode, cval), axis=-1, ddof=ddof)


def std(image, footprint, *, ddof=0, mode="reflect", cval=0.0):
    """The root of the variance."""
    return np.sqrt(variance(image, footprint, ddof=ddof, mode=mode, cval=cval))


def entropy(image, footprint, *, mode="reflect", cval=0.0):
    """Bits: the sum of p log2(1 / p) over the values of each window, with their shares p."""
    values = np.sort(
        window_pixels(image, footprint, [n // 2 for n in footprint.shape], mode, cval), 0
    )
    count = len(values)
    total = np.zeros(image.shape)
    for value in np.unique(values):
        share = (values == value).sum(axis=0) / count
        total -= share * np.log2(np.where(share > 0, share, 1))
    return total


# ---- filters that choose a pixel -------------------------------------------------------------


def extend_pixels(image, before, after, mode="reflect", cval=0.0):
    """`extend` in the image's own dtype; cval becomes a pixel."""
    dtype = image.dtype.newbyteorder("=")
    modes = (mode, mode) if isinstance(mode, str) else tuple(mode)
    beyond = np.append(image.astype(dtype), round_to(cval, dtype))
    places = np.arange(image.size).reshape(image.shape)
    for axis in (0, 1):
        n = image.shape[axis]
        sources = [fold(i, n, modes[axis]) for i in range(-before[axis], n + after[axis])]
        outside = np.full_like(np.take(places, [0], axis=axis), image.size)
        places = np.take(np.concatenate([places, outside], axis=axis), sources, axis=axis)
    return beyond[places]


def window_pixels(image, footprint, before, mode="reflect", cval=0.0):
    """All pixels of each window, along the first axis, in the image's own dtype.

    The window begins `before` = (y, x) pixels ahead of its pixel.
    """
    image, footprint = np.asarray(image), np.asarray(footprint, bool)
    after = [n - 1 - ahead for n, ahead in zip(footprint.shape, before, strict=True)]
    extended = extend_pixels(image, before, after, mode, cval)
    height, width = image.shape
    return np.stack([extended[i : i + height, j : j + width] for i, j in np.argwhere(footprint)])


def rank(image, footprint, before, place, mode="reflect", cval=0.0):
    """The pixel at `place` in the order of its window; NaN where the window contains one."""
    pixels = window_pixels(image, footprint, before, mode, cval)
    result = np.sort(pixels, axis=0)[place]
    if result.dtype.kind == "f":
        result[np.isnan(pixels).any(axis=0)] = np.nan
    return result


def morphology(name, image, footprint, mode="reflect", cval=0.0):
    """A filter of flat morphology by its name; the image is extended once, for both extrema."""
    flipped = footprint[::-1, ::-1]
    ahead = tuple(n // 2 for n in footprint.shape)
    behind = tuple(n - 1 - at for n, at in zip(footprint.shape, ahead, strict=True))
    far = footprint.shape

    def extremum(of, largest):
        window, before = (flipped, behind) if largest else (footprint, ahead)
        return rank(of, window, before, np.count_nonzero(window) - 1 if largest else 0)

    def inner(array):
        return array[far[0] : far[0] + image.shape[0], far[1] : far[1] + image.shape[1]]

    # Twice as far as a window reaches, so that the second extremum reads right values there.
    far = tuple(2 * n for n in far)
    wide = extend_pixels(image, far, far, mode, cval)
    if name in ("erode", "dilate"):
        return inner(extremum(wide, name == "dilate"))
    opened, closed = (extremum(extremum(wide, grows), not grows) for grows in (False, True))
    if name in ("opening", "closing"):
        return inner(opened if name == "opening" else closed)
    high, low = {
        "morphological_gradient": (extremum(wide, True), extremum(wide, False)),
        "white_tophat": (wide, opened),
        "black_tophat": (closed, wide),
    }[name]
    return convert(difference(inner(high), inner(low)), image.dtype.newbyteorder("="))


def difference(high, low):
    """high - low; exact, as Python's integers, for integers; for bool whether they differ."""
    if high.dtype.kind == "b":
        return high != low
    if high.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            return high - low
    return high.astype(object) - low.astype(object)


# ---- dtypes ----------------------------------------------------------------------------------

SINGLE = ("bool", "int8", "uint8", "int16", "uint16", "float16", "float32")
DOUBLE = ("int32", "uint32", "int64", "uint64", "float64")


def compute_dtype(dtype):
    """Floating dtype in which pixels of `dtype` are added up."""
    name = np.dtype(dtype).name
    if name not in SINGLE + DOUBLE:
        raise TypeError(f"not a pixel's dtype: {name}")
    return np.dtype(np.float32 if name in SINGLE else np.float64)


def result_dtype(dtype, smoothing):
    """Dtype of a result: a smoothing filter keeps the image's, but for bool."""
    dtype = np.dtype(dtype)
    computing = compute_dtype(dtype)
    return dtype.newbyteorder("=") if smoothing and dtype.kind != "b" else computing


def round_to(array, dtype):
    """Values in `dtype`: to the nearest, ties to even, saturated; NaN is integer 0.

    bool is an integer that saturates at 0 and 1; a floating dtype overflows to infinity.
    """
    array, dtype = np.asarray(array, dtype=np.float64), np.dtype(dtype)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return array.astype(dtype)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    rounded = np.rint(array)
    inside = (rounded > low) & (rounded < high)
    result = np.where(inside, rounded, 0.0).astype(dtype)
    result[rounded <= low] = low
    result[rounded >= high] = high
    return result


def convert(values, dtype):
    """Pixels, or integers of any size, in another dtype: to the nearest and saturated, exactly."""
    values, dtype = np.asarray(values), np.dtype(dtype)
    if values.dtype.kind == "f":
        return round_to(values, dtype)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.clip(values.astype(object), low, high).astype(dtype)
