"""`imgconv run`: a Python program with imgconv's functions in place of other libraries'."""

import sys

import click

import imgconv


@click.command(
    "run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Run a Python program with imgconv's filters.",
    epilog="""\b
Examples:
  imgconv run script.py ARGUMENTS
  imgconv run --report -m pytest --pyargs scipy.ndimage.tests.test_filters
""",
)
@click.option(
    "-m", "--module", "as_module", is_flag=True, help="PROGRAM is a module, as in `python -m`."
)
@click.option(
    "--only",
    metavar="NAME",
    multiple=True,
    help="Replace only this module or function, such as scipy.ndimage or skimage.filters.gaussian. "
    "Can be given several times.",
)
@click.option(
    "--report",
    is_flag=True,
    help="At the end, list on stderr how often each function was called, and how often and why "
    "the original computed the result.",
)
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    as_module: bool, only: tuple[str, ...], report: bool, program: str, arguments: tuple[str, ...]
) -> None:
    """Run a Python program in which imgconv replaces filters of SciPy and scikit-image.

    Experimental. `imgconv.patch()` is called first, then PROGRAM is run as Python would run it. The
    exit code is that of the program. Options of imgconv are given before PROGRAM; everything after
    PROGRAM is passed to it.
    """
    from imgconv import running

    try:
        imgconv.patch(only or None)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from None
    sys.exit(running.run(program, arguments, as_module, report))
