"""Programs run as Python runs them: a script or a module, in this process."""

import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from imgconv.patching import patched_functions

__all__ = ["run"]


def run(
    program: str, arguments: Sequence[str], as_module: bool = False, report: bool = False
) -> int:
    """Run a script or a module as `__main__`, and return its exit code.

    Parameters
    ----------
    program : str
        Path of a script, or of a folder or an archive with a `__main__.py`; name of a module.
    arguments : sequence of str
        What the program finds in sys.argv after its own name.
    as_module : bool
        Whether `program` is the name of a module.
    report : bool
        Print on stderr, at the end, how often each function was called, and how often it fell
        back to the original.

    Returns
    -------
    int
        0, what the program gave to sys.exit, 1 after an exception (printed as Python does), 2 where
        there is no such script, 130 after an interrupt.
    """
    path = Path(program)
    if not as_module and not path.exists():
        print(f"imgconv: can't open file {program!r}", file=sys.stderr)
        return 2
    first = str(Path.cwd()) if as_module else str(path.resolve().parent)
    sys.argv[:] = [program, *arguments]
    if as_module or path.is_file():
        sys.path[0] = first
    try:
        if as_module:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(program, run_name="__main__")
    except SystemExit as stop:
        return exit_code(stop.code)
    except KeyboardInterrupt:
        return 130
    except BaseException as error:
        error = error.with_traceback(inside(error.__traceback__))
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    finally:
        sys.stdout.flush()
        if report:
            print(table(), file=sys.stderr)
    return 0


def exit_code(code: object) -> int:
    """Return the exit code of a program that left with this, and print a message as Python does."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    print(code, file=sys.stderr)
    return 1


def inside(trace: TracebackType | None) -> TracebackType | None:
    """Return what of a traceback is the program's; all of it if that is nothing."""
    machinery = {__file__, runpy.__file__, "<frozen runpy>"}
    rest = trace
    while rest is not None and traceback.extract_tb(rest, 1)[0].filename in machinery:
        rest = rest.tb_next
    return rest or trace


def table() -> str:
    """Return how often each function was called, and how often it fell back, as lines of text."""
    called = {name: each for name, each in patched_functions().items() if each.calls}
    lines = ["imgconv: no function that is patched was called"] if not called else []
    if called:
        width = max(map(len, called))
        lines.append(f"{'imgconv':{width}} {'calls':>8} {'fallbacks':>10}")
    for name, each in called.items():
        reasons = ", ".join(f"{count} {reason}" for reason, count in each.fallbacks.items())
        fallbacks = sum(each.fallbacks.values())
        lines.append(f"{name:{width}} {each.calls:8} {fallbacks:10} {reasons}".rstrip())
    bound = {each for one in patched_functions().values() for each in one.elsewhere}
    if bound:
        lines.append(f"not patched, bound before: {', '.join(sorted(bound))}")
    return "\n".join(lines)
