"""Runs that are trained together give what each gives alone, and can be saved and continued as one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from qgf_ros.contract.schema import Interface
from qgf_ros.errors import InvalidSetting
from qgf_ros.train.config import NetworkSizes, TrainConfig
from qgf_ros.train.loop import Trainer
from qgf_ros.train.state_file import restore_state, save_state
from qgf_ros.train.together import together
from test.data.conftest import interface as interface
from test.train.test_resume import CONFIG, same, trainer, weights

SEEDS = (0, 3, 8)
SIZES = [
    NetworkSizes((16, 16), num_critics=1),
    NetworkSizes((16, 16), num_critics=3),
    NetworkSizes((16, 16), max_delay=1),
]


def runs(folder: Path, interface: Interface, config: TrainConfig) -> list[Trainer]:
    """One for each seed; the second learns another task."""
    made = []
    for number, seed in enumerate(SEEDS):
        own = folder / str(seed)
        own.mkdir(parents=True)
        near = [dataclasses.replace(goal, radius=goal.radius * (1 + number)) for goal in config.relabel.near]
        relabel = dataclasses.replace(config.relabel, near=tuple(near))
        made.append(trainer(own, interface, dataclasses.replace(config, seed=seed, relabel=relabel)))
    return made


@pytest.mark.parametrize("sizes", SIZES, ids=["one critic", "three critics", "told of committed actions"])
def test_each_of_several_runs_gives_what_it_gives_alone(
    tmp_path: Path, interface: Interface, sizes: NetworkSizes
) -> None:
    config = dataclasses.replace(CONFIG, networks=sizes, log_every=1)
    alone = runs(tmp_path / "alone", interface, config)
    expected = list(zip(*(list(run.run()) for run in alone), strict=True))
    stack = together(runs(tmp_path / "together", interface, config))
    found = list(stack.run_all())
    assert len(found) == config.steps
    for ours, theirs in zip(found, expected, strict=True):
        for metrics, own in zip(ours, theirs, strict=True):
            assert metrics == pytest.approx(own, rel=1e-4, abs=1e-6)
    for run, other in zip(stack.trainers, alone, strict=True):
        assert run.state.step == config.steps
        for name, value in weights(run).items():
            torch.testing.assert_close(value, weights(other)[name], rtol=1e-4, atol=1e-6)
        assert run.held_out_flow_loss() == pytest.approx(other.held_out_flow_loss(), rel=1e-4)


def test_a_stack_goes_on_to_the_same_result_after_an_interruption(
    tmp_path: Path, interface: Interface
) -> None:
    whole = together(runs(tmp_path / "whole", interface, CONFIG))
    list(whole.run_all())
    half = together(runs(tmp_path / "half", interface, dataclasses.replace(CONFIG, steps=CONFIG.steps // 2)))
    list(half.run_all())
    save_state(tmp_path / "state", half.state, "a recipe")
    resumed = together(runs(tmp_path / "resumed", interface, CONFIG))
    restore_state(tmp_path / "state", resumed.state, "a recipe")
    list(resumed.run_all())
    for run, other in zip(resumed.trainers, whole.trainers, strict=True):
        assert same(weights(run), weights(other))


def test_runs_of_other_settings_are_refused(tmp_path: Path, interface: Interface) -> None:
    first, *_ = runs(tmp_path / "one", interface, CONFIG)
    other, *_ = runs(
        tmp_path / "other", interface, dataclasses.replace(CONFIG, batch_size=CONFIG.batch_size * 2)
    )
    with pytest.raises(InvalidSetting, match="the same for all runs, but for seed and relabel"):
        together([first, other])
