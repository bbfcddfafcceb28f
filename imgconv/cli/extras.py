"""Optional packages, which a command needs and a user may not have."""

import sys
from importlib.util import find_spec


def require(extra: str, *modules: str) -> None:
    """Exit with code 2 where a module is missing, and name the extra that installs it."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        print(
            f"imgconv: {', '.join(missing)} not found; pip install 'imgconv[{extra}]'",
            file=sys.stderr,
        )
        raise SystemExit(2)
