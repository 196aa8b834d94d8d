"""A small parent with its data, draws, and a count of what networks are asked."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.data.mixture import Windowed
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import CriticEnsemble, Networks, VelocityField
from qgf_ros.rivals.ground import Ground, ground
from qgf_ros.rivals.training import Lesson
from qgf_ros.train.config import TrainConfig
from qgf_ros.train.loop import Trainer
from test.train.test_resume import CONFIG, trainer

STEPS = 5  # K of the parent's walk
ROUNDING = 1e-5


@dataclass(frozen=True)
class Parent:
    """A trained checkpoint, the run that it came from, and its data."""

    checkpoint: Checkpoint
    config: TrainConfig
    training: Windowed
    run: Trainer


def make_parent(folder: Path, interface: Interface) -> Parent:
    """A few steps on random data, guided by default."""
    config = dataclasses.replace(CONFIG, update=dataclasses.replace(CONFIG.update, denoise_steps=STEPS))
    run = trainer(folder, interface, config)
    list(run.run())
    run.state.networks.requires_grad_(False).eval()
    defaults = SamplerDefaults(guidance_weight=0.3, denoise_steps=STEPS)
    return Parent(run.checkpoint(defaults, {}), config, run.training, run)


def steep(parent: Parent, slope: float = 20.0) -> Checkpoint:
    """The same checkpoint with a critic that is steep enough to guide."""
    networks = Networks(parent.checkpoint.networks.config)
    networks.load_state_dict(parent.checkpoint.networks.state_dict())
    with torch.no_grad():
        networks.target_critic.layers.out.kernel.mul_(slope)
    return dataclasses.replace(parent.checkpoint, networks=networks.requires_grad_(False))


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers of a seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def questions(
    checkpoint: Checkpoint, candidates: int = 1, rows: int = 3, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Observations and noise for a rival of so many candidates."""
    config = checkpoint.networks.config
    return normal(rows, config.observation_dim, seed=seed), normal(
        rows * candidates, config.vector_dim, seed=seed + 1
    )


def asked(checkpoint: Checkpoint, candidates: int = 1, rows: int = 3, seed: int = 0) -> Ground:
    """The ground of the same question."""
    return ground(checkpoint, *questions(checkpoint, candidates, rows, seed), candidates, None)


def in_float64(checkpoint: Checkpoint) -> Checkpoint:
    """The same in double precision, for finite differences."""
    networks = Networks(checkpoint.networks.config)
    networks.load_state_dict(checkpoint.networks.state_dict())
    return dataclasses.replace(checkpoint, networks=networks.double().requires_grad_(False))


def a_lesson(parent: Parent, checkpoint: Checkpoint | None = None, step: int = 0) -> Lesson:
    """What a rival learns from at a step."""
    batch, noise, time, _ = parent.run.draws(step)
    networks = (checkpoint or parent.checkpoint).networks
    generator = torch.Generator().manual_seed(step)
    return Lesson(networks, batch, batch.actions.flatten(-2), noise, time, generator, STEPS)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Counts the rows that pass through policies and critics, there and back."""
    seen: Counter[str] = Counter()

    def back(kind: str, rows: int, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(lambda gradient: seen.update({f"{kind}_backward": rows}))

    with pytest.MonkeyPatch.context() as patch:
        velocity, q = VelocityField.velocity, CriticEnsemble.q

        def counted_velocity(self: VelocityField, features: Tensor, action: Tensor, time: Tensor) -> Tensor:
            output = velocity(self, features, action, time)
            seen.update(policy_forward=len(action))
            back("policy", len(action), output)
            return output

        def counted_q(self: CriticEnsemble, features: Tensor, action: Tensor) -> Tensor:
            output = q(self, features, action)
            seen.update(critic_forward=len(action))
            back("critic", len(action), output)
            return output

        patch.setattr(VelocityField, "velocity", counted_velocity)
        patch.setattr(CriticEnsemble, "q", counted_q)
        yield seen
