"""The public names: each documented, typed, with the common keywords, and in the table of cases."""

import importlib.metadata
import inspect
import re
import tomllib
from pathlib import Path

import cases
import pytest
from paths import ROOT

import imgconv
from imgconv.nn import textbook

COMMON = {
    "mode": "reflect",
    "cval": 0.0,
    "axes": None,
    "channel_axis": None,
    "dtype": None,
    "out": None,
}
# Filters that never look at what lies outside the image, and one with a default of its own.
BORDERLESS = {key: value for key, value in COMMON.items() if key not in ("mode", "cval")}
# Averages, orders and local statistics also know which pixels count.
COUNTING = {"nan": "spread", "weights": None}
COUNTERS = (
    *("gaussian", "box", "correlate", "convolve", "separable", "pool"),
    *("minimum", "maximum", "median", "percentile", "rank", "erode", "dilate", "opening"),
    *("closing", "morphological_gradient", "white_tophat", "black_tophat"),
    *("variance", "std", "entropy", "bilateral", "joint_bilateral", "guided", "binarize"),
    "threshold_image",
)
OWN = {
    "binarize": {key: value for key, value in COMMON.items() if key != "dtype"} | {"mode": None},
    "canny": COMMON | {"mode": "constant"},
    "clahe": BORDERLESS,
    "equalize": BORDERLESS,
    "hysteresis": BORDERLESS,
    "pool": BORDERLESS,
    "rolling_ball": COMMON | {"mode": "constant", "cval": None},
    "threshold_image": COMMON | {"mode": None},
}
# Filters of few dtypes or with a border of their own: the file that tests them, without the table.
APART = {
    "binarize": "test_thresholds.py",
    "clahe": "test_contrast.py",
    "entropy": "test_local.py",
    "equalize": "test_contrast.py",
    "rolling_ball": "test_contrast.py",
    "threshold_image": "test_thresholds.py",
}


def functions(module):
    """Return the public functions of a module by name, but not those of another library."""
    return {
        name: value
        for name in module.__all__
        if callable(value := getattr(module, name))
        and not inspect.isclass(value)
        and (value.__module__ or "").startswith("imgconv")
    }


def is_filter(function):
    return hasattr(function, "call")


FILTERS = {name: f for name, f in functions(imgconv).items() if is_filter(f)}
MODULES = [getattr(imgconv, name) for name in imgconv.__all__]
MODULES = [imgconv, *(module for module in MODULES if inspect.ismodule(module)), textbook]
ALL = {
    f"{module.__name__}.{name}": function
    for module in MODULES
    for name, function in functions(module).items()
}
# A gradient has its function's arguments and may leave their description to it.
DOCUMENTED = {name: value for name, value in ALL.items() if not name.endswith("_backward")}
GRADIENTS = sorted(ALL.keys() - DOCUMENTED.keys())


def sections(function):
    """Return the text of each section of a numpydoc docstring; that before the first is ""."""
    doc = inspect.getdoc(function) or ""
    parts = re.split(r"^(\w[\w ]*)\n-+$", doc, flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))


def test_names_exist_once_and_in_order():
    assert sorted(imgconv.__all__) == list(imgconv.__all__)
    assert len(set(imgconv.__all__)) == len(imgconv.__all__)
    for name in imgconv.__all__:
        assert hasattr(imgconv, name)
    assert set(imgconv.__all__) <= set(dir(imgconv))


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'canyn'"):
        _ = imgconv.canyn


def test_version_is_that_of_the_package():
    assert imgconv.__version__ == importlib.metadata.version("imgconv")


def test_version_without_tags_is_that_of_the_next_release():
    with (ROOT / "pyproject.toml").open("rb") as file:
        fallback = tomllib.load(file)["tool"]["setuptools_scm"]["fallback_version"]
    changes = (ROOT / "CHANGELOG.md").read_text()
    first = re.search(r"^The first release, (.+)\.$", changes, re.MULTILINE)
    assert fallback == f"{first[1]}.dev0"


def test_package_is_typed():
    assert (Path(imgconv.__file__).parent / "py.typed").exists()


