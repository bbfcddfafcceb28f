"""Train a network of LeNet's shape on handwritten digits, and draw what it has learned.

The digits are scikit-learn's, 1797 images of 8x8 pixels, here enlarged to 32x32; a fifth of them is
kept back to see how well the network reads what it has not learned from. The others are learned
where they are and moved by a few pixels.

python samples/digits.py [FOLDER [EPOCHS]]
"""

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgconv import nn
from imgconv.nn import layers, train

ROOT = Path(__file__).resolve().parent.parent
SIZE = 32


def network(rng: np.random.Generator) -> layers.Sequential:
    """Two stages of convolution and pooling, then three linear layers; 81,194 numbers to learn."""
    return layers.Sequential(
        layers.Conv2d(1, 6, 3, rng=rng),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Conv2d(6, 16, 3, rng=rng),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Flatten(),
        layers.Linear(16 * 6 * 6, 120, rng=rng),
        layers.ReLU(),
        layers.Linear(120, 84, rng=rng),
        layers.ReLU(),
        layers.Linear(84, 10, rng=rng),
    )


def digits(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images (N, 1, 32, 32) from -1 to 1 in random order, and the digits that they show."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = rng.permutation(len(data.images))
    small = (data.images[order, None] / 8 - 1).astype(np.float32)
    return nn.interpolate(small, size=(SIZE, SIZE), mode="bilinear"), data.target[order]


def moved(images: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Each image moved by up to 3 pixels along both axes."""
    steps = rng.integers(-3, 4, (len(images), 2)).tolist()
    return np.stack([np.roll(i, step, (1, 2)) for i, step in zip(images, steps, strict=True)])


def learn(
    images: NDArray[np.float32],
    targets: NDArray[np.int64],
    epochs: int,
    rng: np.random.Generator,
) -> tuple[layers.Sequential, float]:
    """Train on four fifths; return the network, and the share of the rest that it reads."""
    kept = len(images) // 5
    net = network(rng)
    learned = images[kept:]
    optimizer = train.Adam(net.parameters(), lr=2e-3)
    train.fit(
        net,
        np.concatenate([learned, moved(learned, rng), moved(learned, rng)]),
        np.tile(targets[kept:], 3),
        optimizer,
        epochs=epochs,
        batch_size=32,
        schedule=train.ExponentialLR(optimizer, 0.8),
        validation=(images[:kept], targets[:kept]),
        rng=rng,
        watch=lambda e: print(f"epoch {e.number:2}  loss {e.loss:.3f}  unseen {e.validation:.3f}"),
    )
    read = train.predict(net, images[:kept]).argmax(axis=1)
    return net, float(np.mean(read == targets[:kept]))


def draw(net: layers.Sequential, image: NDArray[np.float32], path: Path) -> None:
    """Draw the first kernels, and what the stages make of an image."""
    from matplotlib import pyplot

    results = [image[None]]
    for layer in net.inside:
        results.append(layer(results[-1]))
    kernels = net[0].state()["weight"][:, 0]
    rows = [
        ("kernels 3x3", kernels, "RdBu"),
        ("after the first convolution and ReLU, 30x30", results[2][0], "gray"),
        ("after pooling, 15x15", results[3][0], "gray"),
        ("after the second convolution and ReLU, 13x13", results[5][0, :8], "gray"),
        ("", results[5][0, 8:], "gray"),
    ]
    figure = pyplot.figure(figsize=(9, 7.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(2, 7))
    shown, scores = left.subplots(2, 1)
    shown.imshow(image[0], cmap="gray")
    shown.set_title(f"{SIZE}x{SIZE} pixels", fontsize="medium")
    shown.axis("off")
    scores.barh(range(10), nn.softmax(results[-1][0], dim=0), color="0.3")
    scores.set(yticks=range(10), xlim=(0, 1), ylabel="digit", xlabel="probability")
    scores.invert_yaxis()
    for part, (title, maps, colours) in zip(right.subfigures(len(rows), 1), rows, strict=True):
        part.suptitle(title, fontsize="medium")
        highest = np.abs(maps).max()
        lowest = -highest if colours == "RdBu" else 0
        for cell in (cells := part.subplots(1, 8)):
            cell.axis("off")
        for cell, each in zip(cells, maps, strict=False):
            cell.imshow(each, cmap=colours, vmin=lowest, vmax=highest)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(folder: Path = ROOT / "demo", epochs: int = 8) -> None:
    rng = np.random.default_rng(1)
    images, targets = digits(rng)
    began = time.perf_counter()
    net, share = learn(images, targets, epochs, rng)
    print(f"reads {share:.1%} of the digits it has not seen, {time.perf_counter() - began:.0f} s")
    draw(net, images[0], folder / "digits.png")
    net.save(folder / "digits.npz")
    print(f"kernels and feature maps: {folder / 'digits.png'}; what was learned: digits.npz")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "demo", help="of the files")
    parser.add_argument("epochs", type=int, nargs="?", default=8, help="rounds through the digits")
    main(**vars(parser.parse_args()))
