"""A training run: what it promises about repetition and continuation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import from_slices, read_slices, split
from qgf_ros.data.normalizer import fit_normalizer
from qgf_ros.data.relabel import Near, Relabel
from qgf_ros.errors import CheckpointError, InvalidSetting
from qgf_ros.train.config import NetworkSizes, TrainConfig
from qgf_ros.train.loop import Trainer, drive, make_trainer
from qgf_ros.train.state_file import STATE, restore_state, save_state
from test.data.conftest import interface as interface
from test.data.conftest import write_slice

CONFIG = TrainConfig(
    relabel=Relabel((Near("object_position", 1.0, point=(0.0, 0.0, 0.0)),)),
    steps=12,
    batch_size=16,
    log_every=1,
    networks=NetworkSizes(hidden=(16, 16)),
)


def trainer(folder: Path, interface: Interface, config: TrainConfig = CONFIG) -> Trainer:
    """A run on small random data."""
    write_slice(folder / "a.npz", interface, [30, 30, 30])
    training, held_out = (
        from_slices(part, interface, config.relabel) for part in split(read_slices(folder, interface), 0.3)
    )
    normalizer = fit_normalizer([part.observations for part in training.slices])
    return make_trainer(config, interface, training, held_out, normalizer, torch.device("cpu"))


def weights(of: Trainer) -> dict[str, torch.Tensor]:
    """A copy of all parameters."""
    return {name: value.clone() for name, value in of.state.networks.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """True when all tensors are equal bit by bit."""
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_same_seed_trains_the_same_networks(tmp_path: Path, interface: Interface) -> None:
    runs = [trainer(tmp_path, interface) for _ in range(2)]
    for run in runs:
        list(run.run())
    assert same(weights(runs[0]), weights(runs[1]))


def test_another_seed_trains_others(tmp_path: Path, interface: Interface) -> None:
    one, other = (
        trainer(tmp_path, interface),
        trainer(tmp_path, interface, dataclasses.replace(CONFIG, seed=1)),
    )
    for run in (one, other):
        list(run.run())
    assert not same(weights(one), weights(other))


def test_a_run_that_was_cut_goes_on_to_the_same_result(tmp_path: Path, interface: Interface) -> None:
    whole = trainer(tmp_path, interface)
    list(whole.run())
    cut = trainer(tmp_path, interface)
    steps = cut.run()
    for _ in range(5):
        next(steps)
    save_state(tmp_path / "state", cut.state, "run")
    resumed = trainer(tmp_path, interface)
    restore_state(tmp_path / "state", resumed.state, "run")
    assert resumed.state.step == 5
    list(resumed.run())
    assert same(weights(whole), weights(resumed))


def test_the_held_out_loss_is_the_same_at_every_call_and_changes_nothing(
    tmp_path: Path, interface: Interface
) -> None:
    run = trainer(tmp_path, interface)
    before = weights(run)
    assert run.held_out_flow_loss() == run.held_out_flow_loss()
    assert same(before, weights(run))


def test_training_lowers_the_flow_loss(tmp_path: Path, interface: Interface) -> None:
    run = trainer(tmp_path, interface, dataclasses.replace(CONFIG, steps=150))
    before = run.held_out_flow_loss()
    list(run.run())
    assert run.held_out_flow_loss() < before


def test_callbacks_come_at_their_intervals_and_at_the_end(tmp_path: Path, interface: Interface) -> None:
    config = dataclasses.replace(CONFIG, steps=10, log_every=2, save_every=4, evaluate_every=6)
    logged: list[int] = []
    saved: list[int] = []
    evaluated: list[int] = []
    run = trainer(tmp_path, interface, config)
    drive(
        run,
        lambda metrics: logged.append(run.state.step),
        lambda: saved.append(run.state.step),
        lambda: evaluated.append(run.state.step),
    )
    assert (logged, saved, evaluated) == ([2, 4, 6, 8, 10], [4, 8, 10], [6, 10])


def test_the_state_of_another_recipe_is_refused(tmp_path: Path, interface: Interface) -> None:
    run = trainer(tmp_path, interface)
    next(run.run())
    save_state(tmp_path / "state", run.state, "one recipe")
    with pytest.raises(CheckpointError, match="another recipe or other data; give --restart"):
        restore_state(tmp_path / "state", run.state, "another recipe")


def test_a_state_that_is_cut_short_is_refused(tmp_path: Path, interface: Interface) -> None:
    run = trainer(tmp_path, interface)
    next(run.run())
    save_state(tmp_path / "state", run.state, "run")
    path = tmp_path / "state" / STATE
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(CheckpointError, match=r"state\.safetensors: .*not fully covered"):
        restore_state(tmp_path / "state", run.state, "run")


def test_moments_of_another_layout_are_refused(tmp_path: Path, interface: Interface) -> None:
    run = trainer(tmp_path, interface)
    next(run.run())
    save_state(tmp_path / "state", run.state, "run")
    tensors = load_file(tmp_path / "state" / STATE)
    tensors["adam.0.exp_avg"] = tensors["adam.0.exp_avg"][:5].clone()
    save_file(tensors, tmp_path / "state" / STATE, metadata={"step": "1", "run": "run"})
    with pytest.raises(CheckpointError, match="another layout, that of another release; give --restart"):
        restore_state(tmp_path / "state", run.state, "run")


def test_a_missing_state_is_refused(tmp_path: Path, interface: Interface) -> None:
    with pytest.raises(CheckpointError, match=f"it has no {STATE}"):
        restore_state(tmp_path / "state", trainer(tmp_path, interface).state, "run")


@pytest.mark.parametrize("change", [{"steps": 0}, {"batch_size": 0}, {"held_out": 1.0}, {"save_every": -1}])
def test_impossible_counts_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InvalidSetting, match=rf"train\.{next(iter(change))}"):
        dataclasses.replace(CONFIG, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("step", ["", "-1", "9" * 30, "1e3"])
def test_a_state_without_a_step_is_refused(tmp_path: Path, interface: Interface, step: str) -> None:
    run = trainer(tmp_path, interface)
    next(run.run())
    save_state(tmp_path / "state", run.state, "run")
    path = tmp_path / "state" / STATE
    save_file(load_file(path), path, metadata={"step": step, "run": "run"})
    with pytest.raises(CheckpointError, match="states no step"):
        restore_state(tmp_path / "state", run.state, "run")
