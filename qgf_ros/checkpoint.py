"""Saves and loads checkpoints: one folder of safetensors and JSON, written atomically, read strictly, never pickle.

checkpoints/NAME/
  weights.safetensors   policy, critic, target critic, value, normalizer
  checkpoint.json       networks, sampler defaults, interface, provenance, sha256 of the weights
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from qgf_ros.contract.load import differences, interface_from_canonical
from qgf_ros.contract.schema import Interface
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.errors import (
    CheckpointError,
    FileTooLarge,
    InterfaceMismatchError,
    QgfError,
    UnreadableFileError,
)
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.strict import build, read_json
from qgf_ros.tensor_file import TensorFile, read_tensors

FORMAT = 1
WEIGHTS, CONFIG = "weights.safetensors", "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to run a policy. `provenance` holds plain values: data, versions, steps, metrics.

    `trained_at`: the times that the velocity field has seen; None: those of the default number of steps.
    """

    networks: Networks
    normalizer: Normalizer
    interface: Interface
    defaults: SamplerDefaults
    provenance: Mapping[str, Any]
    trained_at: TimeGrid | None = None

    @property
    def grid(self) -> TimeGrid:
        """The times at which the velocity field may be asked."""
        return self.trained_at or TimeGrid(self.defaults.denoise_steps)


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes the folder as a whole: after a crash either the old one stands or the new one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    tensors = {
        f"networks.{name}": value.detach().cpu().contiguous()
        for name, value in checkpoint.networks.state_dict().items()
    }
    tensors["normalizer.mean"] = torch.from_numpy(checkpoint.normalizer.mean.copy())
    tensors["normalizer.scale"] = torch.from_numpy(checkpoint.normalizer.scale.copy())
    save_file(tensors, part / WEIGHTS)
    content = {
        "format": FORMAT,
        "weights_sha256": hashlib.sha256((part / WEIGHTS).read_bytes()).hexdigest(),
        "networks": checkpoint.networks.config.as_mapping(),
        "defaults": checkpoint.defaults.as_mapping(),
        "interface": checkpoint.interface.canonical(),
        "provenance": dict(checkpoint.provenance),
        "trained_at": dataclasses.asdict(checkpoint.grid),
    }
    (part / CONFIG).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    part.chmod(0o755)
    (part / WEIGHTS).chmod(0o644)  # safetensors makes files that only their owner can read
    swap_folder(part, folder)


def swap_folder(part: Path, folder: Path) -> None:
    """Puts a finished folder in the place of an older one."""
    old = folder.with_name(f".{folder.name}-old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    os.replace(part, folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: str | Path, interface: Interface | None = None) -> Checkpoint:
    """The checkpoint in a folder, on the CPU, gradients off; checked against `interface` where one is given.

    Raises:
        CheckpointError: the folder, a file or a tensor is missing, foreign, cut short, altered or not finite.
        InterfaceMismatchError: it was trained under another interface.
    """
    folder = Path(folder)
    content = _read_config(folder)
    try:
        stored = interface_from_canonical(content["interface"])
        config = build(NetworkConfig, content["networks"], "networks")
        defaults = build(SamplerDefaults, content["defaults"], "defaults")
        trained_at = build(TimeGrid, content["trained_at"], "trained_at") if "trained_at" in content else None
        file = _read_weights(folder, content.get("weights_sha256"))
        _check_sizes(folder, config, stored, file.shapes.get("normalizer.mean", ()))
        tensors = file.load(_shapes(config))
        normalizer = Normalizer(*(tensors.pop(f"normalizer.{name}").numpy() for name in ("mean", "scale")))
        networks = Networks(config)
        networks.load_state_dict({name.removeprefix("networks."): value for name, value in tensors.items()})
    except CheckpointError:
        raise
    except (KeyError, RuntimeError, QgfError) as error:
        raise CheckpointError(folder, str(error).rstrip(".")) from error
    if interface is not None:
        _check_interface(folder, interface, stored)
    networks.requires_grad_(False)
    return Checkpoint(networks.eval(), normalizer, stored, defaults, content["provenance"], trained_at)


def load_for_policy(folder: Path, interface: Interface) -> Checkpoint:
    """The checkpoint in a folder, for its policy alone: its critic may have been told of goals, or not. Raises as `load_checkpoint`."""
    found = load_checkpoint(folder)
    _check_interface(folder, interface.without_goal, found.interface.without_goal)
    return found


def _check_interface(folder: Path, ours: Interface, theirs: Interface) -> None:
    if theirs.digest != ours.digest:
        raise InterfaceMismatchError(
            f"Checkpoint {folder.name}", ours.digest, theirs.digest, differences(ours, theirs)
        )


def _read_weights(folder: Path, digest: object) -> TensorFile:
    if not (folder / WEIGHTS).is_file():
        raise CheckpointError(folder, f"it has no {WEIGHTS}")
    file = read_tensors(folder / WEIGHTS)
    if hashlib.sha256(file.content).hexdigest() != digest:
        raise CheckpointError(
            folder, f"{WEIGHTS} is cut short or was altered: its sha256 is not the one in {CONFIG}"
        )
    return file


def _shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Of all tensors of a checkpoint, found without memory for any of them."""
    with torch.device("meta"):
        networks = Networks(config)
    shapes = {f"networks.{name}": tuple(value.shape) for name, value in networks.state_dict().items()}
    return shapes | {f"normalizer.{name}": (config.observation_dim,) for name in ("mean", "scale")}


def _check_sizes(
    folder: Path, config: NetworkConfig, interface: Interface, normalized: tuple[int, ...]
) -> None:
    length = normalized[0] if len(normalized) == 1 else 0
    found = (config.observation_dim, config.action_dim, config.horizon, length, config.goal_dim)
    expected = (
        interface.observation_dim,
        interface.action_dim,
        interface.chunk_length,
        interface.observation_dim,
        interface.goal_dim,
    )
    if found != expected:
        what = "observation, action, chunk, normalizer and goal lengths"
        raise CheckpointError(folder, f"{what} of its networks are {found}, of its interface {expected}")


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(folder, f"it has no {CONFIG}; a checkpoint is a folder that `qgf train` wrote")
    try:
        content = read_json(path)
    except (UnreadableFileError, FileTooLarge) as error:
        raise CheckpointError(folder, str(error).rstrip(".")) from error
    if content.get("format") != FORMAT:
        raise CheckpointError(
            folder, f"{CONFIG} has format {content.get('format')!r}; this release reads {FORMAT}"
        )
    if not isinstance(content.setdefault("provenance", {}), dict):
        raise CheckpointError(folder, f"the provenance in {CONFIG} is no mapping")
    return content
