"""Episodes for the tests of the LeRobot writer: made, written, read back, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qgf_ros.contract.schema import Interface
from qgf_ros.data.columns import episode_of
from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.data.formats.lerobot_writer import LerobotWriter
from qgf_ros.data.recording import Episode

RATE_HZ = 10.0
HEIGHT, WIDTH = 48, 64
LOSS = 3.0  # of 255, mean over an image of smooth colours: what H.264 at CRF 23 changes


def smooth(rows: int, seed: int) -> np.ndarray:
    """Images (rows, HEIGHT, WIDTH, 3) whose brightness tells the frame."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    level = 15 * (np.arange(rows) % 9)[:, None, None] + 10 * (seed % 5)
    return np.stack([level + x, level + y, level + 0 * x], axis=-1).astype(np.uint8)


def made(
    interface: Interface, rows: int, seed: int = 0, success: bool | None = None, has_images: bool = False
) -> Episode:
    draw = np.random.default_rng(seed)
    extra: dict[str, Any] = {
        "qpos": draw.normal(size=(rows, 3)),
        "human": draw.random(rows) < 0.5,
        "one": draw.normal(size=(rows, 1)).astype(np.float32),
        "grid": draw.integers(-9, 9, (rows, 2, 3)),
    }
    if has_images:
        extra["front"] = smooth(rows, seed)
    return Episode(
        f"made/{seed}",
        draw.normal(size=(rows, interface.observation_dim)).astype(np.float32),
        draw.uniform(-1, 1, (rows, interface.action_dim)).astype(np.float32),
        extra,
        success,
        ("reach", "push")[seed % 2],
    )


def write(folder: Path, interface: Interface, episodes: list[Episode], **settings: Any) -> None:
    with LerobotWriter(folder, interface, RATE_HZ, **settings) as writer:
        for episode in episodes:
            writer.write(episode)


def read(folder: Path, interface: Interface) -> list[Episode]:
    source = LerobotSource(folder, with_images=True)
    assert source.interface == interface
    return [episode_of(entry, interface, None, is_trusted=True) for entry in source.recordings()]


def assert_same(theirs: Episode, ours: Episode) -> None:
    np.testing.assert_array_equal(theirs.observations, ours.observations)
    np.testing.assert_array_equal(theirs.actions, ours.actions)
    assert theirs.extra.keys() == ours.extra.keys()
    for name, array in ours.extra.items():
        assert (theirs.extra[name].dtype, theirs.extra[name].shape) == (array.dtype, array.shape)
        if array.ndim == 4:
            errors = np.abs(theirs.extra[name].astype(int) - array).mean(axis=(1, 2, 3))
            assert errors.max() < LOSS
        else:
            np.testing.assert_array_equal(theirs.extra[name], array)
    assert (theirs.success, theirs.task) == (ours.success, ours.task)
