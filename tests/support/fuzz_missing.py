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


def statistic_of(name: str, values: Any, weights: Any) -> Any:
    """What the reference implementation makes of the pixels of a window."""
    if name == "box":
        return oracle_missing.mean_of(values, weights)
    found = oracle_missing.variance_of(values, weights)
    return np.sqrt(found) if name == "std" else found


def footprint_of(rng: np.random.Generator, size: tuple[int, int]) -> Any:
    """Return a window with some of the pixels of a rectangle."""
    found = rng.random(size) < 0.6
    found[rng.integers(size[0]), rng.integers(size[1])] = True
    return found


def check_average(rng: np.random.Generator, image: Any, size: Any, how: Any, plain: Any) -> None:
    """Check means over rectangles and separable kernels; `plain` are the reference's keywords."""
    kernels = [rng.random(k) for k in size]
    boxed = rng.random() < 0.5
    arguments = (size,) if boxed else kernels
    options = {} if boxed else {"normalize": True}
    function = imgconv.box if boxed else imgconv.separable
    actual = function(image, *arguments, **options, **how)
    kernel = np.ones(size) if boxed else np.outer(*kernels)
    exact = oracle_missing.correlate(image, kernel, normalize=True, **plain)
    assert_near(actual, exact, 2.0)


def check_order(rng: np.random.Generator, image: Any, size: Any, how: Any, plain: Any) -> None:
    """Check a median, a minimum or a maximum: pixels of the image."""
    name = str(rng.choice([*PLACES]))
    footprint = np.ones(size, bool) if rng.random() < 0.6 else footprint_of(rng, size)
    actual = getattr(imgconv, name)(image, footprint=footprint, **how)
    exact = oracle_missing.order(image, footprint, PLACES[name], **plain)
    if actual.dtype.kind != "f":
        exact = np.nan_to_num(exact)
    np.testing.assert_array_equal(actual.astype(float), exact.astype(actual.dtype))


def check_statistic(rng: np.random.Generator, image: Any, size: Any, how: Any, plain: Any) -> None:
    """Check a variance, a deviation or a mean under a footprint."""
    name = str(rng.choice(["variance", "std", "box"]))
    footprint = np.ones(size, bool)
    if name == "box" or rng.random() < 0.5:
        footprint = footprint_of(rng, size)
    actual = getattr(imgconv, name)(image, footprint=footprint, **how)
    exact = oracle_missing.statistic(
        image, footprint, lambda values, weights: statistic_of(name, values, weights), **plain
    )
    if name == "std":
        actual, exact = actual.astype(float) ** 2, exact**2
    assert_near(actual, exact, 2.0 if name == "box" else 200.0)


def check_pool(rng: np.random.Generator, image: Any, size: Any, how: Any, plain: Any) -> None:
    """Check a number for each window that lies in the image."""
    size = tuple(min(n, k) for n, k in zip(image.shape, size, strict=True))
    stride = int(rng.integers(1, 9)), int(rng.integers(1, 9))
    name = str(rng.choice(["max", "min", "mean", "sum", "median"]))
    how, plain = ({k: v for k, v in o.items() if k in {"nan", "weights"}} for o in (how, plain))
    if name == "sum" and how.get("weights") is not None:
        how["weights"] = plain["weights"] = how["weights"] > 0
    actual = imgconv.pool(image, size, stride, how=name, **how)
    if name == "mean":
        exact = oracle_missing.pool_mean(image, size, stride, **plain)
    else:
        exact = oracle_missing.pool(image, size, stride, name, **plain)
    assert_near(actual, exact, 200.0 if name == "sum" else 2.0)


def check_edges(rng: np.random.Generator, image: Any, size: Any, how: Any, plain: Any) -> None:
    """Check a bilateral or a guided filter."""
    guide = (rng.random(image.shape) * 100).astype(np.float32)
    guide[rng.random(image.shape) < 0.1] = np.nan
    how, plain = how | {"nan": "omit"}, plain | {"nan": "omit"}
    if rng.random() < 0.5:
        radius = int(rng.integers(0, 4))
        actual = imgconv.guided(image, guide, radius, 90.0, **how)
        exact = oracle_missing.guided(image, guide, radius, 90.0, **plain)
    else:
        # Far pixels of other colours keep a weight, which shows where only they count.
        options = {"win_size": 5, "sigma_color": 80.0, "sigma_spatial": 1.5}
        guides = (guide,) if rng.random() < 0.5 else ()
        function = imgconv.joint_bilateral if guides else imgconv.bilateral
        actual = function(image, *guides, **options, **how)
        exact = oracle_missing.bilateral(image, *guides, **options, **plain)
    assert_near(actual, exact, 10.0)


def assert_near(actual: Any, exact: Any, unit: float) -> None:
    """Assert results to 1 in integers, and in floats to a share of `unit`; NaN is 0 in integers."""
    if actual.dtype.kind != "f":
        wanted = oracle.round_to(np.nan_to_num(exact), actual.dtype).astype(float)
        assert np.abs(actual.astype(float) - wanted).max(initial=0) <= 1
        return
    tolerance = 1e-1 if actual.dtype == np.float16 else 1e-3
    np.testing.assert_allclose(actual.astype(float), exact, rtol=tolerance, atol=unit * tolerance)


CHECKS = (check_average, check_average, check_order, check_order, check_statistic, check_pool,
          check_edges)  # fmt: skip


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
    if image.dtype.kind == "b":
        how["cval"] = 1.0
    plain = how
    top = 0 if weights is None or weights.dtype.kind != "f" else weights.max(initial=0)
    if top and not 1e-9 < top < 1e19:
        # Only ratios count, but not beside the weight 1 of what is outside.
        how["mode"] = tuple("wrap" if mode == "constant" else mode for mode in how["mode"])
        plain = how | {"weights": weights / top}
    check = CHECKS[int(rng.integers(len(CHECKS)))]
    with imgconv.threads(threads):
        check(rng, image, size, how, plain)
