"""Going on from a checkpoint: what stays, what is kept, when it ends."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from qgf_ros.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import from_slices, read_slices, split_episodes
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import Networks
from qgf_ros.train.finetune import FinetuneConfig, copied, finetune, make_finetuner
from qgf_ros.train.kept import Keep, Kept, Mark
from qgf_ros.train.loop import Trainer
from qgf_ros.train.state_file import restore_state, save_state
from qgf_ros.train.update import Part
from test.data.conftest import interface as interface
from test.data.conftest import write_slice
from test.train.test_resume import CONFIG, same, trainer

POLICY = ("policy.",)
CRITIC = ("critic.", "target_critic.", "value.")


@pytest.fixture
def parent(tmp_path: Path, interface: Interface) -> Checkpoint:
    """A checkpoint after a few steps."""
    run = trainer(tmp_path, interface)
    list(run.run())
    save_checkpoint(tmp_path / "parent", run.checkpoint(SamplerDefaults(), {}))
    return load_checkpoint(tmp_path / "parent")


def finetuner(folder: Path, parent: Checkpoint, config: FinetuneConfig) -> tuple[Trainer, Kept]:
    """A run on other data than the parent's."""
    folder.mkdir(exist_ok=True)
    write_slice(folder / "new.npz", parent.interface, [40, 40, 40], seed=9)
    made = config.of_recipe(CONFIG, parent)
    kept, held = split_episodes(read_slices(folder, parent.interface), config.held_out)
    training, held_out = (from_slices(part, parent.interface, made.relabel) for part in (kept, held))
    run = make_finetuner(made, config.part, parent, training, held_out, torch.device("cpu"))
    return run, Kept(copied(parent.networks))


def tensors(networks: Networks, prefixes: tuple[str, ...]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in networks.state_dict().items() if name.startswith(prefixes)}


QUICK = FinetuneConfig(steps=20, check_every=5, held_out=0.3)


@pytest.mark.parametrize(
    ("part", "stays", "moves"), [(Part.POLICY, CRITIC, POLICY), (Part.CRITIC, POLICY, CRITIC)]
)
def test_what_is_not_trained_stays_bit_by_bit(
    tmp_path: Path, parent: Checkpoint, part: Part, stays: tuple[str, ...], moves: tuple[str, ...]
) -> None:
    run, kept = finetuner(tmp_path / "new", parent, dataclasses.replace(QUICK, part=part))
    finetune(run, kept, 100, math.inf, lambda *_: None)
    assert same(tensors(parent.networks, stays), tensors(run.state.networks, stays))
    assert same(tensors(parent.networks, stays), tensors(kept.networks, stays))
    assert not same(tensors(parent.networks, moves), tensors(run.state.networks, moves))
    assert set(kept.marks) == {part}


def test_observations_are_seen_in_the_parents_units(tmp_path: Path, parent: Checkpoint) -> None:
    run, _ = finetuner(tmp_path / "new", parent, QUICK)
    np.testing.assert_array_equal(run.normalizer.mean, parent.normalizer.mean)
    np.testing.assert_array_equal(run.normalizer.scale, parent.normalizer.scale)


def test_each_part_keeps_the_weights_of_its_own_best_step(parent: Checkpoint) -> None:
    weights, kept = {}, Kept(copied(parent.networks))
    losses = [(3.0, 9.0), (2.0, 9.5), (2.5, 8.0), (4.0, 8.5)]
    for step, (policy, critic) in enumerate(losses):
        weights[step] = Networks.create(parent.networks.config, torch.Generator().manual_seed(step))
        kept.see(step, {Part.POLICY: policy, Part.CRITIC: critic}, weights[step])
    assert kept.marks == {Part.POLICY: Mark(1, 2.0), Part.CRITIC: Mark(2, 8.0)}
    assert same(tensors(kept.networks, POLICY), tensors(weights[1], POLICY))
    assert same(tensors(kept.networks, CRITIC), tensors(weights[2], CRITIC))


