"""Keeps a walk to committed actions, in three ways: docs/adr/0016-prefix-methods.md compares them.

All three show the critic the committed actions in their place, hold its gradient back there, and end with the committed
actions exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from qgf_ros.flow.guidance import QFunction, VelocityFunction
from qgf_ros.flow.path import clean_estimate, interpolate
from qgf_ros.flow.prefix import Prefix, PrefixMethod

STRONGEST_PULL = 5.0  # beta of arXiv 2506.07339


class Committed:
    """What the methods share. The walk asks `place` before each step and adds `pull` to its velocity."""

    def __init__(self, prefix: Prefix, device: torch.device) -> None:
        self._count = prefix.entries
        self._chunk = torch.from_numpy(prefix.vector.copy()).to(device)
        self._actions = self._chunk[: self._count]
        self._freedom = torch.from_numpy(prefix.freedom).to(device)

    def place(self, action: Tensor, noise: Tensor, time: float) -> Tensor:
        """Return a_t (B, D) as the policy is to see it."""
        return action

    def pull(self, velocity_of: VelocityFunction, action: Tensor, time: Tensor) -> Tensor | None:
        """Return what is added to the velocity (B, D) at a_t and `time` (); None where nothing is."""
        return None

    def replace(self, action: Tensor) -> Tensor:
        """Return clean `action` (B, D) with the committed entries as they will be executed."""
        return torch.cat([self._actions.expand(len(action), -1), action[:, self._count :]], dim=1)

    def judge(self, q: QFunction) -> QFunction:
        """Return `q` of actions whose committed entries are what will be executed."""
        return lambda action: q(self.replace(action))

    def hold_back(self, guidance: Tensor) -> Tensor:
        """Return `guidance` (B, D) times one minus the soft mask: committed actions are never bent."""
        return guidance * self._freedom


class Overwriting(Committed):
    """Committed entries follow the line from their noise to their action, whatever the velocity says there. Ours."""

    def place(self, action: Tensor, noise: Tensor, time: float) -> Tensor:
        """Return `action` a_t (B, D) with the committed entries on the line from `noise`, equation (4)."""
        at = torch.full(action.shape[:1], time, dtype=action.dtype, device=action.device)
        line = interpolate(noise[:, : self._count], self._actions.expand(len(action), -1), at)
        return torch.cat([line, action[:, self._count :]], dim=1)


class Conditioned(Committed):
    """Committed entries are clean at every time; the policy was trained so, and its features flag them."""

    def place(self, action: Tensor, noise: Tensor, time: float) -> Tensor:
        """Return `action` a_t (B, D) with the committed entries clean."""
        return self.replace(action)


class PseudoInverse(Committed):
    """The one-step estimate of the chunk is pulled to the old chunk, softly, through the policy's Jacobian.

    Source: arXiv 2506.07339, equations (1) to (5), after the pseudo-inverse guidance of diffusion models.
    """

    def pull(self, velocity_of: VelocityFunction, action: Tensor, time: Tensor) -> Tensor | None:
        """Return min(beta, (t^2 + (1-t)^2) / (t (1-t))) J^T W (Y - ahat), J = d ahat / d a_t, ahat = a_t + (1-t) v."""
        if self._count == 0:
            return None
        with torch.enable_grad():
            start = action.detach().requires_grad_()
            estimate = clean_estimate(start, velocity_of(start, time), time)
            error = (self._chunk - estimate.detach()) * (1.0 - self._freedom)
            (pulled,) = torch.autograd.grad(estimate, start, grad_outputs=error)
        t = float(time)
        strength = (t * t + (1.0 - t) ** 2) / (t * (1.0 - t)) if 0.0 < t < 1.0 else STRONGEST_PULL
        return min(STRONGEST_PULL, strength) * pulled


def make_committed(method: PrefixMethod, prefix: Prefix, device: torch.device) -> Committed:
    """Return the prefix in the hands of a method."""
    kinds = {
        PrefixMethod.OVERWRITING: Overwriting,
        PrefixMethod.CONDITIONED: Conditioned,
        PrefixMethod.PSEUDO_INVERSE: PseudoInverse,
    }
    return kinds[method](prefix, device)
