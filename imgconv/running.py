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
        The rest of the program's sys.argv, after its own name.
    as_module : bool
        Whether `program` is the name of a module.
    report : bool
        At the end, print on stderr how often each function was called, and its fallbacks to the
        original.

    Returns
    -------
    int
        0, or what the program passed to sys.exit; 1 after an exception, which is printed as Python
        does; 2 where there is no such script; 130 after an interrupt.
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
        error = error.with_traceback(frames_of_program(error.__traceback__))
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    finally:
        sys.stdout.flush()
        if report:
            print(report_of_calls(), file=sys.stderr)
    return 0


def exit_code(code: object) -> int:
    """Return the exit code for an argument of sys.exit, and print a message as Python does."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    print(code, file=sys.stderr)
    return 1


def frames_of_program(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames that run the program; all of it if none is left."""
    machinery = {__file__, runpy.__file__, "<frozen runpy>"}
    rest = trace
    while rest is not None and traceback.extract_tb(rest, 1)[0].filename in machinery:
        rest = rest.tb_next
    return rest or trace


def report_of_calls() -> str:
    """Return the calls and the fallbacks of each patched function as lines of text."""
    patched = patched_functions()
    called = {name: each for name, each in patched.items() if each.calls}
    if called:
        width = max(map(len, called))
        lines = [f"{'imgconv':{width}} {'calls':>8} {'fallbacks':>10}"]
        for name, each in called.items():
            fallbacks = sum(each.fallbacks.values())
            reasons = ", ".join(f"{count} {reason}" for reason, count in each.fallbacks.items())
            lines.append(f"{name:{width}} {each.calls:8} {fallbacks:10} {reasons}".rstrip())
    else:
        lines = ["imgconv: no function that is patched was called"]
    bound = {name for each in patched.values() for name in each.elsewhere}
    if bound:
        lines.append(f"not patched, bound before: {', '.join(sorted(bound))}")
    return "\n".join(lines)
