"""Chains beyond the limits are refused at once; the largest ones that are allowed run."""

import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from imgconv import Pipeline, box, gradient, sobel
from imgconv.pipeline import PipelineError, show, steps
from imgconv.pipeline import plan as planning
from imgconv.pipeline.nodes import StepNode
from imgconv.pipeline.stages import Group
from imgconv.pipeline.steps import MAX_DEPTH, MAX_IMAGES, MAX_RUNS

IMAGE = np.random.default_rng(5).integers(0, 256, (9, 11), np.uint8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("+".join(["image"] * 100), "column 390, nesting: sums and brackets must be at most 64 de"),
        ("-".join(["image"] * 3000), "column 390, nesting: sums and brackets must be at most 64"),
        ("*".join(["sobel"] * 1000), "column 390, nesting: sums and brackets must be at most 64"),
        ("((" * 14 + "sobel" + ")*image+image,image|magnitude)" * 14 + "*image" * 30,
         "column 586, nesting: sums and brackets must be at most 64 deep"),
        ("(" * 31 + "image" + ")" * 31, "column 32: brackets must be at most 30 deep"),
        ("(image, image) | " * 20 + "sobel", "column 109, branches: a chain must hold at most 64"),
        ("gradient | " * 20 + "sobel", "column 67, step 7, gradient: a chain must hold at most 64 "
                                       "images at a time, got 128"),
        ("gabor(0.1) | " * 7 + "sobel", "column 79, step 7, gabor: a chain must hold at most 64"),
        (",".join(["image"] * 65), "column 384, branches: a chain must hold at most 64 images"),
        ("gradient | (sobel, image) | (gradient | gradient | gradient | gradient, image)",
         "column 71, branches: a chain must hold at most 64 images at a time, got 96"),
        ("(image, image) | " * 6 + " | ".join(["invert"] * 65),
         "column 679, step 65, invert: a chain must run steps on an image at most 4096 times"),
    ],
)  # fmt: skip
def test_texts_are_refused_at_the_token_that_exceeds_a_limit(text, message):
    with pytest.raises(PipelineError) as caught:
        Pipeline(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([gradient] * 7, "step 7, gradient: a chain must hold at most 64 images"),
        (["image, image"] * 7, "step 7, branches: a chain must hold at most 64 images"),
        ([*["gradient | gradient"] * 3, partial(box, size=3), "gradient - image"],
         "step 8, gradient: a chain must hold at most 64 images"),
        ([sobel] * (MAX_RUNS + 1), f"step {MAX_RUNS + 1}, sobel: a chain must run steps on an"),
    ],
)  # fmt: skip
def test_functions_and_parts_are_refused_by_step(parts, message):
    with pytest.raises(PipelineError) as caught:
        Pipeline(*parts)
    assert message in str(caught.value)


def test_a_text_that_is_too_long_to_read_is_not_saved(tmp_path):
    pipeline = Pipeline("image, (" + " | ".join(["gaussian(3)"] * 1300) + ")")
    message = "image, .gaussian.*: its text must have at most 20000 characters to be saved"
    with pytest.raises(PipelineError, match=message):
        pipeline.save(tmp_path / "chain.toml")


def assert_usable(pipeline, path):
    """Run, plan, show, save, load and pickle a pipeline."""
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline == eval(repr(pipeline))
    assert len({pipeline, Pipeline(pipeline.text)}) == 1
    pipeline.save(path)
    assert Pipeline.load(path) == pipeline
    assert str(pipeline)
    plan = pipeline.plan(IMAGE.shape)
    result = pipeline(IMAGE)
    *_, (_, last) = pipeline.stepwise(IMAGE)
    several = isinstance(result, tuple)
    for found, whole in zip(
        *((each if several else [each]) for each in (last, result)), strict=True
    ):
        np.testing.assert_array_equal(found, whole)
    assert (len(plan.dtype) if several else 1) == (len(result) if several else 1)
    pipeline.preview(IMAGE, size=8)._repr_html_()
    assert_dask_equals(pipeline, result)


