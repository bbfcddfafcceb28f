"""Random calls of imgconv are run in a process of their own, and failures are reported."""

import argparse
import os
import selectors
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import fuzz_calls
from fuzz_draws import FACES, KINDS, draw
from fuzz_shrink import shortest

# Seconds for one call, and for making a line shorter.
LIMIT = 120
SHORTENING = 60
ONLY = f"a kind ({', '.join(KINDS)}), or a function of a face"


def run(line: str) -> str:
    """Run a line and return what went wrong; nothing if all is well."""
    try:
        eval(line, vars(fuzz_calls))
    except Exception as error:
        notes = getattr(error, "__notes__", [])
        if isinstance(error, AssertionError):
            return "\n".join([str(error), *notes])
        return "".join(traceback.format_exception(error)[-4:])
    return ""


def serve(seed: int, only: str | None, first: int, last: int) -> None:
    """Run lines; print each before it runs, and its result behind it."""
    for number in range(first, last):
        line = draw(seed, number, only)
        print(f"call {number} {line}", flush=True)
        print(f"done {number} {run(line)!r}", flush=True)


def watched(command: list[str], number: int) -> Iterator[tuple[int, str, str]]:
    """Yield (number, line, what went wrong) of each call of one process, until it ends.

    If it ends before the first call, that call has the given `number`.
    """
    line = what = ""
    with tempfile.TemporaryFile() as complaints:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints)
        try:
            for report in lines_of(child):
                kind, _, rest = report.partition(" ")
                if kind == "call":
                    number, line = int(rest.partition(" ")[0]), rest.partition(" ")[2]
                elif kind == "done":
                    yield number, line, eval(rest.partition(" ")[2])
                    line = ""
            what = f"the process ended with {child.wait()}"
        except TimeoutError:
            what = f"no answer in {LIMIT} s"
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        if line or child.returncode:
            complaints.seek(0)
            written = complaints.read().decode(errors="replace").splitlines()
            yield number, line, "\n".join([what, *written[:60]])


def lines_of(child: subprocess.Popen) -> Iterator[str]:
    """Yield what a process prints; TimeoutError where it prints nothing for long."""
    begun = b""
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        while ready.select(LIMIT):
            if not (piece := os.read(child.stdout.fileno(), 1 << 16)):
                return
            *lines, begun = (begun + piece).split(b"\n")
            yield from (line.decode() for line in lines)
    raise TimeoutError


def run_apart(line: str) -> str:
    """Run a line in a process of its own and return what went wrong; nothing if all is well."""
    with tempfile.TemporaryFile() as report:
        child = os.fork()
        if not child:
            signal.alarm(LIMIT)
            report.write(run(line).encode())
            report.flush()
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        report.seek(0)
        return report.read().decode() if not code else f"the process ended with {code}"


def shortened(line: str, what: str) -> tuple[str, str]:
    """Return the shortest line found that fails in the same way, and what goes wrong in it."""

    def fails(other: str) -> bool:
        return kind_of(run_apart(other)) == kind_of(what)

    line = next((other for other in fuzz_calls.spelled_out(line) if fails(other)), line)
    line = shortest(line, fails, SHORTENING)
    return line, run_apart(line) or what


def kind_of(what: str) -> str:
    """Return in which way a call fails: a difference, an exception, the end of the process."""
    if what.startswith(("Traceback", "  File")):
        return what.splitlines()[-1].partition(":")[0]
    return what if not what or what.startswith("the process") else "difference"


def watch(arguments: argparse.Namespace) -> int:
    """Run calls in processes of their own, report, and return how many failed."""
    begin = reported = time.monotonic()
    done, last, failed = 0, arguments.calls, 0
    program = Path(__file__).parents[1] / "fuzz.py"
    command = [sys.executable, str(program), "--seed", str(arguments.seed)]
    command += ["--only", arguments.only] if arguments.only else []
    # Threads that wait must not take the processors from those that work.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    if arguments.level:
        os.environ["IMGCONV_ISA"] = arguments.level
    while done < last and failed < arguments.failures:
        for number, line, what in watched([*command, "--serve", f"{done}:{last}"], done):
            done, now = number + 1, time.monotonic()
            if what:
                failed += 1
                print(f"call {number}: {what}\n{command_of(line)}\n", flush=True)
                line, what = shortened(line, what)
                print(f"shorter: {what}\n{command_of(line)}\n", flush=True)
            if now - reported > 30:
                reported = now
                print(f"{done} calls, {failed} failed, {now - begin:.0f} s", flush=True)
            if now - begin > arguments.seconds or failed == arguments.failures:
                last = done
                break
    print(f"{done} calls with seed {arguments.seed}, {failed} failed")
    return failed


def command_of(line: str) -> str:
    """Return the command that runs a line alone."""
    return f"python tests/fuzz.py --call {shlex.quote(line)}"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="tests/fuzz.py", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calls", type=int, default=10**9, help="no more than these")
    parser.add_argument("--seconds", type=float, default=10**9, help="no longer than this")
    parser.add_argument("--only", choices=[*KINDS, *FACES], metavar="NAME", help=ONLY)
    parser.add_argument("--level", help="the instruction set: v2, v3, v4")
    parser.add_argument("--failures", type=int, default=20, help="stop after so many")
    parser.add_argument("--call", metavar="LINE", help="run this call alone")
    parser.add_argument("--serve", metavar="FIRST:LAST", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.call:
        print(run(arguments.call) or "no failure")
        return 0
    if arguments.serve:
        serve(arguments.seed, arguments.only, *map(int, arguments.serve.split(":")))
        return 0
    if arguments.calls == arguments.seconds:
        arguments.seconds = 60
    return int(watch(arguments) > 0)


if __name__ == "__main__":
    sys.exit(main())
