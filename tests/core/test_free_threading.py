"""Python without the GIL: importing imgconv does not bring the GIL back."""

import re
import sysconfig

import pytest
from paths import ROOT
from processes import python

SOURCES = sorted((ROOT / "pyx").glob("*.pyx"))

IMPORT_ALL = """
import sys
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
import numpy, scipy.ndimage, scipy.signal
assert not sys._is_gil_enabled(), "NumPy or SciPy have enabled it"
import imgconv
from imgconv.core import cpu
package = Path(imgconv.__file__).parent
for path in sorted(package.glob(f"_loops/{cpu.LEVEL}/*/*{EXTENSION_SUFFIXES[0]}")):
    name = path.relative_to(package.parent).with_name(path.name.partition(".")[0])
    import_module(".".join(name.parts))
    assert not sys._is_gil_enabled(), name
"""


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_modules_say_that_they_need_no_gil(source):
    """A compiled module that does not say so enables the GIL when it is imported."""
    says = r"^# cython: .*\bfreethreading_compatible=True"
    assert re.search(says, source.read_text(), re.MULTILINE)


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="Python has a GIL")
def test_the_gil_stays_off():
    python(IMPORT_ALL)