def assert_dask_equals(pipeline, result):
    dask = pytest.importorskip("dask")
    da = pytest.importorskip("dask.array")
    promise = pipeline(da.from_array(IMAGE, chunks=(5, 6)))
    found = dask.compute(promise, scheduler="synchronous")[0]
    np.testing.assert_array_equal(found, result)


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["image"] * MAX_DEPTH),
        "-".join(["(box(3) | invert)"] * 40),
        "(" * 30 + "sobel" + ")" * 30,
        "(image + " * 30 + "sobel" + ")" * 30,
        "(image + (invert | " * 15 + "sobel" + "))" * 15,
        "(image, " * 29 + "sobel" + " | magnitude)" * 29,
        "(canny | astype(uint8), " * 15 + "sobel" + " | magnitude)" * 15,
        "gradient | " * 6 + "magnitude",
        ", ".join(["image"] * MAX_IMAGES) + " | invert | box(3)",
    ],
)
def test_the_largest_chains_run(text, tmp_path):
    assert_usable(Pipeline(text), tmp_path / "chain.toml")


def test_the_longest_chain_runs(tmp_path):
    assert_usable(Pipeline(*["invert | absolute"] * 480), tmp_path / "chain.toml")


@pytest.mark.parametrize("text", ["sobel", "sobel(mode=wrap)", "gradient | magnitude"])
def test_planning_is_linear(text, monkeypatch):
    visited = []
    step_nodes = StepNode.step_nodes.fget

    def counting(self):
        visited.append(self)
        return step_nodes(self)

    monkeypatch.setattr(StepNode, "step_nodes", property(counting))
    Pipeline(*[text] * 300).plan(IMAGE.shape)
    assert 0 < len(visited) <= 4 * 300


def test_images_of_a_kind_are_planned_once(monkeypatch):
    made = []
    plan_step_on = planning.plan_step_on
    monkeypatch.setattr(
        planning, "plan_step_on", lambda *key: made.append(key) or plan_step_on(*key)
    )
    plan = Pipeline("gradient | " * 6 + "invert | box(5)").plan((31, 37))
    assert len(plan.dtype) == MAX_IMAGES
    assert len(made) == 8


def test_a_chunk_is_run_once_for_all_its_results(monkeypatch):
    da = pytest.importorskip("dask.array")
    ran = []
    run = Group.run
    monkeypatch.setattr(Group, "run", lambda *of: ran.append(of) or run(*of))
    results = Pipeline("gradient | gradient | box(3)")(
        da.from_array(np.tile(IMAGE, (4, 4)), chunks=18)
    )
    da.compute(*results, scheduler="synchronous")
    assert len(ran) == 6


@pytest.mark.parametrize(
    "text", [" | ".join(["canny"] * 65), "-".join(["(canny | astype(uint8))"] * 30)]
)
def test_too_many_stages_for_dask_are_refused(text):
    da = pytest.importorskip("dask.array")
    with pytest.raises(PipelineError, match="at most 64 stages on a dask array, got "):
        Pipeline(text)(da.from_array(IMAGE, chunks=5))


def test_a_preview_of_too_many_pictures_is_refused():
    pipeline = Pipeline("gradient | " * 6 + " | ".join(["invert"] * 15))
    message = "a preview must have at most 1000 pictures, got 1087; stepwise gives"
    with pytest.raises(PipelineError, match=message):
        pipeline.preview(IMAGE)
    assert show.MAX_PICTURES == 1000


def test_arguments_are_checked_without_pixels(monkeypatch):
    seen = []
    monkeypatch.setattr(
        steps.Step, "call", lambda self, image, **_: seen.append(image) or image, raising=True
    )
    Pipeline("threshold(local, size=9999) | hysteresis(1, 2) | gamma(2)")
    assert [image.size for image in seen] == [0, 0]


