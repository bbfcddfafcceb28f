"""Faces in the places of their originals, for a whole process.

`patch` looks through the modules of SciPy and scikit-image and binds each name that stands for an
original to its face instead. Names that are imported from those modules afterwards are faces by
themselves. A library that is not imported yet is patched once it is.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple

from imgconv.core import threads
from imgconv.fallback import FACES, Face

__all__ = ["Patched", "patch", "patched", "patched_functions", "unpatch"]

# Each library, and the modules of its faces.
LIBRARIES = {
    "scipy.ndimage": ("imgconv.ndimage",),
    "scipy.signal": ("imgconv.signal",),
    "skimage": (
        "imgconv.skimage.feature",
        "imgconv.skimage.filters",
        "imgconv.skimage.measure",
        "imgconv.skimage.restoration",
    ),
}
# In the modules of these packages names are bound anew.
PACKAGES = ("scipy", "skimage")


class Patched(NamedTuple):
    """What became of a function that is patched.

    Attributes
    ----------
    calls : int
        Calls since it was patched, those handed on among them.
    handed_on : dict of str to int
        How many calls the original did, by reason.
    elsewhere : tuple of str
        Names in other packages that were bound to the original before, and still are.
    """

    calls: int
    handed_on: dict[str, int]
    elsewhere: tuple[str, ...]


class Record(NamedTuple):
    """What is kept of a function while it is patched."""

    elsewhere: tuple[str, ...]
    calls: int  # before it was patched
    handed: dict[str, int]


# Functions that are patched; what is wanted of libraries, those that are not imported yet, too.
RECORDS: dict[str, Record] = {}
WANTED: dict[str, set[str]] = {}
LOCK = threads.lock()


def patch(only: Sequence[str] | None = None) -> None:
    """Put the faces in place of the functions of SciPy and scikit-image, in the whole process.

    Parameters
    ----------
    only : sequence of str, optional
        What to patch, by the names of modules or functions: "scipy.ndimage",
        "skimage.filters.gaussian". By default all that has a face.

    Raises
    ------
    TypeError
        If `only` is a single name.
    ValueError
        If a name is none of a module or function that has a face.

    Notes
    -----
    Experimental. Code that imported a function before is served too, inside SciPy and scikit-image:
    there every name bound to an original is bound to its face. In other packages such names are
    left alone, and `patched_functions` lists them; code that says ``ndimage.gaussian_filter`` gets
    the face anywhere. A library that is not imported yet is patched as soon as it is.

    Examples
    --------
    >>> import imgconv
    >>> from scipy import ndimage
    >>> original = ndimage.gaussian_filter
    >>> imgconv.patch(only=["scipy.ndimage"])
    >>> ndimage.gaussian_filter is imgconv.ndimage.gaussian_filter
    True
    >>> imgconv.unpatch()
    >>> ndimage.gaussian_filter is original
    True
    """
    with LOCK:
        for library, names in wanted(only).items():
            WANTED.setdefault(library, set()).update(names)
            if library in sys.modules:
                replace(library)
        if not any(isinstance(each, AfterImport) for each in sys.meta_path):
            sys.meta_path.insert(0, AfterImport())


def unpatch() -> None:
    """Put all originals back.

    Examples
    --------
    >>> import imgconv
    >>> imgconv.patch()
    >>> imgconv.unpatch()
    >>> imgconv.patched_functions()
    {}
    """
    with LOCK:
        bind({FACES[name].function: FACES[name].original for name in RECORDS})
        RECORDS.clear()
        WANTED.clear()
        sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, AfterImport)]


@contextmanager
def patched(only: Sequence[str] | None = None) -> Iterator[None]:
    """Patch inside a `with` block; behind it all is as it was before.

    Parameters
    ----------
    only : sequence of str, optional
        What to patch, as for `patch`.

    Examples
    --------
    >>> import imgconv
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> with imgconv.patched():
    ...     _ = ndimage.sobel(np.zeros((8, 8)))
    ...     imgconv.patched_functions()["scipy.ndimage.sobel"].calls
    1
    """
    with LOCK:
        before = {library: set(names) for library, names in WANTED.items()}
        patch(only)
    try:
        yield
    finally:
        with LOCK:
            unpatch()
            if before:
                patch([name for names in before.values() for name in sorted(names)])


def patched_functions() -> dict[str, Patched]:
    """Return what is patched, how often it was called, and what was handed on to the original.

    Returns
    -------
    dict of str to Patched
        By the names of the originals: `calls`, `handed_on` (how many, by reason), and `elsewhere`:
        names outside of SciPy and scikit-image that still stand for the original.

    Examples
    --------
    >>> import imgconv
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> with imgconv.patched(["scipy.ndimage.sobel"]):
    ...     _ = ndimage.sobel(np.zeros((8, 8), complex))
    ...     imgconv.patched_functions()
    {'scipy.ndimage.sobel': Patched(calls=1, handed_on={'complex numbers': 1}, elsewhere=())}
    """
    with LOCK:
        return {name: since(record, FACES[name]) for name, record in sorted(RECORDS.items())}


def since(record: Record, face: Face) -> Patched:
    """Return what happened since a function was patched."""
    handed = {
        reason: count - record.handed.get(reason, 0)
        for reason, count in face.handed.items()
        if count > record.handed.get(reason, 0)
    }
    return Patched(face.calls - record.calls, handed, record.elsewhere)


def wanted(only: Sequence[str] | None) -> dict[str, set[str]]:
    """Return which modules and functions to patch, by library."""
    if only is None:
        return {library: {library} for library in LIBRARIES}
    if isinstance(only, str):
        raise TypeError(f"only must be a sequence of names, got {only!r}")
    found: dict[str, set[str]] = {}
    for name in only:
        served = [library for library in LIBRARIES if within(library, name)]
        if not served:
            served = [library for library in LIBRARIES if within(name, library)]
            served = [each for each in served if any(within(f, name) for f in faces_of(each))]
        if not served:
            raise ValueError(f"only must name modules or functions that have a face, got {name!r}")
        for library in served:
            found.setdefault(library, set()).add(name)
    return found


def within(name: str, whole: str) -> bool:
    """Whether a dotted name is another one, or part of it."""
    return name == whole or name.startswith(f"{whole}.")


def served_by(module: str) -> str | None:
    """Return the library that a module of faces serves."""
    return next((library for library, faces in LIBRARIES.items() if module in faces), None)


def faces_of(library: str) -> list[str]:
    """Return the names of all originals of a library that have a face."""
    for module in LIBRARIES[library]:
        import_module(module)
    return [name for name in FACES if within(name, library)]


def replace(library: str) -> None:
    """Put the faces that are wanted of a library in place of the originals."""
    fresh = [
        FACES[name]
        for name in faces_of(library)
        if name not in RECORDS and any(within(name, each) for each in WANTED[library])
    ]
    elsewhere = bound_elsewhere({face.original: face.name for face in fresh})
    bind({face.original: face.function for face in fresh})
    for face in fresh:
        share_capabilities(face)
        names = tuple(elsewhere.get(face.name, ()))
        RECORDS[face.name] = Record(names, face.calls, dict(face.handed))


def bind(replacements: dict[Any, Callable[..., Any]]) -> None:
    """Bind all names in the packages that stand for one function to another.

    SciPy's modules keep what they define, for what an original does inside. scikit-image's do not,
    since there others import it from them.
    """
    for module in modules():
        if module.__name__.partition(".")[0] not in PACKAGES:
            continue
        for name, function in functions(module):
            other = replacements.get(function)
            if other is not None and not (within(module.__name__, "scipy") and
                                          function.__module__ == module.__name__):  # fmt: skip
                # Not by setattr: packages of scikit-image guard functions against modules.
                vars(module)[name] = other


def bound_elsewhere(names: dict[Any, str]) -> dict[str, list[str]]:
    """Return where else originals are bound, by their names."""
    found: dict[str, list[str]] = {}
    for module in modules():
        if module.__name__.partition(".")[0] not in {*PACKAGES, "imgconv"}:
            for name, function in functions(module):
                if function in names:
                    found.setdefault(names[function], []).append(f"{module.__name__}.{name}")
    return found


def modules() -> list[ModuleType]:
    """Return the modules that are imported."""
    return [each for each in list(sys.modules.values()) if isinstance(each, ModuleType)]


def functions(module: ModuleType) -> list[tuple[str, Any]]:
    """Return the functions that a module has names for."""
    kinds = (FunctionType, BuiltinFunctionType)
    return [(name, value) for name, value in list(vars(module).items()) if type(value) in kinds]


def share_capabilities(face: Face) -> None:
    """Enter a face in the table in which SciPy's tests look for what a function can do."""
    helpers = sys.modules.get("scipy._lib._array_api")
    table = getattr(helpers, "xp_capabilities_table", None)
    if isinstance(table, dict) and face.original in table:
        table[face.function] = table[face.original]


class AfterImport(MetaPathFinder):
    """Patches a library once it has been imported, and so have its faces, which may import it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the other finders find, and follow its loader."""
        library = fullname if fullname in WANTED else served_by(fullname)
        if library not in WANTED:
            return None
        others = (each for each in sys.meta_path if each is not self)
        specs = (each.find_spec(fullname, path, target) for each in others)
        spec = next((each for each in specs if each is not None), None)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            with LOCK:
                if library in WANTED and library in sys.modules:
                    replace(library)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
