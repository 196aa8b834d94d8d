"""Training's own forward and backward give what the networks and autograd give."""

from __future__ import annotations

import pytest
import torch

from qgf_ros.layers import Layers, xavier_uniform
from qgf_ros.train.gradients import backward, forward, in_one_piece
from qgf_ros.train.hidden import Activation, FusedActivation, PlainActivation, activation_for, fused_library

B, IN, OUT = 9, 7, 3
MEMBERS = [
    (None, ()),
    (1, ()),
    (4, ()),
    (2, (2,)),
    (6, (3,)),
]  # one network, ensembles, and those of several runs
RELATIVE, ABSOLUTE = 1e-4, 1e-5  # float32 sums in another order; gradients are of size 0.1 to 10


def activations() -> list[Activation]:
    """The implementations that there are here; the compiled one is left out where it was not built."""
    library = fused_library()
    return [PlainActivation()] if library is None else [PlainActivation(), FusedActivation(library)]


def random_layers(members: int | None, normalised: int, outputs: int = OUT) -> Layers:
    """Layers whose biases and scales are no round numbers either."""
    draw = torch.Generator().manual_seed(0)
    layers = Layers(IN, (16, 12, 8), outputs, normalised=normalised, members=members)
    layers.initialise(xavier_uniform, draw)
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=draw))
    return layers


def specified(layers: Layers, inputs: torch.Tensor) -> torch.Tensor:
    """The layers as they are specified, at inputs (B, IN) for all members or (S, B, IN) for those of S runs."""
    if layers.first.kernel.dim() == 2:
        return layers(layers.first(inputs))
    members = layers.first.kernel.shape[0]
    of_each = (
        inputs.expand(members, -1, -1) if inputs.dim() == 2 else inputs.repeat(members // len(inputs), 1, 1)
    )
    return layers(layers.first(of_each))


def autograd_gradients(layers: Layers, inputs: torch.Tensor, gradient: torch.Tensor) -> list[torch.Tensor]:
    """What autograd says through the specification."""
    return list(torch.autograd.grad(specified(layers, inputs), list(layers.parameters()), gradient))


@pytest.mark.parametrize("activation", activations(), ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("normalised", [0, 2, 3])
@pytest.mark.parametrize(("members", "runs"), MEMBERS)
def test_the_output_is_that_of_the_layers(
    members: int | None, runs: tuple[int, ...], normalised: int, activation: Activation
) -> None:
    layers, inputs = random_layers(members, normalised), torch.randn(*runs, B, IN)
    found = forward(layers, inputs, activation).output
    torch.testing.assert_close(found, specified(layers, inputs), rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("activation", activations(), ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("normalised", [0, 2, 3])
@pytest.mark.parametrize(("members", "runs"), MEMBERS)
def test_the_gradients_are_those_of_autograd(
    members: int | None, runs: tuple[int, ...], normalised: int, activation: Activation
) -> None:
    layers = random_layers(members, normalised)
    in_one_piece(list(layers.parameters()))
    inputs = 2.0 * torch.randn(*runs, B, IN)
    evaluated = forward(layers, inputs, activation)
    gradient = torch.randn(evaluated.output.shape)
    backward(evaluated, gradient)
    for parameter, expected in zip(
        layers.parameters(), autograd_gradients(layers, inputs, gradient), strict=True
    ):
        torch.testing.assert_close(parameter.grad, expected, rtol=RELATIVE, atol=ABSOLUTE)


def test_a_second_backward_replaces_the_gradients_of_the_first() -> None:
    layers = random_layers(None, 2)
    in_one_piece(list(layers.parameters()))
    evaluated = forward(layers, torch.randn(B, IN))
    gradient = torch.randn(B, OUT)
    backward(evaluated, gradient)
    once = [parameter.grad.clone() for parameter in layers.parameters() if parameter.grad is not None]
    backward(evaluated, gradient)
    twice = [parameter.grad for parameter in layers.parameters() if parameter.grad is not None]
    assert all(torch.equal(one, other) for one, other in zip(once, twice, strict=True))


def test_parameters_in_one_piece_keep_their_values_and_follow_it() -> None:
    layers = random_layers(2, 3)
    before = [parameter.detach().clone() for parameter in layers.parameters()]
    whole = in_one_piece(list(layers.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(before, layers.parameters(), strict=True))
    with torch.no_grad():
        whole.zero_()
    assert all(not parameter.any() for parameter in layers.parameters())


def test_tensors_that_the_compiled_pass_cannot_take_go_through_pytorch() -> None:
    assert isinstance(activation_for(torch.zeros(2, 2, dtype=torch.float64)), PlainActivation)


@pytest.mark.parametrize("activation", activations(), ids=lambda one: type(one).__name__)
def test_a_value_that_is_no_number_stays_one(activation: Activation) -> None:
    layers, inputs = random_layers(None, 2), torch.full((B, IN), float("nan"))
    assert forward(layers, inputs, activation).output.isnan().all()


@pytest.mark.parametrize("activation", activations(), ids=lambda one: type(one).__name__)
def test_huge_inputs_give_no_numbers_that_are_none(activation: Activation) -> None:
    layers = random_layers(None, 0)
    in_one_piece(list(layers.parameters()))
    evaluated = forward(layers, 1e6 * torch.randn(B, IN), activation)
    backward(evaluated, torch.ones(B, OUT))
    assert all(torch.isfinite(p.grad).all() for p in layers.parameters() if p.grad is not None)
