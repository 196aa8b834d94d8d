"""Checkpoints: what is saved comes back, and nothing else is accepted."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from qgf_ros.checkpoint import CONFIG, WEIGHTS, Checkpoint, load_checkpoint, save_checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.errors import CheckpointError, InterfaceMismatchError
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig, Networks
from test.data.conftest import interface as interface


@pytest.fixture
def checkpoint(interface: Interface) -> Checkpoint:
    """Random networks under the small interface."""
    config = NetworkConfig(
        interface.observation_dim, interface.action_dim, interface.chunk_length, hidden=(16, 16)
    )
    networks = Networks.create(config, torch.Generator().manual_seed(0))
    normalizer = Normalizer(np.arange(5, dtype=np.float32), np.ones(5, np.float32))
    return Checkpoint(networks, normalizer, interface, SamplerDefaults(guidance_weight=0.2), {"steps": 7})


def test_what_is_saved_comes_back(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    loaded = load_checkpoint(tmp_path / "c", checkpoint.interface)
    assert loaded.defaults == checkpoint.defaults
    assert loaded.interface == checkpoint.interface
    assert loaded.provenance == {"steps": 7}
    np.testing.assert_array_equal(loaded.normalizer.mean, checkpoint.normalizer.mean)
    for name, value in checkpoint.networks.state_dict().items():
        assert torch.equal(loaded.networks.state_dict()[name], value)


def test_it_says_at_which_times_the_policy_was_trained(tmp_path: Path, checkpoint: Checkpoint) -> None:
    grid = TimeGrid(16, continuous=True)
    save_checkpoint(tmp_path / "c", dataclasses.replace(checkpoint, trained_at=grid))
    assert load_checkpoint(tmp_path / "c").grid == grid


def test_one_from_before_that_was_said_was_trained_at_the_times_of_its_default_steps(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    content = json.loads((tmp_path / "c" / CONFIG).read_text())
    del content["trained_at"]
    (tmp_path / "c" / CONFIG).write_text(json.dumps(content))
    assert load_checkpoint(tmp_path / "c").grid == TimeGrid(checkpoint.defaults.denoise_steps)


def test_loaded_networks_ask_for_no_gradients(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    assert not any(
        parameter.requires_grad for parameter in load_checkpoint(tmp_path / "c").networks.parameters()
    )


def test_saving_replaces_the_folder_as_a_whole(tmp_path: Path, checkpoint: Checkpoint) -> None:
    for steps in (1, 2):
        save_checkpoint(tmp_path / "c", dataclasses.replace(checkpoint, provenance={"steps": steps}))
    assert load_checkpoint(tmp_path / "c").provenance == {"steps": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_the_folder_holds_safetensors_and_json_only(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == [CONFIG, WEIGHTS]


def test_another_interface_is_refused_with_the_difference(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    other = dataclasses.replace(checkpoint.interface, control_period_s=0.05)
    with pytest.raises(InterfaceMismatchError, match=r"control_period_s is 0\.05 here and 0\.1 there"):
        load_checkpoint(tmp_path / "c", other)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint is a folder that `qgf train` wrote"):
        load_checkpoint(tmp_path / "nowhere")


def test_missing_weights_are_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    (tmp_path / "c" / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match=f"it has no {WEIGHTS}"):
        load_checkpoint(tmp_path / "c")


def test_weights_cut_short_are_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    weights = tmp_path / "c" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cut short or was altered"):
        load_checkpoint(tmp_path / "c")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "has format 99; this release reads 1"),
        (
            {"networks": {"observation_dim": 5, "action_dim": 2, "horizon": 3, "hidden": [8]}},
            "cannot be loaded",
        ),
        ({"defaults": {"weight": 1.0}}, "unknown keys weight"),
        ({"defaults": {"estimator": "two_step"}}, "one of one_step, one_step_jacobian, noisy"),
        (
            {"defaults": {"denoise_steps": 10**9}},
            r"defaults\.denoise_steps is 1000000000, but .* from 1 to 1000",
        ),
        ({"defaults": {"candidates": 0}}, r"defaults\.candidates is 0, but it must be a whole number from 1"),
        ({"trained_at": {"steps": 10**12}}, r"trained_at\.steps is 1000000000000"),
        ({"provenance": [1]}, "the provenance in checkpoint.json is no mapping"),
    ],
)
def test_a_configuration_that_is_foreign_or_would_take_for_ever_is_refused(
    tmp_path: Path, checkpoint: Checkpoint, change: dict[str, object], message: str
) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    path = tmp_path / "c" / CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(tmp_path / "c")


def test_networks_of_other_sizes_than_the_interface_are_refused(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    shorter = dataclasses.replace(checkpoint.interface, chunk_length=2)
    save_checkpoint(tmp_path / "c", dataclasses.replace(checkpoint, interface=shorter))
    with pytest.raises(CheckpointError, match=r"are \(5, 2, 3, 5, 0\), of its interface \(5, 2, 2, 5, 0\)"):
        load_checkpoint(tmp_path / "c")


def test_a_configuration_that_is_not_json_is_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    (tmp_path / "c" / CONFIG).write_text("{")
    with pytest.raises(CheckpointError, match="is not JSON"):
        load_checkpoint(tmp_path / "c")


def rewritten(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    """The checkpoint with other tensors under a digest that fits: altered by somebody who knows the format."""
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)
    return resealed(folder)


def resealed(folder: Path) -> Path:
    """The folder with the digest of the weights that it holds now."""
    path = folder / CONFIG
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights_sha256": digest}))
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t["normalizer.mean"].fill_(float("nan")),
            r"'normalizer\.mean' holds values that are not finite",
        ),
        (lambda t: t["normalizer.scale"].zero_(), r"normalizer scale is 0\.0, but it must be above 0"),
        (lambda t: t.pop("normalizer.scale"), r"weights\.safetensors: it lacks normalizer\.scale\."),
        (lambda t: t.update(more=torch.zeros(1)), "it has more, which nobody reads"),
        (lambda t: t.update({"normalizer.scale": torch.ones(4)}), r"the shape \(4,\), and \(5,\) is needed"),
        (lambda t: t.update({"normalizer.scale": torch.ones(5).double()}), "type 'F64', and F32 is needed"),
    ],
)
def test_weights_of_other_names_shapes_types_or_values_are_refused(
    tmp_path: Path, checkpoint: Checkpoint, change: Callable[[dict[str, torch.Tensor]], object], message: str
) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(rewritten(tmp_path / "c", change))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "its header is cut short"),
        (2**60, "its header is cut short"),
        (b"[" * 1000, "its header is not JSON: it is nested more than 32 deep"),
        (b"[]", "its header is no mapping"),
        (b'{"__metadata__": {"a": 1}}', "its metadata is not text"),
        (b'{"normalizer.mean": {"dtype": "F32", "shape": [-1]}}', r"'normalizer\.mean' has no shape"),
    ],
)
def test_a_header_that_lies_about_the_weights_is_refused(
    tmp_path: Path, checkpoint: Checkpoint, header: bytes | int, message: str
) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    size, text = (header, b"") if isinstance(header, int) else (len(header), header)
    (tmp_path / "c" / WEIGHTS).write_bytes((size.to_bytes(8, "little") + text) if header else b"")
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(resealed(tmp_path / "c"))


def test_networks_far_larger_than_their_file_are_refused_without_memory_for_them(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    path = tmp_path / "c" / CONFIG
    content = json.loads(path.read_text())
    content["networks"]["hidden"] = [60_000] * 60  # 850 GB
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="it lacks"):
        load_checkpoint(tmp_path / "c")
