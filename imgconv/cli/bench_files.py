"""What `imgconv bench` writes, and its commands that read it: `compare` and `show`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgconv.cli.extras import require

if TYPE_CHECKING:
    from rich.console import Console

    from imgconv.bench.results import Run

PLOTS = (".png", ".svg", ".pdf")
INPUT_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUTPUT_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@dataclass(frozen=True)
class Outputs:
    """The files to write."""

    json: Path | None = None
    plot: Path | None = None
    markdown: tuple[Path, ...] = ()
    report: Path | None = None

    def check(self, *levels: str) -> None:
        """Refuse files that cannot be written, before minutes of measuring."""
        for path in (self.json, self.plot):
            if path and not path.parent.is_dir():
                raise click.UsageError(f"{path}: no folder {path.parent}")
        if self.plot:
            require("bench", "matplotlib")
            if self.plot.suffix.lower() not in PLOTS:
                raise click.UsageError(f"--plot {self.plot}: a plot is a {' '.join(PLOTS)} file")
        if self.report and not self.report.parent.is_dir():
            raise click.UsageError(f"--report {self.report}: no folder {self.report.parent}")
        for path in self.markdown:
            from imgconv.bench.report import check_places

            try:
                check_places(path.read_text(), *levels)
            except (OSError, ValueError) as error:
                raise click.UsageError(f"--markdown {path}: {error}") from None

    def write(self, runs: list[Run]) -> None:
        """Write all files; a plot and JSON are of one run, which `show` has made sure of."""
        from imgconv.bench import report, results

        if self.json:
            self.json.write_text(results.as_json(runs[0]))
        for path in self.markdown:
            path.write_text(report.filled(path.read_text(), runs))
        if self.plot:
            from imgconv.bench.plot import plot

            plot(runs[0], self.plot)
        if self.report:
            from imgconv.bench import page

            page.write(runs, self.report)


def output_options(command: Any) -> Any:
    """Add the options for files to write."""
    for option in (
        click.option(
            "--markdown",
            "markdown_files",
            metavar="FILE",
            type=OUTPUT_FILE,
            multiple=True,
            help="Replace the tables of the level in a Markdown file: all rows between "
            "<!-- bench v3 --> and <!-- /bench v3 -->, a summary between "
            "<!-- bench families v3 --> and its end. Can be given several times.",
        ),
        click.option(
            "--plot",
            "plot_file",
            metavar="FILE",
            type=OUTPUT_FILE,
            help="Draw the figures: a .png, .svg or .pdf file.",
        ),
        click.option(
            "--report",
            "report_folder",
            metavar="FOLDER",
            type=click.Path(file_okay=False, writable=True, path_type=Path),
            help="Write a page for browsers, index.html: all rows, to be sorted and filtered, "
            "curves, memory and the machine. It loads nothing from elsewhere.",
        ),
        click.option(
            "--json",
            "json_file",
            metavar="FILE",
            type=OUTPUT_FILE,
            help="Write all figures as JSON.",
        ),
    ):
        command = option(command)
    return command


def new_console() -> Console:
    """Return where tables go; a pipe gets whole ones, however wide."""
    from rich.console import Console

    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 180)


@click.command("show")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=INPUT_FILE)
@output_options
def show(
    files: tuple[Path, ...],
    markdown_files: tuple[Path, ...],
    plot_file: Path | None,
    json_file: Path | None,
    report_folder: Path | None,
) -> None:
    """Show figures that were measured before, without measuring.

    FILE is what `imgconv bench --json` has written. Files of one processor and level are shown as
    one; rows of a later file replace those of an earlier one. Several machines go into one page.
    """
    from imgconv.bench import report, results

    try:
        runs = results.read(files)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    outputs = Outputs(json_file, plot_file, markdown_files, report_folder)
    outputs.check(*(run.machine.level for run in runs))
    if len(runs) > 1 and (json_file or plot_file):
        raise click.UsageError(f"--json and --plot are of one machine and level, not {len(runs)}")
    for run in runs:
        report.show(run, new_console())
    outputs.write(runs)


@click.command("compare")
@click.argument("before", metavar="BEFORE", type=INPUT_FILE)
@click.argument("after", metavar="AFTER", type=INPUT_FILE)
@click.option(
    "--floor",
    metavar="PERCENT",
    type=click.FloatRange(min=0),
    default=3.0,
    show_default=True,
    help="Changes up to this are left out, however sure they are.",
)
def compare(before: Path, after: Path, floor: float) -> None:
    """Tell what became faster or slower from one run to another, beyond the spread.

    BEFORE and AFTER are JSON files of `imgconv bench --json` or of pytest-benchmark.

    A row of imgconv bench is compared beside the libraries that have the same version in both
    files: a slower machine, which slows them too, is no slower row, and they show how much runs
    scatter. A change counts if chance would make one as large, in any of all rows, once in a
    hundred comparisons at most. Without other libraries, as in files of pytest-benchmark, the rows
    themselves show the scatter: how far they are from the middle one.

    The status is 1 if a row became slower.
    """
    from imgconv.bench import compare

    try:
        earlier, later = compare.read(before), compare.read(after)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    found = compare.changes(earlier, later)
    if not found:
        raise click.UsageError(f"{before} and {after} have no row in common")
    console = new_console()
    verdicts = [each.verdict(floor / 100) for each in found]
    if any(verdicts):
        console.print(compare.table(found, floor / 100))
    missing = len(earlier.keys() ^ later.keys())
    console.print(compare.summary(found, floor / 100, missing))
    if "slower" in verdicts:
        sys.exit(1)
