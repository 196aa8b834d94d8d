"""Back-propagation through time: at each step the gradient of Q at the end of the rest of the walk.

g_k = d/da_k agg_i Qbar_i(s, clip(ODE(a_k))), where ODE walks a_k unguided along the remaining Euler steps; then v + w g as in equation
(19). Source: the BPTT baseline of arXiv 2606.11087, after the back-propagation through the denoising chain of Diffusion-QL (arXiv
2208.06193). The authors' file does not run (it calls a function that is missing); its text and ours agree: the clip lies within what is
differentiated, the target critic is asked, the gradient is summed over the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from qgf_ros.flow.guidance import QFunction, VelocityFunction
from qgf_ros.rivals.estimators import OtherEstimator
from qgf_ros.rivals.rival import Passes


@dataclass(frozen=True, kw_only=True)
class Bptt(OtherEstimator):
    """Guidance through the rest of the walk."""

    name: str = "bptt"
    source: str = "arXiv 2606.11087: BPTT, after arXiv 2208.06193"

    def field(
        self, velocity_of: VelocityFunction, q: QFunction, action: Tensor, times: tuple[float, ...]
    ) -> tuple[Tensor, Tensor]:
        """See `OtherEstimator.field`."""
        return through_the_walk(velocity_of, q, action, times)

    def passes_each(self, denoise_steps: int) -> Passes:
        """K + (K - 1) + ... + 1 passes of the policy, each there and back; the critic K times, there and back."""
        rest = denoise_steps * (denoise_steps + 1) // 2
        return Passes(rest, rest, denoise_steps, denoise_steps)


def through_the_walk(
    velocity_of: VelocityFunction, q: QFunction, action: Tensor, times: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """Return the velocity (B, D) at `action` (B, D) and times[0], and the gradient of Q at the end of the Euler walk along `times`."""
    grid = torch.tensor(times, dtype=action.dtype, device=action.device)
    with torch.enable_grad():
        running = start = action.detach().requires_grad_()
        velocities = []
        for index, (time, next_time) in enumerate(pairwise(times)):
            velocities.append(velocity_of(running, grid[index]))
            running = running + (next_time - time) * velocities[-1]
        (gradient,) = torch.autograd.grad(q(running.clamp(-1.0, 1.0)).sum(), start)
    return velocities[0].detach(), gradient
