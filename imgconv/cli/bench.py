"""`imgconv bench`: imgconv measured beside other libraries."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

import imgconv
from imgconv.cli import bench_files
from imgconv.cli.bench_files import INPUT_FILE, Outputs, output_options
from imgconv.core import cpu

if TYPE_CHECKING:
    from rich.console import Console

    from imgconv.bench.peers import UserFunctions
    from imgconv.bench.results import Run
    from imgconv.bench.suite import Row

DTYPES = ("uint8", "uint16", "float32", "float64")

# Families whose rows are not filters of one image, and which have tables of their own.
ALONE = ("faces", "pipelines")


def parse_families(
    context: click.Context, argument: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Check the names of families, which need not be imported for a help text."""
    from imgconv.bench.suite import ORDER

    choice = click.Choice((*ORDER, *ALONE))
    return tuple(choice.convert(name, argument, context) for name in names)


def parse_sizes(
    _context: click.Context, _option: click.Parameter, text: str
) -> list[tuple[int, int]]:
    """Parse `--size`: HEIGHTxWIDTH, separated by commas."""
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", part.strip())
        if not match:
            raise click.BadParameter(f"{part!r} is not HEIGHTxWIDTH")
        found.append((int(match[1]), int(match[2])))
    return found


def parse_threads(_context: click.Context, _option: click.Parameter, text: str | None) -> list[int]:
    """Parse `--threads`: positive numbers, separated by commas."""
    if text is None:
        return sorted({1, imgconv.get_num_threads()})
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text!r} is not a list of positive numbers")
    return list(dict.fromkeys(map(int, parts)))


def parse_dtypes(_context: click.Context, _option: click.Parameter, text: str) -> list[str]:
    """Parse `--dtype`: names, separated by commas."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    for name in names:
        if name not in DTYPES:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(DTYPES)}")
    return names


class Bench(click.Command):
    """The command, whose first word may be another one: `compare` or `show`."""

    OTHERS: ClassVar = {"compare": bench_files.compare, "show": bench_files.show}

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Hand the rest of the line to the command that the first word names."""
        other = self.OTHERS.get(args[0]) if args else None
        if other is None:
            return super().make_context(info_name, args, parent, **extra)
        return other.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)


