"""Critics of reaching a goal, after Decoupled Q-Chunking (arXiv 2512.10926): answers are logits of discounted probabilities in [0, 1].

A critic of long chunks backs up over many steps at once; a critic of the chunks that are played learns from it what they are worth. Means
divide by the whole batch. Gradients flow into logits only.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def reach_target(reached_after: Tensor, next_value: Tensor, discount: float, horizon: int) -> Tensor:
    """Return y (B,): discount^k where the goal holds after k <= n steps (`reached_after`), else discount^n V(s', g). Equation (34).

    `next_value` (B,) is a probability; the result is clipped to [0, 1] and takes no gradient.
    """
    reached = reached_after <= horizon
    steps = torch.where(reached, reached_after, horizon).to(next_value.dtype)
    worth = torch.where(reached, torch.ones_like(next_value), next_value)
    return (discount**steps * worth).clamp(0.0, 1.0).detach()


def reach_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean over members and batch of the cross-entropy of `logits` (E, B) to `target` y (B,). Equation (35)."""
    return _cross_entropy(logits, target).mean()


def distillation_loss(logits: Tensor, worth: Tensor, expectile: float) -> Tensor:
    """Return the mean of c times the cross-entropy, c = expectile where worth > Q, else 1 - expectile. Equation (36).

    `logits` (E, B) of the critic of short chunks, `worth` (B,) in [0, 1] what the critic of long ones says. The minimiser is the expectile
    of `worth`: the cross-entropy's slope in the logit is that of half the squared error in the probability.
    """
    above = (worth - torch.sigmoid(logits)).detach() > 0
    return (torch.where(above, expectile, 1.0 - expectile) * _cross_entropy(logits, worth)).mean()


def quantile_loss(logit: Tensor, target_logit: Tensor, quantile: float) -> Tensor:
    """Return the mean of c |u|, u = the aggregated target critic's logit minus V's; c = quantile where u > 0, else 1 - quantile. Equation (37).

    Both (B,). Of logits, where the paper takes it of probabilities: a quantile goes along with every increasing function, and so does the
    minimiser; but here the slope does not vanish where the probability is near 0.
    """
    above = target_logit.detach() - logit
    return (torch.where(above > 0, quantile, 1.0 - quantile) * above.abs()).mean()


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    expected = target.detach().expand_as(logits)
    return functional.binary_cross_entropy_with_logits(logits, expected, reduction="none")
