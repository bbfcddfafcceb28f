"""All caches of the package that are bounded by bytes."""

from importlib import import_module
from pathlib import Path

import imgconv
from imgconv.core.cache import Cache

PACKAGE = Path(imgconv.__file__).parent


def caches() -> dict[str, Cache]:
    """Return the caches by name; the modules that make one are imported."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if " = Cache(" in path.read_text():
            name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
            for key, value in vars(import_module(name)).items():
                if isinstance(value, Cache):
                    found[f"{name}.{key}"] = value
    return found
