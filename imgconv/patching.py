"""Replace the functions of SciPy and scikit-image by their faces, for a whole process.

`patch` looks through the modules of SciPy and scikit-image and binds each name of an original to
its face instead. Whoever imports such a name afterwards gets the face. A library that is not
imported yet is patched as soon as it is imported.
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
        "imgconv.skimage.exposure",
        "imgconv.skimage.feature",
        "imgconv.skimage.filters",
        "imgconv.skimage.measure",
        "imgconv.skimage.restoration",
    ),
}
# Names in the modules of these packages are rebound. From 0.27 on scikit-image has most of its
# functions in a package of its own.
PACKAGES = ("scipy", "skimage", "_skimage2")


class Patched(NamedTuple):
    """The calls of a function since it was patched.

    Attributes
    ----------
    calls : int
        All calls, with those that fell back.
    fallbacks : dict of str to int
        How many calls fell back to the original, by reason.
    elsewhere : tuple of str
        Names in other packages that were bound to the original before, and still are.
    """

    calls: int
    fallbacks: dict[str, int]
    elsewhere: tuple[str, ...]


class BeforePatch(NamedTuple):
    """The counts of a face when its original was patched."""

    calls: int
    fallbacks: dict[str, int]
    elsewhere: tuple[str, ...]


# The functions that are patched, by name.
PATCHED: dict[str, BeforePatch] = {}
# The names to patch of each library, also of one that is not imported yet.
REQUESTED: dict[str, set[str]] = {}
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
    Experimental. Inside SciPy and scikit-image, names that were bound to an original before are
    rebound to its face. In other packages such names keep the original, and `patched_functions`
    lists them; code that looks a function up at each call, as in ``ndimage.gaussian_filter``, gets
    the face everywhere. A library that is not imported yet is patched as soon as it is imported.

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
        for library, names in requested(only).items():
            REQUESTED.setdefault(library, set()).update(names)
            if library in sys.modules:
                patch_library(library)
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
        rebind({FACES[name].function: FACES[name].original for name in PATCHED})
        PATCHED.clear()
        REQUESTED.clear()
        sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, AfterImport)]


@contextmanager
def patched(only: Sequence[str] | None = None) -> Iterator[None]:
    """Patch inside a `with` block; after it, the same functions are patched as before it.

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
        before = {library: set(names) for library, names in REQUESTED.items()}
        patch(only)
    try:
        yield
    finally:
        with LOCK:
            unpatch()
            if before:
                patch([name for names in before.values() for name in sorted(names)])


def patched_functions() -> dict[str, Patched]:
    """Return which functions are patched, how often each was called, and how often it fell back.

    Returns
    -------
    dict of str to Patched
        By the names of the originals: `calls`, `fallbacks` (how many, by reason), and `elsewhere`:
        names outside of SciPy and scikit-image that are still bound to the original.

    Examples
    --------
    >>> import imgconv
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> with imgconv.patched(["scipy.ndimage.sobel"]):
    ...     _ = ndimage.sobel(np.zeros((8, 8), complex))
    ...     imgconv.patched_functions()
    {'scipy.ndimage.sobel': Patched(calls=1, fallbacks={'complex numbers': 1}, elsewhere=())}
    """
    with LOCK:
        return {name: since(before, FACES[name]) for name, before in sorted(PATCHED.items())}


def since(before: BeforePatch, face: Face) -> Patched:
    """Return the counts of a face since its original was patched."""
    fallbacks = {
        reason: count - before.fallbacks.get(reason, 0)
        for reason, count in face.fallbacks.items()
        if count > before.fallbacks.get(reason, 0)
    }
    return Patched(face.calls - before.calls, fallbacks, before.elsewhere)


