"""Networks small enough for numpy: the one-step predictor and the critics as the detector asks them. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.errors import ShapeMismatch

Float32 = npt.NDArray[np.float32]
NORM_EPS = 1e-6  # as in layers.py
MOST_LOG_VARIANCE, LEAST_LOG_VARIANCE = 3.0, -8.0
PREDICTOR_LAYERS = 3


@dataclass(frozen=True)
class Predictor:
    """What the next observation is expected to be, and how surely: an MLP with GELU that gives a mean and a log variance.

    `kernels` (in, out) and `biases` (out,), first to last; its inputs are an observation, what we command later
    (both normalised), and how many steps later that is; its outputs, P means of the change and P log variances.
    """

    kernels: tuple[Float32, ...]
    biases: tuple[Float32, ...]

    def __call__(self, inputs: Float32) -> tuple[Float32, Float32]:
        """Mean (P,) of the change and its standard deviation (P,), in units of the normaliser."""
        y = inputs
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            y = gelu(y @ kernel + bias)
        mean, log_variance = np.split(y @ self.kernels[-1] + self.biases[-1], 2)
        return mean, np.exp(0.5 * np.clip(log_variance, LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE))

    def arrays(self) -> dict[str, Float32]:
        """By name, as `of` takes them."""
        kernels = {f"predictor.{place}.kernel": value for place, value in enumerate(self.kernels)}
        return kernels | {f"predictor.{place}.bias": value for place, value in enumerate(self.biases)}

    @classmethod
    def of(cls, arrays: Mapping[str, Float32]) -> Predictor:
        """From arrays by name. Raises KeyError where one is missing."""
        places = range(PREDICTOR_LAYERS)
        return cls(
            tuple(arrays[f"predictor.{place}.kernel"] for place in places),
            tuple(arrays[f"predictor.{place}.bias"] for place in places),
        )


@dataclass(frozen=True)
class Critics:
    """The target critics' E members, one row at a time: `networks.CriticEnsemble.q` in numpy. Weights by its names."""

    weights: Mapping[str, Float32]

    @property
    def inputs(self) -> int:
        """Length of what they take: observation and action vector."""
        return int(self.weights["layers.hidden.0.kernel"].shape[1])

    def check(self) -> None:
        """Checks that all weights are there and fit one another.

        Raises:
            KeyError: one is missing.
            ShapeMismatch: one has another shape than those before it ask for.
        """
        first = self.weights["layers.hidden.0.kernel"].shape
        if len(first) != 3 or 0 in first:
            raise ShapeMismatch("the critics' first kernel", first, "(critics, inputs, width)")
        members, before, _ = first
        expected: dict[str, tuple[int, ...]] = {}
        for layer in range(self._hidden):
            width = self.weights[f"layers.hidden.{layer}.bias"].size // members
            expected[f"layers.hidden.{layer}.kernel"] = (members, before, width)
            rows = (f"hidden.{layer}.bias", f"norm.{layer}.scale", f"norm.{layer}.bias")
            expected |= {f"layers.{name}": (members, width) for name in rows}
            before = width
        expected |= {"layers.out.kernel": (members, before, 1), "layers.out.bias": (members, 1)}
        for name, shape in expected.items():
            if self.weights[name].shape != shape:
                raise ShapeMismatch(f"the critics' {name}", self.weights[name].shape, str(shape))

    def __call__(self, observation: Float32, action: Float32) -> Float32:
        """Q_i(s, a) (E,) of a normalised observation (O,) and an action vector (D,) in [-1, 1]."""
        y = np.concatenate([observation, action])[None, None, :]
        for layer in range(self._hidden):
            y = y @ self.weights[f"layers.hidden.{layer}.kernel"]
            y = y + self.weights[f"layers.hidden.{layer}.bias"][:, None, :]
            scale, bias = (
                self.weights[f"layers.norm.{layer}.{name}"][:, None, :] for name in ("scale", "bias")
            )
            centred = y - y.mean(-1, keepdims=True)
            y = gelu(scale * centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + NORM_EPS) + bias)
        q = y @ self.weights["layers.out.kernel"] + self.weights["layers.out.bias"][:, None, :]
        return np.asarray(q[:, 0, 0], np.float32)

    @property
    def _hidden(self) -> int:
        return sum(name.startswith("layers.hidden.") and name.endswith("kernel") for name in self.weights)


def gelu(x: Float32) -> Float32:
    """GELU in its tanh form: equation (31)."""
    u = np.float32(np.sqrt(2.0 / np.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.asarray(0.5 * x * (1.0 + np.tanh(u)), np.float32)
