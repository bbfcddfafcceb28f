"""What a file says beside its pixels is in the result, in the same format and in others."""

import io as bytes_io
import itertools
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from described import (
    CAMERA,
    EXIF_IFD,
    GPS,
    GPS_IFD,
    PROFILE,
    TAGS,
    UPRIGHT_XMP,
    XMP,
    exif,
    save_jpeg,
    save_png,
    save_tiff,
)
from pictures import GREY, GREY16, RGB, RGB16, RNG, png16, tiff
from PIL import Image, IptcImagePlugin, PngImagePlugin

from imgconv import io
from imgconv.cli import main

GREY_PROFILE = PROFILE[:16] + b"GRAY" + PROFILE[20:]
SAVED = {"png": save_png, "jpg": save_jpeg, "tif": save_tiff}


def run(*arguments: object) -> None:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == 0, done.output


def said(path: Path) -> dict[str, object]:
    """Return what Pillow finds in a file."""
    with Image.open(path) as file:
        file.load()
        data = file.getexif()
        xmp = file.info.get("xmp")
        return {
            "profile": file.info.get("icc_profile"),
            "dpi": tuple(round(float(value), 1) for value in file.info.get("dpi", ())),
            "xmp": xmp.encode() if isinstance(xmp, str) else xmp,
            "tags": {code: data.get(code) for code in TAGS},
            "camera": {code: data.get_ifd(EXIF_IFD).get(code) for code in CAMERA},
            "gps": dict(data.get_ifd(GPS_IFD)),
            "orientation": data.get(274, 1),
        }


EXPECTED = {
    "profile": PROFILE, "dpi": (300, 150), "xmp": UPRIGHT_XMP, "tags": TAGS, "camera": CAMERA,
    "gps": GPS, "orientation": 1,
}  # fmt: skip


@pytest.mark.parametrize(("source", "target"), list(itertools.product(SAVED, [*SAVED, "webp"])))
def test_all_is_kept_from_format_to_format(source: str, target: str, tmp_path: Path) -> None:
    SAVED[source](tmp_path / f"a.{source}")
    run("apply", "median(size=1)", tmp_path / f"a.{source}", "-o", tmp_path / f"b.{target}")
    found = said(tmp_path / f"b.{target}")
    expected = EXPECTED | ({"dpi": ()} if target == "webp" else {})
    assert found == expected


@pytest.mark.parametrize("command", [["denoise", "--filter", "median", "--size", 1], ["edges"]])
@pytest.mark.parametrize("target", SAVED)
def test_other_commands_keep_it_too(command: list[object], target: str, tmp_path: Path) -> None:
    save_jpeg(tmp_path / "a.jpg")
    run(*command, tmp_path / "a.jpg", "-o", tmp_path / f"b.{target}")
    found = said(tmp_path / f"b.{target}")
    if command == ["edges"]:  # the profile is one of colours, and the result is grey
        assert found == EXPECTED | {"profile": None}
    else:
        assert found == EXPECTED


