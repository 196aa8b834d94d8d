"""How rivals are taught: on the parent's batches, beside the finished parent or the growing one; and what they learned, as a file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from qgf_ros.errors import CheckpointError, InvalidSetting, MissingFileError
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.rivals.edp import Edp
from qgf_ros.rivals.extra_file import load_extra, save_extra
from qgf_ros.rivals.registry import RIVALS
from qgf_ros.rivals.training import Lesson, Taught
from qgf_ros.train.gradients import Forward
from test.rivals.world import Parent, a_lesson, questions


@dataclass(frozen=True, kw_only=True)
class Listener(Edp):
    """Keeps its lessons, and the critic of each as it was."""

    lessons: list[Lesson] = field(default_factory=list)
    critics: list[Tensor] = field(default_factory=list)

    def lesson_loss(self, student: nn.Module, lesson: Lesson) -> tuple[Forward, Tensor]:
        self.lessons.append(lesson)
        self.critics.append(lesson.networks.target_critic.layers.out.kernel.clone())
        return super().lesson_loss(student, lesson)


def taught(parent: Parent, together: bool) -> Listener:
    """One that was trained."""
    listener = Listener()
    listener.train(parent.checkpoint, parent.training, parent.config, together=together)
    return listener


@pytest.mark.parametrize("together", [False, True])
def test_every_step_has_the_batch_noise_and_times_of_the_parent_s_own_training(
    together: bool, parent: Parent
) -> None:
    for step, lesson in enumerate(taught(parent, together).lessons):
        theirs = a_lesson(parent, step=step)
        assert torch.equal(lesson.batch.observations, theirs.batch.observations)
        assert torch.equal(lesson.action, theirs.action)
        assert torch.equal(lesson.noise, theirs.noise)
        assert torch.equal(lesson.time, theirs.time)


def test_beside_the_finished_parent_every_step_has_its_critic(parent: Parent) -> None:
    finished = parent.checkpoint.networks.target_critic.layers.out.kernel
    assert all(torch.equal(critic, finished) for critic in taught(parent, False).critics)


def test_the_parent_that_grows_beside_a_rival_ends_as_it_did_alone_bit_by_bit(parent: Parent) -> None:
    lessons = taught(parent, True)
    grown, alone = lessons.lessons[-1].networks.state_dict(), parent.checkpoint.networks.state_dict()
    assert all(torch.equal(grown[name], alone[name]) for name in alone)
    fresh = Networks.create(parent.checkpoint.networks.config, torch.Generator().manual_seed(0))
    assert torch.equal(lessons.critics[0], fresh.target_critic.layers.out.kernel)


def test_metrics_come_as_often_as_asked_and_at_the_end(parent: Parent) -> None:
    seen: list[tuple[int, float]] = []
    config = replace(parent.config, steps=7, log_every=3)
    Edp().train(
        parent.checkpoint, parent.training, config, on_metrics=lambda step, loss: seen.append((step, loss))
    )
    assert [step for step, _ in seen] == [3, 6, 7]


def test_a_gradient_is_cut_where_a_rival_says_so(parent: Parent) -> None:
    """Adam's first step has one length whatever the gradient's; a gradient cut to nearly nothing falls below its epsilon."""
    one = replace(parent.config, steps=1)
    blank = Edp().blank(parent.checkpoint, seed=0)
    cut = Edp(clip_norm=1e-12).train(parent.checkpoint, parent.training, one)
    free = Edp().train(parent.checkpoint, parent.training, one)

    def moved(extra: nn.Module) -> float:
        pairs = zip(extra.parameters(), blank.parameters(), strict=True)
        return max(float((ours - theirs).detach().abs().max()) for ours, theirs in pairs)

    assert moved(cut) < 0.01 * moved(free)


def test_a_parent_that_is_told_of_committed_actions_is_refused(parent: Parent) -> None:
    config = NetworkConfig(5, 2, 3, hidden=(16, 16), max_delay=1)
    told = replace(parent.checkpoint, networks=Networks.create(config, torch.Generator()))
    with pytest.raises(InvalidSetting, match="max_delay"):
        Edp().train(told, parent.training, parent.config)


@pytest.mark.parametrize("name", [name for name, rival in RIVALS.items() if isinstance(rival, Taught)])
def test_what_was_learned_comes_back_from_its_file(name: str, parent: Parent, tmp_path: Path) -> None:
    rival, path = RIVALS[name], tmp_path / "rivals" / f"{name}.safetensors"
    extra = rival.train(parent.checkpoint, parent.training, parent.config)
    assert extra is not None
    save_extra(path, extra)
    question = questions(parent.checkpoint, rival.candidates)
    expected = rival.act(parent.checkpoint, extra, *question)
    assert torch.equal(
        rival.act(parent.checkpoint, load_extra(path, rival, parent.checkpoint), *question), expected
    )
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_of_something_else_is_refused(parent: Parent, tmp_path: Path) -> None:
    path = tmp_path / "edp.safetensors"
    with pytest.raises(MissingFileError):
        load_extra(path, Edp(), parent.checkpoint)
    extra = Edp().train(parent.checkpoint, parent.training, parent.config)
    assert extra is not None
    save_extra(path, extra)
    with pytest.raises(CheckpointError):
        load_extra(path, RIVALS["robust_q"], parent.checkpoint)
    tensors = load_file(path)
    tensors["layers.out.bias"][0] = float("nan")
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match="finite"):
        load_extra(path, Edp(), parent.checkpoint)
    assert load_extra(path, RIVALS["bptt"], parent.checkpoint) is None
