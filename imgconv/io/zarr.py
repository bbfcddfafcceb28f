"""zarr: pictures of any size in chunks, read and written piece by piece through dask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imgconv.io.picture import About, Alpha, Picture

__all__ = ["SUFFIX", "about", "is_stored", "is_zarr", "read", "write"]

SUFFIX = ".zarr"
ALPHA = "alpha"  # the name of an attribute


def is_zarr(path: Path) -> bool:
    """Return whether a path is a zarr array, or is named like one."""
    return path.suffix.lower() == SUFFIX or is_stored(path)


def is_stored(path: Path) -> bool:
    """Return whether a folder holds a zarr array."""
    return any((path / name).is_file() for name in ("zarr.json", ".zarray"))


def about(path: Path) -> About:
    """Return what an array contains."""
    import zarr

    array = zarr.open_array(path, mode="r")
    return About(tuple(array.shape), np.dtype(array.dtype), 1, alpha_of(array) is not None)


def alpha_of(array: Any) -> Alpha | None:
    """Return what the last channel of an array is, if `write` has noted that it is opacity."""
    kind = array.attrs.get(ALPHA)
    return kind if kind in ("straight", "premultiplied") else None


def read(path: Path, chunk: int) -> Picture:
    """Return a picture of dask arrays; chunks much larger than `chunk` are cut."""
    import dask.array
    import zarr

    da: Any = dask.array  # without annotations
    array = da.from_zarr(str(path))
    large = max(array.chunksize[:2]) > 4 * chunk
    alpha = alpha_of(zarr.open_array(path, mode="r"))
    return Picture(array.rechunk({0: chunk, 1: chunk}) if large else array, alpha)


def write(image: Any, path: Path, chunk: int, alpha: Alpha | None = None) -> None:
    """Compute a dask array into a zarr array (version 3) of square chunks.

    They are compressed by LZ4, which is as fast as most disks. The kind of alpha, if the last
    channel is one, is an attribute.
    """
    import dask.array as da
    import zarr
    from zarr.codecs import BloscCodec

    sides = tuple(min(chunk, n) for n in image.shape[:2]) + image.shape[2:]
    array: Any = zarr.create_array(
        path,
        shape=image.shape,
        chunks=sides,
        dtype=image.dtype,
        compressors=BloscCodec(cname="lz4", shuffle="shuffle"),
        attributes={ALPHA: alpha} if alpha else None,
    )
    da.store(image.rechunk(sides), array, lock=False)
