"""The command itself: help, version, info, what is missing and what is imported."""

import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

import imgconv
from imgconv.bench.suite import ORDER
from imgconv.cli import bench, main
from imgconv.core.config import config


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("command", [[], *([name] for name in main.commands)])
def test_help(command: list[str]) -> None:
    outcome = run(*command, "--help")
    assert outcome.exit_code == 0
    assert "Usage: " in outcome.stdout
    assert max(map(len, outcome.stdout.splitlines())) <= 100


def test_version() -> None:
    assert run("--version").stdout.strip().endswith(imgconv.__version__)


def test_info() -> None:
    outcome = run("info")
    assert outcome.exit_code == 0
    for name, value in config().items():
        assert name in outcome.stdout
        if isinstance(value, str):
            assert value in outcome.stdout
    assert "{" not in outcome.stdout


def python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("module", ["rich", "PIL", "tifffile", "imagecodecs"])
def test_a_missing_extra_is_one_line_that_says_what_to_install(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    outcome = run("info")
    assert outcome.exit_code == 2
    assert outcome.stderr == f"imgconv: {module} not found; pip install 'imgconv[cli]'\n"


def test_without_click_the_line_is_printed_too() -> None:
    done = python("import sys; sys.modules['click'] = None\nimport imgconv.cli")
    assert done.returncode == 2
    assert done.stderr == "imgconv: click not found; pip install 'imgconv[cli]'\n"


def test_import_imgconv_loads_nothing_of_the_command() -> None:
    done = python(
        "import sys, imgconv\n"
        "heavy = {'click', 'rich', 'PIL', 'tifffile', 'imagecodecs', 'matplotlib', 'cv2'}\n"
        "print(heavy & set(sys.modules))"
    )
    assert done.stdout.strip() == "set()", done


def test_import_of_the_command_loads_what_is_needed() -> None:
    """Help texts and the checks of arguments need no more than click."""
    done = python(
        "import sys\n"
        "from imgconv.cli import main\n"
        "heavy = ('imgconv.bench', 'imgconv.pipeline', 'rich', 'PIL', 'tifffile', 'imagecodecs',\n"
        "         'dask', 'zarr', 'matplotlib', 'cv2')\n"
        "for arguments in (['--help'], ['bench', '--help'], ['apply', '--help']):\n"
        "    try:\n"
        "        main(arguments)\n"
        "    except SystemExit:\n"
        "        pass\n"
        "print('loaded', [name for name in heavy if name in sys.modules])"
    )
    assert done.stdout.splitlines()[-1] == "loaded []", done


def test_help_of_bench_names_all_families() -> None:
    text = run("bench", "--help").stdout.replace(",", " ").replace(".", " ").split()
    assert {*ORDER, *bench.ALONE} <= set(text)


def test_a_family_that_is_unknown() -> None:
    outcome = run("bench", "nosuch")
    assert outcome.exit_code == 2
    assert "'nosuch' is not one of 'correlate'" in outcome.stderr
