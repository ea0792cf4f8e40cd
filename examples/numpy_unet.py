"""A small U-Net in plain numpy, forward and backward: for machines without PyTorch.

Two levels: 3x3 convolutions (as matrix products over patches), ReLU, 2x2 max-pooling, nearest
up-sampling, a skip connection, Adam. Images are (N, C, H, W) with even sides.
"""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

Array = NDArray[numpy.float32]


def patches(x: Array) -> Array:
    """The 3x3 neighbourhood of every pixel: (N, H, W, C * 9), zeros outside."""
    n, c, h, w = x.shape
    padded = numpy.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = numpy.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * 9)


def from_patches(columns: Array, channels: int) -> Array:
    """The transpose of patches(): sums each neighbourhood's values back onto its pixels."""
    n, h, w, _ = columns.shape
    parts = columns.reshape(n, h, w, channels, 3, 3)
    padded = numpy.zeros((n, channels, h + 2, w + 2), numpy.float32)
    for dy in range(3):
        for dx in range(3):
            padded[:, :, dy : dy + h, dx : dx + w] += parts[..., dy, dx].transpose(0, 3, 1, 2)
    return padded[:, :, 1:-1, 1:-1]


class Conv:
    """A 3x3 convolution that keeps the size, with Adam's moments beside its weights."""

    def __init__(self, inputs: int, outputs: int, random: numpy.random.Generator) -> None:
        scale = numpy.sqrt(2.0 / (inputs * 9))
        self.inputs = inputs
        self.weights = (random.standard_normal((inputs * 9, outputs)) * scale).astype("f4")
        self.bias = numpy.zeros(outputs, numpy.float32)
        self.gradients = [numpy.zeros_like(self.weights), numpy.zeros_like(self.bias)]
        self.moments = [(numpy.zeros_like(p), numpy.zeros_like(p)) for p in self.parameters]

    @property
    def parameters(self) -> list[Array]:
        return [self.weights, self.bias]

    def forward(self, x: Array) -> Array:
        self.columns = patches(x)
        outputs: Array = (self.columns @ self.weights + self.bias).transpose(0, 3, 1, 2)
        return outputs

    def backward(self, gradient: Array) -> Array:
        rows = gradient.transpose(0, 2, 3, 1)
        flat = rows.reshape(-1, rows.shape[-1])
        self.gradients = [
            self.columns.reshape(-1, self.columns.shape[-1]).T @ flat,
            flat.sum(axis=0),
        ]
        return from_patches(rows @ self.weights.T, self.inputs)

    def step(self, rate: float, time: int) -> None:
        for value, gradient, (first, second) in zip(self.parameters, self.gradients, self.moments):
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient * gradient - second)
            unbiased = first / (1 - 0.9**time)
            value -= rate * unbiased / (numpy.sqrt(second / (1 - 0.999**time)) + 1e-8)


class UNet:
    """(N, C, H, W) in, one logit a class and pixel out: (N, K, H, W)."""

    def __init__(self, channels: int, classes: int, width: int = 8, seed: int = 0) -> None:
        random = numpy.random.default_rng(seed)
        self.down = Conv(channels, width, random)
        self.bottom = Conv(width, 2 * width, random)
        self.up = Conv(3 * width, width, random)
        self.head = Conv(width, classes, random)
        self.time = 0

    def forward(self, x: Array) -> Array:
        self.skip = numpy.maximum(self.down.forward(x), 0)
        n, c, h, w = self.skip.shape
        cells = self.skip.reshape(n, c, h // 2, 2, w // 2, 2)
        pooled = cells.max(axis=(3, 5))
        self.is_max = cells == pooled[:, :, :, None, :, None]
        self.deep = numpy.maximum(self.bottom.forward(pooled), 0)
        grown = self.deep.repeat(2, axis=2).repeat(2, axis=3)
        self.joined = numpy.maximum(self.up.forward(numpy.concatenate([self.skip, grown], 1)), 0)
        return self.head.forward(self.joined)

    def backward(self, gradient: Array) -> None:
        gradient = self.up.backward(self.head.backward(gradient) * (self.joined > 0))
        width = self.skip.shape[1]
        to_skip, to_grown = gradient[:, :width], gradient[:, width:]
        n, c, h, w = to_grown.shape
        to_deep = to_grown.reshape(n, c, h // 2, 2, w // 2, 2).sum(axis=(3, 5)) * (self.deep > 0)
        to_pooled = self.bottom.backward(to_deep)
        shared = self.is_max / self.is_max.sum(axis=(3, 5), keepdims=True)
        to_skip = to_skip + (shared * to_pooled[:, :, :, None, :, None]).reshape(to_skip.shape)
        self.down.backward((to_skip * (self.skip > 0)).astype(numpy.float32))

    def train_step(self, image: Array, target: Array, known: Array, rate: float = 3e-3) -> float:
        """One step of Adam on binary cross-entropy; returns the loss before it.

        ``target`` (N, K, H, W) of 0 and 1; ``known`` (N, K): channels of unknown classes count
        nothing.
        """
        logits = self.forward(image)
        weight = numpy.broadcast_to(known[:, :, None, None], logits.shape)
        total = max(float(weight.sum()), 1.0)
        loss = numpy.maximum(logits, 0) - logits * target + numpy.log1p(numpy.exp(-abs(logits)))
        probability = 1 / (1 + numpy.exp(-logits))
        self.backward(((probability - target) * weight / total).astype(numpy.float32))
        self.time += 1
        for layer in (self.down, self.bottom, self.up, self.head):
            layer.step(rate, self.time)
        return float((loss * weight).sum() / total)
