"""The command `imgconv`."""

from imgconv.cli.main import main

__all__ = ["main"]
