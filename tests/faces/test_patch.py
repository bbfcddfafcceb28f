"""patch(), unpatch(), patched(), patched_functions(), and `imgconv run`."""

import subprocess
import sys
import types

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import skimage
import skimage.feature
import skimage.filters
from scipy.signal import _savitzky_golay
from skimage.feature import blob

import imgconv
from imgconv import patching
from imgconv.fallback import FACES

ORIGINALS = {
    "scipy.ndimage.gaussian_filter": scipy.ndimage.gaussian_filter,
    "scipy.signal.sepfir2d": scipy.signal.sepfir2d,
    "scipy.signal.convolve2d": scipy.signal.convolve2d,
    "skimage.filters.gaussian": skimage.filters.gaussian,
    "skimage.feature.canny": skimage.feature.canny,
    "skimage.feature.blob_log": skimage.feature.blob_log,
}
# From 0.27 on scikit-image's modules call functions of its version 2, which have other signatures.
CALLS_ITS_OWN = tuple(map(int, skimage.__version__.split(".")[:2])) < (0, 27)
IMAGE = np.random.default_rng(2).random((40, 50))


@pytest.fixture(autouse=True)
def _unpatched():
    """Every test leaves all originals in place."""
    yield
    imgconv.unpatch()
    assert all(value is current(name) for name, value in ORIGINALS.items())


def current(name):
    module, _, function = name.rpartition(".")
    return getattr(sys.modules[module], function)


def python(*lines, arguments=()):
    """Run a program in a process of its own; return what it prints."""
    program = [sys.executable, "-c", "\n".join(lines), *arguments]
    return subprocess.run(program, check=True, capture_output=True, text=True).stdout


class TestPatch:
    def test_faces_replace_originals(self):
        imgconv.patch()
        for name, original in ORIGINALS.items():
            assert current(name) is FACES[name].function is not original
        assert set(imgconv.patched_functions()) == set(FACES)

    def test_names_bound_before(self):
        """Inside SciPy and scikit-image they are rebound."""
        imgconv.patch()
        assert blob.blob_log is imgconv.skimage.feature.blob_log
        assert _savitzky_golay.convolve1d is imgconv.ndimage.convolve1d

    def test_scipys_own_modules_keep_what_they_define(self):
        imgconv.patch()
        inside = sys.modules[ORIGINALS["scipy.ndimage.gaussian_filter"].__module__]
        assert inside.gaussian_filter is ORIGINALS["scipy.ndimage.gaussian_filter"]

    def test_names_elsewhere_are_listed(self, monkeypatch):
        module = types.ModuleType("somebodys")
        module.smooth = scipy.ndimage.gaussian_filter
        monkeypatch.setitem(sys.modules, "somebodys", module)
        imgconv.patch(["scipy.ndimage"])
        record = imgconv.patched_functions()["scipy.ndimage.gaussian_filter"]
        assert "somebodys.smooth" in record.elsewhere
        assert module.smooth is ORIGINALS["scipy.ndimage.gaussian_filter"]

    def test_unpatch(self):
        imgconv.patch()
        imgconv.unpatch()
        assert imgconv.patched_functions() == {}
        assert blob.blob_log is ORIGINALS["skimage.feature.blob_log"]
        assert not any(isinstance(each, patching.AfterImport) for each in sys.meta_path)
        imgconv.unpatch()

    def test_twice_is_once(self):
        imgconv.patch(["scipy.ndimage"])
        imgconv.patch()
        imgconv.patch()
        assert scipy.ndimage.sobel is imgconv.ndimage.sobel
        assert sum(isinstance(each, patching.AfterImport) for each in sys.meta_path) == 1

    @pytest.mark.parametrize(
        ("only", "served", "left"),
        [
            (["scipy.ndimage"], "scipy.ndimage.gaussian_filter", "skimage.filters.gaussian"),
            (["scipy"], "scipy.signal.convolve2d", "skimage.filters.gaussian"),
            (["skimage.filters"], "skimage.filters.gaussian", "skimage.feature.canny"),
            (["skimage.feature.canny"], "skimage.feature.canny", "skimage.filters.gaussian"),
        ],
    )
    def test_only(self, only, served, left):
        imgconv.patch(only=only)
        assert current(served) is FACES[served].function
        assert current(left) is ORIGINALS[left]
        assert all(name.startswith(only[0]) for name in imgconv.patched_functions())

    @pytest.mark.parametrize(
        "name", ["numpy", "scipy.ndimage.zoom", "scipy.fft", "skimage.data", ""]
    )
    def test_unknown_names(self, name):
        with pytest.raises(ValueError, match="only must name modules or functions that have a fac"):
            imgconv.patch([name])
        assert imgconv.patched_functions() == {}

    def test_a_single_name_is_no_sequence(self):
        with pytest.raises(TypeError, match="only must be a sequence"):
            imgconv.patch("scipy.ndimage")

    def test_context(self):
        imgconv.patch(["scipy.signal"])
        with imgconv.patched(["scipy.ndimage"]):
            assert current("scipy.ndimage.gaussian_filter") is imgconv.ndimage.gaussian_filter
            assert current("scipy.signal.convolve2d") is imgconv.signal.convolve2d
        assert set(imgconv.patched_functions()) == {
            f for f in FACES if f.startswith("scipy.signal.")
        }
        with pytest.raises(KeyError), imgconv.patched():
            raise KeyError
        assert current("skimage.feature.canny") is ORIGINALS["skimage.feature.canny"]


