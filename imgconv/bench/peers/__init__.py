"""How each library does the same work: one module for each, and what they share in `base`."""

from collections.abc import Sequence

from imgconv.bench.peers.base import Peer, PreparedCall, UnequalWorkError
from imgconv.bench.peers.definition import Definition
from imgconv.bench.peers.diplib import DIPlib
from imgconv.bench.peers.imgconv import Imgconv
from imgconv.bench.peers.mahotas import Mahotas
from imgconv.bench.peers.missing import Astropy, Silx
from imgconv.bench.peers.opencv import OpenCV
from imgconv.bench.peers.pytorch import PyTorch
from imgconv.bench.peers.pyvips import Vips
from imgconv.bench.peers.scikit_image import ScikitImage
from imgconv.bench.peers.scipy import SciPy, SciPySignal
from imgconv.bench.peers.simpleitk import SimpleITK
from imgconv.bench.peers.user import UserFunctions

__all__ = [
    "PEERS",
    "Astropy",
    "DIPlib",
    "Definition",
    "Imgconv",
    "Mahotas",
    "OpenCV",
    "Peer",
    "PreparedCall",
    "PyTorch",
    "SciPy",
    "SciPySignal",
    "ScikitImage",
    "Silx",
    "SimpleITK",
    "UnequalWorkError",
    "UserFunctions",
    "Vips",
    "installed",
]

PEERS: tuple[type[Peer], ...] = (
    OpenCV, SciPy, SciPySignal, ScikitImage, PyTorch, DIPlib, Astropy, Silx,
    Vips, Mahotas, SimpleITK,
)  # fmt: skip


def installed(kinds: Sequence[type[Peer]] = PEERS) -> tuple[list[Peer], list[str]]:
    """Return the peers that can be imported, and the names of those that cannot."""
    found, missing = [], []
    for peer in kinds:
        try:
            found.append(peer())
        except ImportError:
            missing.append(peer.name)
    return found, missing
