"""What a rival learned, as one file of safetensors: written whole or not at all, read strictly, never pickle."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.rivals.rival import Rival
from qgf_ros.tensor_file import read_tensors


def save_extra(path: Path, extra: nn.Module) -> None:
    """Writes the weights to `path`: after a crash either the old file stands or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    save_file({name: value.detach().cpu().clone() for name, value in extra.state_dict().items()}, part)
    os.replace(part, path)


def load_extra(path: Path, rival: Rival, parent: Checkpoint) -> nn.Module | None:
    """What `rival` learned from `parent`, frozen; None for a rival that learns nothing, whatever lies there.

    Raises:
        MissingFileError, FileTooLarge: there is no such file, or it is longer than any of ours.
        CheckpointError: it holds other tensors than this rival learns from a parent of these sizes, or values that are not finite.
    """
    extra = rival.blank(parent, seed=0)
    if extra is None:
        return None
    shapes = {name: tuple(value.shape) for name, value in extra.state_dict().items()}
    extra.load_state_dict(read_tensors(path).load(shapes))
    return extra.requires_grad_(False).eval()
