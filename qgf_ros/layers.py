"""Layers shared by all networks, for one network or for an ensemble computed in one batched product."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

LAYER_NORM_EPS = 1e-6
TIME_EMBEDDING_DIM = 16
TIME_SCALE = 10_000.0
# A normal distribution cut at two standard deviations keeps this share of its standard deviation.
_TRUNCATION_SHRINK = 0.87962566103423978

Initialiser = Callable[[Tensor, torch.Generator], None]


def xavier_uniform(kernel: Tensor, generator: torch.Generator) -> None:
    """Fill `kernel` (..., in, out) with U(-l, l), l = sqrt(6 / (in + out)), each member on its own."""
    limit = math.sqrt(6.0 / (kernel.shape[-2] + kernel.shape[-1]))
    nn.init.uniform_(kernel, -limit, limit, generator=generator)


def lecun_normal(kernel: Tensor, generator: torch.Generator) -> None:
    """Fill `kernel` (..., in, out) from a normal of variance 1 / in, cut at two uncut deviations."""
    std = math.sqrt(1.0 / kernel.shape[-2]) / _TRUNCATION_SHRINK
    nn.init.trunc_normal_(kernel, 0.0, std, -2.0 * std, 2.0 * std, generator=generator)


class TimeEmbedding(nn.Module):
    """emb(t) = [cos(w_0..w_7), sin(w_0..w_7)], w_i = 10000 t * 10000^(-i/8). Equation (1).

    Angles reach 10000 rad, so they are computed in float32 whatever the dtype of `time`, as in the reference:
    float64 frequencies shift the embedding by 2e-4. Do not cast this module below float32.
    """

    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        half = TIME_EMBEDDING_DIM // 2
        exponents = torch.arange(half, dtype=torch.float32) / half
        self.register_buffer("frequencies", torch.exp(-math.log(TIME_SCALE) * exponents), persistent=False)

    def forward(self, time: Tensor) -> Tensor:
        """Return the float32 embedding (..., 16) of `time` (...) in [0, 1]."""
        angles = (TIME_SCALE * time.float()).unsqueeze(-1) * self.frequencies.float()
        return torch.cat([angles.cos(), angles.sin()], dim=-1)


class Dense(nn.Module):
    """y = x @ kernel + bias, with kernel (in, out), or (E, in, out) for `members` = E independent layers."""

    def __init__(self, inputs: int, outputs: int, members: int | None) -> None:
        super().__init__()
        ensemble = () if members is None else (members,)
        self.kernel = nn.Parameter(torch.zeros(*ensemble, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(*ensemble, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return y (B, out) from x (B, in), or (E, B, out) from (E, B, in)."""
        return affine(x, self.kernel, self.bias.unsqueeze(-2))


class Norm(nn.Module):
    """Layer normalisation over the last axis (biased variance), then scale and bias for each member."""

    def __init__(self, width: int, members: int | None) -> None:
        super().__init__()
        ensemble = () if members is None else (members,)
        self.scale = nn.Parameter(torch.ones(*ensemble, width))
        self.bias = nn.Parameter(torch.zeros(*ensemble, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised x, same shape."""
        width = (x.shape[-1],)
        if self.scale.dim() == 1:
            return functional.layer_norm(x, width, self.scale, self.bias, LAYER_NORM_EPS)
        normal = functional.layer_norm(x, width, None, None, LAYER_NORM_EPS)
        return torch.addcmul(self.bias.unsqueeze(-2), normal, self.scale.unsqueeze(-2))


class Layers(nn.Module):
    """Dense -> Norm -> GELU (tanh form) for each hidden width, then a linear head.

    `normalised` counts the leading hidden layers that have a Norm; the others go straight from Dense to GELU.
    The first Dense is not applied here but by the network, which may compute the part of it that belongs to
    the observation only once.
    """

    def __init__(
        self, inputs: int, hidden: Sequence[int], outputs: int, *, normalised: int, members: int | None = None
    ) -> None:
        super().__init__()
        widths = [inputs, *hidden]
        self.hidden = nn.ModuleList(Dense(i, o, members) for i, o in pairwise(widths))
        self.norm = nn.ModuleList(Norm(width, members) for width in hidden[:normalised])
        self.out = Dense(widths[-1], outputs, members)

    def initialise(self, head: Initialiser, generator: torch.Generator) -> None:
        """Draw every kernel (hidden: Xavier uniform; output: `head`), zero the biases, reset the norms."""
        with torch.no_grad():
            for dense in self.dense:
                xavier_uniform(dense.kernel, generator)
                dense.bias.zero_()
            for norm in self.norms:
                norm.scale.fill_(1.0)
                norm.bias.zero_()
            head(self.out.kernel, generator)
            self.out.bias.zero_()

    def forward(self, first: Tensor) -> Tensor:
        """Return the head's output (..., B, outputs) from `first` (..., B, hidden[0]), the first Dense's."""
        y = first
        norms = self.norms
        for index, dense in enumerate(self.dense):
            y = dense(y) if index > 0 else y
            y = norms[index](y) if index < len(norms) else y
            y = functional.gelu(y, approximate="tanh")
        result: Tensor = self.out(y)
        return result

    @property
    def first(self) -> Dense:
        """The first Dense layer."""
        return self.dense[0]

    @property
    def dense(self) -> list[Dense]:
        """The hidden Dense layers, the first one included."""
        return cast(list[Dense], list(self.hidden))

    @property
    def norms(self) -> list[Norm]:
        """The Norms of the leading hidden layers."""
        return cast(list[Norm], list(self.norm))


def affine(x: Tensor, kernel: Tensor, offset: Tensor) -> Tensor:
    """Return x @ kernel + offset: x (B, in), kernel (in, out), or x (E, B, in), kernel (E, in, out)."""
    if kernel.dim() == 2:
        return torch.addmm(offset, x, kernel)
    return torch.baddbmm(offset, x, kernel)
