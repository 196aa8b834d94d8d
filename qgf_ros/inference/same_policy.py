"""Whether two checkpoints differ in nothing but their critics, and so may take turns while a robot moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qgf_ros.errors import InvalidSetting, OtherPolicyError


def check_same_policy(current: Path, candidate: Path) -> None:
    """Returns where flow policy, normalizer and noise of both checkpoints' folders are equal bit by bit.

    Raises:
        InvalidSetting: one of them is an exported file.
        OtherPolicyError: they differ.
        CheckpointError, InterfaceMismatchError: as `load_checkpoint`.
    """
    for path in (current, candidate):
        if not path.is_dir():
            raise InvalidSetting(
                "Parameter candidate",
                str(path),
                "the folder of a checkpoint, and the one in use too: exported files are not swapped",
            )
    import torch

    from qgf_ros.checkpoint import load_checkpoint

    ours = load_checkpoint(current)
    theirs = load_checkpoint(candidate, ours.interface)
    before, after = ours.networks.policy.state_dict(), theirs.networks.policy.state_dict()
    is_same = before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    for name in ("mean", "scale"):
        is_same &= np.array_equal(getattr(ours.normalizer, name), getattr(theirs.normalizer, name))
    if not is_same or ours.defaults.noise_scale != theirs.defaults.noise_scale:
        raise OtherPolicyError(candidate, current)
