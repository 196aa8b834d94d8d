"""Makes a detector: a predictor from demonstrations, a threshold from the policy's own episodes. docs/adr/0025 says what it promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.stats import beta

from qgf_ros.checkpoint import Checkpoint, load_checkpoint
from qgf_ros.contract.components import commanded_components, component_names, component_units
from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.data.dataset import Slice, episodes_of, fingerprint
from qgf_ros.datatypes import FloatArray, Observation
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.predictor_fit import fit_predictor
from qgf_ros.evaluate.rollouts import Row, make_policy, run_episode, standard_rows
from qgf_ros.evaluate.workers import run_jobs
from qgf_ros.inference.caution import Alert, Caution, Reaction
from qgf_ros.inference.detector_file import Calibrated, Calibration, read_critics
from qgf_ros.inference.novelty import RATES, Detector

CONFIDENCE = 0.9
LEAST_RATE = 1e-4  # of false alarms: fewer would need tens of thousands of episodes
USUAL = 0.8  # quantile of a stream's highest values over usual episodes
LEAST_SHARE, LEAST_BEYOND = (
    0.05,
    0.02,
)  # of that value, and of a spread of the data: what counts as beyond at least
FIRST_SEED = 1_000_000  # far from the seeds of data and evaluation


@dataclass(frozen=True)
class CalibrateConfig:
    """How a detector is made: the stated rate of false alarms an episode, how many episodes, and gradient steps of the predictor."""

    false_alarms: float = 0.05
    episodes: int = 400
    steps: int = 8000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidSetting."""
        if not LEAST_RATE <= self.false_alarms < 1.0:
            raise InvalidSetting(
                "false_alarms", self.false_alarms, f"a probability between {LEAST_RATE:g} and 1"
            )
        fewest = 2 * fewest_episodes(self.false_alarms)
        if self.episodes < fewest:
            accepted = f"at least {fewest} for a rate of {self.false_alarms:g}"
            raise InvalidSetting("episodes", self.episodes, accepted)
        if self.steps < 1:
            raise InvalidSetting("steps", self.steps, "a positive whole number")


def fewest_episodes(false_alarms: float) -> int:
    """How many calibrating episodes the threshold needs at least: n with (1 - a)^n <= 1 - confidence."""
    return int(np.ceil(np.log(1.0 - CONFIDENCE) / np.log1p(-false_alarms)))


def threshold_rank(episodes: int, false_alarms: float) -> int:
    """Which of the ascending scores of n usual episodes is the threshold.

    A further, exchangeable episode lies above the k-th of n scores with a probability that is distributed as
    Beta(n + 1 - k, k) over the calibrating episodes (Vovk, arXiv 1209.2673, section 3); k is the least for which it is at most
    `false_alarms` with probability CONFIDENCE. Raises InvalidSetting where n is too small for any.
    """
    for rank in range(1, episodes + 1):
        if beta.cdf(false_alarms, episodes + 1 - rank, rank) >= CONFIDENCE:
            return rank
    fewest = fewest_episodes(false_alarms)
    raise InvalidSetting(
        "episodes for the threshold", episodes, f"at least {fewest} for a rate of {false_alarms:g}"
    )


def calibrate(
    folder: Path,
    contract: Contract,
    task: str,
    slices: Sequence[Slice],
    config: CalibrateConfig,
    processes: int,
) -> Iterator[int | Calibrated]:
    """Makes a detector for the checkpoint in `folder`: yields the number of episodes run so far, at last the detector.

    The first half of the episodes says what is usual, the second half gives the threshold.

    Raises:
        CheckpointError, InterfaceMismatchError, UnknownTaskError, ...: as `load_checkpoint` and `ClosedLoop`.
        DatasetTooShort, UnreadableFileError: the data do not serve.
    """
    checkpoint = load_checkpoint(folder, contract.interface)
    blank = learn(folder, checkpoint, contract, slices, config)
    row = usual_row(checkpoint)
    jobs = range(FIRST_SEED + config.seed, FIRST_SEED + config.seed + config.episodes)
    found: list[tuple[FloatArray, bool]] = []
    player = partial(_player, contract, folder, task, blank)
    for streams, success in run_jobs(player, jobs, processes, in_order=True):
        found.append((streams, success))
        yield len(found)
    highest = np.array([streams for streams, _ in found])
    detector, rank = judged(blank, highest, config.false_alarms)
    chunks = contract.deployment.chunks
    calibration = Calibration(
        false_alarms=config.false_alarms,
        confidence=CONFIDENCE,
        episodes=len(highest) - len(highest) // 2,
        rank=rank,
        success=float(np.mean([success for _, success in found])),
        first_seed=jobs[0],
        task=task,
        guidance_weight=checkpoint.defaults.guidance_weight,
        candidates=checkpoint.defaults.candidates,
        chunks=f"{chunks.mode.value}:{contract.execution_horizon}:{chunks.delay}",
        dataset_sha256=fingerprint(list(slices)),
    )
    assert row.watched, "what is calibrated is what the detector watches"
    yield Calibrated(detector, Reaction(), calibration)


