"""A point that moves in a square, and critics that learned where its goal is: small, and quick to train."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import Slice, from_slices, read_slices, split_episodes
from qgf_ros.data.normalizer import fit_normalizer
from qgf_ros.data.relabel import Inside, Relabel, Source
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.train.config import NetworkSizes, TrainConfig
from qgf_ros.train.finetune import copied
from qgf_ros.train.loop import make_trainer
from qgf_ros.train.update import UpdateConfig

GOAL = Inside("joints", (-0.3, -0.3), (0.3, 0.3))
CONFIG = TrainConfig(
    relabel=Relabel(inside=(GOAL,)),
    steps=300,
    batch_size=64,
    log_every=300,
    networks=NetworkSizes(hidden=(64, 64)),
    update=UpdateConfig(discount=0.9, learning_rate=1e-3),
)
SHUFFLED = dataclasses.replace(CONFIG, relabel=Relabel(by=Source.REWARD, reached_at=0.5))


def episodes(folder: Path, interface: Interface, seed: int, count: int = 40, length: int = 40) -> list[Slice]:
    """Random walks in a file of their own; its `rewards` are those of the goal, shuffled over all rows."""
    random = np.random.default_rng(seed)
    actions = random.uniform(-1.0, 1.0, (count, length, 2))
    place, places = random.uniform(-1.0, 1.0, (count, 2)), []
    for step in range(length):
        places.append(place)
        place = np.clip(place + 0.2 * actions[:, step], -1.0, 1.0)
    joints = np.stack(places, axis=1).reshape(-1, 2)
    observations = np.concatenate([joints, np.zeros((len(joints), 3))], axis=1).astype(np.float32)
    reached = (np.abs(joints) <= 0.3).all(axis=1)
    ends = np.tile(np.arange(length) == length - 1, count)
    path = folder / f"walks{seed}.npz"
    np.savez(
        path,
        allow_pickle=False,
        observations=observations,
        actions=actions.reshape(-1, 2).astype(np.float32),
        terminals=ends,
        rewards=random.permutation(reached).astype(np.float32) - 1.0,
        interface=np.array(json.dumps(interface.canonical())),
    )
    return read_slices(path, interface)


def learned(slices: list[Slice], interface: Interface, config: TrainConfig = CONFIG) -> Checkpoint:
    """Policy and critic after `config.steps` steps."""
    kept, held = split_episodes(slices, 0.1)
    training, held_out = (from_slices(part, interface, config.relabel) for part in (kept, held))
    normalizer = fit_normalizer(part.observations for part in kept)
    run = make_trainer(config, interface, training, held_out, normalizer, torch.device("cpu"))
    list(run.run())
    made = run.checkpoint(SamplerDefaults(guidance_weight=0.2, candidates=2), {})
    made.networks.requires_grad_(False)
    return made


def with_critic(parent: Checkpoint, factor: float) -> Checkpoint:
    """The parent with its critics' values times `factor`."""
    networks = copied(parent.networks).requires_grad_(False)
    for critic in (networks.critic, networks.target_critic):
        critic.layers.out.kernel *= factor
        critic.layers.out.bias *= factor
    return dataclasses.replace(parent, networks=networks)
