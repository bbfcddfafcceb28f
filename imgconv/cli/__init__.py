"""The command `imgconv`: a module for each of its commands.

Those that filter pictures share the rest: `options` are their arguments, `listing` finds the
pictures, `jobs` names their results, `work` and `images` filter one, `runner` runs them and
reports, `messages` catches what other libraries print, and `pipes` makes files of standard input
and output. What is optional or slow to import is imported by the command that needs it.
"""

from imgconv.cli.extras import require

try:
    import click
except ModuleNotFoundError:
    require("cli", "click")
    raise

from imgconv.cli import apply, bench, denoise, edges, info, run, steps, tune

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="imgconv", prog_name="imgconv")
def main() -> None:
    """Fast image filters for photos, folders of pictures and Python programs.

    `imgconv COMMAND --help` describes a command and shows examples.
    """
    require("cli", "rich", "PIL", "tifffile", "imagecodecs")


for module in (apply, bench, denoise, edges, info, run, steps, tune):
    main.add_command(module.command)