def requested(only: Sequence[str] | None) -> dict[str, set[str]]:
    """Return the names of modules and functions to patch, by library."""
    if only is None:
        return {library: {library} for library in LIBRARIES}
    if isinstance(only, str):
        raise TypeError(f"only must be a sequence of names, got {only!r}")
    found: dict[str, set[str]] = {}
    for name in only:
        libraries = [library for library in LIBRARIES if within(library, name)]
        if not libraries:
            libraries = [library for library in LIBRARIES if within(name, library)]
            libraries = [each for each in libraries if any(within(f, name) for f in faces_of(each))]
        if not libraries:
            raise ValueError(f"only must name modules or functions that have a face, got {name!r}")
        for library in libraries:
            found.setdefault(library, set()).add(name)
    return found


def within(name: str, outer: str) -> bool:
    """Whether a dotted name is `outer` or lies inside it."""
    return name == outer or name.startswith(f"{outer}.")


def library_of(faces: str) -> str | None:
    """Return the library whose functions have their faces in this module."""
    return next((library for library, modules in LIBRARIES.items() if faces in modules), None)


def faces_of(library: str) -> list[str]:
    """Return the names of all originals of a library that have a face."""
    for module in LIBRARIES[library]:
        import_module(module)
    return [name for name in FACES if within(name, library)]


def patch_library(library: str) -> None:
    """Replace the requested originals of a library by their faces."""
    fresh = [
        FACES[name]
        for name in faces_of(library)
        if name not in PATCHED and any(within(name, each) for each in REQUESTED[library])
    ]
    elsewhere = bound_elsewhere({face.original: face.name for face in fresh})
    rebind({face.original: face.function for face in fresh})
    for face in fresh:
        share_capabilities(face)
        names = tuple(elsewhere.get(face.name, ()))
        PATCHED[face.name] = BeforePatch(face.calls, dict(face.fallbacks), names)


def rebind(replacements: dict[Any, Callable[..., Any]]) -> None:
    """Bind all names of some functions, in the modules of `PACKAGES`, to other functions.

    A module of SciPy keeps the functions that it defines, since originals call each other there.
    Modules of scikit-image do not keep theirs: other modules import them from there.
    """
    for module in modules():
        if module.__name__.partition(".")[0] not in PACKAGES:
            continue
        for name, function in functions(module):
            other = replacements.get(function)
            if other is not None and not (within(module.__name__, "scipy") and
                                          function.__module__ == module.__name__):  # fmt: skip
                # Not setattr, which packages of scikit-image override: a module that is imported
                # shall not replace a function of the same name.
                vars(module)[name] = other


def bound_elsewhere(names: dict[Any, str]) -> dict[str, list[str]]:
    """Return the names in other packages that are bound to originals, by the originals' names."""
    found: dict[str, list[str]] = {}
    for module in modules():
        if module.__name__.partition(".")[0] not in {*PACKAGES, "imgconv"}:
            for name, function in functions(module):
                if function in names:
                    found.setdefault(names[function], []).append(f"{module.__name__}.{name}")
    return found


def modules() -> list[ModuleType]:
    """Return all modules that are imported."""
    return [each for each in list(sys.modules.values()) if isinstance(each, ModuleType)]


def functions(module: ModuleType) -> list[tuple[str, Any]]:
    """Return the names of a module that are bound to functions, and the functions."""
    kinds = (FunctionType, BuiltinFunctionType)
    return [(name, value) for name, value in list(vars(module).items()) if type(value) in kinds]


def share_capabilities(face: Face) -> None:
    """Enter a face in the table in which SciPy's own tests look up what a function supports."""
    helpers = sys.modules.get("scipy._lib._array_api")
    table = getattr(helpers, "xp_capabilities_table", None)
    if isinstance(table, dict) and face.original in table:
        table[face.function] = table[face.original]


class AfterImport(MetaPathFinder):
    """Patches a library after its import, or after that of its faces, which may import it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders find, with a loader that patches at the end."""
        library = fullname if fullname in REQUESTED else library_of(fullname)
        if library not in REQUESTED:
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
                if library in REQUESTED and library in sys.modules:
                    patch_library(library)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