@click.command(
    "bench",
    cls=Bench,
    epilog="""\b
Examples:
  imgconv bench
  imgconv bench gaussian --with my_filters.py
  imgconv bench correlate --level v3 --json before.json
  imgconv bench compare before.json after.json   (--help tells more)
  imgconv bench show a.json b.json --report page
  imgconv bench correlate edges --threads 1 --size 1024x1024 --plot bench.png
  imgconv bench edges --quality --plot edges.png
""",
)
@click.argument("families", metavar="[FAMILY]...", nargs=-1, callback=parse_families)
@click.option(
    "--threads",
    metavar="N,...",
    callback=parse_threads,
    help="Numbers of threads, the same for all libraries  [default: 1, and all].",
)
@click.option(
    "--size",
    "shapes",
    metavar="HxW,...",
    callback=parse_sizes,
    default="2048x2048,1811x2203",
    show_default=True,
    help="Heights and widths of the images.",
)
@click.option(
    "--dtype",
    "dtypes",
    metavar="T,...",
    callback=parse_dtypes,
    default="",
    help=f"Dtypes of the images, of {', '.join(DTYPES)}  [default: those of each family].",
)
@click.option(
    "--level",
    type=click.Choice(cpu.available()),
    help="The instructions that all libraries may use  [default: those of imgconv info].",
)
@click.option(
    "--out",
    "existing",
    is_flag=True,
    help="Measure results into existing arrays, too, where a library can.",
)
@click.option(
    "--memory",
    is_flag=True,
    help="Measure memory, not time: how much each library takes besides image and result, in a "
    "process of its own. --join adds it to the times of an earlier run.",
)
@click.option(
    "--quality",
    is_flag=True,
    help="Of edges: measure how good they are, not time: how far from drawn edges, how many are "
    "missed or false, under noise and blur.",
)
@click.option(
    "--budget",
    metavar="S",
    type=click.FloatRange(min=0, max=3600),
    default=1.0,
    show_default=True,
    help="Seconds for each row, shared by the libraries. A library runs at least three times, or "
    "once if a run takes four times its share.",
)
@click.option(
    "--only",
    metavar="TITLE",
    help="Measure only the rows of this title, as in the tables, or else those whose title "
    "contains it.",
)
@click.option(
    "--join",
    "earlier_files",
    metavar="FILE",
    type=INPUT_FILE,
    multiple=True,
    help="Show the figures of an earlier run (--json), too; rows that are measured again replace "
    "its own. So a long benchmark can be run one family after the other. "
    "Can be given several times.",
)
@click.option(
    "--with",
    "with_files",
    metavar="FILE.py",
    type=INPUT_FILE,
    multiple=True,
    help="Measure your own functions, too: those named after a row's filter, such as "
    "gaussian(image, sigma). Each result is compared before it is timed. Without FAMILY, only rows "
    "that the file has functions for. Can be given several times. (A .json file is taken as by "
    "--join.)",
)
@output_options
def command(
    families: tuple[str, ...],
    threads: list[int],
    shapes: list[tuple[int, int]],
    dtypes: list[str],
    level: str | None,
    existing: bool,
    memory: bool,
    quality: bool,
    budget: float,
    only: str | None,
    earlier_files: tuple[Path, ...],
    with_files: tuple[Path, ...],
    json_file: Path | None,
    plot_file: Path | None,
    markdown_files: tuple[Path, ...],
    report_folder: Path | None,
) -> None:
    """Measure imgconv beside other libraries.

    FAMILY is one or more of correlate, kernels, gaussian, large, edges, box, rank, morphology,
    uint8, uint16, pool, canny, colour, small, stack, denoise, float64, missing, local, thresholds
    and features. All of them, the default, take many minutes.

    Two families are whole programs, each in a process of its own: files reads, filters and writes a
    picture, beside Pillow, OpenCV, pyvips, and ImageMagick's and libvips's commands; scripts runs
    programs that call scikit-image, as they are and by imgconv run. With them, the largest memory
    is measured.

    Three families are measured alone. layers compares imgconv.nn with PyTorch, forward and
    backward. Two have tables that are only printed: faces compares each function with its original;
    pipelines compares pipelines with OpenCV and with their steps one by one, and measures their
    memory and dask workers.

    SciPy, scikit-image, OpenCV, PyTorch, DIPlib, libvips, mahotas and SimpleITK, if installed, run
    on the same arrays in one process, in turn, in an order that is drawn anew for each round, and
    medians are compared. A result is compared with SciPy's in float64 before it is timed: a wrong
    one is refused, and work that is known to be unequal is marked. A busy machine and a slower
    clock are told.

    --level v3 holds all of them to AVX2, on a processor that has more.

    `imgconv bench compare` tells what changed between two runs, `imgconv bench show` shows what was
    measured before.
    """
    if quality:
        measure_quality(families, plot_file, markdown_files)
        return
    outputs = Outputs(json_file, plot_file, markdown_files, report_folder)
    outputs.check(level or cpu.LEVEL)
    from imgconv.bench.level import hold

    if level and level != cpu.LEVEL:
        sys.exit(run_again(level))
    hold()
    console = bench_files.new_console()
    if set(families) & set(ALONE):
        measure_alone(families, shapes, threads, dtypes, budget, console)
        return
    from imgconv.bench import results, suite

    scripts = [path for path in with_files if path.suffix != ".json"]
    earlier_files += tuple(path for path in with_files if path.suffix == ".json")
    if set(families) & set(suite.PROGRAMS):
        if set(families) - set(suite.PROGRAMS) or scripts:
            raise click.UsageError(f"{' and '.join(suite.PROGRAMS)} are measured alone")
        earlier = earlier_run(earlier_files)
        run = measure_programs(families, shapes, threads, budget, only)
        finish(run, earlier, outputs, console)
        return
    if suite.LAYERS in families:
        if set(families) != {suite.LAYERS} or scripts:
            raise click.UsageError(f"{suite.LAYERS} is measured alone")
        earlier = earlier_run(earlier_files)
        finish(measure_layers(threads, budget, only), earlier, outputs, console)
        return
    own = own_functions(scripts)
    rows = suite.rows(families, shapes, dtypes, only)
    if own and not families:
        rows = [row for row in rows if any(peer.does(row.work, row.numbers) for peer in own)]
    if not rows:
        raise click.UsageError("there is no such row")
    earlier = earlier_run(earlier_files)
    if memory:
        run = measure_memory(rows, threads, console)
        outputs.write([results.joined(earlier, run) if earlier else run])
        return
    fresh = (True, False) if existing else (True,)
    run, refused = measure_time(rows, threads, budget, fresh, own)
    finish(run, earlier, outputs, console)
    if refused & {"imgconv", *(peer.name for peer in own)}:
        sys.exit(1)


def finish(run: Run, earlier: Run | None, outputs: Outputs, console: Console) -> None:
    """Print the tables of a run and an earlier one, write the files, and say what disturbed."""
    from imgconv.bench import report, results

    if earlier:
        run = results.joined(earlier, run)
    report.show(run, console)
    outputs.write([run])
    if run.warnings:
        print(f"imgconv: not a quiet machine: {'; '.join(run.warnings)}", file=sys.stderr)


