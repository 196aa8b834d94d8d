"""Forward and backward through `Layers` as plain tensor operations: training's hot path, without autograd.

The same function as `Layers` computes, and the gradient that autograd would give (test/train/test_gradients.py), in less time: the
observation's, action's and time's rows of the first kernel are one product here, what follows a Dense is one pass (hidden.py), and
gradients are written where the optimiser reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qgf_ros.layers import Dense, Layers, Norm, affine
from qgf_ros.train.hidden import Activation, Affine, Hidden, activation_for


@dataclass(frozen=True)
class Forward:
    """One evaluation: `output` (B, out), or (M, B, out) of M members, a leaf that a loss may be differentiated to.

    `inputs`, and the hidden layers of each member or of all at once, are kept for the way back.
    """

    layers: Layers
    inputs: Tensor
    output: Tensor
    members: tuple[tuple[Hidden, ...], ...]
    activation: Activation


@torch.no_grad()
def forward(layers: Layers, inputs: Tensor, activation: Activation | None = None) -> Forward:
    """Evaluate `layers` at `inputs` (B, in), the first Dense included; all members of an ensemble at the same inputs.

    At `inputs` (S, B, in) of S runs member m is evaluated at those of run m modulo S.
    """
    chosen = activation or activation_for(inputs)
    parts = _parts(layers, chosen)
    hidden = tuple(_through_hidden(layers, part, _seen_by(inputs, layers, part), chosen) for part in parts)
    outputs = [_dense(layers.out, part, kept[-1].output) for part, kept in zip(parts, hidden, strict=True)]
    output = outputs[0] if parts == [None] else torch.stack(outputs)
    return Forward(layers, inputs, output.requires_grad_(), hidden, chosen)


@torch.no_grad()
def backward(done: Forward, gradient: Tensor) -> None:
    """Write into every parameter's `grad` (which must be there) the gradient of a loss whose gradient to `done.output` is given."""
    for index, part in enumerate(_parts(done.layers, done.activation)):
        _back_through(done, done.members[index], part, _of(gradient, part))


def _parts(layers: Layers, activation: Activation) -> list[int] | list[None]:
    """What is computed one after the other: each member, or all that there is at once (None)."""
    is_stacked = layers.first.kernel.dim() == 3 and not activation.takes_members
    return list(range(layers.first.kernel.shape[0])) if is_stacked else [None]


def _seen_by(inputs: Tensor, layers: Layers, part: int | None) -> Tensor:
    """The inputs of one member, or of all."""
    if part is not None:
        return inputs if inputs.dim() == 2 else inputs[part % len(inputs)]
    if layers.first.kernel.dim() == 2:
        return inputs
    members = layers.first.kernel.shape[0]
    return (
        inputs.expand(members, -1, -1) if inputs.dim() == 2 else inputs.repeat(members // len(inputs), 1, 1)
    )


def _of(stacked: Tensor, part: int | None) -> Tensor:
    return stacked if part is None else stacked[part]


def _dense(dense: Dense, part: int | None, x: Tensor) -> Tensor:
    return affine(x, _of(dense.kernel, part), _of(dense.bias, part).unsqueeze(-2))


def _through_hidden(
    layers: Layers, part: int | None, inputs: Tensor, activation: Activation
) -> tuple[Hidden, ...]:
    norms, kept, x = layers.norms, [], inputs
    for index, dense in enumerate(layers.dense):
        norm = _affine(norms[index], part) if index < len(norms) else None
        kept.append(activation.forward(_dense(dense, part, x), norm))
        x = kept[-1].output
    return tuple(kept)


def _back_through(done: Forward, hidden: tuple[Hidden, ...], part: int | None, gradient: Tensor) -> None:
    layers = done.layers
    norms, dense = layers.norms, layers.dense
    torch.matmul(hidden[-1].output.mT, gradient, out=_grad(layers.out.kernel, part))
    torch.sum(gradient, dim=-2, out=_grad(layers.out.bias, part))
    d_output = gradient @ _of(layers.out.kernel, part).mT
    for index in reversed(range(len(hidden))):
        norm, d_norm = None, None
        if index < len(norms):
            norm, d_norm = _affine(norms[index], part), _affine_grad(norms[index], part)
        d_bias = _grad(dense[index].bias, part)
        d_sums = done.activation.backward(hidden[index], norm, d_output, d_norm, d_bias)
        inputs = hidden[index - 1].output if index > 0 else _seen_by(done.inputs, layers, part)
        torch.matmul(inputs.mT, d_sums, out=_grad(dense[index].kernel, part))
        if index > 0:
            d_output = d_sums @ _of(dense[index].kernel, part).mT


def _affine(norm: Norm, part: int | None) -> Affine:
    return Affine(_of(norm.scale, part), _of(norm.bias, part))


def _affine_grad(norm: Norm, part: int | None) -> Affine:
    return Affine(_grad(norm.scale, part), _grad(norm.bias, part))


def _grad(parameter: nn.Parameter, part: int | None) -> Tensor:
    assert parameter.grad is not None, "gradients are allocated once, before training"
    return _of(parameter.grad, part)


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
