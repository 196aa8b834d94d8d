"""Makes data sets in the OGBench npz layout: demonstrators drive the robot through the same gate as a policy.

A data set is a folder of slices, each a whole number of episodes from its own seed, written atomically: an interrupted
collection continues where it stopped, and the same seed gives the same slices whatever the number of processes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qgf_ros.contract.load import load_contract
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.demonstrators import Demonstrator, demonstrator_for
from qgf_ros.evaluate.workers import run_jobs


@dataclass(frozen=True)
class CollectConfig:
    """How to collect: `slices` x `episodes_per_slice` episodes of `steps` control periods each.

    `noise` is the demonstrator's own (a fraction of each action's range); `slowness` stretches its plan.
    """

    task: str
    slices: int
    episodes_per_slice: int = 10
    steps: int = 1001
    seed: int = 0
    noise: float = 0.1
    slowness: float = 1.0


def collect(contract_path: Path, config: CollectConfig, folder: Path, processes: int) -> Iterator[Path]:
    """Writes the slices that are missing from `folder` and yields each as it is ready.

    Raises:
        InvalidSetting: a count below 1.
        WorkerDiedError: a process died; slices that are written stay.
    """
    for name, value in (
        ("slices", config.slices),
        ("episodes_per_slice", config.episodes_per_slice),
        ("processes", processes),
    ):
        if value < 1:
            raise InvalidSetting(name, value, "at least 1")
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (str(contract_path), config, index, folder / f"slice-{index:04d}.npz")
        for index in range(config.slices)
    ]
    missing = [job for job in jobs if not job[3].is_file()]
    yield from run_jobs(_writer, missing, processes)


def _writer() -> Callable[[tuple[str, CollectConfig, int, Path]], Path]:
    return _write_slice


def _write_slice(job: tuple[str, CollectConfig, int, Path]) -> Path:
    contract_path, config, index, path = job
    loop = ClosedLoop(load_contract(contract_path), config.task)
    demonstrator = demonstrator_for(loop, config.noise, config.slowness)
    first = config.seed + index * config.episodes_per_slice
    episodes = [
        record_episode(loop, demonstrator, first + offset, config.steps)
        for offset in range(config.episodes_per_slice)
    ]
    arrays = {key: np.concatenate([episode[key] for episode in episodes]) for key in episodes[0]}
    arrays["interface"] = np.array(json.dumps(loop.contract.interface.canonical(), sort_keys=True))
    part = path.with_suffix(".part.npz")
    np.savez(part, allow_pickle=False, **arrays)
    part.replace(path)
    return path


def record_episode(
    loop: ClosedLoop, demonstrator: Demonstrator, seed: int, steps: int
) -> dict[str, np.ndarray[Any, Any]]:
    """One demonstrated episode: observations (T, O) in the contract's units, actions (T, A) in [-1, 1], terminals (T,)."""
    loop.reset(seed)
    demonstrator.reset()
    rows: dict[str, list[Any]] = {"observations": [], "actions": [], "terminals": [], "qpos": [], "qvel": []}
    for step in range(steps):
        if demonstrator.done:
            demonstrator.renew()
        observation = loop.observe()
        action = loop.gate.action_space.delta_to(demonstrator.wish(), loop.commanded(), loop.measured())
        qpos, qvel = loop.simulation.state()
        rows["observations"].append(observation.values)
        rows["actions"].append(loop.gate.action_space.normalised(action).astype(np.float32))
        rows["terminals"].append(step == steps - 1)
        rows["qpos"].append(qpos.astype(np.float32))
        rows["qvel"].append(qvel.astype(np.float32))
        loop.load(action[None], observation.stamp_ns + 1)
        loop.play_action()
    return {key: np.stack(values) for key, values in rows.items()}
