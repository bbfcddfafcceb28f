"""One level for all libraries, so that a lower one can be measured on any processor.

Each library reads its variable when it is imported, so `hold` must run before that.
"""

from __future__ import annotations

import os

from imgconv._loops import machine
from imgconv.core import cpu

# OpenCV reads what it must not use, by level. It warns of what the processor does not have.
OPENCV_FEATURES = {"v3": "AVX,FP16,FMA3,AVX2", "v4": "AVX512-SKX,AVX512-ICL"}
# All others read the most that they may use.
MOST = {
    "v2": {
        "OPENCV_IPP": "sse42",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
    "v3": {
        "OPENCV_IPP": "avx2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
}


def environment(level: str) -> dict[str, str]:
    """Return the variables of a process that measures a level; the highest one needs no limits.

    Levels count that the processor has, also where imgconv's loops of them are not built.
    """
    levels = [each for each in cpu.LEVELS if each in (level, *machine.supported())]
    higher = levels[levels.index(level) + 1 :]
    if not higher:
        return {"IMGCONV_ISA": level}
    disabled = ",".join(OPENCV_FEATURES[each] for each in higher if each in OPENCV_FEATURES)
    return {"IMGCONV_ISA": level, "OPENCV_CPU_DISABLE": disabled, **MOST.get(level, {})}


def hold() -> None:
    """Hold the peers to the level of imgconv, where their user has not chosen one."""
    for name, value in environment(cpu.LEVEL).items():
        os.environ.setdefault(name, value)
