"""What critic and value regress to, their losses, and the target network.

Every mean divides by the whole batch, never by the number of valid rows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qgf_ros.critic.expectile import expectile_error


def critic_target(
    rewards: Tensor, masks: Tensor, next_value: Tensor, discount: float, horizon: int
) -> Tensor:
    """Return y = R + discount^H m V(s') (B,) without a graph; all arguments (B,). Equation (6).

    V is the online value network: there is no target value.
    """
    return (rewards + discount**horizon * masks * next_value).detach()


def critic_loss(q: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the mean over members and batch of w (Q_i - y)^2. Equation (7).

    `q` (E, B), `target` y (B,), `valid` w (B,). Every member regresses the same y. Of S runs: (E, S, B), (S, B), and means (S,).
    """
    return (valid * (q - target).square()).mean(-1).mean(0)


def value_loss(target_q: Tensor, value: Tensor, valid: Tensor, expectile: float) -> Tensor:
    """Return the mean over the batch of w c(u) u^2, u = agg Q_target - V. Equation (9).

    `target_q` (B,) is the aggregated target critic at the data's actions, `value` V (B,), `valid` w (B,). Of S runs: (S, B), and means (S,).
    """
    return (valid * expectile_error(target_q.detach() - value, expectile)).mean(-1)


def soft_update(target: nn.Module, online: nn.Module, tau: float) -> None:
    """Move `target` in place: target <- tau online + (1 - tau) target. Equation (10).

    The reference uses the online parameters from *before* the gradient step: call this before the optimiser.
    """
    with torch.no_grad():
        torch._foreach_lerp_(list(target.parameters()), list(online.parameters()), tau)
