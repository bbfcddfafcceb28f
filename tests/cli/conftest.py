"""What the tests of commands share."""

from pathlib import Path

import pytest
from pictures import GREY, pillow


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A grey PNG file."""
    path = tmp_path / "photo.png"
    pillow(GREY)(path)
    return path
