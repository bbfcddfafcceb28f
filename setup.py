"""Build the loops: each pyx file, for each instruction set (level) and each computing type.

Each pyx file is translated to C once. The C file is compiled for every level of the processor
family and every type that the loop computes in, into imgconv/_loops/<level>/<type>/. A stub is put
beside each module. If the compiler has no OpenMP, no levels or no vector types, the same sources
are built without them.
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
PYX = Path("pyx")
BUILD = Path("build") / "cython"
# The C type REAL of each computing type.
REALS = {
    "float32": "float",
    "float64": "double",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "uint8": "uint8_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "uint64": "uint64_t",
}
FLOATS = ("float32", "float64")
# Level v2 has no loops for these if there is one for float32, which holds them: core/cpu.py.
SHORTS = {"int16", "uint16", "uint8"}
# A loop that only compares pixels also runs on keys: integers of so many bits (pyx/keys.pxd).
KEYS = {"uint8": 8, "uint16": 16, "int64": 64}
# The computing types that each loop is compiled for. The one that takes longest is the first, so
# that all processors end together.
LOOPS = {
    "rank": (*KEYS, *FLOATS),
    # Conversions of pixels and point operations, which all loops of a type share.
    "pixels": tuple(REALS),
    "points": FLOATS,
    "separable": (*FLOATS, "int16"),
    "tensors": FLOATS,
    "differences": FLOATS,
    "chains": FLOATS,
    "blobs": FLOATS,
    "templates": FLOATS,
    "correlate": (*FLOATS, "int16"),
    "fourier": FLOATS,
    "lines": FLOATS,
    "box": (*FLOATS, "uint16"),
    "widebox": (*FLOATS, "int32"),
    "resample": FLOATS,
    "bilateral": FLOATS,
    "lookup": FLOATS,
    "guided": ("float64",),
    "moments": FLOATS,
    "local_histogram": FLOATS,
    "ball": FLOATS,
    # These take pixels of several types.
    "histogram": ("float32",),
    "clahe": ("float32",),
    "conv2d": FLOATS,
    "conv2d_weights": FLOATS,
    "channels": FLOATS,
    "channels_weights": FLOATS,
    "deform": FLOATS,
    "interpolate": FLOATS,
    "pool2d": (*FLOATS, "int64", "uint64"),
    "peak": FLOATS,
    "canny": FLOATS,
    "flood": ("uint8",),
    "spacing": ("uint8",),
    "pool": (*FLOATS, "uint8", "int64", "uint64"),
    "inorder": ("float64",),
    "running": ("float64",),
}
# Those with tiles of pyx/tiles.pxd.
TILED = ("correlate", "separable", "fourier", "resample")
# Compiled once, for any processor.
COMMON = ("machine", "call")

# Levels by processor, with the flags that ask a compiler for them. Level plain uses no vectors.
LEVELS = {
    "plain": ["-DPLAIN"],
    "neon": [],
    "v2": ["-march=x86-64-v2"],
    "v3": ["-march=x86-64-v3"],
    # Scheduling before register allocation lets GCC keep a vector for several accumulators in one
    # of the 32 registers; without it, GCC loads the vector again for each. With 16 registers, GCC
    # would spill instead. For ARM, GCC does so anyway.
    "v4": ["-march=x86-64-v4", "-fschedule-insns", "-fno-schedule-insns2"],
}
X86, ARM = ["v2", "v3", "v4"], ["neon"]
PROCESSORS = {"x86_64": X86, "amd64": X86, "aarch64": ARM, "arm64": ARM}
# What a build is for; it may run on another processor.
PLATFORM = sysconfig.get_platform()
if PLATFORM.endswith("universal2"):
    # A Python for two processors: build for the one that it runs on.
    os.environ.setdefault("ARCHFLAGS", f"-arch {platform.machine()}")
    PLATFORM = f"macosx-{platform.machine()}"
WINDOWS = PLATFORM.startswith("win")
# Clang instead of MSVC, which has no vector types.
CLANG_CL = WINDOWS and bool(os.environ.get("IMGCONV_CLANG_CL"))

# For `make sanitize` and `make races`: "address,undefined" or "thread". Undefined behaviour and
# access to foreign memory end the process.
SANITIZE = os.environ.get("IMGCONV_SANITIZE")
SANITIZERS = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
SANITIZE_FLAGS = [
    *SANITIZERS,
    "-fno-sanitize-recover=undefined",
    "-fno-omit-frame-pointer",
    "-g1",
    "-O1",
]

# For `make coverage-loops`: GCC counts how often each line of pyx/ runs.
COUNT_LINES = bool(os.environ.get("IMGCONV_COUNT_LINES"))

# Flags after all others: -O0 where it only matters that a compiler takes the source.
LAST_FLAGS = os.environ.get("IMGCONV_CFLAGS", "").split()

FLAGS = [
    "-O3",
    "-g0",
    # Without errno and traps the compiler can vectorise sqrt and selections. -ffast-math would also
    # change the meaning of NaN and infinity, and the order of sums.
    "-fno-math-errno",
    "-fno-trapping-math",
    # Clang would fuse products and sums of one expression only.
    "-ffp-contract=fast",
    # GCC 13 and later would keep products and sums apart where it expects a chain of fused ones to
    # be slow on some processor: slower on all, and in some tiles of a loop only.
    "--param=avoid-fma-max-bits=0",
    # This optimisation would move weights from one row of a tile to the next through the stack.
    "-fno-predictive-commoning",
    # Partial sums of short integers may overflow, although the whole sum fits.
    "-fwrapv",
    # Vectors are passed in registers between inlined functions only.
    "-Wno-psabi",
    # A number is compared with itself to find NaN; of integers the compiler knows the answer.
    "-Wno-tautological-compare",
    # The sizes of tiles are literal arguments; they become constants only if all is inlined.
    "-DCYTHON_INLINE=inline __attribute__((always_inline))",
]
MSVC_FLAGS = ["/O2", "/std:c11"]
# The flags of a compiler and of a linker for OpenMP: of GCC and Clang, of Apple's Clang with a
# runtime that CFLAGS and LDFLAGS point to, of MSVC and of Clang that replaces it.
OPENMP = [
    (["-fopenmp"], ["-fopenmp"]),
    (["-Xpreprocessor", "-fopenmp"], ["-lomp"]),
    (["/openmp"], []),
]
if SANITIZE == "thread":
    # LLVM's runtime for code of GCC: it tells the sanitizer of its barriers.
    OPENMP = [(["-fopenmp"], ["-lomp"])]

# These loops give the same bits as SciPy, which uses no fused instructions. Tiles of layers and of
# dense kernels say which vectors several accumulators share (held.pxd). There scheduling can only
# harm: the tiles of small kernels, which are unrolled, would spill.
LOOP_FLAGS = {
    **{
        loop: ["-ffp-contract=off"]
        for loop in ("blobs", "canny", "differences", "inorder", "lookup", "running")
    },
    **{
        loop: ["-fno-schedule-insns"]
        for loop in ("conv2d", "channels", "channels_weights", "correlate")
    },
}


def levels() -> list[str]:
    """Return the instruction sets to build for."""
    if "IMGCONV_LEVELS" in os.environ:
        return os.environ["IMGCONV_LEVELS"].split()
    if WINDOWS and not CLANG_CL:
        print("imgconv: MSVC has no vector types; IMGCONV_CLANG_CL=1 takes Clang in its place")
        return ["plain"]
    return PROCESSORS.get(PLATFORM.rpartition("-")[2], ["plain"])


def types_of(loop: str, level: str) -> list[str]:
    """Return the types that a loop is compiled for at a level."""
    types = LOOPS[loop]
    fewer = level == "v2" and "float32" in types
    return [name for name in types if not (fewer and name in SHORTS)]


def extensions() -> list[Extension]:
    """Return one extension for each loop, level and type, and those that have no level."""
    include = [np.get_include(), "pyx"]
    api = ("NPY_NO_DEPRECATED_API", "NPY_1_25_API_VERSION")
    found = [
        Extension(
            f"imgconv._loops.{name}",
            [str(BUILD / f"{name}.c")],
            include_dirs=include,
            define_macros=[api],
        )
        for name in COMMON
    ]
    for level in levels():
        for loop in LOOPS:
            for name in types_of(loop, level):
                found.append(
                    Extension(
                        f"imgconv._loops.{level}.{name}.{loop}",
                        # A copy for each variant keeps the object files apart.
                        [str(BUILD / level / name / f"{loop}.c")],
                        include_dirs=include,
                        depends=["pyx/tile_sizes.h"] if loop in TILED else [],
                        define_macros=[
                            ("REAL", REALS[name]),
                            *(
                                [("KEYS", str(KEYS[name]))]
                                if loop == "rank" and name in KEYS
                                else []
                            ),
                            api,
                        ],
                        extra_compile_args=[*LEVELS[level], *LOOP_FLAGS.get(loop, [])],
                    )
                )
    return found


def install_stub(extension: Extension, folder: Path) -> None:
    """Copy the stub of a module: its own, or that of all loops which include entry.pxi."""
    name = extension.name.split(".")[-1] + ".pyi"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PYX / (name if (PYX / name).exists() else "entry.pyi"), folder / name)


def write_medians(file: Path) -> None:
    """Write the code of the median of 5x5, unless the file has it already."""
    done = subprocess.run(
        [sys.executable, "pyx/medians.py"], capture_output=True, text=True, check=True
    )
    if not file.exists() or file.read_text() != done.stdout:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(done.stdout)


def cythonize_loops() -> None:
    """Translate each pyx file into BUILD, and copy the C files for all levels and types."""
    sources = [Extension(name, [f"pyx/{name}.pyx"]) for name in (*LOOPS, *COMMON)]
    write_medians(BUILD / "medians.pxi")
    cythonize(
        sources,
        include_path=["pyx", str(BUILD)],
        build_dir=str(BUILD),
        language_level=3,
        # Plain functions of C: what classes for functions need takes a fifth of the time of a loop.
        compiler_directives={"binding": False},
        nthreads=os.cpu_count(),
        force=False,
        emit_linenums=COUNT_LINES,
    )
    targets = {name: [BUILD] for name in COMMON}
    for loop in LOOPS:
        targets[loop] = [
            BUILD / level / name for level in levels() for name in types_of(loop, level)
        ]
    for name, folders in targets.items():
        source = BUILD / "pyx" / f"{name}.c"
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / source.name
            if not target.exists() or target.read_bytes() != source.read_bytes():
                shutil.copyfile(source, target)


class BuildLoops(build_ext):
    """build_ext that cythonizes first, builds in parallel, and uses what the compiler supports."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()
        self.answers: dict[str, bool] = {}

    def build_extensions(self) -> None:
        cythonize_loops()
        if CLANG_CL:
            self.compiler.initialize()
            self.compiler.cc = shutil.which("clang-cl") or "clang-cl"
        elif not WINDOWS and shutil.which("ccache") and self.compiler.compiler_so[0] != "ccache":
            self.compiler.compiler_so = ["ccache", *self.compiler.compiler_so]
        flags, links = self.openmp()
        if SANITIZERS:
            flags, links = [*flags, *SANITIZE_FLAGS], [*links, *SANITIZERS]
        elif COUNT_LINES:
            flags, links = [*flags, "--coverage", "-O1"], [*links, "--coverage"]
        elif PLATFORM.startswith("linux"):
            links = [*links, "-s"]
        for extension in self.extensions:
            own = self.options(extension.extra_compile_args)
            extension.extra_compile_args = [*own, *flags, *LAST_FLAGS]
            extension.extra_link_args += links
        self.left = len(self.extensions)
        super().build_extensions()
        for extension in self.extensions:
            install_stub(extension, Path(self.get_ext_fullpath(extension.name)).parent)

    def build_extension(self, extension: Extension) -> None:
        """Build one, and tell which."""
        super().build_extension(extension)
        self.left -= 1
        print(f"{extension.name}, {self.left} more", flush=True)

    def copy_extensions_to_source(self) -> None:
        """Build in place: make the folders of the levels with the stubs first."""
        for extension in self.extensions:
            install_stub(extension, Path(*extension.name.split(".")[:-1]))
        super().copy_extensions_to_source()

    def openmp(self) -> tuple[list[str], list[str]]:
        """Return the flags for OpenMP of the compiler and of the linker; none if there is none.

        With IMGCONV_OPENMP=0 there is none.
        """
        program = "#include <omp.h>\nint main(void) { return omp_get_max_threads(); }"
        for flags, links in OPENMP if os.environ.get("IMGCONV_OPENMP") != "0" else []:
            if self.compiles(program, flags, links):
                return flags, links
        print("imgconv: no OpenMP; the filters will run on one thread")
        return [], []

    def options(self, own: list[str]) -> list[str]:
        """Return the flags of a module, whose own are given, in the words of the compiler."""
        if WINDOWS and not CLANG_CL:
            return MSVC_FLAGS
        flags = self.known([*FLAGS, *own])
        return [f"/clang:{flag}" for flag in flags] if CLANG_CL else flags

    def known(self, flags: list[str]) -> list[str]:
        """Return the flags that the compiler takes, among those that it need not take.

        A flag that names a processor or a macro must be taken. Clang only warns of others.
        """
        kept = []
        for flag in flags:
            if flag not in self.answers and flag.startswith(("-f", "-W", "-O", "-g", "--param")):
                tried = [flag, "-Werror"]
                tried = [f"/clang:{each}" for each in tried] if CLANG_CL else tried
                self.answers[flag] = self.compiles("int main(void) { return 0; }", tried, [])
            if self.answers.get(flag, True):
                kept.append(flag)
        return kept

    def compiles(self, program: str, flags: list[str], links: list[str]) -> bool:
        """Whether a small program compiles and links with these flags."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text(program)
            try:
                objects = self.compiler.compile([str(source)], folder, extra_postargs=flags)
                self.compiler.link_executable(
                    objects, str(Path(folder) / "probe"), extra_postargs=links
                )
            except Exception:
                return False
            return True


# The processes of cythonize may import this file.
if __name__ == "__main__":
    os.chdir(ROOT)
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildLoops})
