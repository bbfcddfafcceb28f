"""A call or two of every function of `imgconv.nn`."""

import numpy as np


def calls(name, rng, dtype):
    """Return calls of a function: its arrays and its other arguments."""

    def x(*shape):
        return rng.standard_normal(shape).astype(dtype)

    images, share = x(2, 4, 6, 8), rng.uniform(0.1, 0.9, (2, 3, 5)).astype(dtype)
    losses = [((x(2, 3, 5), x(2, 3, 5)), {})]
    table = {
        "adaptive_avg_pool2d": [((images, (2, 3)), {})],
        "adaptive_max_pool2d": [((images, (4, 3)), {})],
        "avg_pool2d": [
            ((images, 3), {"padding": 1}),
            ((images[0], 2), {"divisor_override": 3}),
        ],
        "batch_norm": [
            ((images, None, None, x(4), x(4)), {"training": True}),
            ((images, x(4), share[0, 0, :4].copy(), x(4), None), {}),
        ],
        "binary_cross_entropy": [((share, share[::-1].copy()), {})],
        "channel_shuffle": [((images, 2), {})],
        "conv2d": [
            ((images, x(6, 4, 3, 3), x(6)), {"padding": 1}),
            ((images, x(4, 2, 2, 3)), {"groups": 2, "stride": 2}),
            ((images[0], x(3, 4, 1, 1), x(3)), {}),
            ((images, x(3, 4, 3, 3)), {"padding": 2, "padding_mode": "reflect"}),
            ((images, x(6, 4, 3, 3), x(6)), {"padding": 1, "winograd": True}),
            ((np.repeat(images, 4, 1), x(17, 16, 1, 1)), {"stride": 2}),
        ],
        "conv_transpose2d": [((images, x(4, 3, 3, 2), x(3)), {"stride": 2, "padding": 1})],
        "cross_entropy": [
            ((x(5, 7), rng.integers(0, 7, 5)), {}),
            ((x(5, 7), x(5, 7)), {"label_smoothing": 0.1}),
        ],
        "deform_conv2d": [
            ((images, x(2, 18, 4, 6), x(3, 4, 3, 3), x(3)), {"mask": x(2, 9, 4, 6)}),
            ((images, x(2, 18, 4, 6), x(3, 4, 3, 3)), {}),
        ],
        "dropout": [((images,), {"mask": images > 0})],
        "fold": [((x(2, 12, 20), (5, 6), 2), {})],
        "interpolate": [
            ((images, (9, 5)), {"mode": mode})
            for mode in ("nearest", "nearest-exact", "bilinear", "bicubic")
        ],
        "l1_loss": losses,
        "linear": [((x(5, 4), x(3, 4), x(3)), {})],
        "log_softmax": [((images, 1), {})],
        "lp_pool2d": [((images, 2, 2), {})],
        "max_pool2d": [((images, 3), {"stride": 2, "padding": 1})],
        "max_unpool2d": [((images[:, :, :3, :4], rng.permutation(48)[:12].reshape(3, 4)
                           + np.zeros((2, 4, 1, 1), np.int64), 2), {})],
        "mse_loss": losses,
        "pad": [((images, (1, 2, 0, 1)), {"mode": mode}) for mode in ("constant", "reflect")],
        "pixel_shuffle": [((images, 2), {})],
        "pixel_unshuffle": [((images, 2), {})],
        "prelu": [((images, x(4)), {})],
        "smooth_l1_loss": losses,
        "softmax": [((images, -1), {})],
        "unfold": [((images, (2, 3)), {"padding": 1})],
    }  # fmt: skip
    return table.get(name, [((images,), {})])
