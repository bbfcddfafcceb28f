"""Pipelines: the result of a run in bands is that of the steps one by one, bit for bit."""

import operator
import pickle
from functools import partial

import numpy as np
import pytest
from cases import MODES
from chains import BRANCHED, POINTWISE, WINDOWED, noise
from comparing import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import SAMPLES

import imgconv
from imgconv import Pipeline
from imgconv.core import threads
from imgconv.pipeline import points, step
from imgconv.pipeline.executors import arrays
from imgconv.pipeline.nodes import StepNode
from imgconv.pipeline.plan import make_plan
from imgconv.pipeline.specs import ImageSpec
from imgconv.pipeline.stages import Group
from imgconv.pipeline.tiles import Tile
from imgconv.pipeline.walk import CACHE_SETS, scratch_array

DTYPES = ("bool", "uint8", "int16", "uint16", "float32", "float64")


@pytest.fixture
def small_bands(monkeypatch):
    """The smallest image has several bands, on several threads, some of them in one run."""
    monkeypatch.setattr(arrays, "BAND_BYTES", 1)
    monkeypatch.setattr(Group, "later_rows", 0)
    monkeypatch.setattr(arrays, "RUNS", 1)
    monkeypatch.setattr(threads, "SERIAL_BELOW", 0)
    threads.set_num_threads(2)


def one_by_one(pipeline, image, **options):
    return list(pipeline.stepwise(image, **options))[-1][1]


def assert_fused(pipeline, image, **options):
    results = pipeline(image, **options), one_by_one(pipeline, image, **options)
    for got, expected in zip(*(r if isinstance(r, tuple) else (r,) for r in results), strict=True):
        assert_same_bits(got, expected)


# ---- random chains -------------------------------------------------------------------------------

modes = st.sampled_from(MODES)
steps = st.one_of(
    st.builds(str.format, st.sampled_from(WINDOWED), modes),
    st.sampled_from(POINTWISE),
    st.builds(str.format, st.sampled_from(BRANCHED), modes, modes),
)
chains = st.lists(steps, min_size=1, max_size=5).map(" | ".join)
shapes = st.tuples(st.integers(1, 90), st.integers(1, 40))


@pytest.mark.usefixtures("small_bands")
@settings(max_examples=120)
@given(chains, shapes, st.sampled_from(DTYPES), st.integers(0, 99))
def test_fused_is_stepwise(text, shape, dtype, seed):
    pipeline = Pipeline(text)
    assert_fused(pipeline, noise(shape, dtype, seed))


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", WINDOWED)
def test_each_window_between_others(text, mode):
    chain = f"box(size=3, mode={mode}) | {text} | gaussian(sigma=1, mode={mode})".format(mode)
    for dtype in ("uint8", "float64"):
        assert_fused(Pipeline(chain), noise((150, 23), dtype))


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("text", ["sobel | median", "image - box(size=5) | bilateral | grey"])
def test_fused_colour(text):
    image = noise((70, 31, 3), "uint8")
    assert_fused(Pipeline(text), image, channel_axis=2)
    first = np.ascontiguousarray(np.moveaxis(image, 2, 0))
    got = Pipeline(text)(first, channel_axis=0)
    expected = Pipeline(text)(image, channel_axis=-1)
    assert_same_bits(got, np.moveaxis(expected, 2, 0) if expected.ndim == 3 else expected)


def test_the_steps_one_by_one_are_the_functions():
    image = noise((40, 50), "uint8")
    smooth = imgconv.gaussian(image, 1.5)
    edges = imgconv.sobel(smooth)
    found = list(Pipeline("gaussian(sigma=1.5) | sobel | threshold(3)").stepwise(image))
    assert [text for text, _ in found] == ["gaussian(sigma=1.5)", "sobel", "threshold(value=3)"]
    for (_, got), expected in zip(found, (smooth, edges, edges > 3), strict=True):
        assert_same_bits(got, expected)


