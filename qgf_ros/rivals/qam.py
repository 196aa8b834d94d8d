"""QAM: a flow policy fine-tuned by adjoint matching towards the cloned policy tilted by exp(tau Q).

Source: arXiv 2601.14234 (QAM), after adjoint matching, arXiv 2409.08861. From noise the student v walks the memoryless process
dx = (2 v(x, t) - x / t) dt + sigma_t dB, sigma_t^2 = 2 (1 - t) / t; the lean adjoint g runs back along it through the cloned field v_b only,
dg/dt = -(d/dx (2 v_b - x / t))^T g from g_1 = -tau grad Q(s, clip(x_1)); and v regresses to it:
L = sum over steps and D of (2 (v - v_b) / sigma_t + sigma_t g_t)^2, whose minimum is v = v_b - sigma_t^2 g_t / 2. Nothing is differentiated through
the student's walk. Acting is the plain walk of v.

As in their code (and the QGF authors'): on K steps of h = 1/K, t + h stands in for t in denominators, sigma_t^2 = 2 (1 - t + h) / (t + h); the last step
is v_b's own, without noise; gradients are cut at length 1; tau = 0.1. Chosen: the adjoint is that of the very steps that were walked, d/dx at (x_k, t_k) and
for the last step of v_b alone (their code asks the field at t + h there and keeps the drift; the same as h goes to 0). The student begins as a copy of v_b
(there: from nothing, while v_b is learned beside it and followed by a slow copy). The critic is the aggregated target (there: the mean of its
members), of implicit Q-learning, as in the QGF authors' comparison; the paper trains it on the student's own actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from qgf_ros.flow.denoise import condition_velocity
from qgf_ros.flow.guidance import QFunction, VelocityFunction, critic_gradient
from qgf_ros.networks import Networks, VelocityField
from qgf_ros.rivals.flow_student import FlowTaught
from qgf_ros.rivals.ground import learned
from qgf_ros.rivals.rival import Knob
from qgf_ros.rivals.training import Lesson
from qgf_ros.train.gradients import Forward, forward

INVERSE_TEMPERATURES = Knob("inverse_temperature", (0.01, 0.03, 0.1, 0.3, 1.0))


@dataclass(frozen=True, kw_only=True)
class Qam(FlowTaught):
    """Tilted by exp(`inverse_temperature` tau times Q)."""

    name: str = "qam"
    source: str = "arXiv 2601.14234: Q-learning with adjoint matching"
    knob: Knob | None = INVERSE_TEMPERATURES
    inverse_temperature: float = 0.1
    clip_norm: float | None = 1.0

    def student(self, parent: Networks, generator: torch.Generator) -> VelocityField:
        """See `Taught.student`."""
        policy = VelocityField(parent.config)
        policy.load_state_dict(parent.policy.state_dict())
        return policy

    def lesson_loss(self, student: nn.Module, lesson: Lesson) -> tuple[Forward, Tensor]:
        """See the module. All K steps are evaluated at once, (K * B, ...)."""
        policy, clone = learned(student, VelocityField, self.name), lesson.networks.policy
        observation, times = lesson.batch.observations, lesson.times()
        steps, rows = len(times) - 1, len(observation)
        with torch.no_grad():
            velocity_of, base_of = (condition_velocity(each, observation) for each in (policy, clone))
            shocks = [lesson.normal() for _ in range(steps)]
            states = memoryless_walk(velocity_of, base_of, lesson.normal(), times, shocks)
        last = tilt(lesson.q(), states[-1], self.inverse_temperature)
        adjoint = torch.cat(lean_adjoint(base_of, states, times, last))
        x, at = torch.cat(states[:-1]), torch.tensor(times[:-1]).repeat_interleave(rows)
        seen = torch.cat([observation.repeat(steps, 1), x, policy.embedding(at)], dim=-1)
        evaluated = forward(policy.layers, seen)
        with torch.no_grad():
            base = clone.velocity(clone.encode(observation).repeat(steps, 1), x, at)
        sigma = noise_level(times).repeat_interleave(rows).unsqueeze(-1)
        error = 2.0 * (evaluated.output - base) / sigma + sigma * adjoint
        return evaluated, error.square().sum() / rows


def noise_level(times: Sequence[float]) -> Tensor:
    """sigma at the K steps of a walk along `times` (K + 1), float32."""
    return torch.tensor([(2.0 * (1.0 - t + after - t) / after) ** 0.5 for t, after in pairwise(times)])


def drift(base_of: VelocityFunction, x: Tensor, times: Sequence[float], index: int) -> Tensor:
    """The memoryless drift (B, D) of a field at step `index`; at the last step the field's own."""
    velocity = base_of(x, torch.tensor(times[index], dtype=x.dtype))
    return velocity if index == len(times) - 2 else 2.0 * velocity - x / times[index + 1]


def memoryless_walk(
    velocity_of: VelocityFunction,
    base_of: VelocityFunction,
    noise: Tensor,
    times: Sequence[float],
    shocks: Sequence[Tensor],
) -> list[Tensor]:
    """The states x_0 to x_K (B, D) of a walk from `noise`, with K standard normal `shocks` of which the last is not used."""
    states, levels = [noise], noise_level(times).to(noise.dtype)
    for index, (time, after) in enumerate(pairwise(times)):
        is_last, x = index == len(times) - 2, states[-1]
        moved = x + (after - time) * drift(base_of if is_last else velocity_of, x, times, index)
        states.append(moved if is_last else moved + (after - time) ** 0.5 * levels[index] * shocks[index])
    return states


def tilt(q: QFunction, end: Tensor, inverse_temperature: float) -> Tensor:
    """g_1 = -tau d/dx Q(clip(x)) (B, D) at the walk's `end` (B, D): 0 where it is clipped."""
    return -inverse_temperature * critic_gradient(lambda x: q(x.clamp(-1.0, 1.0)), end)


def lean_adjoint(
    base_of: VelocityFunction, states: Sequence[Tensor], times: Sequence[float], last: Tensor
) -> list[Tensor]:
    """The adjoints g_0 to g_{K-1} (B, D) along `states` x_0 to x_K, back from `last` through the base field's drift."""
    adjoints = [last]
    for index in reversed(range(len(times) - 1)):
        with torch.enable_grad():
            x = states[index].detach().requires_grad_()
            (pulled,) = torch.autograd.grad(drift(base_of, x, times, index), x, grad_outputs=adjoints[-1])
        adjoints.append(adjoints[-1] + (times[index + 1] - times[index]) * pulled)
    return adjoints[:0:-1]
