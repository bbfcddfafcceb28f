"""What is described is what the checks allow: values inside a range run, values outside do not."""

import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest

from imgconv import Pipeline
from imgconv.pipeline import (
    PipelineError,
    Slider,
    StepDescription,
    describe,
    description,
    descriptions,
    registry,
)

ALL = descriptions()
IMAGE = np.random.default_rng(3).integers(0, 256, (131, 128), np.uint8)
WHITE = 255.0
# What a chain is refused for though each of its arguments is in its range: time and memory.
TOO_LARGE = "scratch|weights|kernel must be finite"

each_step = pytest.mark.parametrize(
    "step", [each.scaled(WHITE) for each in ALL], ids=lambda s: s.name
)
each_argument = pytest.mark.parametrize(
    ("step", "argument"),
    [
        pytest.param(step, argument, id=f"{step.name}-{argument.name}")
        for step in (each.scaled(WHITE) for each in ALL)
        for argument in step.arguments
    ],
)


def rng_for(*words):
    """Return a generator of its own for each test."""
    return np.random.default_rng(list("-".join(words).encode()))


def required(step):
    return {each.name: each.start for each in step.arguments if each.required}


def usual_value(argument, rng):
    """Draw a value as a slider, a list or a switch would give it."""
    values = list(argument.choices)
    if argument.kind == "bool":
        values += [False, True]
    elif argument.slider is not None:
        low, high, step = argument.slider
        value = low + step * int(rng.integers(0, math.floor((high - low) / step) + 1))
        values += [round(value) if argument.kind == "integer" else float(value)] * 3
    elif argument.start is not None:
        values.append(argument.start)
    if argument.optional or not values:
        values.append(None)
    return values[rng.integers(len(values))]


def usual(argument, rng):
    """Draw a value, or a pair of values where that is allowed."""
    value, other = usual_value(argument, rng), usual_value(argument, rng)
    is_pair = argument.pair and None not in (value, other) and rng.random() < 0.4
    return (value, other) if is_pair else value


def refusal_of(name, arguments, image=None):
    """Return why a step of these arguments cannot be or, with an image, cannot run; or ""."""
    try:
        step = registry.named_step(name, **arguments)
        if image is not None:
            Pipeline(step)(image)
    except ValueError as error:
        return str(error)
    return ""


# ---- all steps and arguments are described -------------------------------------------------------


def test_every_step_is_described_once():
    assert sorted(each.name for each in ALL) == sorted(registry.STEPS)
    assert all(describe(each.name) == each for each in ALL)


def test_families_are_together():
    families = [each.family for each in ALL]
    assert families == sorted(families, key=families.index)
    assert {"edges", "smoothing", "order", "morphology", "denoise", "pooling", "points"} <= set(
        families
    )


@each_step
def test_step(step):
    assert step.help.endswith(".")
    assert len(step.help) < 100
    given = registry.signature_of(registry.STEPS[step.name]).parameters
    assert [each.name for each in step.arguments] == [
        name for name in given if name not in ("image", "images", "axes", "channel_axis", "out")
    ]


@each_argument
def test_argument(step, argument):
    assert argument.help
    assert argument.details.startswith(argument.help)
    assert "  " not in argument.details
    assert argument.kind in {"number", "integer", "choice", "bool", "array"}
    assert (argument.kind == "array") == bool(argument.shape)
    assert argument.choices or argument.kind != "choice"
    if argument.slider is not None:
        low, high, by = argument.slider
        assert low < high
        assert by > 0
        assert argument.low is None or argument.low <= low - (by if argument.above_low else 0) + by
        assert argument.high is None or high <= argument.high
        assert argument.parity is None or (low % 2 == (argument.parity == "odd") and by % 2 == 0)
    elif argument.kind in {"number", "integer"}:
        assert argument.depends_on, "no slider"
    assert argument.start is not None or argument.name in {"mask", "weights", "guide_channel_axis"}
    assert set(argument.depends_on) <= {each.name for each in step.arguments}


def test_every_rule_is_of_an_argument():
    """A rule that is left over, or misspelled, would state nothing."""
    names = {argument.name for step in ALL for argument in step.arguments}
    assert description.RULES.keys() <= names
    assert registry.LARGEST.keys() <= names


def test_json():
    found = json.loads(json.dumps([each.as_dict() for each in ALL], allow_nan=False))
    box = next(each for each in found if each["name"] == "box")
    assert box["start"] == "box"
    assert box["arguments"][0]["slider"] == {"low": 1, "high": 51, "step": 2}


# ---- what is described is what is allowed --------------------------------------------------------


@each_step
def test_a_step_can_be_added_as_it_starts(step: StepDescription):
    pipeline = Pipeline(f"gradient | {step.start}" if step.merges else step.start)
    assert np.size(pipeline(IMAGE))
    assert pipeline.text.endswith(step.start)


@each_argument
def test_usual_values_run(step, argument):
    rng = rng_for(step.name, argument.name)
    for _ in range(4):
        value = usual(argument, rng)
        refusal = refusal_of(step.name, required(step) | {argument.name: value}, IMAGE)
        assert argument.depends_on or not refusal, f"{argument.name}={value!r}: {refusal}"


def test_usual_values_run_together():
    """Any of them run or are refused by a check; no other error, and most of them run."""
    rng = np.random.default_rng(8)
    ran = 0
    for count in range(400):
        step = ALL[count % len(ALL)].scaled(WHITE)
        chosen = {each.name: usual(each, rng) for each in step.arguments if rng.random() < 0.5}
        arguments = required(step) | chosen
        refusal = refusal_of(step.name, arguments, IMAGE)
        named = any(each.name in refusal for each in step.arguments)
        assert named or not refusal, (step.name, arguments, refusal)
        ran += not refusal
    assert ran > 300


