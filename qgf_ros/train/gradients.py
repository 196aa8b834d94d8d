"""Forward and backward through `Layers` as plain tensor operations: training's hot path, without autograd.

The same function as `Layers` computes, and the gradient that autograd would give (test/train/test_gradients.py), in less time: the
observation's, action's and time's rows of the first kernel are one product here, GELU costs one sigmoid and keeps it for the way back,
and gradients are written where the optimiser reads them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qgf_ros.layers import LAYER_NORM_EPS, Dense, Layers, Norm

# tanh-GELU(n) = n sigmoid(n (A + B n^2))
_A = 2.0 * math.sqrt(2.0 / math.pi)
_B = 0.044715 * _A


@dataclass(frozen=True)
class Hidden:
    """What the way back needs of one hidden layer of one member; all (B, ...).

    `inputs` of the Dense, its output `sums`, `normal` after the Norm (the same tensor as `sums` where there is none) with the `moments`
    (mean, reciprocal deviation) that it used, and `gate` = sigmoid in GELU's formula.
    """

    inputs: Tensor
    sums: Tensor
    normal: Tensor
    moments: tuple[Tensor, Tensor] | None
    gate: Tensor
    output: Tensor


@dataclass(frozen=True)
class Forward:
    """One evaluation: `output` (B, out), or (E, B, out) of an ensemble, a leaf that a loss may be differentiated to."""

    layers: Layers
    output: Tensor
    members: tuple[tuple[Hidden, ...], ...]


@torch.no_grad()
def forward(layers: Layers, inputs: Tensor) -> Forward:
    """Evaluate `layers` at `inputs` (B, in), the first Dense included; all members of an ensemble at the same inputs."""
    members = _members(layers)
    kept = tuple(_through_hidden(layers, member, inputs) for member in members)
    outputs = [
        torch.addmm(_of(layers.out.bias, member), hidden[-1].output, _of(layers.out.kernel, member))
        for member, hidden in zip(members, kept, strict=True)
    ]
    output = outputs[0] if members == [None] else torch.stack(outputs)
    return Forward(layers, output.requires_grad_(), kept)


@torch.no_grad()
def backward(done: Forward, gradient: Tensor) -> None:
    """Write into every parameter's `grad` (which must be there) the gradient of a loss whose gradient to `done.output` is given."""
    for index, member in enumerate(_members(done.layers)):
        _back_through(done.layers, member, done.members[index], _of(gradient, member))


def _members(layers: Layers) -> list[int] | list[None]:
    stacked = layers.first.kernel.dim() == 3
    return list(range(layers.first.kernel.shape[0])) if stacked else [None]


def _of(stacked: Tensor, member: int | None) -> Tensor:
    return stacked if member is None else stacked[member]


def _through_hidden(layers: Layers, member: int | None, inputs: Tensor) -> tuple[Hidden, ...]:
    norms, kept, x = layers.norms, [], inputs
    for index, dense in enumerate(layers.dense):
        norm = norms[index] if index < len(norms) else None
        kept.append(_through_layer(dense, norm, member, x))
        x = kept[-1].output
    return tuple(kept)


def _through_layer(dense: Dense, norm: Norm | None, member: int | None, x: Tensor) -> Hidden:
    sums = torch.addmm(_of(dense.bias, member), x, _of(dense.kernel, member))
    normal, moments = sums, None
    if norm is not None:
        scale, bias = _of(norm.scale, member), _of(norm.bias, member)
        normal, *found = torch.native_layer_norm(sums, sums.shape[-1:], scale, bias, LAYER_NORM_EPS)
        moments = (found[0], found[1])
    gate = torch.addcmul(_constant(_A, normal), normal, normal, value=_B).mul_(normal).sigmoid_()
    return Hidden(x, sums, normal, moments, gate, normal * gate)


def _back_through(layers: Layers, member: int | None, kept: tuple[Hidden, ...], gradient: Tensor) -> None:
    norms = layers.norms
    d_output = _back_through_dense(layers.out, member, kept[-1].output, gradient)
    for index in reversed(range(len(kept))):
        hidden = kept[index]
        d_sums = _gelu_slope(hidden).mul_(d_output)
        if hidden.moments is not None:
            d_sums = _back_through_norm(norms[index], member, hidden, hidden.moments, d_sums)
        is_first = index == 0
        d_output = _back_through_dense(
            layers.dense[index], member, hidden.inputs, d_sums, goes_on=not is_first
        )


def _gelu_slope(hidden: Hidden) -> Tensor:
    """d GELU(n) / d n = gate + output (1 - gate) (A + 3 B n^2)."""
    normal, one = hidden.normal, _constant(1.0, hidden.normal)
    slope = torch.addcmul(_constant(_A, normal), normal, normal, value=3.0 * _B).mul_(hidden.output)
    return slope.lerp_(one, hidden.gate)  # slope + gate (1 - slope)


def _constant(value: float, like: Tensor) -> Tensor:
    return torch.tensor(value, dtype=like.dtype, device=like.device)


def _back_through_norm(
    norm: Norm, member: int | None, hidden: Hidden, moments: tuple[Tensor, Tensor], gradient: Tensor
) -> Tensor:
    scale, bias = _of(norm.scale, member), _of(norm.bias, member)
    width = list(hidden.sums.shape[-1:])
    d_sums, d_scale, d_bias = torch.ops.aten.native_layer_norm_backward(
        gradient, hidden.sums, width, *moments, scale, bias, [True, True, True]
    )
    _grad(norm.scale, member).copy_(d_scale)
    _grad(norm.bias, member).copy_(d_bias)
    result: Tensor = d_sums
    return result


def _back_through_dense(
    dense: Dense, member: int | None, inputs: Tensor, gradient: Tensor, *, goes_on: bool = True
) -> Tensor:
    """Write the Dense's gradients; return the gradient to its inputs, or what came in where nothing goes on."""
    torch.mm(inputs.t(), gradient, out=_grad(dense.kernel, member))
    torch.sum(gradient, dim=0, out=_grad(dense.bias, member))
    return gradient @ _of(dense.kernel, member).t() if goes_on else gradient


def _grad(parameter: nn.Parameter, member: int | None) -> Tensor:
    assert parameter.grad is not None, "gradients are allocated once, before training"
    return _of(parameter.grad, member)


def in_one_piece(parameters: list[nn.Parameter]) -> nn.Parameter:
    """Return a flat parameter (P,) with a gradient; `parameters` and their gradients become views into it.

    One optimiser step then is a few operations, not a few for each of many small tensors.
    """
    whole = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in parameters]))
    whole.grad = torch.zeros_like(whole)
    start = 0
    for parameter in parameters:
        end = start + parameter.numel()
        parameter.data = whole.data[start:end].view(parameter.shape)
        parameter.grad = whole.grad[start:end].view(parameter.shape)
        start = end
    return whole
