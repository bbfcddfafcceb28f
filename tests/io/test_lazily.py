"""One way in: what is read piece by piece is what is read as a whole, and becomes zarr."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from described import CMYK
from pictures import GREY, GREY16, RGB, RGB16, RGBA, RGBA16, RNG, Save, pillow, png16, tiff

from imgconv import io
from imgconv.cli import main

pytest.importorskip("dask")
zarr = pytest.importorskip("zarr")

LARGE = RNG.integers(0, 256, (150, 210, 3), np.uint8)
PALETTE = RNG.integers(0, 65536, (3, 256)).astype(np.uint16)
PREMULTIPLIED = np.concatenate([np.minimum(RGBA[..., :3], RGBA[..., 3:]), RGBA[..., 3:]], axis=-1)
KINDS: dict[str, Save] = {
    "png.png": pillow(RGB),
    "alpha.png": pillow(RGBA),
    "grey and alpha.png": pillow(RGBA[..., :2]),
    "deep.png": png16(RGB16),
    "jpeg.jpg": pillow(RGB, "JPEG"),
    "grey.tif": tiff(GREY),
    "big-endian.tif": tiff(GREY16, byteorder=">"),
    "white is zero.tif": tiff(GREY, photometric="miniswhite"),
    "palette.tif": tiff(GREY, photometric="palette", colormap=PALETTE),
    "cmyk.tif": tiff(RGBA16, photometric="separated", iccprofile=CMYK),
    "ycbcr.tif": tiff(RGB16, photometric="ycbcr"),
    "lab.tif": tiff(RGB, photometric="cielab", compression="zlib"),
    "alpha.tif": tiff(RGBA, photometric="rgb", extrasamples=["unassalpha"]),
    "premultiplied.tif": tiff(PREMULTIPLIED, photometric="rgb", extrasamples=["assocalpha"]),
    "second of two.tif": tiff(np.dstack([RGBA, GREY]), photometric="rgb", planarconfig="contig",
                              extrasamples=["unspecified", "unassalpha"]),
    "planes.tif": tiff(np.moveaxis(RGB16, -1, 0), photometric="rgb", planarconfig="separate"),
    "planes in tiles.tif": tiff(np.moveaxis(LARGE, -1, 0), photometric="rgb", tile=(32, 48),
                                planarconfig="separate", compression="zlib"),
    "tiles.tif": tiff(LARGE, photometric="rgb", tile=(32, 48), compression="lzw"),
    "strips.tif": tiff(LARGE, photometric="rgb", rowsperstrip=7, compression="zlib"),
    "1 bit.tif": tiff(GREY > 99, photometric="miniswhite"),
    "4 bits.tif": tiff(GREY // 16, bitspersample=4),
    "10 bits.tif": tiff(GREY16 // 64, bitspersample=10),
    "floats.tif": tiff(np.float32(RGB / 255), photometric="rgb"),
    **{f"orientation {n}.tif": tiff(LARGE, photometric="rgb", rowsperstrip=16, compression="zlib",
                                    extratags=[(274, "H", 1, n, True)]) for n in range(1, 9)},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_piece_by_piece_as_a_whole(kind: str, tmp_path: Path) -> None:
    KINDS[kind](tmp_path / kind)
    whole, lazy = io.read(tmp_path / kind), io.read_lazily(tmp_path / kind, 64)
    assert (lazy.pixels.shape, lazy.pixels.dtype) == (whole.pixels.shape, whole.pixels.dtype)
    assert (lazy.alpha, lazy.depth, lazy.white) == (whole.alpha, whole.depth, whole.white)
    np.testing.assert_array_equal(lazy.pixels.compute(), whole.pixels)
    height, width = whole.pixels.shape[:2]
    np.testing.assert_array_equal(lazy.pixels[height // 3 :, width // 2].compute(),
                                  whole.pixels[height // 3 :, width // 2])  # fmt: skip
    about = io.about(tmp_path / kind)
    assert (about.shape, about.dtype) == (whole.pixels.shape, whole.pixels.dtype)
    assert about.alpha == (whole.alpha is not None)


def apply(*arguments: object) -> None:
    done = CliRunner().invoke(main, ["apply", *map(str, arguments)])
    assert done.exit_code == 0, done.output


# Which way is up, does not depend on the pipeline.
IN_ZARR = [kind for kind in KINDS if "orientation" not in kind or "6" in kind]


@pytest.mark.parametrize("kind", IN_ZARR)
@pytest.mark.parametrize("pipeline", ["median(size=3)", "grey | box(size=3)"])
def test_into_zarr(kind: str, pipeline: str, tmp_path: Path) -> None:
    KINDS[kind](tmp_path / kind)
    apply(pipeline, tmp_path / kind, "-o", tmp_path / "out.zarr", "--chunk", 64)
    # Results in .zarr are not weighed by alpha.
    apply(pipeline, tmp_path / kind, "-o", tmp_path / "out.tif", "--alpha", "separate")
    expected = io.read(tmp_path / "out.tif")
    array = zarr.open_array(tmp_path / "out.zarr", mode="r")
    found = array[:]
    if expected.depth:  # zarr stores whole bytes, whose largest number is white
        np.testing.assert_array_equal(
            found, io.rescale(expected.pixels, found.dtype.type, expected.white)
        )
    else:
        np.testing.assert_array_equal(found, expected.pixels)
    assert array.attrs.get("alpha") == expected.alpha


def test_from_zarr_into_zarr_with_alpha(tmp_path: Path) -> None:
    pillow(RGBA)(tmp_path / "a.png")
    apply("median(size=1)", tmp_path / "a.png", "-o", tmp_path / "b.zarr")
    apply("grey", tmp_path / "b.zarr", "-o", tmp_path / "c.zarr")
    apply("grey", tmp_path / "a.png", "-o", tmp_path / "c.png")
    found = zarr.open_array(tmp_path / "c.zarr", mode="r")[:]
    np.testing.assert_array_equal(found, io.read(tmp_path / "c.png").pixels)


def test_dry_run_of_a_picture_in_planes(tmp_path: Path) -> None:
    KINDS["planes in tiles.tif"](tmp_path / "a.tif")
    done = CliRunner().invoke(main, ["apply", "median(size=3)", str(tmp_path / "a.tif"),
                                     "--dry-run"])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "a.tif: 210 x 150 uint8" in done.output


def test_pages_are_read_in_one_go(tmp_path: Path) -> None:
    tiff(np.stack([GREY, 255 - GREY]), photometric="minisblack")(tmp_path / "a.tif")
    first, second = io.read_pages(tmp_path / "a.tif")
    np.testing.assert_array_equal(first.pixels, 255 - second.pixels)
    pillow(GREY)(tmp_path / "a.png")
    assert len(list(io.read_pages(tmp_path / "a.png"))) == 1
    with pytest.raises(io.PictureTooLargeError):
        next(io.read_pages(tmp_path / "a.tif", 10))
