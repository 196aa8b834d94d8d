"""Rivals that the sampler has as a setting of its own: nothing is built twice, every engine plays them.

Sources: best of N is rejection by the critic (arXiv 2304.10573, IDQL; in the QGF authors' code `rejection_sampling`); QGF, its Jacobian
form and QFQL (the gradient at the noisy action) are the estimators of arXiv 2606.11087. Equations (16) to (22) of docs/algorithm.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.flow.denoise import denoise, finish
from qgf_ros.flow.guidance import Guide
from qgf_ros.flow.sampler import Estimator, SamplerConfig
from qgf_ros.rivals.ground import Ground, weight_or_default
from qgf_ros.rivals.rival import Knob, Native, Passes, Rival

GUIDANCE_WEIGHTS = (0.004, 0.01, 0.02, 0.06, 0.12)
"""Five of the nine weights of the QGF authors' scripts, first and last included, in action^2 / Q."""
GUIDANCE = Knob("weight", GUIDANCE_WEIGHTS)


@dataclass(frozen=True, kw_only=True)
class Setting(Rival):
    """A setting of the sampler. `estimator` None: unguided; `weight` None: the checkpoint's own; `noise_scale`: 1 in all sources."""

    estimator: Estimator | None = None
    weight: float | None = None
    noise_scale: float = 1.0

    def sampler(self, checkpoint: Checkpoint) -> SamplerConfig:
        """The setting itself."""
        steps = checkpoint.defaults.denoise_steps
        if self.estimator is None:
            return SamplerConfig(steps, candidates=self.candidates)
        weight = weight_or_default(self.weight, checkpoint)
        return SamplerConfig(steps, weight, self.estimator, self.candidates, self.noise_scale)

    def finished(self, here: Ground, extra: nn.Module | None) -> Tensor:
        """See `Rival.finished`."""
        config, velocity_of = self.sampler(here.checkpoint), here.velocity(here.checkpoint.networks.policy)
        guide = Guide(here.q(), config.weight, config.estimator) if config.guided else None
        return finish(denoise(velocity_of, here.noise, here.times, guide, here.committed))

    def passes_each(self, denoise_steps: int) -> Passes:
        """K passes of the policy; guided, K of the critic and back."""
        asked = 0 if self.estimator is None or self.weight == 0.0 else denoise_steps
        through = asked if self.estimator is Estimator.ONE_STEP_JACOBIAN else 0
        return Passes(denoise_steps, through, asked, asked)

    def native(self, checkpoint: Checkpoint, extra: nn.Module | None) -> Native:
        """The setting, for any engine."""
        return Native(checkpoint, self.sampler(checkpoint))


def guided(name: str, estimator: Estimator, source: str, candidates: int = 1) -> Setting:
    """A setting with guidance, whose weight is tuned."""
    return Setting(name=name, source=source, knob=GUIDANCE, estimator=estimator, candidates=candidates)


SETTINGS = (
    Setting(name="unguided", source="arXiv 2606.11087: the cloned flow policy, w = 0"),
    Setting(
        name="best_of_4", source="arXiv 2304.10573 (IDQL), policy extraction by argmax of Q", candidates=4
    ),
    Setting(
        name="best_of_16", source="arXiv 2304.10573 (IDQL), policy extraction by argmax of Q", candidates=16
    ),
    guided("qfql", Estimator.NOISY, "arXiv 2606.11087: gradient of Q at the noisy action"),
    guided(
        "qgf_jacobian", Estimator.ONE_STEP_JACOBIAN, "arXiv 2606.11087: QGF through the one-step Jacobian"
    ),
    guided("qgf", Estimator.ONE_STEP, "arXiv 2606.11087: QGF"),
    guided("qgf_best_of_4", Estimator.ONE_STEP, "arXiv 2606.11087: QGF + BFN(4), the paper's best", 4),
)
