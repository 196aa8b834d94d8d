"""Data sets that Minari itself writes, in both of its storages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qgf_ros.data.formats.minari import MinariSource
from qgf_ros.data.recording import Recording

REASON = "needs minari, h5py and pyarrow: pip install 'qgf_ros[data,test]'"
h5py = pytest.importorskip("h5py", reason=REASON)
pa = pytest.importorskip("pyarrow", reason=REASON)
spaces = pytest.importorskip("gymnasium.spaces", reason=REASON)
EpisodeBuffer = pytest.importorskip("minari.data_collector", reason=REASON).EpisodeBuffer
MinariStorage = pytest.importorskip("minari.dataset.minari_storage", reason=REASON).MinariStorage

STORAGES = ("hdf5", "arrow")
EPISODES = 11  # more than ten: the order of numbers is not that of their names
ACTIONS = spaces.Tuple((spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(3)))
OBSERVATIONS = spaces.Dict(
    {
        "grid": spaces.Box(0, 1, (2, 4), np.float32),
        "joints": spaces.Box(-9, 9, (3,), np.float64),
        "pair": spaces.Tuple((spaces.Discrete(5), spaces.Box(0, 1, (2,), np.float32))),
        "said": spaces.Text(20),
    }
)
IMAGE = spaces.Box(0, 255, (40, 40, 3), np.uint8)


def buffers(count: int = EPISODES) -> Iterator[Any]:
    draw = np.random.default_rng(0)
    for number in range(count):
        steps = 3 + number
        yield EpisodeBuffer(
            observations={
                "grid": draw.random((steps + 1, 2, 4)).astype(np.float32),
                "joints": draw.normal(size=(steps + 1, 3)),
                "pair": (np.arange(steps + 1) % 5, draw.random((steps + 1, 2)).astype(np.float32)),
                "said": [f"at {row}" for row in range(steps + 1)],
            },
            actions=(draw.uniform(-1, 1, (steps, 2)).astype(np.float32), np.arange(steps) % 3),
            rewards=draw.random(steps),
            terminations=np.arange(steps) == steps - 1,
            truncations=np.zeros(steps, bool),
            infos={"success": np.arange(steps + 1) == steps, "deep": {"of": draw.random((steps + 1, 2, 2))}},
        )


def new(folder: Path, storage: str, observations: Any, **options: Any) -> Any:
    folder.mkdir(parents=True)
    return MinariStorage.new(folder / "data", observations, ACTIONS, data_format=storage, **options)


def written(folder: Path, storage: str, count: int = EPISODES) -> Path:
    new(folder, storage, OBSERVATIONS).update_episodes(buffers(count))
    return folder


def read(folder: Path) -> list[Recording]:
    return list(MinariSource(folder).recordings())


def arrow_file(folder: Path) -> Path:
    return folder / "data" / "1" / "part-0.arrow"


def rewritten(folder: Path, columns: dict[str, Any], compression: str | None = None, times: int = 1) -> None:
    """Episode 1 with other columns."""
    with pa.ipc.open_file(pa.py_buffer(arrow_file(folder).read_bytes())) as file:
        batch = file.get_batch(0)
    kept = {name: batch.column(name) for name in batch.schema.names} | columns
    made = pa.RecordBatch.from_pydict(kept)
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(str(arrow_file(folder)), made.schema, options=options) as file:
        for _ in range(times):
            file.write_batch(made)
