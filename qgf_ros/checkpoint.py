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

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from qgf_ros.contract.load import differences, interface_from_canonical
from qgf_ros.contract.schema import Interface
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.errors import CheckpointError, InterfaceMismatchError, QgfError
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.strict import build

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
        "defaults": dataclasses.asdict(checkpoint.defaults)
        | {"estimator": checkpoint.defaults.estimator.value},
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
        CheckpointError: the folder, a file or a tensor is missing, foreign, cut short or altered.
        InterfaceMismatchError: it was trained under another interface.
    """
    folder = Path(folder)
    content = _read_config(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise CheckpointError(folder, f"it has no {WEIGHTS}")
    if hashlib.sha256(weights.read_bytes()).hexdigest() != content.get("weights_sha256"):
        raise CheckpointError(
            folder, f"{WEIGHTS} is cut short or was altered: its sha256 is not the one in {CONFIG}"
        )
    try:
        stored = interface_from_canonical(content["interface"])
        config = build(NetworkConfig, content["networks"], "networks")
        defaults = build(SamplerDefaults, content["defaults"], "defaults")
        trained_at = build(TimeGrid, content["trained_at"], "trained_at") if "trained_at" in content else None
        tensors = load_file(weights)
        mean, scale = (tensors.pop(f"normalizer.{name}").numpy() for name in ("mean", "scale"))
        _check_sizes(folder, config, stored, len(mean))
        networks = Networks(config)
        networks.load_state_dict({name.removeprefix("networks."): value for name, value in tensors.items()})
    except (KeyError, RuntimeError, SafetensorError, QgfError) as error:
        raise CheckpointError(folder, str(error).replace("\n", " ")) from error
    if interface is not None and stored.digest != interface.digest:
        raise InterfaceMismatchError(
            f"Checkpoint {folder.name}", interface.digest, stored.digest, differences(interface, stored)
        )
    networks.requires_grad_(False)
    normalizer = Normalizer(np.asarray(mean), np.asarray(scale))
    return Checkpoint(
        networks.eval(), normalizer, stored, defaults, content.get("provenance", {}), trained_at
    )


def _check_sizes(folder: Path, config: NetworkConfig, interface: Interface, normalized: int) -> None:
    found = (config.observation_dim, config.action_dim, config.horizon, normalized)
    expected = (
        interface.observation_dim,
        interface.action_dim,
        interface.chunk_length,
        interface.observation_dim,
    )
    if found != expected:
        what = "observation, action, chunk and normalizer lengths"
        raise CheckpointError(folder, f"{what} of its networks are {found}, of its interface {expected}")


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(folder, f"it has no {CONFIG}; a checkpoint is a folder that `qgf train` wrote")
    try:
        content = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(folder, f"{CONFIG} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise CheckpointError(folder, f"{CONFIG} has format {found!r}; this release reads {FORMAT}")
    return content