def usual_row(checkpoint: Checkpoint) -> Row:
    """How the node samples by default: what the detector is calibrated for."""
    return next(row for row in standard_rows(checkpoint) if row.name == "guided")


def learn(
    folder: Path, checkpoint: Checkpoint, contract: Contract, slices: Sequence[Slice], config: CalibrateConfig
) -> Detector:
    """A detector that knows the data, and no episodes yet."""
    interface, normalizer = contract.interface, checkpoint.normalizer
    episodes = [normalizer.normalise(episode) for episode in episodes_of(slices)]
    commanded = commanded_components(interface)
    step = contract.execution_horizon
    predictor = fit_predictor(episodes, commanded, step, config.steps, config.seed)
    names = component_names(interface)
    size = len(RATES) * (len(names) - len(commanded)) + len(names) + 2
    return Detector(
        names,
        component_units(interface),
        normalizer.mean,
        normalizer.scale,
        np.min([episode.min(0) for episode in episodes], axis=0),
        np.max([episode.max(0) for episode in episodes], axis=0),
        commanded,
        step * interface.control_period_s,
        predictor,
        read_critics(folder),
        np.zeros(size),
        np.ones(size),
        1.0,
    )


def judged(blank: Detector, highest: FloatArray, false_alarms: float) -> tuple[Detector, int]:
    """The detector with what is usual and its threshold, and the threshold's rank, from the highest streams (N, S) of N episodes."""
    first, second = highest[: len(highest) // 2], highest[len(highest) // 2 :]
    usual = np.quantile(first, USUAL, axis=0)
    over = np.maximum(first - usual, 0.0)
    beyond = over.sum(0) / np.maximum((over > 0.0).sum(0), 1) + LEAST_SHARE * usual + LEAST_BEYOND
    scores = np.sort(((second - usual) / beyond).max(1))
    rank = threshold_rank(len(scores), false_alarms)
    made = replace(blank, usual=usual, beyond=beyond, threshold=float(np.nextafter(scores[rank - 1], np.inf)))
    return made, rank


class Recording(Caution):
    """A caution that only watches: keeps the highest value of each stream, and never reacts. State: those."""

    def __init__(self, detector: Detector, interface: Interface) -> None:
        self._streams = detector.streams
        super().__init__(detector, interface, Reaction())

    def reset(self) -> None:
        """A new episode; streams are never below 0, and an episode that succeeds at once has none."""
        super().reset()
        self.highest: FloatArray = np.zeros(self._streams)

    def look(self, observation: Observation, actions: FloatArray) -> Alert:
        """Takes in, as `Caution.look`."""
        self.highest = np.maximum(self.highest, self.streams(observation, actions))
        return Alert(0.0, "", False, 1.0, 1.0)


def _player(
    contract: Contract, folder: Path, task: str, detector: Detector
) -> Callable[[int], tuple[FloatArray, bool]]:
    """Plays the episode of a seed: the highest value of each stream, and whether it succeeded."""
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(folder, contract.interface)
    loop, policy, row = ClosedLoop(contract, task), make_policy(checkpoint), usual_row(checkpoint)
    recording = Recording(detector, contract.interface)

    def play(seed: int) -> tuple[FloatArray, bool]:
        success = run_episode(loop, policy, row, seed, recording).success
        return recording.highest, success

    return play