def test_no_module_bears_the_name_of_a_function():
    modules = {path.stem for path in Path(imgconv.__file__).parent.glob("*.py")}
    assert not modules & functions(imgconv).keys()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstring(name):
    """numpydoc's form, every parameter in its order, and an example."""
    function = DOCUMENTED[name]
    parts = sections(function)
    summary = parts[""].strip().split("\n\n")[0]
    assert "\n" not in summary
    assert summary.endswith(".")
    assert ">>>" in parts["Examples"]
    parameters = list(inspect.signature(function).parameters)
    assert described(parts.get("Parameters", "")) == parameters
    if inspect.signature(function).return_annotation not in (None, "None"):
        assert parts.keys() & {"Returns", "Yields"} or len(parameters) <= 1


def described(text):
    """Return the parameters that lines of a docstring describe: "name, other : anything"."""
    lines = re.findall(r"^(\*{0,2}\w.*?)(?: :.*)?$", text, re.MULTILINE)
    return [word.lstrip("*") for line in lines for word in line.split(", ")]


def references(text):
    """Return (parameters, target) for each line "name, other : see `target`."."""
    return re.findall(r"^(\w[\w, ]*) : see `([\w.]+)`\.$", text, re.MULTILINE)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_references_lead_to_a_description(name):
    """A parameter that is described elsewhere is described there, and not by another reference."""
    function = DOCUMENTED[name]
    for names, target in references(sections(function).get("Parameters", "")):
        module = importlib.import_module(function.__module__)
        owner = imgconv if target == "imgconv" else find(module, target)
        part = "Common keywords" if owner is imgconv else "Parameters"
        text = sections(owner)[part]
        text = re.sub(r"^.* : see `.*$", "", text, flags=re.MULTILINE)
        assert set(names.split(", ")) <= set(described(text)), target


def find(module, target):
    """Return what a name in a docstring means: of its own module, or beginning with imgconv."""
    if target.startswith("imgconv."):
        owner, _, target = target.rpartition(".")
        module = importlib.import_module(owner)
    return getattr(module, target)


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient(name):
    """It takes the gradient of the result, then what the function takes, with the same defaults.

    Indices that the function returned may follow.
    """
    gradient, function = ALL[name], ALL[name.removesuffix("_backward")]
    first, *rest = inspect.signature(gradient).parameters.values()
    assert first.name == "grad_output"
    forward = inspect.signature(function).parameters
    if "return_indices" in forward:
        rest = [p for p in rest if p.name != "indices"]
    same = [p for p in forward.values() if p.name != "return_indices"]
    assert [str(p) for p in rest] == [str(p) for p in same]
    summary = (inspect.getdoc(gradient) or "").partition("\n")[0]
    assert f"`{function.__name__}`" in summary
    assert summary.endswith(".")


# A face has the signatures of its original, which has no types.
FACES = ("imgconv.ndimage.", "imgconv.signal.")
ANNOTATED = [name for name in ALL if not name.startswith(FACES)]


@pytest.mark.parametrize("name", ANNOTATED)
def test_types(name):
    signature = inspect.signature(ALL[name])
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name


@pytest.mark.parametrize("name", FILTERS)
class TestFilter:
    def test_has_a_row(self, name):
        if name in APART:
            tests = (ROOT / "tests" / "filters" / APART[name]).read_text()
            assert f"imgconv.{name}(" in tests
            return
        assert FILTERS[name] in {case.function for case in (*cases.CASES, *cases.OTHERS)}

    def test_common_keywords(self, name):
        """By keyword only, last and in order, with the same defaults everywhere."""
        parameters = list(inspect.signature(FILTERS[name]).parameters.values())
        assert parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        common = OWN.get(name, COMMON)
        if name in COUNTERS:
            borders = {key: value for key, value in common.items() if key in ("mode", "cval")}
            common = borders | COUNTING | common
        last = parameters[-len(common) :]
        assert {parameter.name: parameter.default for parameter in last} == common
        assert [parameter.name for parameter in last] == list(common)
        assert {parameter.kind for parameter in last} == {inspect.Parameter.KEYWORD_ONLY}

    def test_describes_results_and_source(self, name):
        parts = sections(FILTERS[name])
        assert {"Parameters", "Returns", "Notes", "Examples"} <= parts.keys()
        assert re.search(r"dtype|float32", parts["Returns"])


def test_rows_are_of_public_filters():
    rows = (*cases.CASES, *cases.OTHERS)
    assert {case.function for case in rows} == {FILTERS[n] for n in FILTERS.keys() - APART.keys()}