def test_integers_are_rounded_between_steps_unless_asked():
    image = noise((30, 30), "uint8")
    rounded = imgconv.gaussian(imgconv.gaussian(image, 1), 1)
    assert_same_bits(Pipeline("gaussian(1) | gaussian(1)")(image), rounded)
    exact = imgconv.gaussian(imgconv.gaussian(image.astype(np.float32), 1), 1)
    got = Pipeline("astype(float32) | gaussian(1) | gaussian(1)")(image)
    assert_same_bits(got, exact)


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize(
    "arrange",
    [lambda a: a[::-1, ::2], lambda a: a.T, lambda a: a.byteswap().view(a.dtype.newbyteorder())],
)
def test_any_memory(arrange):
    image = arrange(noise((80, 60), "uint16"))
    assert_fused(Pipeline("gaussian(1) | sobel | box(3)"), image)


def test_stacks():
    images = noise((2, 30, 20, 3), "uint8")
    pipeline = Pipeline("gaussian(1) | sobel")
    got = pipeline(images.transpose(1, 0, 3, 2), axes=(0, 3))
    for place in np.ndindex(2, 3):
        image = images[place[0], :, :, place[1]]
        assert_same_bits(got[:, place[0], place[1]], np.ascontiguousarray(pipeline(image)))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
@pytest.mark.parametrize("text", ["gaussian(1) | sobel", "normalize | threshold(otsu)"])
def test_images_without_pixels(shape, text):
    assert Pipeline(text)(np.zeros(shape, np.uint8)).shape == shape


@pytest.mark.usefixtures("small_bands")
def test_out():
    image = noise((90, 33), "uint8")
    pipeline = Pipeline("box(3) | median | invert")
    expected = pipeline(image)
    out = np.full((90, 66), 7, np.uint8)[:, ::2]
    assert pipeline(image, out=out) is out
    assert_same_bits(out.copy(), expected)
    alias = image.copy()
    assert_same_bits(pipeline(alias, out=alias), expected)
    with pytest.raises(ValueError, match="out must have shape"):
        pipeline(image, out=np.empty((3, 3), np.uint8))
    with pytest.raises(ValueError, match=r"dtype and out\.dtype must agree"):
        pipeline(image, out=np.empty((90, 33), np.float32))


@pytest.mark.usefixtures("small_bands")
def test_a_call_uses_the_placements_of_the_call_before(monkeypatch):
    placed = []
    place = StepNode.place
    monkeypatch.setattr(StepNode, "place", lambda *of: placed.append(of) or place(*of))
    pipeline, image = Pipeline("gaussian(2.25) | box(3) - image | sobel"), noise((80, 60), "uint8")
    first = pipeline(image)
    count = len(placed)
    assert count >= 3 * 5
    assert_same_bits(pipeline(image), first)
    assert len(placed) == count


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_row_is_computed_twice_in_a_run(count, monkeypatch):
    """Each of the two runs of two threads begins with the rows that later steps see above it."""
    regions = []
    run = StepNode.run

    def recorded(self, tile, region, *rest):
        regions.append((self.step.name, *region[0]))
        return run(self, tile, region, *rest)

    monkeypatch.setattr(StepNode, "run", recorded)
    pipeline, image = Pipeline("box(3) | gaussian(1) | median(5)"), noise((160, 30), "uint8")
    with imgconv.threads(count):
        got = pipeline(image)
    for name, halo in (("median", 0), ("gaussian", 2), ("box", 6)):
        rows = sum(stop - start for each, start, stop in regions if each == name)
        assert rows == 160 + 2 * halo * (count - 1), name
    assert_same_bits(got, one_by_one(pipeline, image))


def test_rows_of_scratch_share_no_set_of_the_cache():
    scratch = {}
    for width, channels in ((4096, None), (1000, 3), (1024, 4)):
        for dtype in ("uint8", "float32", "float64"):
            spec = ImageSpec((50, width), channels, np.dtype(dtype))
            pixels = scratch_array(scratch, "key", spec, ((2, 40), (0, width)))
            assert pixels.shape == (38, *spec.shape[1:])
            assert pixels.strides[0] % CACHE_SETS
            assert pixels[0].flags.c_contiguous
    assert len(scratch) == 1


