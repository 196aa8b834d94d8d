"""GradStep: gradient steps on the finished action. Equation (23) of docs/algorithm.md; the walk itself is unguided.

Source: a baseline of arXiv 2606.11087 (GradStep), and `grad_step` in its authors' code: L times a <- clip(a + alpha g, -1, 1), g the
gradient of the aggregated target critic. Its scripts use (alpha, L) = (0.01, 3) in three of four domains, the default here. In chosen
units: alpha is in action^2 / Q, or, with `sign`, in actions.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from qgf_ros.flow.denoise import gradient_ascent
from qgf_ros.rivals.ground import Ground
from qgf_ros.rivals.rival import Knob, Passes, Rival

STEP_SIZES = Knob("step_size", (0.003, 0.01, 0.03, 0.1, 0.3))


@dataclass(frozen=True, kw_only=True)
class GradStep(Rival):
    """`steps` L of length `step_size` alpha along the gradient, or its `sign`."""

    name: str = "grad_step"
    source: str = "arXiv 2606.11087: GradStep, a baseline"
    knob: Knob | None = STEP_SIZES
    step_size: float = 0.01
    steps: int = 3
    sign: bool = False

    def finished(self, here: Ground, extra: nn.Module | None) -> Tensor:
        """See `Rival.finished`."""
        walked = here.unguided(here.velocity(here.checkpoint.networks.policy))
        return gradient_ascent(here.q(), walked, self.step_size, self.steps, sign=self.sign)

    def passes_each(self, denoise_steps: int) -> Passes:
        """An unguided walk, then L times the critic and back."""
        return Passes(denoise_steps, 0, self.steps, self.steps)
