"""The tables of other libraries' names: both calls of a row are run and compared."""

import importlib
import re
import tomllib
from functools import cache

import numpy as np
import pytest
from paths import ROOT

import imgconv

TABLES = {path.stem: path for path in sorted((ROOT / "docs" / "coming").glob("*.toml"))}
ROWS = [
    pytest.param(name, row, id=f"{name}-{row['theirs']}")
    for name, path in TABLES.items()
    for row in tomllib.loads(path.read_text())["row"]
]
# Of the largest value; integers and masks are equal.
TOLERANCE = 2e-6


@cache
def inputs():
    rng = np.random.default_rng(1)
    rough = rng.random((48, 64)).astype(np.float32)
    image = imgconv.gaussian(rough, 1.5, mode="wrap")
    image = (image - image.min()) / np.ptp(image)
    return {
        "np": np,
        "imgconv": imgconv,
        "image": image,
        "grey": np.rint(image * 255).astype(np.uint8),
        "mask": image > 0.5,
        "template": image[10:20, 12:24].copy(),
        "kernel": rng.standard_normal((3, 5)).astype(np.float32),
        "row": np.float32([-1, 2, 5, 1, 0]),
        "column": np.float32([1, 2, 4]),
        "disk": imgconv.kernels.disk(2.5) > 0,
        "batch": rng.standard_normal((2, 4, 12, 16)).astype(np.float32),
        "weight": rng.standard_normal((6, 4, 3, 3)).astype(np.float32),
    }


def names(table):
    """Return what the calls of a table may name."""
    known = dict(inputs())
    exec(table["imports"], known)
    if table["library"] == "torch":
        known["t"] = lambda array: known["torch"].from_numpy(np.array(array))
    return known


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_both_calls_agree(name, row):
    table = tomllib.loads(TABLES[name].read_text())
    pytest.importorskip(table["library"], reason=f"{table['title']} is not installed")
    known = names(table)
    theirs = np.asarray(eval(row["theirs"], known))
    if not row["ours"]:
        assert row["differs"]
        return
    ours = np.asarray(eval(row["ours"], known))
    assert ours.shape == theirs.shape
    margin = row.get("margin", 0)
    if margin:
        assert "border" in row["differs"] or "as for" in row["differs"]
        inner = (..., slice(margin, -margin), slice(margin, -margin))
        ours, theirs = ours[inner], theirs[inner]
        assert ours.size
    if ours.dtype.kind in "bui" and theirs.dtype.kind in "bui":
        np.testing.assert_array_equal(ours, theirs)
    else:
        tolerance = row.get("tolerance", TOLERANCE)
        if tolerance > TOLERANCE:
            assert row["differs"]
        assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


@pytest.mark.parametrize("name", TABLES)
def test_names_are_public(name):
    """Functions that a table names in text or in a call are there."""
    for full in set(re.findall(r"imgconv\.[a-z_.0-9]+", TABLES[name].read_text())):
        owner, _, last = full.rstrip(".").rpartition(".")
        assert hasattr(importlib.import_module(owner), last), full