# ---- point operations that join the pass before them ---------------------------------------------

TAILS = (
    "scale(factor=1.3, offset=-7)",
    "clip(low=20.5, high=90)",
    "absolute | threshold(value=20.5)",
    "invert | normalize(low=5, high=80)",
    "scale(factor=-0.001) | astype(float32) | scale(factor=-1)",
    "astype(int16) | absolute | astype(float64)",
)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("head", ["gaussian(1)", "sobel", "box(5)", "correlate([[1, -2, 1]])"])
@pytest.mark.parametrize("dtype", [*DTYPES, "int8", "int32", "uint64", "float16"])
def test_point_operations_behind_a_filter(head, tail, dtype):
    image = noise((40, 70), dtype)
    image[3, 60:] = 0
    if np.dtype(dtype).kind == "f":
        image[20, 5:8] = np.nan, -np.inf, -0.0
    with np.errstate(invalid="ignore", over="ignore"):
        assert_fused(Pipeline(f"{head} | {tail}"), image)


@pytest.mark.parametrize(
    ("text", "dtype", "passes"),
    [
        ("gaussian(1.5) | sobel | threshold(5)", "uint8", 2),
        ("gaussian(1.5) | scale(2) | clip(3, 9) | threshold(5)", "uint16", 1),
        ("scale(2) | clip(3, 9)", "int32", 1),
        ("box(3) | scale(2)", "uint8", 2),  # computed in short integers
        ("box(3) | scale(2)", "float16", 2),  # no point operation rounds to halves
        ("median(3) | scale(2)", "float32", 2),  # runs on keys
        ("gaussian(1) | gamma(2)", "uint8", 2),  # computed by NumPy
    ],
)
def test_passes(text, dtype, passes):
    (group,) = make_plan(Pipeline(text)._chain, ImageSpec((90, 80), None, np.dtype(dtype))).stages
    assert len(group.passes) == passes
    image = noise((90, 80), dtype)
    whole = (0, 90), (0, 80)
    assert_same_bits(group.run(Tile(image, 0, 0), whole, {}), one_by_one(Pipeline(text), image))


@pytest.mark.parametrize(("side", "rows"), [(256, 256), (512, 256)])
def test_a_small_image_is_not_cut_for_threads(side, rows, monkeypatch):
    monkeypatch.setattr(threads, "SERIAL_BELOW", 5_000_000)
    spec = ImageSpec((side, side), None, np.dtype(np.uint8))
    group = make_plan(Pipeline("gaussian(1) | sobel")._chain, spec).stages[0]
    with imgconv.threads(2):
        assert arrays.band_rows(group, side) == rows


def test_nan_stays_where_it_is():
    image = noise((100, 20), "float32")
    image[50, 10] = np.nan
    result = Pipeline("box(3) | sobel | normalize")(image)
    spoilt = np.argwhere(np.isnan(result))
    assert spoilt.min(axis=0).tolist() == [48, 8]
    assert spoilt.max(axis=0).tolist() == [52, 12]


# ---- callables -----------------------------------------------------------------------------------


def shifted(image, by=2):
    return np.roll(np.pad(image, 8, mode="symmetric"), by, axis=0)[8:-8, 8:-8]


@pytest.mark.parametrize("size", [90, 9])
@pytest.mark.usefixtures("small_bands")
def test_callables(size):
    image = noise((size, 20), "uint8")
    pipeline = Pipeline("box(3)", step(shifted, halo=(3, 0), by=3), "sobel")
    assert_same_bits(pipeline(image), imgconv.sobel(shifted(imgconv.box(image, 3), 3)))
    whole = Pipeline(step(np.transpose, halo=None))
    with pytest.raises(ValueError, match="must have the image's shape"):
        Pipeline("sobel", step(lambda rows: rows[1:], halo=1))(image)
    with pytest.raises(ValueError, match="must be of dtype uint8"):
        Pipeline(step(np.sqrt, halo=0), "sobel")(image)
    assert whole.plan((5, 6)).halo is None
    with pytest.raises(TypeError, match="no function of imgconv"):
        Pipeline(np.sqrt)
    with pytest.raises(ValueError, match="has no text"):
        pipeline.save("chain.toml")
    table = {"by": np.arange(3)}
    assert Pipeline(step(shifted, halo=1, by=table)) == Pipeline(step(shifted, halo=1, by=table))


