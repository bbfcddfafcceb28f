"""What goes wrong with files of pictures, in one line of text each."""

__all__ = ["PictureError", "PictureTooLargeError", "check_side", "check_size", "one_line"]

# A pixel of colour and opacity; pixels of more samples count as several.
SAMPLES_OF_A_PIXEL = 4


class PictureError(Exception):
    """A file cannot be read or written; the message is one line that states why."""


class PictureTooLargeError(PictureError):
    """A picture has more pixels, or more samples, than the caller allows."""


def check_size(height: int, width: int, max_pixels: int, samples: int = 1) -> None:
    """Refuse a picture that is too large or empty, before it is decoded.

    It may have `max_pixels` pixels of up to four samples, and fewer pixels of more samples.
    """
    pixels = height * width
    count = f"{width} x {height} pixels"
    if samples > SAMPLES_OF_A_PIXEL:
        count = f"{width} x {height} pixels of {samples} samples"
        pixels = -(-pixels * samples // SAMPLES_OF_A_PIXEL)
    if pixels > max_pixels:
        megapixels = pixels / 1e6
        text = f"{megapixels:.0f}" if megapixels >= 10 else f"{megapixels:.2g}"
        raise PictureTooLargeError(
            f"{count} are {text} megapixels, more than the limit of {max_pixels / 1e6:g}"
        )
    if pixels == 0:
        raise PictureError("a picture without pixels")


def check_side(shape: tuple[int, ...], longest: int, kind: str) -> None:
    """Refuse to write a picture, (H, W, ...), with a side that files of this kind cannot have."""
    side = max(shape[:2])
    if side > longest:
        raise PictureError(
            f"a side of {side} pixels, but {kind} files have at most {longest}; PNG and TIFF more"
        )


def one_line(error: BaseException) -> str:
    """Return an error's message on one short line, without the number of a system error."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:120] or type(error).__name__
