"""Saves and restores a training run so that it goes on to the same result. Safetensors only."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from qgf_ros.bounds import DIGITS
from qgf_ros.checkpoint import swap_folder
from qgf_ros.errors import CheckpointError
from qgf_ros.tensor_file import Shapes, read_tensors
from qgf_ros.train.update import TrainState

STATE = "state.safetensors"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def save_state(folder: Path, state: TrainState, run: str) -> None:
    """Writes networks, Adam's moments and the step count; `run` identifies the configuration that made them."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"networks.{name}": value.detach().cpu().contiguous()
        for name, value in state.networks.state_dict().items()
    }
    for index, moments in state.optimizer.state_dict()["state"].items():
        for name in _MOMENTS:
            tensors[f"adam.{index}.{name}"] = moments[name].detach().cpu().contiguous()
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    save_file(tensors, part / STATE, metadata={"step": str(state.step), "run": run})
    part.chmod(0o755)
    swap_folder(part, folder)


def restore_state(folder: Path, state: TrainState, run: str) -> None:
    """Puts a saved run into `state`, in place.

    Raises:
        CheckpointError: the file is missing, cut short, not finite, or of a run with another configuration.
        FileTooLarge: it is longer than any of ours.
    """
    path = folder / STATE
    if not path.is_file():
        raise CheckpointError(folder, f"it has no {STATE}")
    file = read_tensors(path)
    if file.metadata.get("run") != run:
        raise CheckpointError(
            folder, "it belongs to a run with another recipe or other data; give --restart to begin anew"
        )
    step = file.metadata.get("step", "")
    if not (step.isascii() and step.isdigit() and len(step) <= DIGITS):
        raise CheckpointError(folder, f"{STATE} states no step")
    _check_moments(folder, state, file.shapes)
    tensors = file.load(_shapes(state))
    state.networks.load_state_dict(
        {k.removeprefix("networks."): v for k, v in tensors.items() if k.startswith("networks.")}
    )
    adam = state.optimizer.state_dict()
    adam["state"] = {
        index: {name: tensors[f"adam.{index}.{name}"] for name in _MOMENTS}
        for index in range(len(_parameters(state)))
    }
    state.optimizer.load_state_dict(adam)
    state.step = int(step)


def _parameters(state: TrainState) -> list[torch.Tensor]:
    return [parameter for group in state.optimizer.param_groups for parameter in group["params"]]


def _shapes(state: TrainState) -> dict[str, tuple[int, ...]]:
    shapes = {f"networks.{name}": tuple(value.shape) for name, value in state.networks.state_dict().items()}
    for index, parameter in enumerate(_parameters(state)):
        shapes |= {f"adam.{index}.{name}": tuple(parameter.shape) for name in _MOMENTS}
        shapes[f"adam.{index}.step"] = ()
    return shapes


def _check_moments(folder: Path, state: TrainState, shapes: Shapes) -> None:
    for index, parameter in enumerate(_parameters(state)):
        if shapes.get(f"adam.{index}.exp_avg") != parameter.shape:
            raise CheckpointError(
                folder,
                f"Adam's moments in {STATE} have another layout, that of another release; give --restart to begin anew",
            )


def run_identity(parts: dict[str, object]) -> str:
    """A canonical text of what must not change between a run and its continuation."""
    return json.dumps(parts, sort_keys=True, default=str)


def device_for_training() -> torch.device:
    """CUDA where it is present, else the CPU; of several processes on a machine each has a GPU of its own."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
