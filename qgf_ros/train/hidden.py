"""What follows a Dense in a hidden layer, Norm and tanh-GELU, forward and backward: in PyTorch, or in one compiled pass on a CPU.

The compiled pass (native/fused.cpp) reads and writes memory once where PyTorch does so five times; `make setup` builds it where there is
a compiler, and without it training is the same but slower.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from qgf_ros.layers import LAYER_NORM_EPS

# tanh-GELU(n) = n sigmoid(n (A + B n^2))
_A = 2.0 * math.sqrt(2.0 / math.pi)
_B = 0.044715 * _A
LIBRARY = Path(__file__).resolve().parent / "native" / "fused"


@dataclass(frozen=True)
class Affine:
    """Scale and shift (W,) of a Norm, or (M, W) of M members, or their gradients."""

    scale: Tensor
    shift: Tensor


@dataclass(frozen=True)
class Hidden:
    """One hidden layer's evaluation: the Dense's output `sums` and the layer's `output` (B, W), and what the way back needs:
    mean and reciprocal deviation (B, 1) of each row where there is a Norm, and what else the implementation keeps."""

    sums: Tensor
    output: Tensor
    moments: tuple[Tensor, Tensor] | None
    kept: tuple[Tensor, ...] = ()


class Activation(Protocol):
    """Norm (where `norm` is given) and GELU. Callers have switched autograd off. `takes_members`: (M, B, W) will do, for M members at once."""

    takes_members: bool

    def forward(self, sums: Tensor, norm: Affine | None) -> Hidden:
        """The evaluation at the Dense's output (B, W)."""
        ...

    def backward(
        self, hidden: Hidden, norm: Affine | None, d_output: Tensor, d_norm: Affine | None, d_bias: Tensor
    ) -> Tensor:
        """The gradient to `sums`; writes those of the Norm, and into `d_bias` (W,) that of the Dense's bias."""
        ...


class PlainActivation:
    """In PyTorch operations, on any device, for all members at once: few large operations, as a GPU wants them."""

    takes_members = True

    def forward(self, sums: Tensor, norm: Affine | None) -> Hidden:
        """See `Activation.forward`."""
        normal, moments = sums, None
        if norm is not None:
            normal, mean, inverse = torch.native_layer_norm(sums, sums.shape[-1:], None, None, LAYER_NORM_EPS)
            normal = torch.addcmul(norm.shift.unsqueeze(-2), normal, norm.scale.unsqueeze(-2))
            moments = (mean, inverse)
        gate = torch.addcmul(_constant(_A, normal), normal, normal, value=_B).mul_(normal).sigmoid_()
        return Hidden(sums, normal * gate, moments, (normal, gate))

    def backward(
        self, hidden: Hidden, norm: Affine | None, d_output: Tensor, d_norm: Affine | None, d_bias: Tensor
    ) -> Tensor:
        """See `Activation.backward`. GELU's slope is gate + output (1 - gate) (A + 3 B n^2)."""
        normal, gate = hidden.kept
        slope = torch.addcmul(_constant(_A, normal), normal, normal, value=3.0 * _B).mul_(hidden.output)
        d_sums = slope.lerp_(_constant(1.0, normal), gate).mul_(d_output)  # lerp: slope + gate (1 - slope)
        if norm is not None and d_norm is not None and hidden.moments is not None:
            mean, inverse = hidden.moments
            torch.sum(d_sums, dim=-2, out=d_norm.shift)
            torch.sum((hidden.sums - mean).mul_(inverse).mul_(d_sums), dim=-2, out=d_norm.scale)
            d_sums, _, _ = torch.ops.aten.native_layer_norm_backward(
                d_sums * norm.scale.unsqueeze(-2),
                hidden.sums,
                list(hidden.sums.shape[-1:]),
                mean,
                inverse,
                None,
                None,
                [True, False, False],
            )
        torch.sum(d_sums, dim=-2, out=d_bias)
        return d_sums


class FusedActivation:
    """In one compiled pass, for float32 on the CPU, one member after the other: their layers stay in the cache."""

    takes_members = False

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def forward(self, sums: Tensor, norm: Affine | None) -> Hidden:
        """See `Activation.forward`."""
        rows, width = sums.shape
        output, mean, inverse = torch.empty_like(sums), sums.new_empty(rows, 1), sums.new_empty(rows, 1)
        affine = (0, 0) if norm is None else (norm.scale.data_ptr(), norm.shift.data_ptr())
        self._library.qgf_hidden_forward(
            sums.data_ptr(),
            *affine,
            output.data_ptr(),
            mean.data_ptr(),
            inverse.data_ptr(),
            rows,
            width,
            LAYER_NORM_EPS,
        )
        return Hidden(sums, output, (mean, inverse))

    def backward(
        self, hidden: Hidden, norm: Affine | None, d_output: Tensor, d_norm: Affine | None, d_bias: Tensor
    ) -> Tensor:
        """See `Activation.backward`."""
        rows, width = hidden.sums.shape
        assert hidden.moments is not None
        mean, inverse = hidden.moments
        d_output, d_sums = d_output.contiguous(), torch.empty_like(hidden.sums)
        affine = (0, 0) if norm is None else (norm.scale.data_ptr(), norm.shift.data_ptr())
        d_affine = (0, 0) if d_norm is None else (d_norm.scale.data_ptr(), d_norm.shift.data_ptr())
        self._library.qgf_hidden_backward(
            hidden.sums.data_ptr(),
            *affine,
            mean.data_ptr(),
            inverse.data_ptr(),
            d_output.data_ptr(),
            d_sums.data_ptr(),
            *d_affine,
            d_bias.data_ptr(),
            rows,
            width,
        )
        return d_sums


def activation_for(sample: Tensor) -> Activation:
    """The fastest implementation for tensors like `sample`."""
    library = fused_library()
    usable = library is not None and sample.device.type == "cpu" and sample.dtype is torch.float32
    return FusedActivation(library) if usable and library is not None else PlainActivation()


@cache
def fused_library() -> ctypes.CDLL | None:
    """The compiled pass, its functions declared; None where it was not built or cannot be loaded."""
    for path in (LIBRARY.with_name(LIBRARY.name + suffix) for suffix in EXTENSION_SUFFIXES):
        if not path.is_file():
            continue
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            return None
        pointer, integer = ctypes.c_void_p, ctypes.c_int
        library.qgf_hidden_forward.argtypes = [pointer] * 6 + [integer] * 2 + [ctypes.c_float]
        library.qgf_hidden_backward.argtypes = [pointer] * 10 + [integer] * 2
        library.qgf_hidden_forward.restype = library.qgf_hidden_backward.restype = None
        return library
    return None


def _constant(value: float, like: Tensor) -> Tensor:
    return torch.tensor(value, dtype=like.dtype, device=like.device)
