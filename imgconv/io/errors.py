"""What goes wrong with files of pictures, in one line of text each."""

__all__ = ["PictureError", "PictureTooLargeError", "check_size", "one_line"]


class PictureError(Exception):
    """A file cannot be read or written; the message is one line that states why."""


class PictureTooLargeError(PictureError):
    """A picture has more pixels than the caller allows."""


def check_size(height: int, width: int, max_pixels: int) -> None:
    """Refuse a picture that is too large or empty, before it is decoded."""
    if height * width > max_pixels:
        megapixels = height * width / 1e6
        text = f"{megapixels:.0f}" if megapixels >= 10 else f"{megapixels:.2g}"
        raise PictureTooLargeError(
            f"{width} x {height} pixels are {text} megapixels, "
            f"more than the limit of {max_pixels / 1e6:g}"
        )
    if height * width == 0:
        raise PictureError("a picture without pixels")


def one_line(error: BaseException) -> str:
    """Return an error's message on one short line, without the number of a system error."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:120] or type(error).__name__
