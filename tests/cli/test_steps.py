"""`imgconv steps`: the list, one step in full, JSON, unknown names."""

import io
import json
import re

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from imgconv.cli import main, steps
from imgconv.pipeline import describe, descriptions

STEPS = descriptions()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["steps", *arguments])


def test_list_has_a_line_for_each_step_below_its_family() -> None:
    outcome = run()
    assert outcome.exit_code == 0
    lines = outcome.stdout.splitlines()
    families = [line for line in lines if not line.startswith(" ")]
    assert families == list(dict.fromkeys(each.family for each in STEPS))
    assert len(lines) == len(families) + len(STEPS)
    for each, line in zip(STEPS, (line for line in lines if line.startswith(" ")), strict=True):
        assert line.split(maxsplit=1) == [each.name, each.help]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_one_step(step) -> None:
    outcome = run(step.name)
    assert outcome.exit_code == 0
    assert f"{step.name}: {step.help}" in outcome.stdout
    assert re.search(rf"^example.*: {re.escape(step.scaled(255).start)}$", outcome.stdout, re.M)
    shown = [
        line.split()[0]
        for line in outcome.stdout.splitlines()
        if line.startswith(" ") and line[1] not in " ─"
    ]
    assert shown == ["argument", *(each.name for each in step.arguments)] * bool(step.arguments)


def test_a_step_in_full() -> None:
    lines = run("gaussian").stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith(" sigma"))
    assert "(required)   number from 0 to 10000, or a pair" in lines[at]
    assert " usual: 0 to 50 by 0.1 pixels" in lines[at + 1]
    assert "White is 255" in run("threshold").stdout
    assert "White is 255" not in run("grey").stdout


def test_a_narrow_terminal_cuts_nothing() -> None:
    table = steps.arguments_table(describe("joint_bilateral").arguments)
    console = Console(width=80, file=io.StringIO())
    console.print(table)
    shown = console.file.getvalue()
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_json() -> None:
    everything = json.loads(run("--json").stdout)
    assert [each["name"] for each in everything] == [each.name for each in STEPS]
    assert json.loads(run("gaussian", "--json").stdout) in everything


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gausian", "gausian: no such step; close: gaussian, gaussian_laplace"),
        ("xyz", "xyz: no such step; `imgconv steps` lists all"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    outcome = run(name, "--json")
    assert outcome.exit_code == 2
    assert outcome.stderr.splitlines()[-1] == f"Error: {message}"
    assert not outcome.stdout
