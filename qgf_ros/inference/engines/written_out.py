"""The guided sampler as forward operations only: the critic's gradient, and the policy's, written out by hand.

One page for every library that can do a dozen `Operations`: PyTorch runs it step by step (`torch_engine.py`) or into a CUDA
graph (`cuda_graph.py`), the ONNX graph is built by it (`onnx_graph.py`). Equations as in docs/algorithm.md; rows are
candidates, N of them, all of one observation. Gradients are the textbook's of LayerNorm and GELU; the order is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic

from qgf_ros.flow.sampler import Slope
from qgf_ros.inference.engines.operations import Operations, Saved, T
from qgf_ros.networks import Aggregation

Tape = list[tuple[Saved[T], Saved[T]]]
"""What the way back needs of each layer: of its norm (empty where there is none) and of its GELU."""


@dataclass(frozen=True)
class Affine(Generic[T]):
    """Kernel and bias of a dense layer, or scale and bias of a norm."""

    kernel: T
    bias: T


@dataclass(frozen=True)
class Net(Generic[T]):
    """One network, its first kernel split by input: `observation` (O, W) with the bias, `action` (D, W).

    A velocity field also takes `time` (16, W) and, if it is told which rows are committed, `flags` (H, W).
    """

    observation: Affine[T]
    time: T | None
    flags: T | None
    action: T
    hidden: tuple[Affine[T], ...]
    norms: tuple[Affine[T], ...]
    head: Affine[T]


@dataclass(frozen=True)
class Nets(Generic[T]):
    """All that a chunk is computed with. `critics` are the target critic's members, one by one or as one ensemble."""

    mean: T
    scale: T
    policy: Net[T]
    critics: tuple[Net[T], ...]
    aggregation: Aggregation
    slope: Slope = Slope.LOGIT


@dataclass(frozen=True)
class Held(Generic[T]):
    """Committed actions: `fixed` (D,) says which entries are, `actions` (D,) what they are, `freedom` (D,) is 1 - W.

    `rows` (1, H) flags committed rows for a policy that is told.
    """

    fixed: T
    actions: T
    freedom: T
    rows: T


@dataclass(frozen=True)
class Scene(Generic[T]):
    """What is the same at every step. Features are the observation's share of first layers (1, W)."""

    nets: Nets[T]
    noise: T
    critics: Sequence[T]
    held: Held[T] | None
    is_noisy: T | bool
    is_jacobian: T | bool


@dataclass(frozen=True)
class Instant(Generic[T]):
    """A step: `features` (1, W) of the policy at its time t, t itself, its length, the guidance weight."""

    features: T
    time: T | float
    length: T | float
    weight: T | float
    is_guided: T | bool
    is_first_noisy: T | bool


@dataclass(frozen=True)
class Step(Generic[T]):
    """What a step gave (N, D); `q` (N, 1) of the clean estimate if the step is the first, nan if it is unguided."""

    action: T
    velocity: T
    guidance: T
    q: T


def normalised(nets: Nets[T], observation: T) -> T:
    """The observation (1, O) in units of its spread."""
    return (observation - nets.mean) / nets.scale


def features(ops: Operations[T], net: Net[T], observation: T) -> T:
    """The observation's share of the first layer (1, W), bias included."""
    return ops.affine(observation, net.observation.kernel, net.observation.bias)


def timed_features(ops: Operations[T], nets: Nets[T], observation: T, held: Held[T] | None, times: T) -> T:
    """The share of the policy's first layer (K, W) that observation, committed rows and times have."""
    assert nets.policy.time is not None, "a velocity field takes time"
    offset = features(ops, nets.policy, observation)
    if held is not None and nets.policy.flags is not None:
        offset = ops.affine(held.rows, nets.policy.flags, offset)
    return ops.affine(ops.embed(times), nets.policy.time, offset)


def forward(ops: Operations[T], net: Net[T], action: T, offset: T) -> tuple[T, Tape[T]]:
    """The head's answer, and for each layer what the way back needs."""
    tape: Tape[T] = []
    y = ops.affine(action, net.action, offset)
    for index in range(len(net.hidden) + 1):
        if index > 0:
            y = ops.affine(y, net.hidden[index - 1].kernel, net.hidden[index - 1].bias)
        of_norm: Saved[T] = ()
        if index < len(net.norms):
            y, of_norm = ops.norm(y, net.norms[index].kernel, net.norms[index].bias)
        y, of_gelu = ops.gelu(y)
        tape.append((of_norm, of_gelu))
    return ops.affine(y, net.head.kernel, net.head.bias), tape


