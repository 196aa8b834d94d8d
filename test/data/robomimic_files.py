"""Files as robomimic writes them, made by h5py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qgf_ros.data.formats.robomimic import RobomimicSource
from qgf_ros.data.recording import Recording

h5py = pytest.importorskip("h5py", reason="needs h5py: pip install 'qgf_ros[data]'")

ROWS = {10: 4, 2: 5, 1: 6}  # steps by number of the demonstration
ENVIRONMENT = {
    "env_name": "Lift",
    "type": 1,
    "env_kwargs": {"control_freq": 20, "reward_shaping": False},
}


def written(path: Path, change: Callable[[Any], None] = lambda _: None) -> Path:
    """A file as robomimic writes it: packed observations and their successors, rewards of 1 in the last step of demo_1 alone."""
    draw = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps(ENVIRONMENT)
        data.attrs["total"] = sum(ROWS.values())
        for number, rows in ROWS.items():
            demo = data.create_group(f"demo_{number}")
            demo.attrs["num_samples"] = rows
            demo["actions"] = draw.uniform(-1, 1, (rows, 2))
            demo["states"] = draw.normal(size=(rows, 7))
            demo["rewards"] = np.where(np.arange(rows) == rows - 1, float(number == 1), 0.0)
            demo["dones"] = (np.arange(rows) == rows - 1).astype(np.int64)
            joints = draw.normal(size=(rows + 1, 3)).astype(np.float32)
            pixels = draw.integers(0, 256, (rows + 1, 8, 8, 3)).astype(np.uint8)
            for name, part in (("obs", slice(None, -1)), ("next_obs", slice(1, None))):
                demo.create_dataset(f"{name}/joints", data=joints[part], compression="gzip", shuffle=True)
                demo.create_dataset(f"{name}/image", data=pixels[part], compression="lzf")
        file["mask/train"] = np.array(["demo_10", "demo_2"], dtype="S8")
        file["mask/valid"] = ["demo_1"]
        change(file)
    return path


def read(path: Path, chosen: str | None = None) -> list[Recording]:
    return list(RobomimicSource(path, chosen).recordings())