BOMB = "a: &a [3, 3]\n" + "".join(
    f"{'bcdefghijklmnopqrstuvwxyz'[n]}: &{'bcdefghijklmnopqrstuvwxyz'[n]} "
    f"[{', '.join(['*' + 'abcdefghijklmnopqrstuvwxyz'[n]] * 9)}]\n"
    for n in range(25)
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", BOMB + "steps: [{box: {size: *z}}]", "larger than a pipeline can be"),
        ("a.yaml", "steps: &a [*a]", "larger than a pipeline can be"),
        ("a.yaml", "steps: [{box: &b {size: *b}}]", "larger than a pipeline can be"),
        ("a.toml", "steps = [" + "[" * 5000 + "]" * 5000 + "]", "recursion"),
        ("a.toml", 'steps = [{ box = { size = ' + "[" * 200 + "3" + "]" * 200 + " } }]", " 1:"),
        ("a.toml", "steps = [" + '"gradient", ' * 500 + "]", "steps, number 7: gradient: a chain"),
    ],
)  # fmt: skip
def test_files_are_refused_at_once(name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(PipelineError, match=message):
        Pipeline.load(tmp_path / name)


RANDOM = """
import pickle, random, resource
import numpy as np
from imgconv import Pipeline
from imgconv.pipeline import PipelineError

WORDS = ["image", "sobel", "gradient", "magnitude", "box(3)", "invert", "gaussian(1)", "grey",
         "threshold(otsu)", "normalize", "median(3)", "canny", "pool(2)", "gabor(0.2)"]
NUMBERS = ["1e400", "-1e400", "9" * 18, "9" * 4000, "1000000000", "-1000000000", "1e300", "1e-320",
           "nan", "inf", "0", "3", "1.5", "(3, 1000000000)", "[[1e300, 3]]", "((((3,),),),)", "'x'"]
NAMES = ["gaussian", "box", "median", "minimum", "pool", "bilateral", "correlate", "scale", "clip",
         "guided", "derivative", "percentile", "erode", "astype", "threshold", "gamma", "canny"]
KEYS = ["", "", "size=", "sigma=", "dilation=", "stride=", "radius=", "order=", "cval="]

def call(draw):
    arguments = (draw.choice(KEYS) + draw.choice(NUMBERS) for _ in range(draw.randint(1, 3)))
    return f"{draw.choice(NAMES)}({', '.join(arguments)})"

def text(draw, depth=0):
    count = draw.choice([1, 2, 3, 8, 70, 400]) if depth == 0 else draw.choice([1, 1, 2, 3, 9])
    sign = draw.choice(["|", "|", "|", ",", "+", "*"])
    parts = []
    for _ in range(count):
        kind = draw.random()
        if kind < min(0.15, 3 / count) and depth < 12:
            parts.append("(" + text(draw, depth + 1) + ")")
        else:
            parts.append(call(draw) if kind > 1 - 0.3 / count else draw.choice(WORDS))
    if draw.random() < 0.3:
        return sign.join(parts * draw.choice([1, 2, 20]))
    return "".join(part + draw.choice("|,-" + sign * 9) for part in parts)[:-1]

def answered(chain):
    try:
        pipeline = Pipeline(chain)
    except PipelineError:
        return 0
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    text = repr(pipeline)[10:-2]
    assert len(text) > 20_000 or Pipeline(text) == pipeline
    try:
        pipeline.plan((40, 50)), str(pipeline), pipeline(image), pipeline.plan((40, 50), np.float64)
    except (PipelineError, ValueError, TypeError):
        return 1
    return 2

image = np.random.default_rng(0).integers(0, 256, (20, 25), np.uint8)
answered("gaussian(1) | canny | threshold(otsu)")
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (800 << 20),) * 2)
found = [0, 0, 0]
for seed in range(SEEDS):
    cpu = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu + 20, -1))
    print("seed", seed, flush=True)
    draw = random.Random(seed)
    found[answered(call(draw) if seed % 2 else text(draw))] += 1
print(found)
assert min(found) > 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts pages as Linux does")
def test_any_text_is_run_or_refused_in_little_memory():
    # A fence, not a measurement: 20 seconds of processor and 800 MB of addresses for a text.
    done = subprocess.run(
        [sys.executable, "-c", RANDOM.replace("SEEDS", "300")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-60:] + done.stderr[-2000:]