class TestCalls:
    def test_results_stay(self):
        before = skimage.feature.corner_foerstner(IMAGE)
        blobs = skimage.feature.blob_log(IMAGE, max_sigma=5)
        with imgconv.patched():
            found = skimage.feature.corner_foerstner(IMAGE)
            # It sums a structure tensor, in which ours rounds otherwise.
            np.testing.assert_allclose(found, before, rtol=1e-9)
            assert np.array_equal(skimage.feature.blob_log(IMAGE, max_sigma=5), blobs)
            counted = imgconv.patched_functions()
        assert counted["skimage.feature.structure_tensor"].calls == CALLS_ITS_OWN
        assert counted["skimage.feature.blob_log"].calls == 1

    def test_fallbacks_are_counted(self):
        with imgconv.patched():
            result = scipy.ndimage.gaussian_filter(IMAGE + 1j, 1)
            (name,) = (n for n, each in imgconv.patched_functions().items() if each.calls)
            record = imgconv.patched_functions()[name]
        assert (record.calls, record.fallbacks) == (1, {"complex numbers": 1})
        assert np.array_equal(result, scipy.ndimage.gaussian_filter(IMAGE + 1j, 1))

    def test_counts_begin_with_the_patch(self):
        imgconv.ndimage.sobel(IMAGE)
        imgconv.patch()
        assert imgconv.patched_functions()["scipy.ndimage.sobel"].calls == 0
        scipy.ndimage.sobel(IMAGE)
        assert imgconv.patched_functions()["scipy.ndimage.sobel"].calls == 1


class TestLater:
    def test_libraries_that_are_imported_later(self):
        printed = python(
            "import sys, imgconv",
            "imgconv.patch()",
            "print(imgconv.patched_functions(), 'skimage' in sys.modules)",
            "from skimage.filters import sobel",
            "from skimage.feature.blob import blob_log",
            "from scipy.ndimage import laplace",
            "ours = lambda *each: [one.__module__.startswith('imgconv') for one in each]",
            "print(*ours(sobel, blob_log, laplace))",
            "imgconv.unpatch()",
            "from skimage.filters import sobel, median",
            "from skimage.feature import blob",
            "print(*ours(sobel, median, blob.blob_log))",
        )
        assert printed.splitlines() == ["{} False", "True True True", "False False False"]

    @pytest.mark.parametrize("module", ["ndimage", "signal", "skimage.feature"])
    def test_faces_that_import_their_library(self, module):
        """The library is there before its faces are."""
        library = module.replace("ndimage", "scipy.ndimage").replace("signal", "scipy.signal")
        printed = python(
            "import sys, imgconv",
            "imgconv.patch()",
            f"assert {library.partition('.')[0]!r} not in sys.modules or "
            f"{library!r} not in sys.modules",
            f"import imgconv.{module}, {library}",
            "print(len(imgconv.patched_functions()) > 5, list(imgconv.patched_functions())[0])",
        )
        assert printed.startswith("True ")


SCRIPT = """
import sys
from pathlib import Path
import beside
from scipy.ndimage import gaussian_filter
print(sys.argv[1:], Path(sys.argv[0]).name, Path(__file__).name, __name__, beside.__name__)
print(gaussian_filter.__module__)
if "fail" in sys.argv:
    raise ValueError("failed")
sys.exit(7 if "seven" in sys.argv else "said" if "say" in sys.argv else None)
"""


class TestRun:
    @pytest.fixture
    def script(self, tmp_path):
        (tmp_path / "beside.py").write_text("")
        path = tmp_path / "script.py"
        path.write_text(SCRIPT)
        return path

    def run(self, *arguments, **options):
        program = "from imgconv.cli import main; main(prog_name='imgconv')"
        return subprocess.run(
            [sys.executable, "-c", program, "run", *map(str, arguments)],
            capture_output=True, text=True, check=False, **options,
        )  # fmt: skip

    def test_script(self, script):
        done = self.run(script, "--report", "-m", "x")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "['--report', '-m', 'x'] script.py script.py __main__ beside",
            "imgconv.ndimage.gaussians",
        ]

    def test_module(self, script):
        done = self.run("--report", "-m", "script", "seven", cwd=script.parent)
        assert done.returncode == 7
        assert done.stdout.startswith("['seven'] script.py script.py __main__ beside\n")
        assert "no function that is patched was called" in done.stderr

    def test_exit_codes(self, script):
        failed = self.run(script, "fail")
        assert failed.returncode == 1
        assert failed.stderr.splitlines()[0] == "Traceback (most recent call last):"
        assert failed.stderr.splitlines()[1].strip().startswith(f'File "{script}"')
        assert failed.stderr.endswith("ValueError: failed\n")
        said = self.run(script, "say")
        assert (said.returncode, said.stderr) == (1, "said\n")
        assert self.run("no such file.py").returncode == 2
        assert self.run("--only", "numpy", script).returncode == 2

    def test_report(self, tmp_path):
        path = tmp_path / "script.py"
        path.write_text(
            "import numpy as np\nfrom scipy import ndimage\n"
            "ndimage.sobel(np.eye(99))\nndimage.sobel(np.eye(99) + 1j)\n"
        )
        done = self.run("--report", "--only", "scipy.ndimage", path)
        *_, head, line = done.stderr.splitlines()
        assert head.split() == ["imgconv", "calls", "fallbacks"]
        assert line.split(maxsplit=3) == ["scipy.ndimage.sobel", "2", "1", "1 complex numbers"]
