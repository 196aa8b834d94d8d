"""Checkpoints, walks and prefixes on which engines are compared with the specification."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from golden_answers import load
from golden_weights import load_networks
from sized_interface import interface_of_sizes

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Estimator, SamplerDefaults, Walk
from qgf_ros.inference.engines.engine import Engine, Float32, GoOn, Question, Sample
from qgf_ros.networks import Aggregation, NetworkConfig, Networks

TOLERANCE = 2e-5  # float32 engines against the specification, in actions of [-1, 1]
GOLDEN = ("q2min_chunk", "q2min_nstep", "q4mean_chunk")
SHAPES = (
    NetworkConfig(11, 3, 4, (48, 48, 48)),
    NetworkConfig(7, 2, 3, (32,), num_critics=1),
    NetworkConfig(5, 4, 2, (40, 24), num_critics=4, aggregation=Aggregation.MEAN),
    NetworkConfig(6, 3, 5, (64, 64), num_critics=4, chunked=False),
    NetworkConfig(8, 2, 6, (32, 32), max_delay=4),
)


def interface_of(config: NetworkConfig) -> Interface:
    """An interface of joints alone that has the sizes of some networks."""
    return interface_of_sizes(config.observation_dim, config.action_dim, config.horizon)


def checkpoint_of(networks: Networks, seed: int) -> Checkpoint:
    """Networks as a checkpoint, with a normalizer drawn from `seed`."""
    draw, length = np.random.default_rng([seed, 1]), networks.config.observation_dim
    mean = draw.normal(size=length).astype(np.float32)
    scale = draw.uniform(0.3, 2.0, length).astype(np.float32)
    networks = networks.requires_grad_(False).eval()
    interface = interface_of(networks.config)
    return Checkpoint(networks, Normalizer(mean, scale), interface, SamplerDefaults(), {"made": "here"})


def random_checkpoint(config: NetworkConfig, seed: int) -> Checkpoint:
    """Fresh networks whose biases and scales are no round numbers either, and whose Q is steep enough to guide."""
    draw = torch.Generator().manual_seed(seed)
    networks = Networks.create(config, draw)
    with torch.no_grad():
        for parameter in networks.parameters():
            parameter.add_(0.1 * torch.rand(parameter.shape, generator=draw) - 0.05)
    return checkpoint_of(networks, seed)


def golden_checkpoint(name: str) -> Checkpoint:
    """The golden networks."""
    return checkpoint_of(load_networks(load(f"{name}_weights")), seed=0)


@dataclass(frozen=True)
class Case:
    """One question to an engine."""

    observation: Float32
    noise: Float32
    walk: Walk
    prefix: Prefix | None = None
    ends_after: int | None = None

    def ask(self, engine: Engine) -> Sample:
        """The engine's answer."""
        go_on: GoOn | None = None
        if self.ends_after is not None:
            last = self.ends_after
            go_on = lambda step: step < last  # noqa: E731
        return engine.sample(Question(self.observation, self.noise, self.walk, self.prefix, go_on))


def make_case(
    config: NetworkConfig,
    seed: int,
    estimator: Estimator,
    candidates: int,
    steps: int = 4,
    with_prefix: bool = False,
    ends_after: int | None = None,
) -> Case:
    """Observation, noise, uneven times, weights of which some are 0, and a prefix, all drawn from `seed`."""
    draw = np.random.default_rng([seed, 2])
    inner = np.sort(draw.uniform(0.05, 0.95, steps - 1))
    weights = draw.uniform(0.1, 0.6, steps) * (draw.random(steps) < 0.75)
    return Case(
        observation=draw.normal(size=config.observation_dim).astype(np.float32),
        noise=draw.normal(size=(candidates, config.vector_dim)).astype(np.float32),
        walk=Walk((0.0, *map(float, inner), 1.0), tuple(map(float, weights)), estimator, candidates),
        prefix=make_prefix(config, draw) if with_prefix else None,
        ends_after=ends_after,
    )


def make_prefix(config: NetworkConfig, draw: np.random.Generator) -> Prefix:
    """Committed actions with a mask that falls from 1 to 0."""
    rows = config.vector_dim // config.action_dim
    committed = draw.uniform(-1.0, 1.0, (rows, config.action_dim)).astype(np.float32)
    delay = int(draw.integers(0, config.max_delay + 1 if config.max_delay else rows))
    mask = np.concatenate([np.ones(delay), np.linspace(0.8, 0.0, rows - delay)])
    return Prefix(committed, mask.astype(np.float32), delay)


def assert_same(found: Sample, expected: Sample) -> None:
    """Two engines gave the same sample. Scores and Q are unbounded, so their error counts relative to their size."""
    np.testing.assert_allclose(found.actions, expected.actions, rtol=0.0, atol=TOLERANCE)
    scores = np.max(np.abs(np.nan_to_num(expected.scores)), initial=1.0)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0.0, atol=TOLERANCE * scores)
    assert found.steps == expected.steps
    if expected.best != found.best:  # only where both are equally good within the error
        assert abs(expected.scores[expected.best] - expected.scores[found.best]) <= TOLERANCE * scores
        return
    np.testing.assert_allclose(found.q_first, expected.q_first, rtol=0.0, atol=TOLERANCE * scores)
    np.testing.assert_allclose(found.guidance_norm, expected.guidance_norm, rtol=1e-4, atol=TOLERANCE)
