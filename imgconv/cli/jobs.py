"""Jobs of the command: pictures, where their results go, and what became of them."""

from pathlib import Path
from typing import NamedTuple

ZARR = ".zarr"


class Job(NamedTuple):
    """A picture and where its result goes."""

    source: Path
    result: Path


class Done(NamedTuple):
    """What became of a job: an error in words, or its size and time."""

    job: Job
    error: str = ""
    pixels: int = 0
    seconds: float = 0.0