def test_a_profile_fits_the_colours(tmp_path: Path) -> None:
    tiff(GREY, iccprofile=GREY_PROFILE)(tmp_path / "a.tif")
    run("edges", tmp_path / "a.tif", "-o", tmp_path / "b.png")
    assert said(tmp_path / "b.png")["profile"] == GREY_PROFILE
    tiff(RGB, photometric="rgb", iccprofile=PROFILE)(tmp_path / "a.tif")
    run("apply", "grey", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert said(tmp_path / "b.tif")["profile"] is None


@pytest.mark.parametrize("target", [*SAVED, "webp"])
@pytest.mark.parametrize("source", SAVED)
def test_stripped(source: str, target: str, tmp_path: Path) -> None:
    SAVED[source](tmp_path / "a")
    io.write(tmp_path / f"b.{target}", io.read(tmp_path / "a"), strip=True)
    found = said(tmp_path / f"b.{target}")
    assert not any(found[name] for name in ("profile", "dpi", "xmp", "gps"))
    assert not any([*found["tags"].values(), *found["camera"].values()])
    assert b"a title" not in (tmp_path / f"b.{target}").read_bytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_once(orientation: int, tmp_path: Path) -> None:
    save_jpeg(tmp_path / "a.jpg", orientation=orientation)
    for target in SAVED:
        run("apply", "median(size=1)", tmp_path / "a.jpg", "-o", tmp_path / f"b.{target}")
        found = said(tmp_path / f"b.{target}")
        dpi = (150, 300) if orientation > 4 else (300, 150)
        assert found == EXPECTED | {"dpi": dpi}


def test_the_orientation_in_xmp_is_applied_once(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.jpg", xmp=XMP)
    run("apply", "median(size=1)", tmp_path / "a.jpg", "-o", tmp_path / "b.jpg")
    found = said(tmp_path / "b.jpg")
    assert (found["xmp"], found["orientation"]) == (UPRIGHT_XMP, 1)
    assert io.read(tmp_path / "b.jpg").pixels.shape == (31, 23, 3)


def test_thumbnails_are_dropped(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "a.jpg")
    assert b"THUMBNAIL" in (tmp_path / "a.jpg").read_bytes()
    for target in SAVED:
        run("apply", "median(size=1)", tmp_path / "a.jpg", "-o", tmp_path / f"b.{target}")
        assert b"THUMBNAIL" not in (tmp_path / f"b.{target}").read_bytes()


def test_the_size_in_exif_is_that_of_the_result(tmp_path: Path) -> None:
    data = exif()
    data.get_ifd(EXIF_IFD).update({40962: 31, 40963: 23})
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=data)
    run("apply", "pool(size=2, how=mean)", tmp_path / "a.jpg", "-o", tmp_path / "b.jpg")
    height, width = io.read(tmp_path / "b.jpg").pixels.shape[:2]
    with Image.open(tmp_path / "b.jpg") as file:
        found = file.getexif().get_ifd(EXIF_IFD)
    assert (found[40962], found[40963]) == (width, height) != (31, 23)


def test_chunks_and_texts_of_png(tmp_path: Path) -> None:
    save_png(tmp_path / "a.png")
    for pixels, name in ((RGB, "8"), (RGB16, "16")):
        picture = io.read(tmp_path / "a.png")
        made = picture.with_colours(pixels, drawn=True)
        io.write(tmp_path / f"{name}.png", made)
        with Image.open(tmp_path / f"{name}.png") as file:
            file.load()
            assert file.text["Title"] == "a title"
            assert file.text["Comment"] == "Gr\u00fc\u00dfe \u4f60"
            assert file.info["gamma"] == 0.45455
            assert file.info["chromaticity"][:2] == (0.3127, 0.329)
        np.testing.assert_array_equal(io.read(tmp_path / f"{name}.png").pixels, pixels)


def test_srgb_chunk(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add(b"sRGB", b"\1")
    Image.fromarray(RGB).save(tmp_path / "a.png", pnginfo=texts)
    run("denoise", tmp_path / "a.png", "-o", tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as file:
        assert file.info["srgb"] == 1


def test_texts_become_tags(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    for word in ("Title", "Author", "Description", "Copyright", "Software"):
        texts.add_itxt(word, f"{word} \u00fc")
    Image.fromarray(RGB).save(tmp_path / "a.png", pnginfo=texts)
    run("apply", "median(size=1)", tmp_path / "a.png", "-o", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        found = {code: file.pages.first.tags.valueof(code) for code in (269, 315, 270, 33432, 305)}
    assert list(found.values()) == [
        f"{word} \u00fc" for word in ("Title", "Author", "Description", "Copyright", "Software")
    ]


@pytest.mark.parametrize("text", ["Gr\u00fc\u00dfe", "\u00b5m \u4f60"])
def test_texts_that_are_not_ascii(text: str, tmp_path: Path) -> None:
    tiff(RGB, photometric="rgb", description=text.encode(), metadata=None)(tmp_path / "a.tif")
    for names in (("a.tif", "b.tif"), ("a.tif", "c.jpg"), ("c.jpg", "d.tif"), ("c.jpg", "e.png")):
        source, target = (tmp_path / name for name in names)
        run("apply", "median(size=1)", source, "-o", target)
    for name in ("b.tif", "d.tif"):
        with tifffile.TiffFile(tmp_path / name) as file:
            assert file.pages.first.description == text


# ---- TIFF ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_every_page_keeps_its_own(byteorder: str, bigtiff: bool, tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=byteorder, bigtiff=bigtiff) as file:
        for n in range(3):
            file.write(
                RGB16 + n, photometric="rgb", description=f"page {n}", metadata=None,
                resolution=(100 + n, 50), resolutionunit="CENTIMETER", software=f"program {n}",
                iccprofile=PROFILE, extratags=[(285, "s", 0, f"name {n}", True),
                (286, "2I", 1, (n, 7), True), (297, "H", 2, (n, 3), True),
                (700, "B", len(XMP), XMP, True), (33550, "d", 3, (1.0, 2.0, n), True)],
            )  # fmt: skip
    run("apply", "median(size=1)", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert (file.byteorder, file.is_bigtiff) == (byteorder, bigtiff)
        for n, page in enumerate(file.pages):
            found = page.tags.valueof
            assert found(270) == f"page {n}"
            assert found(305) == f"program {n}"
            assert found(285) == f"name {n}"
            assert found(286) == (n, 7)
            assert found(297) == (n, 3)
            assert found(33550) == (1.0, 2.0, n)
            assert found(282) == (100 + n, 1)
            assert found(296) == 3
            assert found(700) == UPRIGHT_XMP
            assert page.iccprofile == PROFILE
            np.testing.assert_array_equal(page.asarray(), RGB16 + n)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_directories_of_exif_in_tiff(byteorder: str, bigtiff: bool, tmp_path: Path) -> None:
    save_jpeg(tmp_path / "a.jpg")
    picture = io.read(tmp_path / "a.jpg")
    options = {"byteorder": byteorder, "bigtiff": bigtiff}
    made = io.Picture(picture.pixels, metadata=picture.metadata, stored=io.Stored("tiff", options))
    io.write_pages(tmp_path / "b.tif", [made, made])
    for page in range(2):
        found = io.read(tmp_path / "b.tif", page=page).metadata
        if bigtiff and byteorder == ">":  # which Pillow cannot write
            assert not found.exif
            return
        assert {code: found.exif[code] for code in CAMERA} == CAMERA
        assert dict(found.gps) == GPS
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert (file.byteorder, file.is_bigtiff, len(file.pages)) == (byteorder, bigtiff, 2)
        assert file.pages.first.tags.valueof(34665)["ISOSpeedRatings"] == 400


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", None])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("predictor", [None, True])
def test_tiff_keeps_how_it_is_stored(
    compression: str | None, tile: tuple[int, int] | None, predictor: bool | None, tmp_path: Path
) -> None:
    if predictor and compression in (None, "packbits"):
        pytest.skip("predictors come with other compressions")
    tiff(RGB16, photometric="rgb", compression=compression, tile=tile, predictor=predictor,
         byteorder=">")(tmp_path / "a.tif")  # fmt: skip
    for pipeline, dtype in (("median(size=1)", np.uint16), ("sobel", np.float32)):
        run("apply", pipeline, tmp_path / "a.tif", "-o", tmp_path / "b.tif")
        with (
            tifffile.TiffFile(tmp_path / "a.tif") as before,
            tifffile.TiffFile(tmp_path / "b.tif") as after,
        ):
            old, new = before.pages.first, after.pages.first
            assert (new.compression, new.tile) == (old.compression, old.tile)
            assert (new.predictor > 1) == (old.predictor > 1)
            assert after.byteorder == ">"
            assert new.dtype == dtype
        (tmp_path / "b.tif").unlink()


@pytest.mark.parametrize(
    ("compression", "tile", "bits"),
    [
        *itertools.product(["lzw", "zlib", "packbits", "zstd", "lzma"], [None, (16, 32)], [12]),
        *itertools.product(["lzw"], [None], [2, 4, 6, 10, 14]),
    ],
)
def test_packed_bits_stay_compressed(
    compression: str, tile: tuple[int, int] | None, bits: int, tmp_path: Path
) -> None:
    """tifffile cannot write such files: one of ours, of which it reads the same, is the input."""
    dtype = np.uint8 if bits <= 8 else np.uint16
    several = np.tile(RGB16[..., 0], (2, 2) if tile else (30, 9))  # tiles or strips
    for pixels in (several, RGB16):
        stored = (pixels >> (16 - bits)).astype(dtype)
        options = {"compression": compression, "tile": tile, "byteorder": ">"}
        picture = io.Picture(stored, depth=bits, stored=io.Stored("tiff", options))
        io.write_pages(tmp_path / "a.tif", [picture, picture])
        run("apply", "median(size=1)", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
        for name in ("a.tif", "b.tif"):
            with tifffile.TiffFile(tmp_path / name) as file:
                for page in file.pages:
                    assert page.compression == tifffile.COMPRESSION[WORDS[compression]]
                    assert page.bitspersample == bits
                    assert page.is_tiled == (tile is not None)
                    np.testing.assert_array_equal(page.asarray(), stored)
        (tmp_path / "b.tif").unlink()


def test_packed_bits_are_read_by_others(tmp_path: Path) -> None:
    """libtiff, by Pillow, reads grey of 4 and 12 bits."""
    options = {"compression": "lzw"}
    for bits in (4, 12):
        stored = (GREY16 >> (16 - bits)).astype(np.uint8 if bits == 4 else np.uint16)
        picture = io.Picture(stored, depth=bits, stored=io.Stored("tiff", options))
        io.write(tmp_path / "a.tif", picture)
        with Image.open(tmp_path / "a.tif") as file:
            np.testing.assert_array_equal(np.asarray(file), stored * (17 if bits == 4 else 1))


WORDS = {"lzw": "LZW", "zlib": "ADOBE_DEFLATE", "packbits": "PACKBITS", "zstd": "ZSTD",
         "lzma": "LZMA"}  # fmt: skip


def test_jpeg_in_tiff_is_kept_where_it_can_be(tmp_path: Path) -> None:
    tiff(RGB, photometric="rgb", compression="jpeg")(tmp_path / "a.tif")
    before = io.read(tmp_path / "a.tif").pixels
    run("apply", "median(size=1)", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages.first.compression == 7
    assert np.abs(io.read(tmp_path / "b.tif").pixels - before.astype(float)).mean() < 4
    run("edges", tmp_path / "a.tif", "-o", tmp_path / "c.tif")
    with tifffile.TiffFile(tmp_path / "c.tif") as file:
        assert file.pages.first.compression == 8


def test_what_tifffile_says_of_arrays_is_not_a_description(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    run("apply", "pool(size=2, how=mean)", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages.first.description == ""
        assert file.pages.first.software == ""


def test_ome_tiff_keeps_its_xml(tmp_path: Path) -> None:
    stack = RNG.integers(0, 65536, (4, 20, 30)).astype(np.uint16)
    source, result = tmp_path / "a.ome.tif", tmp_path / "b.ome.tif"
    tifffile.imwrite(
        source, stack, photometric="minisblack",
        metadata={"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "\u00b5m",
                  "Channel": {"Name": ["a", "b", "c", "d"]}},
    )  # fmt: skip
    run("apply", "median(size=1)", source, "-o", result)
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(result) as after:
        assert after.is_ome
        assert after.ome_metadata == before.ome_metadata
        assert after.series[0].axes == "CYX"
        np.testing.assert_array_equal(after.asarray(), stack)
    result.unlink()
    run("apply", "pool(size=2, how=mean) | sobel", source, "-o", result)
    with tifffile.TiffFile(result) as after:
        assert 'Type="float"' in after.ome_metadata
        assert 'SizeX="15"' in after.ome_metadata
        assert 'PhysicalSizeX="0.5"' in after.ome_metadata
        assert after.asarray().shape == (4, 10, 15)


# ---- JPEG ----------------------------------------------------------------------------------------


def stripes() -> np.ndarray:
    """Return columns of red and black, which lose most where chroma is subsampled."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:, ::2, 0] = 255
    return pixels


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [30, 75, 99])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_keeps_its_quantisation_and_subsampling(
    subsampling: int, quality: int, progressive: bool, tmp_path: Path
) -> None:
    from PIL.JpegImagePlugin import get_sampling

    Image.fromarray(stripes()).save(
        tmp_path / "a.jpg", subsampling=subsampling, quality=quality, progressive=progressive
    )
    run("apply", "median(size=1)", tmp_path / "a.jpg", "-o", tmp_path / "b.jpg")
    with Image.open(tmp_path / "a.jpg") as before, Image.open(tmp_path / "b.jpg") as after:
        assert get_sampling(after) == subsampling
        assert after.quantization == before.quantization
        assert bool(after.info.get("progressive")) == progressive
        old, new = np.asarray(before).astype(float), np.asarray(after).astype(float)
    if subsampling == 0:
        assert np.abs(old - new).max() < 12


def test_jpeg_of_another_format_has_full_chroma(tmp_path: Path) -> None:
    Image.fromarray(stripes()).save(tmp_path / "a.png")
    run("apply", "median(size=1)", tmp_path / "a.png", "-o", tmp_path / "b.jpg")
    assert np.abs(io.read(tmp_path / "b.jpg").pixels.astype(float) - stripes()).max() < 16


def test_quality_chooses(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.jpg", quality=95)
    picture = io.read(tmp_path / "a.jpg")
    sizes = []
    for quality in (10, 50, 90):
        for name in ("b.jpg", "b.webp"):
            io.write(tmp_path / name, picture, quality=quality)
        sizes.append([(tmp_path / name).stat().st_size for name in ("b.jpg", "b.webp")])
    assert sizes == sorted(sizes)
    with Image.open(tmp_path / "b.jpg") as file, bytes_io.BytesIO() as expected:
        Image.fromarray(RGB).save(expected, "JPEG", quality=90)
        with Image.open(expected) as other:
            assert file.quantization == other.quantization


def test_a_grey_jpeg_keeps_its_table(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.jpg", quality=60)
    run("apply", "median(size=1)", tmp_path / "a.jpg", "-o", tmp_path / "b.jpg")
    Image.fromarray(RGB).save(tmp_path / "c.jpg", quality=60)
    run("edges", tmp_path / "c.jpg", "-o", tmp_path / "d.jpg")
    with Image.open(tmp_path / "a.jpg") as before, Image.open(tmp_path / "b.jpg") as after:
        assert (after.mode, after.quantization) == ("L", before.quantization)


def test_what_segments_of_jpeg_cannot_hold_is_left_out(tmp_path: Path) -> None:
    long = b"<x>" + b"y" * 70_000 + b"</x>"
    png16(RGB16)(tmp_path / "a.png")
    picture = io.read(tmp_path / "a.png")
    made = io.Picture(picture.pixels, metadata=io.Metadata(xmp=long, tags={270: "z" * 70_000}))
    io.write(tmp_path / "b.jpg", made)
    assert io.read(tmp_path / "b.jpg").metadata.xmp is None


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_damaged_picture(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\0\0")
    assert io.read(tmp_path / "a.jpg").pixels.shape == RGB.shape


# ---- Photoshop's blocks --------------------------------------------------------------------------


def block(number: int, data: bytes, name: bytes = b"") -> bytes:
    """Return a block, whose name and data have even lengths."""
    named = bytes([len(name)]) + name
    padded = named + bytes(len(named) % 2) + len(data).to_bytes(4, "big")
    return b"8BIM" + number.to_bytes(2, "big") + padded + data + bytes(len(data) % 2)


CITY = b"\x1c\x02\x5a\0\6Zurich"
WRITTEN = block(0x0404, CITY) + block(0x040A, b"\1", b"odd") + block(0x0421, b"version!")
CHANGED = block(0x0409, b"THUMBNAIL") + block(0x03ED, bytes(16)) + block(0x0BB0, b"a path")


def save_blocks(path: Path, blocks: bytes) -> None:
    segments = [blocks[n : n + 60_000] for n in range(0, len(blocks), 60_000)]
    begin = b"Photoshop 3.0\0"
    extra = b"".join(
        b"\xff\xed" + (len(data) + 16).to_bytes(2, "big") + begin + data for data in segments
    )
    Image.fromarray(RGB).save(path, extra=extra)


def app13(path: Path) -> bytes:
    with Image.open(path) as file:
        return b"".join(data[14:] for name, data in file.applist if name == "APP13")


def test_blocks_of_photoshop(tmp_path: Path) -> None:
    save_blocks(tmp_path / "a.jpg", CHANGED + WRITTEN + b"8BIM\4\4 damaged")
    for names in (("a.jpg", "b.jpg"), ("a.jpg", "c.tif"), ("c.tif", "d.tif"), ("d.tif", "e.jpg")):
        run("apply", "median(size=1)", *(tmp_path / names[0], "-o", tmp_path / names[1]))
    for name in ("b.jpg", "e.jpg"):
        assert app13(tmp_path / name) == WRITTEN
    for name in ("c.tif", "d.tif"):
        with tifffile.TiffFile(tmp_path / name) as file:
            tags = file.pages.first.tags
            assert bytes(tags.valueof(34377)) == WRITTEN
            assert bytes(tags.valueof(33723)) == CITY
    for name in ("b.jpg", "c.tif", "d.tif", "e.jpg"):
        with Image.open(tmp_path / name) as file:
            assert IptcImagePlugin.getiptcinfo(file)[2, 90] == b"Zurich"
    for name in ("f.jpg", "f.tif"):
        run("apply", "median(size=1)", tmp_path / "a.jpg", "-o", tmp_path / name, "--strip")
        assert b"Zurich" not in (tmp_path / name).read_bytes()


def test_blocks_of_several_segments(tmp_path: Path) -> None:
    long = block(0x0404, CITY) + block(0x0FA0, bytes(range(256)) * 600)
    save_blocks(tmp_path / "a.jpg", long)
    run("apply", "median(size=1)", tmp_path / "a.jpg", "-o", tmp_path / "b.jpg")
    assert app13(tmp_path / "b.jpg") == long


@pytest.mark.parametrize("kind", ["B", "I", "s"])
def test_iptc_with_a_tag_of_its_own(kind: str, tmp_path: Path) -> None:
    """Some programs write it as 32-bit numbers."""
    data = CITY + bytes(-len(CITY) % 4)
    value = np.frombuffer(data, "<u4").tolist() if kind == "I" else data
    count = len(value) if kind != "s" else 0
    tiff(RGB, photometric="rgb", extratags=[(33723, kind, count, value, True)])(tmp_path / "a.tif")
    run("apply", "median(size=1)", tmp_path / "a.tif", "-o", tmp_path / "b.jpg")
    assert app13(tmp_path / "b.jpg").startswith(block(0x0404, data)[:11])
    with Image.open(tmp_path / "b.jpg") as file:
        assert IptcImagePlugin.getiptcinfo(file)[2, 90] == b"Zurich"