def backward(ops: Operations[T], net: Net[T], tape: Tape[T], gradient: T) -> T:
    """The gradient at the action (N, D) of a `gradient` at the head's answer."""
    y = ops.transposed(gradient, net.head.kernel)
    for index in reversed(range(len(tape))):
        of_norm, of_gelu = tape[index]
        y = ops.gelu_gradient(y, of_gelu)
        y = ops.norm_gradient(y, of_norm) if of_norm else y
        y = ops.transposed(y, net.hidden[index - 1].kernel if index > 0 else net.action)
    return y


def judge(ops: Operations[T], scene: Scene[T], action: T) -> T:
    """Aggregated target Q (N, 1) of actions (N, D) whose committed entries are replaced."""
    action = replaced(ops, scene.held, action)
    answers = [
        forward(ops, net, action, offset)[0]
        for net, offset in zip(scene.nets.critics, scene.critics, strict=True)
    ]
    q = ops.aggregate(answers, scene.nets.aggregation)[0]
    return q if scene.nets.slope is Slope.LOGIT else ops.sigmoid(q)


def judge_and_differentiate(ops: Operations[T], scene: Scene[T], action: T) -> tuple[T, T]:
    """Aggregated target Q (N, 1), and its gradient (N, D) at `action`. Equation (17)."""
    action = replaced(ops, scene.held, action)
    nets = scene.nets.critics
    passes = [forward(ops, net, action, offset) for net, offset in zip(nets, scene.critics, strict=True)]
    q, shares = ops.aggregate([answer for answer, _ in passes], scene.nets.aggregation)
    gradients = [
        member_gradient(ops, net, tape, share, action)
        for net, (_, tape), share in zip(nets, passes, shares, strict=True)
    ]
    gradient = ops.total(gradients)
    if scene.nets.slope is Slope.PROBABILITY:  # equation (39)
        q = ops.sigmoid(q)
        gradient = gradient * (q - q * q)
    held = scene.held
    return q, gradient if held is None else ops.where(held.fixed, ops.zeros(gradient), gradient)


def member_gradient(ops: Operations[T], net: Net[T], tape: Tape[T], share: T, action: T) -> T:
    """One member's part of the gradient (N, D); `share` is its weight in each row's Q."""
    (gradient,) = ops.choose(
        ops.matters(share), lambda: [backward(ops, net, tape, share)], lambda: [ops.zeros(action)]
    )
    return gradient


def step(ops: Operations[T], scene: Scene[T], at: Instant[T], action: T) -> Step[T]:
    """One Euler step from `action` a_t (N, D). Equations (16) to (20)."""
    held = scene.held
    action = placed(ops, scene, action, at.time)
    velocity, tape = forward(ops, scene.nets.policy, action, at.features)
    estimate = action + velocity * _rest(at.time)
    clean = ops.clip(estimate)

    def through_estimate(gradient: T) -> T:
        gradient = ops.clip_gradient(gradient, estimate)
        carried = backward(ops, scene.nets.policy, tape, gradient)
        return gradient + carried * _rest(at.time)

    def guided() -> Sequence[T]:
        (point,) = ops.choose(scene.is_noisy, lambda: [action], lambda: [clean])
        q, gradient = judge_and_differentiate(ops, scene, point)
        (q,) = ops.choose(at.is_first_noisy, lambda: [judge(ops, scene, clean)], lambda: [q])
        (guidance,) = ops.choose(scene.is_jacobian, lambda: [through_estimate(gradient)], lambda: [gradient])
        return [guidance if held is None else guidance * held.freedom, q]

    guidance, q = ops.choose(at.is_guided, guided, lambda: [ops.zeros(action), ops.nan(action)])
    return Step(action + (velocity + guidance * at.weight) * at.length, velocity, guidance, q)


def placed(ops: Operations[T], scene: Scene[T], action: T, time: T | float) -> T:
    """`action` a_t (N, D) with committed entries as the policy is to see them: docs/adr/0016-prefix-methods.md.

    A policy that is told sees them clean, another on the line from their noise, equation (4).
    """
    held = scene.held
    if held is None or scene.nets.policy.flags is not None:
        return replaced(ops, held, action)
    line = scene.noise + (held.actions - scene.noise) * time
    return ops.where(held.fixed, line, action)


def finished(ops: Operations[T], held: Held[T] | None, last: Step[T], time: T | float) -> T:
    """The chunks (N, D) if the walk ends at `time` after step `last`. Equation (21)."""
    return replaced(ops, held, ops.clip(last.action + last.velocity * _rest(time)))


def replaced(ops: Operations[T], held: Held[T] | None, action: T) -> T:
    """`action` (N, D) with its committed entries as they will be executed."""
    return action if held is None else ops.where(held.fixed, held.actions, action)


def _rest(time: T | float) -> Any:
    """1 - t."""
    return time * -1.0 + 1.0
