"""GradStep: gradient steps on the finished action. Equation (23) of docs/algorithm.md; the walk itself is unguided.

Source: a baseline of arXiv 2606.11087 (GradStep), and `grad_step` in its authors' code: L times a <- clip(a + alpha g, -1, 1), g the
gradient of the aggregated target critic. Its scripts use (alpha, L) = (0.01, 3) in three of four domains, the default here. In chosen
units: alpha is in action^2 / Q, or, with `sign`, in actions.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.flow.committed import Committed
from qgf_ros.flow.denoise import gradient_ascent
from qgf_ros.rivals.ground import ground
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

    def act(
        self,
        checkpoint: Checkpoint,
        extra: nn.Module | None,
        observations: Tensor,
        noise: Tensor,
        committed: Committed | None = None,
    ) -> Tensor:
        """See `Rival.act`."""
        here = ground(checkpoint, observations, noise, self.candidates, committed)
        finished = here.unguided(here.velocity(checkpoint.networks.policy))
        return here.chosen(gradient_ascent(here.q(), finished, self.step_size, self.steps, sign=self.sign))

    def passes(self, denoise_steps: int) -> Passes:
        """An unguided walk, then L times the critic and back."""
        n, scored = self.candidates, self.candidates if self.candidates > 1 else 0
        return Passes(n * denoise_steps, 0, n * self.steps + scored, n * self.steps)
