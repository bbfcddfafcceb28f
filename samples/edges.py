"""Find the edges of a photo, and time that beside the other libraries that are installed.

python samples/edges.py [PHOTO [FOLDER]]
"""

import sys
from pathlib import Path

import numpy as np

import imgconv
from imgconv import io
from imgconv.bench import measure, peers, report

ROOT = Path(__file__).resolve().parent.parent


def main(photo: Path = ROOT / "samples" / "coffee.png", folder: Path = ROOT / "demo") -> None:
    image = io.read(photo).grey().astype(np.float32)
    edges = imgconv.sobel(image)
    result = folder / f"{photo.stem}-edges.png"
    io.write(result, io.Picture(io.stretch(edges, signed=False, dtype=np.uint8)))

    height, width = image.shape
    threads = imgconv.get_num_threads()
    print(f"Sobel edges of {photo.name}, {width} x {height}, float32")
    calls = {}
    for peer in (peers.Imgconv(), *peers.installed()[0]):
        peer.set_threads(threads)
        call = peer.prepare("sobel_magnitude", image, image.dtype, ())
        if call:
            calls[peer.name] = lambda run=call.run: run(None)
    timings = measure.interleave(calls, budget=2.0, pause=1e-3)
    ours = timings["imgconv"].median
    for name, timing in timings.items():
        verdict = (
            f"   imgconv is {report.verdict(timing.median / ours)}" if name != "imgconv" else ""
        )
        print(f"{name:14}{report.duration(timing.median):>8}{verdict}")
    used = report.counted(threads, "thread")
    print(f"medians in one process, in turn; {used} where a library can")
    print(f"\nThe edges are in {result}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
