"""Extras: what is installed only where it is asked for."""

import sys
from importlib.util import find_spec


def require(extra: str, *modules: str) -> None:
    """Leave with exit code 2 and say what to install, where a module of an extra is missing."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        print(
            f"imgconv: {', '.join(missing)} not found; pip install 'imgconv[{extra}]'",
            file=sys.stderr,
        )
        raise SystemExit(2)
