"""`imgconv bench --with`: a user's functions are compared, then timed; wrong ones are refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imgconv import cli
from imgconv.bench import measure, peers, suite

WORKS = {row.work for row in suite.SUITE} - {"stacked", "missing"}
RIGHT = """
from functools import partial
from scipy import ndimage
NAME = "mine"
__version__ = "2.0"
THREADS = []

def set_threads(count):
    THREADS.append(count)

def gaussian(image, sigma):
    return ndimage.gaussian_filter(image, sigma, axes=(0, 1))

def correlate(image, kernel):
    return ndimage.correlate(image, kernel if image.ndim == 2 else kernel[..., None])

median = partial(ndimage.median_filter, axes=(0, 1))
"""
FEW = ("--size", "40x60", "--threads", "1", "--budget", "0")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, ["bench", *map(str, arguments)])


@pytest.fixture
def write(tmp_path: Path):
    """A function that writes a file of functions."""

    def write(text: str, name: str = "my_filters.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def own(path: Path) -> peers.UserFunctions:
    return peers.UserFunctions(path, WORKS)


def outcomes(path: Path, *families: str, only: str | None = None):
    rows = suite.rows(families, [(70, 90)], only=only)
    return list(measure.measure(rows, [own(path)], [1], 0.0))


def test_right_functions_are_one_more_library(write, tmp_path: Path) -> None:
    path = write(RIGHT)
    outcome = run("--with", path, *FEW, "--dtype", "float32", "--json", tmp_path / "b.json")
    assert outcome.exit_code == 0, outcome.output
    assert "mine" in outcome.stdout
    found = json.loads((tmp_path / "b.json").read_text())
    assert found["machine"]["libraries"]["mine"] == "2.0"
    # Without a family, the rows that the file has functions for.
    works = {row["work"] for row in found["results"]}
    assert works == {
        *("gaussian", "gaussian_resampled", "correlate", "correlate_large"),
        *("correlate_low_rank", "median", "stacked"),
    }
    gaussian = [row for row in found["results"] if row["work"] in ("gaussian", "correlate")]
    assert all("mine" in row["peers"] for row in gaussian)


def test_a_named_family_is_measured_whole(write, tmp_path: Path) -> None:
    path = write(
        "import imgconv\n"
        "def sobel_x(image):\n"
        "    return imgconv.sobel(image, axis=1, normalize=False)\n"
    )
    run("edges", "--with", path, *FEW, "--json", tmp_path / "b.json")
    rows = json.loads((tmp_path / "b.json").read_text())["results"]
    assert {row["title"] for row in rows if "my_filters" in row["peers"]} == {"sobel x"}
    assert len(rows) == len(suite.rows(["edges"], [(40, 60)]))


def test_a_library_that_raises_is_left_out(write) -> None:
    """OpenCV takes no floats where the result is uint8."""
    pytest.importorskip("cv2")
    path = write(RIGHT)
    arguments = ("uint8", "--only", "correlate 3x3 to uint8", "--dtype", "float32")
    outcome = run(*arguments, *FEW, "--with", path)
    assert outcome.exit_code == 0
    assert "not timed: OpenCV" in outcome.stderr


def test_threads_are_set(write) -> None:
    peer = own(write(RIGHT))
    peer.set_threads(3)
    assert peer.library.THREADS == [3]
    own(write("def box(image, size): ...")).set_threads(3)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return ndimage.gaussian_filter(image, 1.1 * sigma)", "differs from the reference by"),
        ("return ndimage.gaussian_filter(image, sigma)[1:]", "the shape (39, 60), not (40, 60)"),
        (
            "return ndimage.gaussian_filter(image, sigma) * np.nan",
            "differs from the reference by inf",
        ),
        (
            "return ndimage.gaussian_filter(image, sigma).astype(complex)",
            "dtype complex128, not real",
        ),
        (
            "ndimage.gaussian_filter(image, sigma, output=image); return image",
            "it changes the image",
        ),
        ("return image.no_such_thing", "it raises AttributeError"),
        ("return None", "dtype object"),
        (
            "return ndimage.gaussian_filter(image, sigma, mode='wrap')",
            "differs from the reference by",
        ),
    ],
)
def test_a_wrong_function_is_refused(write, body: str, reason: str) -> None:
    path = write(
        f"import numpy as np\nfrom scipy import ndimage\ndef gaussian(image, sigma):\n    {body}\n"
    )
    outcome = run("gaussian", "--with", path, "--only", "gaussian 1.5", *FEW)
    assert outcome.exit_code == 1
    line = next(line for line in outcome.stderr.splitlines() if "not timed" in line)
    assert line.startswith(
        "imgconv: not timed: my_filters, gaussian 1.5, float32, 40x60, 1 thread: "
    )
    assert reason in line
    # The others are measured all the same.
    assert "OpenCV" in outcome.stdout
    assert "my_filters" not in outcome.stdout.partition("unequal")[0].partition("in all")[0]


def test_another_dtype_is_unequal_work(write) -> None:
    path = write(
        "from scipy import ndimage\n"
        "def gaussian(image, sigma):\n"
        "    return ndimage.gaussian_filter(image.astype('f8'), sigma)\n"
    )
    (result,) = outcomes(path, "gaussian", only="gaussian 1.5")
    assert result.peers["my_filters"].note == "float64 result"
    assert not result.equal


def test_a_stack_and_kernels_are_given(write) -> None:
    path = write(RIGHT)
    (result, *_) = [each for each in outcomes(path, "stack") if "gaussian" in each.row.title]
    assert "mine" in result.peers
    (result,) = outcomes(path, "kernels", only="correlate 15x15 of rank 2")
    assert "mine" in result.peers


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def my_gauss(image, sigma): ...", "the names are bilateral, blobs, box, canny, clahe"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("def gaussian(image, sigma)", "SyntaxError"),
        ("", "no function is named after a row"),
        ("gaussian = 5", "no function is named after a row"),
    ],
)
def test_a_file_that_is_of_no_use(write, text: str, reason: str) -> None:
    outcome = run("--with", write(text), *FEW)
    assert outcome.exit_code == 2
    assert "my_filters.py" in outcome.stderr
    assert reason in " ".join(outcome.stderr.split())


def test_json_is_joined(write, tmp_path: Path) -> None:
    """`--with` of a JSON file does what `--join` does."""
    run("box", *FEW, "--only", "box 3x3", "--json", tmp_path / "box.json")
    outcome = run("gaussian", *FEW, "--only", "gaussian 3", "--with", tmp_path / "box.json")
    assert outcome.exit_code == 0
    assert "box 3x3" in outcome.stdout
