"""The asymmetric squared error of implicit Q-learning."""

from __future__ import annotations

import torch
from torch import Tensor


def expectile_error(difference: Tensor, expectile: float) -> Tensor:
    """Return c(u) u^2 elementwise, c = expectile where `difference` u > 0, else 1 - expectile. Equation (8).

    u = 0 takes 1 - expectile. With expectile 0.5 this is half the squared error; towards 1 the minimiser
    rises to the maximum.
    """
    weight = torch.where(difference > 0, expectile, 1.0 - expectile)
    return weight * difference.square()