def test_where_the_last_are_kept_each_part_has_the_weights_of_the_last_step_whose_loss_is_a_number(
    parent: Checkpoint,
) -> None:
    weights, kept = {}, Kept(copied(parent.networks), Keep.LAST)
    losses = [(3.0, 9.0), (2.0, 9.5), (4.0, math.nan)]
    for step, (policy, critic) in enumerate(losses):
        weights[step] = Networks.create(parent.networks.config, torch.Generator().manual_seed(step))
        kept.see(step, {Part.POLICY: policy, Part.CRITIC: critic}, weights[step])
    assert kept.marks == {Part.POLICY: Mark(2, 4.0), Part.CRITIC: Mark(1, 9.5)}
    assert same(tensors(kept.networks, POLICY), tensors(weights[2], POLICY))
    assert same(tensors(kept.networks, CRITIC), tensors(weights[1], CRITIC))


def test_it_is_over_when_no_part_became_better_for_so_long(parent: Checkpoint) -> None:
    kept = Kept(copied(parent.networks))
    assert not kept.is_over(1000, patience=10)  # nobody has looked yet
    kept.see(0, {Part.POLICY: 1.0, Part.CRITIC: 1.0}, parent.networks)
    kept.see(8, {Part.POLICY: 2.0, Part.CRITIC: 0.5}, parent.networks)
    assert not kept.is_over(15, patience=10)
    assert kept.is_over(18, patience=10)


@pytest.mark.parametrize("part", [Part.POLICY, Part.CRITIC])
@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_weights_whose_loss_is_no_number_are_never_kept(parent: Checkpoint, part: Part, loss: float) -> None:
    kept = Kept(copied(parent.networks))
    kept.see(0, {part: 1.0}, parent.networks)
    kept.see(5, {part: loss}, parent.networks)
    assert kept.marks[part] == Mark(0, 1.0)


def test_marks_survive_as_plain_values(parent: Checkpoint) -> None:
    kept, other = Kept(copied(parent.networks)), Kept(copied(parent.networks))
    kept.see(7, {Part.CRITIC: 0.25}, parent.networks)
    other.restore(kept.figures())
    assert other.marks == kept.marks


def test_data_that_teach_nothing_new_end_the_run_early_with_the_parent(
    tmp_path: Path, parent: Checkpoint
) -> None:
    config = dataclasses.replace(
        QUICK, part=Part.POLICY, steps=400, learning_rate=0.3
    )  # far too fast: it only forgets
    run, kept = finetuner(tmp_path / "new", parent, config)
    assert finetune(run, kept, 20, math.inf, lambda *_: None) == "patience"
    assert run.state.step < 400
    assert kept.marks[Part.POLICY].loss <= finetuner(tmp_path / "new", parent, config)[0].held_out_flow_loss()


def test_time_that_is_spent_ends_it(tmp_path: Path, parent: Checkpoint) -> None:
    run, kept = finetuner(tmp_path / "new", parent, QUICK)
    assert finetune(run, kept, 100, 0.0, lambda *_: None) == "time"
    assert run.state.step == QUICK.check_every


def test_a_run_that_was_cut_keeps_the_same_weights_in_the_end(tmp_path: Path, parent: Checkpoint) -> None:
    whole, kept = finetuner(tmp_path / "new", parent, QUICK)
    finetune(whole, kept, 100, math.inf, lambda *_: None)
    cut, before = finetuner(tmp_path / "new", parent, QUICK)
    assert finetune(cut, before, 100, 0.0, lambda *_: None) == "time"
    save_state(tmp_path / "state", cut.state, "run")
    resumed, after = finetuner(tmp_path / "new", parent, QUICK)
    restore_state(tmp_path / "state", resumed.state, "run")
    after.networks.load_state_dict(before.networks.state_dict())
    after.restore(before.figures())
    finetune(resumed, after, 100, math.inf, lambda *_: None)
    assert after.marks == kept.marks
    assert same(kept.networks.state_dict(), after.networks.state_dict())


def test_training_lowers_both_held_out_losses(tmp_path: Path, parent: Checkpoint) -> None:
    run, kept = finetuner(tmp_path / "new", parent, dataclasses.replace(QUICK, steps=200, check_every=20))
    before = (run.held_out_flow_loss(), run.held_out_critic_loss())
    finetune(run, kept, 200, math.inf, lambda *_: None)
    assert kept.marks[Part.POLICY].loss < before[0]
    assert kept.marks[Part.CRITIC].loss < before[1]


@pytest.mark.parametrize("change", [{"patience": 0}, {"check_every": 0}])
def test_impossible_counts_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(InvalidSetting, match=rf"finetune\.{next(iter(change))}"):
        dataclasses.replace(QUICK, **change)  # type: ignore[arg-type]
