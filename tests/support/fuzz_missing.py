"""Random calls of averages and orders in which pixels do not count alike.

A call is compared with the reference implementation; hostile weights are huge, tiny, all 0 or laid
out in odd ways, and pixels without weight are NaN and infinite.
"""

from typing import Any

import numpy as np
import oracle
import oracle_missing

import imgconv

MODES = ("reflect", "mirror", "nearest", "wrap", "constant", "ignore")
DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "float16", "float32", "float64", "int32")
PLACES = {
    "median": lambda n: n // 2,
    "minimum": lambda n: 0,
    "maximum": lambda n: n - 1,
}


def weights_of(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Return weights of some kind, or None."""
    mask = rng.random(shape) < rng.choice([0.1, 0.5, 0.95])
    kind = rng.integers(7)
    if kind == 0:
        return None
    if kind == 1:
        return mask
    if kind == 2:
        return (mask * rng.integers(1, 200, shape)).astype(np.uint8)
    found = mask * rng.random(shape) * 10.0 ** rng.choice([-200, -30, 0, 0, 0, 20, 200])
    if kind == 3:
        return np.asfortranarray(found)[::-1]
    if kind == 4:
        return found.astype(">f8")
    return found if kind == 5 else np.broadcast_to(found[:1], shape)


def pixels_of(rng: np.random.Generator, shape: tuple[int, int], weights: Any) -> Any:
    """Return an image of some dtype; what has no weight may be anything."""
    dtype = np.dtype(str(rng.choice(DTYPES)))
    if dtype.kind != "f":
        top = 2 if dtype.kind == "b" else 100
        return rng.integers(0, top, shape).astype(dtype)
    image = (rng.random(shape) * 200 - 100).astype(dtype)
    wild = np.resize(np.array([np.nan, np.inf, -np.inf]), shape)
    return image if weights is None else np.where(weights == 0, wild, image).astype(dtype)


def missing(seed: int, number: int, threads: int = 1) -> None:
    """Check a draw."""
    rng = np.random.default_rng((seed, number))
    shape = int(rng.integers(1, 40)), int(rng.integers(1, 70))
    size = int(rng.integers(1, 24)), int(rng.integers(1, 9))
    weights = weights_of(rng, shape)
    image = pixels_of(rng, shape, weights)
    how: dict[str, Any] = {
        "mode": (str(rng.choice(MODES)), str(rng.choice(MODES))),
        "cval": float(rng.integers(0, 50)),
        "weights": weights,
    }
    if image.dtype.kind == "f" and rng.random() < 0.7:
        image[rng.random(shape) < 0.2] = np.nan
        how["nan"] = "omit"
    name = str(rng.choice(["box", "separable", *PLACES]))
    if image.dtype.kind == "b":
        how["cval"] = 1.0
    reference = how
    top = 0 if weights is None or weights.dtype.kind != "f" else weights.max(initial=0)
    if top and not 1e-9 < top < 1e19:
        # Only ratios count, but not beside the weight 1 of what is outside.
        how["mode"] = tuple("wrap" if mode == "constant" else mode for mode in how["mode"])
        reference = how | {"weights": weights / top}
    with imgconv.threads(threads):
        if name in PLACES:
            actual = getattr(imgconv, name)(image, size, **how)
            footprint = np.ones(size, bool)
            exact = oracle_missing.order(image, footprint, PLACES[name], **reference)
            if actual.dtype.kind != "f":
                exact = np.nan_to_num(exact)
            np.testing.assert_array_equal(actual.astype(float), exact.astype(actual.dtype))
            return
        kernels = [rng.random(k) for k in size]
        kernel = np.outer(*kernels) if name == "separable" else np.ones(size)
        arguments = (size,) if name == "box" else kernels
        options = {"normalize": True} if name == "separable" else {}
        actual = getattr(imgconv, name)(image, *arguments, **options, **how)
    exact = oracle_missing.correlate(image, kernel, normalize=True, **reference)
    if actual.dtype.kind != "f":
        exact = oracle.round_to(exact, actual.dtype)
        assert np.abs(actual.astype(float) - exact.astype(float)).max(initial=0) <= 1
        return
    tolerance = 2e-2 if actual.dtype == np.float16 else 1e-3
    np.testing.assert_allclose(actual.astype(float), exact, rtol=0, atol=200 * tolerance / 10)