def test_arrays_as_arguments(tmp_path):
    image, guide = noise((90, 80), "uint8"), noise((90, 80), "float32", 1)
    pipeline = Pipeline("box(3)", partial(imgconv.guided, guide=guide, radius=2, eps=9.0), "sobel")
    assert_fused(pipeline, image)
    assert "<float32 of 90 x 80>" in str(pipeline.plan((90, 80)))
    assert pipeline.halo is None
    with pytest.raises(ValueError, match="has no text"):
        pipeline.save(tmp_path / "chain.toml")
    inside = np.ones((90, 80), bool)
    inside[:, :20] = False
    edges = Pipeline(partial(imgconv.canny, mask=inside))
    assert_same_bits(edges(image), imgconv.canny(image, mask=inside))


# ---- data ----------------------------------------------------------------------------------------


@given(chains)
@settings(max_examples=60)
def test_text_round_trip(text):
    pipeline = Pipeline(text)
    assert Pipeline(pipeline.text) == pipeline
    assert Pipeline(pipeline.text).text == pipeline.text
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    assert hash(Pipeline(pipeline.text)) == hash(pipeline)


@pytest.mark.parametrize("suffix", ["toml", "yaml", "yml"])
@given(text=chains)
@settings(max_examples=15)
def test_file_round_trip(tmp_path_factory, suffix, text):
    path = tmp_path_factory.mktemp("chains") / f"chain.{suffix}"
    pipeline = Pipeline(text)
    pipeline.save(path)
    assert Pipeline.load(path) == pipeline


def test_files_with_tables(tmp_path):
    toml = tmp_path / "chain.toml"
    toml.write_text('steps = ["box(3)", { gaussian = { sigma = 1.5, mode = "wrap" } }, "sobel"]')
    expected = Pipeline("box(3) | gaussian(1.5, mode=wrap) | sobel")
    assert Pipeline.load(toml) == expected
    yaml = tmp_path / "chain.yaml"
    yaml.write_text("steps:\n- box(3)\n- gaussian: {sigma: 1.5, mode: wrap}\n- sobel:\n")
    assert Pipeline.load(yaml) == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", "steps = [", "a.toml: "),
        ("a.toml", 'step = ["sobel"]', "must have a list named steps"),
        ("a.toml", 'steps = ["sobel", "gausian(1)"]', "steps, number 2: column 1, step 1, gausian"),
        ("a.toml", "steps = [3]", "a step must be a text or a name"),
        ("a.yaml", "steps: !!python/object/apply:os.system [true]", "a.yaml: could not determine"),
        ("a.yaml", "steps: [{box: {size: 3}, sobel: {}}]", "a step must be a text or a name"),
        ("a.json", "{}", "a pipeline is a .toml .yaml .yml file"),
    ],
)
def test_files_that_are_wrong(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        Pipeline.load(path)


def test_python_form_equals_text_form():
    smooth = partial(imgconv.gaussian, sigma=np.float64(1.5))
    pipeline = Pipeline(smooth, imgconv.sobel, partial(points.threshold, value="otsu"))
    assert pipeline == Pipeline("gaussian(1.5) | sobel | threshold(otsu)")
    assert pipeline == Pipeline("gaussian(1.5)") | imgconv.sobel | "threshold(otsu)"
    assert pipeline == "gaussian(1.5)" | Pipeline("sobel | threshold(otsu)")
    kernel = np.float32([[1, 0.5], [0, 2]])
    by_function = Pipeline(partial(imgconv.correlate, kernel=kernel))
    assert by_function == Pipeline("correlate([[1, 0.5], [0, 2]])")
    assert Pipeline(partial(points.astype, dtype=np.float32)) == Pipeline("astype(float32)")


def test_different_pipelines_differ():
    texts = ("sobel", "sobel(axis=0)", "sobel(axis=1)", "scharr", "sobel | sobel", "sobel, sobel")
    for a in texts:
        for b in texts:
            assert (Pipeline(a) == Pipeline(b)) == (a == b)
    assert Pipeline("sobel") != "sobel"
    assert Pipeline("(image - box(3)) - sobel") != Pipeline("image - (box(3) - sobel)")
    assert operator.ne(Pipeline("(image - box(3)) * image"), Pipeline("image - box(3) * image"))


# ---- geometry ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "halo"),
    [
        ("sobel", ((1, 1), (1, 1))),
        ("gaussian(1.5) | sobel", ((7, 7), (7, 7))),
        ("box((2, 5)) | box(2)", ((2, 0), (3, 2))),
        ("image - gaussian(sigma=(1, 0)) | invert", ((4, 4), (0, 0))),
        ("sobel | threshold(otsu)", None),
        ("canny", None),
        ("pool(2)", None),
        ("bilateral", None),
        ("bilateral(sigma_color=5)", ((3, 3), (3, 3))),
        ("threshold(local, size=(7, 3))", ((3, 3), (1, 1))),
    ],
)
def test_halo(text, halo):
    assert Pipeline(text).halo == halo


