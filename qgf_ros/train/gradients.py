"""Forward and backward through `Layers` as plain tensor operations: training's hot path, without autograd.

The same function as `Layers` computes, and the gradient that autograd would give (test/train/test_gradients.py), in less time: the
observation's, action's and time's rows of the first kernel are one product here, what follows a Dense is one pass (hidden.py), and
gradients are written where the optimiser reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qgf_ros.layers import Dense, Layers, Norm
from qgf_ros.train.hidden import Activation, Affine, Hidden, activation_for


@dataclass(frozen=True)
class Forward:
    """One evaluation: `output` (B, out), or (E, B, out) of an ensemble, a leaf that a loss may be differentiated to.

    `inputs` (B, in), and each member's hidden layers, are kept for the way back.
    """

    layers: Layers
    inputs: Tensor
    output: Tensor
    members: tuple[tuple[Hidden, ...], ...]
    activation: Activation


@torch.no_grad()
def forward(layers: Layers, inputs: Tensor, activation: Activation | None = None) -> Forward:
    """Evaluate `layers` at `inputs` (B, in), the first Dense included; all members of an ensemble at the same inputs."""
    chosen, indices = activation or activation_for(inputs), _members(layers)
    members = tuple(_through_hidden(layers, member, inputs, chosen) for member in indices)
    outputs = [
        _dense(layers.out, member, hidden[-1].output) for member, hidden in zip(indices, members, strict=True)
    ]
    output = outputs[0] if indices == [None] else torch.stack(outputs)
    return Forward(layers, inputs, output.requires_grad_(), members, chosen)


@torch.no_grad()
def backward(done: Forward, gradient: Tensor) -> None:
    """Write into every parameter's `grad` (which must be there) the gradient of a loss whose gradient to `done.output` is given."""
    for index, member in enumerate(_members(done.layers)):
        _back_through(done, done.members[index], member, _of(gradient, member))


def _members(layers: Layers) -> list[int] | list[None]:
    stacked = layers.first.kernel.dim() == 3
    return list(range(layers.first.kernel.shape[0])) if stacked else [None]


def _of(stacked: Tensor, member: int | None) -> Tensor:
    return stacked if member is None else stacked[member]


def _dense(dense: Dense, member: int | None, x: Tensor) -> Tensor:
    return torch.addmm(_of(dense.bias, member), x, _of(dense.kernel, member))


def _through_hidden(
    layers: Layers, member: int | None, inputs: Tensor, activation: Activation
) -> tuple[Hidden, ...]:
    norms, kept, x = layers.norms, [], inputs
    for index, dense in enumerate(layers.dense):
        norm = _affine(norms[index], member) if index < len(norms) else None
        kept.append(activation.forward(_dense(dense, member, x), norm))
        x = kept[-1].output
    return tuple(kept)


def _back_through(done: Forward, hidden: tuple[Hidden, ...], member: int | None, gradient: Tensor) -> None:
    layers = done.layers
    norms, dense = layers.norms, layers.dense
    torch.mm(hidden[-1].output.t(), gradient, out=_grad(layers.out.kernel, member))
    torch.sum(gradient, dim=0, out=_grad(layers.out.bias, member))
    d_output = gradient @ _of(layers.out.kernel, member).t()
    for index in reversed(range(len(hidden))):
        norm, d_norm = None, None
        if index < len(norms):
            norm, d_norm = _affine(norms[index], member), _affine_grad(norms[index], member)
        d_bias = _grad(dense[index].bias, member)
        d_sums = done.activation.backward(hidden[index], norm, d_output, d_norm, d_bias)
        inputs = hidden[index - 1].output if index > 0 else done.inputs
        torch.mm(inputs.t(), d_sums, out=_grad(dense[index].kernel, member))
        if index > 0:
            d_output = d_sums @ _of(dense[index].kernel, member).t()


def _affine(norm: Norm, member: int | None) -> Affine:
    return Affine(_of(norm.scale, member), _of(norm.bias, member))


def _affine_grad(norm: Norm, member: int | None) -> Affine:
    return Affine(_grad(norm.scale, member), _grad(norm.bias, member))


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