def earlier_run(files: tuple[Path, ...]) -> Run | None:
    """Return the results of earlier runs as one; those of another level are refused."""
    from imgconv.bench import results

    found: Run | None = None
    for path in files:
        try:
            run = results.from_json(path.read_text())
            if run.machine.level != cpu.LEVEL:
                raise ValueError(f"was measured at level {run.machine.level}, not {cpu.LEVEL}")
            found = results.joined(found, run) if found else run
        except (OSError, ValueError) as error:
            raise click.UsageError(f"--join {path}: {error}") from None
    return found


def own_functions(files: list[Path]) -> list[UserFunctions]:
    """Return the functions of each file as a library."""
    from imgconv.bench import peers, suite

    works = {row.work for row in suite.SUITE} - {"stacked", "missing"}
    found = []
    for path in files:
        try:
            found.append(peers.UserFunctions(path, works))
        except ValueError as error:
            raise click.UsageError(f"--with {path}: {error}") from None
    return found


def measure_time(
    rows: list[Row],
    threads: list[int],
    budget: float,
    fresh: tuple[bool, ...],
    own: list[UserFunctions],
) -> tuple[Run, set[str]]:
    """Measure the time of each row; say which libraries are refused, and return their names."""
    from rich.console import Console
    from rich.progress import Progress

    from imgconv.bench import measure, peers, report, results

    installed, missing = peers.installed()
    installed += own
    refused: set[str] = set()
    stderr = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    found: list[measure.RowResult] = []
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        task = progress.add_task("limits", total=len(rows) * len(threads) * len(fresh))
        run = results.Run(results.machine(installed, missing, threads), found)
        try:
            for result in measure.measure(rows, installed, threads, budget, fresh):
                if isinstance(result, measure.Refusal):
                    refused.add(result.library)
                    stderr.print(f"imgconv: not timed: {report.refusal(result)}")
                    continue
                found.append(result)
                progress.update(task, advance=1, description=report.label(result))
        except KeyboardInterrupt:
            stderr.print("imgconv: interrupted; these are the results so far")
    return run, refused


def measure_programs(
    families: tuple[str, ...],
    shapes: list[tuple[int, int]],
    threads: list[int],
    budget: float,
    only: str | None,
) -> Run:
    """Measure whole programs: their time, and the largest memory of each."""
    from imgconv.bench import measure, programs, report, results

    found: list[measure.RowResult | results.MemoryResult] = []
    for result in programs.measure(families, shapes, threads, budget, only):
        if isinstance(result, measure.Refusal):
            print(f"imgconv: not timed: {report.refusal(result)}", file=sys.stderr)
        else:
            found.append(result)
    if not found:
        raise click.UsageError("there is no such row")
    return programs.run_of(found, threads)


def measure_layers(threads: list[int], budget: float, only: str | None) -> Run:
    """Measure layers beside PyTorch."""
    from imgconv.bench import layers

    run = layers.run(threads, budget, only)
    if not run.results:
        raise click.UsageError("there is no such row")
    return run


def measure_alone(
    families: tuple[str, ...],
    shapes: list[tuple[int, int]],
    threads: list[int],
    dtypes: list[str],
    budget: float,
    console: Console,
) -> None:
    """Measure and print a family that has a table of its own."""
    family, *others = families
    if others:
        raise click.UsageError(f"{' and '.join(ALONE)} are measured alone")
    if family == "faces":
        from imgconv.bench import faces

        console.print(faces.table(list(faces.measure(shapes, threads, dtypes, budget))))
    else:
        from imgconv.bench import pipelines

        pipelines.run(threads, budget, console)


def measure_quality(
    families: tuple[str, ...], plot_file: Path | None, markdown_files: tuple[Path, ...]
) -> None:
    """Measure how good edges are, print the tables and write the files."""
    from imgconv.bench import quality, quality_report

    if families != ("edges",):
        raise click.UsageError("--quality is for the family edges alone")
    if plot_file:
        Outputs(plot=plot_file).check()
    scores, directions = list(quality.measure()), list(quality.directions())
    print("\n".join(quality_report.lines(scores, directions)))
    for path in markdown_files:
        path.write_text(quality_report.filled(path.read_text(), scores, directions))
    if plot_file:
        quality_report.plot(scores, plot_file)


def measure_memory(rows: list[Row], threads: list[int], console: Console) -> Run:
    """Measure and print the memory of each row."""
    from imgconv.bench import memory, peers, results

    if not memory.available():
        raise click.UsageError("--memory: this system does not report the memory of a process")
    installed, missing = peers.installed()
    names = ("imgconv", *(peer.name for peer in installed))
    found = list(memory.measure(rows, threads, names))
    console.print(memory.table(found))
    return results.Run(results.machine(installed, missing, threads), [], found)


def run_again(level: str) -> int:
    """Run this command in a process at another level; return its exit status."""
    from imgconv.bench.level import environment

    command = [sys.executable, "-m", "imgconv", *sys.argv[1:]]
    return subprocess.run(command, env=os.environ | environment(level), check=False).returncode