@given(chains.filter(lambda text: "otsu" not in text), st.integers(0, 99))
@settings(max_examples=40)
def test_halo_is_enough(text, seed):
    """A pixel beyond the halo changes nothing."""
    pipeline = Pipeline(text)
    halo = pipeline.plan((64, 64), np.float64).halo
    if halo is None or "wrap" in text:
        return
    image = noise((64, 64), "float64", seed)
    y, x = np.random.default_rng(seed).integers(0, 64, 2)
    results = []
    for value in (-3.0, 2.0):
        image[y, x] = value
        found = pipeline(image)
        results.append(found if isinstance(found, tuple) else (found,))
    mirrored = 2 if "mirror" in text else 1
    for a, b in zip(*results, strict=True):
        changed = np.argwhere(~((a == b) | ((a != a) & (b != b))))
        for axis, (before, after) in enumerate(halo):
            place = (y, x)[axis]
            near = max(before, after) + mirrored
            if near < place < 63 - near:
                assert (changed[:, axis] >= place - after).all()
                assert (changed[:, axis] <= place + before).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("text", WINDOWED)
def test_points_behind_a_step(text, dtype):
    """They are done by the pass of the step, if that takes them."""
    pipeline = Pipeline(text.format("reflect"), "scale(factor=0.5, offset=3)")
    image = noise((30, 40), dtype)
    assert_same_bits(pipeline(image), list(pipeline.stepwise(image))[-1][1])


@pytest.mark.parametrize("shape", [(70, 90), (70, 90, 3)])
@pytest.mark.parametrize("text", ["hessian(sigma=2)", "structure_tensor(1, of=eigenvalues)"])
def test_layers_are_images(text, shape):
    """A step whose function returns several layers gives as many images."""
    image, channel_axis = noise(shape, "float32"), 2 if len(shape) == 3 else None
    function, options = {
        "h": (imgconv.hessian, {"sigma": 2}),
        "s": (imgconv.structure_tensor, {"sigma": 1, "of": "eigenvalues"}),
    }[text[0]]
    expected = function(image, channel_axis=channel_axis, **options)
    outs = tuple(np.empty(shape, np.float32) for _ in expected)
    Pipeline(text)(image, channel_axis=channel_axis, out=outs)
    for found in (Pipeline(text)(image, channel_axis=channel_axis), outs):
        assert isinstance(found, tuple)
        assert_same_bits(np.stack(found), expected)


