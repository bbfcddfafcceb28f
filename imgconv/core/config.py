"""Versions, instruction sets and optional packages, for bug reports."""

import platform
from importlib.util import find_spec
from typing import Any

from imgconv._loops import machine
from imgconv.core import cpu, threads

OPTIONAL = {
    "click": "click",
    "rich": "rich",
    "pillow": "PIL",
    "tifffile": "tifffile",
    "matplotlib": "matplotlib",
    "opencv": "cv2",
    "scikit-image": "skimage",
    "diplib": "diplib",
    "imagecodecs": "imagecodecs",
    "torch": "torch",
    "dask": "dask",
}


def config() -> dict[str, Any]:
    """Return versions, instruction sets, threads and optional packages as plain values."""
    openmp = machine.openmp()
    return {
        "imgconv": version_of("imgconv"),
        "python": platform.python_version(),
        "numpy": version_of("numpy"),
        "scipy": version_of("scipy"),
        "platform": f"{platform.system()} {platform.machine()}",
        "level": cpu.LEVEL,
        "levels available": cpu.available(),
        "threads": threads.get_num_threads(),
        "openmp": str(openmp) if openmp else "no: built without, filters run on one thread",
        "compiler": machine.compiler(),
        "optional packages": {
            name: find_spec(module) is not None for name, module in OPTIONAL.items()
        },
    }


def version_of(package: str) -> str:
    """Return the version of a package that is installed, else say that it is not."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def show_config() -> None:
    """Print what `imgconv info` prints: versions, level, threads, compiler, optional packages.

    Examples
    --------
    >>> import imgconv
    >>> imgconv.show_config()
    imgconv...
    """
    for name, value in config().items():
        if isinstance(value, dict):
            value = ", ".join(key for key, there in value.items() if there) or "none"
        elif isinstance(value, list):
            value = ", ".join(value)
        print(f"{name:18} {value}")
