"""How a checkpoint's critic sees logged observations: what shadow, the guidance weight and the ceiling of best-of-N are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.data.chunks import Windows
from qgf_ros.data.dataset import Slice, from_slices
from qgf_ros.data.relabel import Relabel, Source
from qgf_ros.data.steps_to_goal import with_steps_to_goal
from qgf_ros.datatypes import FloatArray
from qgf_ros.flow.denoise import condition_q, condition_velocity, denoise, finish, sample
from qgf_ros.flow.guidance import critic_gradient
from qgf_ros.flow.sampler import default_config, uniform_times
from qgf_ros.inference.aim import check_of_one_goal

CHUNKS = 32  # of each observation, from the unguided policy
WINDOWS = 256


@dataclass(frozen=True)
class View:
    """Target Q, aggregated, of logged chunks `logged` (B,), of CHUNKS unguided ones `unguided` (B, CHUNKS), of the chunk that would be
    played `played` (B,), which has the share `saturated` of its components at an end of their range. `slope`: the root mean square
    of the length of the critic's gradient at the unguided ones, in Q per unit of a normalised action.
    """

    logged: FloatArray
    unguided: FloatArray
    played: FloatArray
    saturated: float
    slope: float

    @property
    def finite(self) -> bool:
        """Whether all of it are numbers."""
        return bool(all(np.isfinite(value).all() for value in self.__dict__.values()))


def logged_windows(
    slices: list[Slice], checkpoint: Checkpoint, count: int = WINDOWS, seed: int = 0
) -> Windows:
    """Windows of a recording that lie within one episode: `count` draws, less those that do not. Raises DatasetTooShort."""
    return _drawn(slices, checkpoint, Relabel(by=Source.HAND), count, seed)  # rewards are not looked at


def logged_steps_to_goal(
    slices: list[Slice], checkpoint: Checkpoint, relabel: Relabel, count: int = WINDOWS, seed: int = 0
) -> FloatArray:
    """Of the windows that `logged_windows` draws: control periods until the goal held in the episode, or NEVER (B,)."""
    interface = checkpoint.interface
    told = with_steps_to_goal(slices, interface, relabel)
    drawn = _drawn(told, checkpoint, Relabel(by=Source.REWARD), count, seed)
    steps: FloatArray = drawn.rewards[:, 0].astype(np.float64)
    return steps


def _drawn(slices: list[Slice], checkpoint: Checkpoint, relabel: Relabel, count: int, seed: int) -> Windows:
    dataset, length = from_slices(slices, checkpoint.interface, relabel), checkpoint.interface.chunk_length
    drawn = dataset.draw(count, length, 1.0, np.random.default_rng([seed, 5]))
    whole = drawn.valid[:, -1] > 0.0
    return Windows(**{name: array[whole] for name, array in drawn.__dict__.items()})


def unguided_chunks(checkpoint: Checkpoint, windows: Windows, seed: int = 0) -> Tensor:
    """CHUNKS action vectors (B * CHUNKS, D) in [-1, 1] of the policy without guidance, those of one observation together."""
    networks, count = checkpoint.networks, len(windows.observations) * CHUNKS
    noise = torch.randn(count, networks.config.vector_dim, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        velocity_of = condition_velocity(networks.policy, _observations(checkpoint, windows), CHUNKS)
    return finish(denoise(velocity_of, noise, uniform_times(checkpoint.defaults.denoise_steps)))


def view(checkpoint: Checkpoint, windows: Windows, chunks: Tensor, seed: int = 0) -> View:
    """What the checkpoint makes of these windows, and of `chunks` as `unguided_chunks` gives them. Raises NoGoalError where it has many."""
    check_of_one_goal(checkpoint, "Looking at logged chunks")
    networks, observations = checkpoint.networks, _observations(checkpoint, windows)
    config, count = networks.config, len(windows.observations)
    q, q_many = (condition_q(networks.target_critic, observations, number) for number in (1, CHUNKS))
    sampler = default_config(checkpoint.defaults)
    noise = torch.randn(
        count * sampler.candidates, config.vector_dim, generator=torch.Generator().manual_seed(seed)
    )
    played = sample(networks.policy, networks.target_critic, observations, noise, sampler)
    actions = torch.from_numpy(windows.actions)
    logged = actions.flatten(1) if config.chunked else actions[:, 0]
    with torch.no_grad():
        scores = [q(logged), q_many(chunks).view(count, CHUNKS), q(played)]
    slope = critic_gradient(q_many, chunks).square().sum(-1).mean().sqrt()
    saturated = (played.abs() >= 1.0 - 1e-4).float().mean()
    in_data, unguided, at_play = (found.double().numpy() for found in scores)
    return View(in_data, unguided, at_play, float(saturated), float(slope))


def ceiling(seen: View) -> dict[str, float]:
    """Mean Q of one unguided chunk, of the best of CHUNKS, and of the chunk that would be played: what the flow has to choose from."""
    return {
        "q_unguided": float(seen.unguided.mean()),
        f"q_best_of_{CHUNKS}": float(seen.unguided.max(axis=1).mean()),
        "q_played": float(seen.played.mean()),
    }


def _observations(checkpoint: Checkpoint, windows: Windows) -> Tensor:
    return torch.from_numpy(checkpoint.normalizer.normalise(windows.observations))