@pytest.mark.parametrize("shape", ["valid", "same"])
def test_match(shape):
    """A template and its mask are arrays of the step, not of the image's size."""
    image = noise((70, 90), "float32")
    template, mask = image[10:21, 30:47], image[10:21, 30:47] > 0
    step = partial(imgconv.match, template=template, mask=mask, shape=shape)
    pipeline = Pipeline("gaussian(sigma=1)", step)
    expected = imgconv.match(imgconv.gaussian(image, 1), template, mask=mask, shape=shape)
    assert_same_bits(pipeline(image), expected)
    assert all(len(line) < 250 for line in str(imgconv.explain(pipeline, image)).splitlines())


def test_plan():
    plan = Pipeline("pool(2) | gaussian(1.5) | threshold(3)").plan((480, 641))
    assert (plan.shape, plan.dtype) == ((240, 320), np.bool_)
    colour = Pipeline("sobel").plan((3, 40, 50), np.uint16, channel_axis=0)
    assert (colour.shape, colour.dtype, colour.stages) == ((3, 40, 50), np.float32, 1)
    grey = Pipeline("grey").plan((40, 50, 3), channel_axis=-1)
    assert (grey.shape, grey.dtype) == ((40, 50), np.uint8)
    both = Pipeline("gradient").plan((40, 50))
    assert both.shape == ((40, 50), (40, 50))
    assert both.dtype == (np.float32, np.float32)
    assert Pipeline("gaussian(3)").plan((40, 50)).cost < Pipeline("gaussian(6)").plan((40, 50)).cost


def test_print_shows_the_stages():
    table = str(Pipeline("gaussian(1.5) | sobel | threshold(otsu) | hysteresis(1, 2) | box(3)"))
    lines = [line.split("  ")[0] for line in table.splitlines()]
    assert [line for line in lines if line.isdigit()] == ["1", "2", "3", "4", "5"]
    assert "measured of the whole image" in table
    assert "it connects pixels however far apart" in table
    assert repr(Pipeline("sobel(axis=1)")) == "Pipeline('sobel(axis=1)')"


def test_notebooks_show_every_step():
    page = Pipeline("gaussian(1) | sobel(axis=0), sobel(axis=1) | magnitude")._repr_html_()
    assert page.count("<img") == 5
    preview = Pipeline("sobel | grey").preview(noise((40, 61, 3), "uint8"), channel_axis=2, size=30)
    assert [picture.shape for _, picture in preview.pictures] == [
        (13, 20, 3),
        (13, 20, 3),
        (13, 20),
    ]
    assert preview.sheet(columns=2).shape == (50, 64, 3)


def test_errors_name_the_step():
    with pytest.raises(ValueError, match="image must be 2-D"):
        Pipeline("sobel")(np.zeros((3, 4, 5)))
    with pytest.raises(TypeError, match="image must have a real dtype"):
        Pipeline("sobel")(np.zeros((3, 4), complex))
    with pytest.raises(ValueError, match=r"^correlate\(.*: size must fit|^correlate\(.*kernel"):
        Pipeline("sobel", "correlate(kernel=[[1, 1, 1]], shape=valid)")(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="takes one image from each side"):
        Pipeline("gradient - image")(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="both sides must have one shape"):
        Pipeline("pool(2) - image")(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="grey takes three channels"):
        Pipeline("grey")(np.zeros((3, 4, 2)), channel_axis=2)
    with pytest.raises(ValueError, match="a pipeline must have a step"):
        Pipeline()
    with pytest.raises(TypeError, match="must be a text or a function"):
        Pipeline(3)


SAMPLES = sorted((SAMPLES / "pipelines").glob("*.toml"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples(path):
    assert len(SAMPLES) == 5
    pipeline = Pipeline.load(path)
    image = noise((90, 70), "uint16" if "flat" in path.stem else "uint8")
    result = pipeline(image)
    assert result.shape == image.shape
    assert result.dtype in (np.bool_, image.dtype)
    assert result.min() < result.max()
