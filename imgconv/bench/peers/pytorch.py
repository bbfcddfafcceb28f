"""PyTorch."""

from __future__ import annotations

import numpy as np

from imgconv.bench.peers.base import MANY, Array, DType, Peer, PreparedCall, kernel_of, taps_of


class PyTorch(Peer):
    """torch.nn.functional on the array itself; it does not have this border and pads with zeros."""

    name, module, package = "PyTorch", "torch", "torch"

    def describe(self) -> str:
        return f"{super().describe()} ({self.library.backends.cpu.get_cpu_capability()})"

    def set_threads(self, count: int) -> None:
        self.library.set_num_threads(count)

    def correlate(self, image: Array, result: DType, size: int) -> PreparedCall | None:
        return self._convolutions(image, result, [kernel_of(size)])

    def gaussian(self, image: Array, result: DType, sigma: float) -> PreparedCall | None:
        taps = taps_of(sigma)
        return self._convolutions(image, result, [taps[:, None], taps[None, :]])

    def _convolutions(
        self, image: Array, result: DType, kernels: list[Array]
    ) -> PreparedCall | None:
        if image.dtype.kind != "f" or image.dtype != result or image.ndim != 2:
            return None
        torch = self.library
        source = torch.from_numpy(image)[None, None]
        weights = [torch.from_numpy(kernel.astype(result))[None, None] for kernel in kernels]
        # oneDNN computes float32 only, and several times as fast as what float64 is left with.
        many = MANY if image.dtype == np.float64 else 4 * MANY
        slow = image.size * sum(kernel.size for kernel in kernels) > many

        def run(out: Array | None) -> Array:
            with torch.inference_mode():
                filtered = source
                for weight in weights:
                    filtered = torch.nn.functional.conv2d(filtered, weight, padding="same")
                pixels: Array = filtered[0, 0].numpy()
                return pixels

        return PreparedCall(run, "zero border", fills_out=False, same_border=False, slow=slow)

    def pool(
        self, image: Array, result: DType, how: str, size: int, stride: int
    ) -> PreparedCall | None:
        if image.ndim != 2 or (how == "mean" and image.dtype.kind != "f"):
            return None
        torch = self.library
        source = torch.from_numpy(image)[None]
        apply = getattr(torch.nn.functional, {"max": "max_pool2d", "mean": "avg_pool2d"}[how])

        def run(out: Array | None) -> Array:
            with torch.inference_mode():
                pooled: Array = apply(source, size, stride)[0].numpy()
                return pooled

        return PreparedCall(run, fills_out=False)
