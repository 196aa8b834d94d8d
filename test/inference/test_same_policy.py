"""Only critics take turns while a robot moves: everything else of two checkpoints must be equal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qgf_ros.checkpoint import Checkpoint, save_checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.errors import InterfaceMismatchError, InvalidSetting, OtherPolicyError
from qgf_ros.inference.same_policy import check_same_policy
from test.data.conftest import interface as interface
from test.small_checkpoints import saved_small, small_checkpoint


def another_critic(made: Checkpoint) -> Checkpoint:
    made.networks.target_critic.layers.out.kernel *= 2.0
    made.networks.value.layers.out.bias += 1.0
    return made


def another_policy(made: Checkpoint) -> Checkpoint:
    made.networks.policy.layers.out.bias += 1e-6
    return made


def another_normalizer(made: Checkpoint) -> Checkpoint:
    scale = np.nextafter(made.normalizer.scale, np.float32(2.0))
    return dataclasses.replace(made, normalizer=Normalizer(made.normalizer.mean, scale))


def less_noise(made: Checkpoint) -> Checkpoint:
    return dataclasses.replace(made, defaults=dataclasses.replace(made.defaults, noise_scale=0.5))


def saved_as(folder: Path, interface: Interface, change: Callable[[Checkpoint], Checkpoint]) -> Path:
    save_checkpoint(folder, change(small_checkpoint(interface, 0)))
    return folder


def test_another_critic_may_come(tmp_path: Path, interface: Interface) -> None:
    current = saved_small(tmp_path / "current", interface, 0)
    check_same_policy(current, saved_as(tmp_path / "candidate", interface, another_critic))


@pytest.mark.parametrize("change", [another_policy, another_normalizer, less_noise])
def test_whatever_else_differs_does_not_come_while_it_runs(
    tmp_path: Path, interface: Interface, change: Callable[[Checkpoint], Checkpoint]
) -> None:
    current = saved_small(tmp_path / "current", interface, 0)
    with pytest.raises(OtherPolicyError, match="only the critic is swapped while the node runs"):
        check_same_policy(current, saved_as(tmp_path / "candidate", interface, change))


def test_neither_does_another_interface(tmp_path: Path, interface: Interface) -> None:
    other = dataclasses.replace(interface, control_period_s=0.2)
    with pytest.raises(InterfaceMismatchError):
        check_same_policy(
            saved_small(tmp_path / "current", interface, 0), saved_small(tmp_path / "other", other, 0)
        )


def test_exported_files_are_taken_at_configure(tmp_path: Path, interface: Interface) -> None:
    (tmp_path / "policy.onnx").touch()
    with pytest.raises(InvalidSetting, match="exported files are not swapped"):
        check_same_policy(tmp_path / "policy.onnx", saved_small(tmp_path / "candidate", interface, 0))