@each_argument
def test_all_of_the_range_is_allowed(step, argument):
    """Its ends and values between them, of any size, make a step."""
    if argument.kind not in {"number", "integer"}:
        return
    rng = rng_for("range", step.name, argument.name)
    low = -1e6 if argument.low is None else argument.low
    high = 1e6 if argument.high is None else argument.high
    values = [low, high, *(low + (high - low) * rng.random(3) ** 4)]
    for value in values:
        if argument.above_low and value == low:
            continue
        if argument.kind == "integer":
            value = int(value)
            odd = {"odd": 1, "even": 0}.get(argument.parity, value % 2)
            value += (value % 2 != odd) * (1 if value < high else -1)
        refusal = refusal_of(step.name, required(step) | {argument.name: value})
        expected = argument.depends_on or re.search(TOO_LARGE, refusal)
        assert expected or not refusal, f"{argument.name}={value!r}: {refusal}"


def outside(argument):
    """Yield values that are not described."""
    if argument.kind in {"number", "integer"}:
        yield "wrong"
        if argument.name != "sigmas":  # these may be several
            yield [1, 2, 3]
        if argument.low is not None:
            yield argument.low - 1
            yield -1e-9 + argument.low if argument.kind == "number" else argument.low - 7
        if argument.above_low:
            yield argument.low
        if argument.high is not None:
            yield argument.high + 1
        if argument.kind == "integer":
            yield argument.start + 0.5 if argument.start is not None else 0.5
        if argument.parity:
            yield argument.start + 1
        if not argument.pair and argument.name != "sigmas":
            yield (1, 1)
    elif argument.kind == "choice":
        yield "wrong"
        yield 17
    elif argument.kind == "bool":
        yield from ("wrong", "false", 1, None)
    if argument.pair and argument.choices:
        yield (argument.choices[0], "wrong")
    elif argument.pair and argument.low is not None:
        yield (argument.low - 1, argument.start)
        yield (argument.start, argument.low - 1)
    if argument.kind != "array" and not argument.optional:
        yield None


@each_argument
def test_values_outside_are_refused(step, argument):
    for value in outside(argument):
        refusal = refusal_of(step.name, required(step) | {argument.name: value})
        assert refusal.startswith(f"{step.name}: "), f"{argument.name}={value!r} is not refused"
        assert argument.name in refusal
        assert "\n" not in refusal


def test_a_switch_is_no_word():
    """Python takes any text for True, so `false` would have switched it on."""
    with pytest.raises(PipelineError, match="normalize must be True or False, got 'false'"):
        Pipeline("sobel(normalize=false)")
    assert Pipeline("sobel(normalize=False)") != Pipeline("sobel(normalize=True)")


def test_threshold_checks_what_only_local_uses():
    for text in ("threshold(size=0)", "threshold(offset=x)", "threshold(5, mode=x)"):
        with pytest.raises(PipelineError, match=r"(size|offset|mode) must"):
            Pipeline(text)


# ---- where it comes from -------------------------------------------------------------------------


def sharpen_like(image, sigma, *, how="soft", passes=2, strict=False, limit=None, out=None):
    """Sharpen somehow. Not a real filter.

    Parameters
    ----------
    image : array_like, (H, W)
    sigma : see `gaussian`.
        sigma must not be small.
    how : {"soft", "hard"}
        What is done. It matters.
    passes : int
        Positive and odd.
    strict : bool
        Whether it is strict.
    limit : float or (float, float), optional
        The largest change, in the image's units.
    out : ndarray, optional
        The array to fill.

    Returns
    -------
    ndarray
        Of the image's dtype.
    """


def test_a_new_filter_is_described_without_code(monkeypatch):
    monkeypatch.setitem(registry.STEPS, "sharpen_like", sharpen_like)
    found = describe("sharpen_like")
    assert found in descriptions()
    assert (found.help, found.family) == ("Sharpen somehow.", "test_description")
    assert found.start == "sharpen_like(sigma=1.0)"
    sigma, how, passes, strict, limit = found.arguments
    assert (sigma.low, sigma.high, sigma.unit, sigma.pair) == (0, 10_000, "pixels", True)
    assert sigma.details.endswith("leaves an axis as it is. sigma must not be small.")
    assert (how.kind, how.choices, how.default) == ("choice", ("soft", "hard"), "soft")
    assert (how.help, how.details) == ("What is done.", "What is done. It matters.")
    assert (passes.kind, passes.takes) == ("integer", "odd integer above 0")
    assert (strict.kind, strict.default) == ("bool", False)
    assert (limit.kind, limit.pair, limit.optional, limit.unit) == ("number", True, True, "image")
    assert limit.slider == Slider(-1, 1, 0.005)
    assert limit.scaled(255).slider == Slider(-255, 255, 1)


def test_values_in_units_of_the_image_are_scaled():
    eps = describe("guided").argument("eps")
    assert eps.scaled(255).start == pytest.approx(650.25)
    assert eps.scaled(1) == eps
    assert describe("clip").scaled(255).start == "clip(low=51.0, high=204.0)"
    value = describe("threshold").argument("value")
    assert value.scaled(255).start == "otsu"


def test_unknown_names():
    with pytest.raises(PipelineError, match="gausian: no such step; is it gaussian"):
        describe("gausian")
    with pytest.raises(KeyError, match="sigm"):
        describe("gaussian").argument("sigm")


def test_without_docstrings():
    """`python -OO` removes them: names and defaults are left."""
    code = (
        "from imgconv.pipeline import describe, descriptions; "
        "descriptions(); print(describe('median').argument('size').takes)"
    )
    done = subprocess.run(
        [sys.executable, "-OO", "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "integer from 1 to 10000\n", done.stderr
