"""Write the median of 5x5 as code that keeps its numbers in registers, from its sorting network.

python pyx/medians.py > medians.pxi

The loop in networks.pxd runs any network from planes in memory. This network is short, often used,
and most of its wires are needed only once, soon after they are made. So it is divided into stages:
a stage runs all its exchanges on one vector, then on the next one. A new stage begins where a wire
is read ahead. Wires that a later stage needs are stored in lines of memory.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

NETWORK = Path(__file__).parent.parent / "imgconv" / "operations" / "network.py"


def load_network() -> ModuleType:
    """Return imgconv.operations.network without importing imgconv, which needs compiled loops."""
    spec = importlib.util.spec_from_file_location("network", NETWORK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Stages:
    """A network that is divided where wires are read ahead."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.stage = dict.fromkeys(range(network.inputs), 0)
        self.halo: dict[int, int] = dict(network.outputs)
        self.crossing: list[int] = []
        for each in network.exchanges:
            late = each.ahead > 0 and each.second >= network.inputs
            stage = max(self.stage[each.first], self.stage[each.second] + late)
            for wire in (each.smaller, each.larger):
                self.stage[wire] = stage
        for each in network.exchanges:
            for wire in (each.first, each.second):
                crosses = self.stage[wire] < self.stage[self.made(each)] or (
                    wire == each.second and each.ahead
                )
                if wire >= network.inputs and crosses and wire not in self.crossing:
                    self.crossing.append(wire)
        for each in reversed(network.exchanges):
            need = max(self.halo.get(wire, 0) for wire in (each.smaller, each.larger))
            for wire, at in ((each.first, need), (each.second, need + each.ahead)):
                self.halo[wire] = max(self.halo.get(wire, 0), at)

    @staticmethod
    def made(each: Any) -> int:
        """Return a wire that an exchange makes."""
        return max(each.smaller, each.larger)

    @property
    def count(self) -> int:
        """The number of stages."""
        return 1 + max(self.stage.values())

    def exchanges(self, stage: int) -> list[Any]:
        """Return the exchanges of a stage."""
        return [each for each in self.network.exchanges if self.stage[self.made(each)] == stage]

    def extra(self, stage: int) -> int:
        """Return the columns that later stages read behind the last result."""
        return max(self.halo[self.made(each)] for each in self.exchanges(stage))

    def place(self, wire: int, ahead: int) -> str:
        """Return the address of a wire that lies in memory."""
        row = (
            f"rows[{wire}]"
            if wire < self.network.inputs
            else f"lines + {self.crossing.index(wire)} * LINE"
        )
        return f"{row} + x" + (f" + {ahead} * step" if ahead else "")

    def code(self, stage: int) -> list[str]:
        """Return the statements of a stage."""
        lines: list[str] = []
        known: dict[tuple[int, int], str] = {}

        def value(wire: int, ahead: int) -> str:
            if (wire, ahead) not in known:
                known[wire, ahead] = f"w{wire}" + (f"_{ahead}" if ahead else "")
                lines.append(f"{known[wire, ahead]} = load({self.place(wire, ahead)})")
            return known[wire, ahead]

        outputs = {wire: place for place, (wire, _) in enumerate(self.network.outputs)}
        for each in self.exchanges(stage):
            first, second = value(each.first, 0), value(each.second, each.ahead)
            for wire, function in ((each.smaller, "smaller_of"), (each.larger, "larger_of")):
                if wire < 0:
                    continue
                known[wire, 0] = f"w{wire}"
                lines.append(f"w{wire} = {function}({first}, {second})")
                if wire in self.crossing:
                    lines.append(f"store({self.place(wire, 0)}, w{wire})")
                if wire in outputs:
                    lines.append(f"store(targets[{outputs[wire]}] + x, w{wire})")
        names = sorted({line.split(" = ")[0] for line in lines if " = " in line})
        return [f"cdef vec {', '.join(names)}", *lines]


def function(name: str, network: Any) -> list[str]:
    """Return the source of a function for two rows of medians, columns begin to end."""
    stages = Stages(network)
    given = "real** rows, Py_ssize_t step, real* lines, real** targets"
    text = [f"cdef enum:\n    {name.upper()}_LINES = {len(stages.crossing)}"]
    for stage in range(stages.count):
        text += [
            f"\n\ncdef inline void {name}_{stage}({given}, Py_ssize_t x) noexcept nogil:",
            *(f"    {line}" for line in stages.code(stage)),
        ]
    text += [
        f"\n\ncdef inline void {name}({given}, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:",
        "    cdef Py_ssize_t x",
    ]
    for stage in range(stages.count):
        text += [
            "    x = begin",
            f"    while x < end + {stages.extra(stage)} * step:",
            f"        {name}_{stage}(rows, step, lines - begin, targets, x)",
            "        x += LANES",
        ]
    return text


def source() -> str:
    """Return the whole file."""
    network = load_network()
    return "\n".join(
        [
            "# Written by pyx/medians.py.",
            *function("median_of_25", network.for_rectangle(5, 5, (12,), 2)),
        ]
    )


if __name__ == "__main__":
    print(source())
