"""LeRobot data sets made by pyarrow and av, independently of our writer: as LeRobot 0.3 (v2.1) and 0.4 (v3.0) lay them out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'qgf_ros[data]'")
pq = pytest.importorskip("pyarrow.parquet")
av = pytest.importorskip("av", reason="needs av: pip install 'qgf_ros[data]'")

RATE_HZ = 20
HEIGHT, WIDTH = 48, 64
CAMERA = "observation.images.top"
V2_DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
V2_VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
V3_DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
V3_VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
TASKS = ["pick", "place"]
DATA = V3_DATA.format(chunk_index=0, file_index=0)  # the first file of each kind in a v3.0 folder
VIDEO = V3_VIDEO.format(chunk_index=0, file_index=0, video_key=CAMERA)
LIST = "meta/episodes/chunk-000/file-000.parquet"


@dataclass
class Made:
    """What a recording must give back."""

    state: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    success: np.ndarray
    task: int
    images: np.ndarray


@dataclass
class Layout:
    """Which episodes go into which file (v3.0): file numbers by episode; and how names are stated."""

    lengths: Sequence[int] = (4, 7, 3)
    files: Sequence[int] = (0, 0, 1)
    names: Any = field(default_factory=lambda: ["a", "b", "c"])
    has_video: bool = False
    extra_info: dict[str, Any] = field(default_factory=dict)


def moving(rows: int, seed: int) -> np.ndarray:
    """Smooth images (rows, HEIGHT, WIDTH, 3): brightness tells the frame, so that a wrong frame is far off."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    level = 20 * (np.arange(rows) % 8)[:, None, None] + 10 * seed
    return np.stack([level + x, level + y, level + 0 * x], axis=-1).astype(np.uint8)


def made(length: int, seed: int) -> Made:
    draw = np.random.default_rng(seed)
    success = np.zeros(length, bool)
    success[-1] = seed % 2 == 0
    return Made(
        draw.normal(size=(length, 3)).astype(np.float32),
        draw.normal(size=(length, 2)).astype(np.float32),
        draw.normal(size=length).astype(np.float32),
        success,
        seed % 2,
        moving(length, seed),
    )


def rows(episode: Made, index: int, first: int) -> Any:
    length = len(episode.state)
    lists = {
        name: pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        for name, values in (("observation.state", episode.state), ("action", episode.action))
    }
    steps = np.arange(length)
    return pa.table(
        {
            **lists,
            "next.reward": episode.reward,
            "next.success": episode.success,
            "timestamp": (steps / RATE_HZ).astype(np.float32),
            "frame_index": steps,
            "episode_index": np.full(length, index),
            "index": first + steps,
            "task_index": np.full(length, episode.task),
        }
    )


def write_video(path: Path, images: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", RATE_HZ, options={"g": "2", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def info(layout: Layout, version: str, data_path: str, video_path: str) -> dict[str, Any]:
    def one(dtype: str) -> dict[str, Any]:
        return {"dtype": dtype, "shape": [1], "names": None}

    features = {
        "observation.state": {"dtype": "float32", "shape": [3], "names": layout.names},
        "action": {"dtype": "float32", "shape": [2], "names": {"motors": ["left", "right"]}},
        "next.reward": one("float32"),
        "next.success": one("bool"),
        "timestamp": one("float32"),
        **{name: one("int64") for name in ("frame_index", "episode_index", "index", "task_index")},
    }
    if layout.has_video:
        names = ["height", "width", "channels"]
        features[CAMERA] = {"dtype": "video", "shape": [HEIGHT, WIDTH, 3], "names": names, "info": {}}
    return {
        "codebase_version": version,
        "robot_type": "so100",
        "total_episodes": len(layout.lengths),
        "total_frames": sum(layout.lengths),
        "total_tasks": len(TASKS),
        "chunks_size": 1000,
        "fps": RATE_HZ,
        "splits": {"train": f"0:{len(layout.lengths)}"},
        "data_path": data_path,
        "video_path": video_path if layout.has_video else None,
        "features": features,
        **layout.extra_info,
    }


def write_json_lines(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def make_v2(root: Path, layout: Layout, version: str = "v2.1") -> list[Made]:
    """A folder as LeRobot 0.3 leaves it: a file an episode, JSON lines."""
    (root / "meta").mkdir(parents=True)
    stated = info(layout, version, V2_DATA, V2_VIDEO) | {"total_chunks": 1, "total_videos": 0}
    (root / "meta/info.json").write_text(json.dumps(stated))
    write_json_lines(
        root / "meta/tasks.jsonl", [{"task_index": i, "task": text} for i, text in enumerate(TASKS)]
    )
    episodes = [made(length, seed) for seed, length in enumerate(layout.lengths)]
    listed, first = [], 0
    for index, episode in enumerate(episodes):
        length = len(episode.state)
        listed.append({"episode_index": index, "tasks": [TASKS[episode.task]], "length": length})
        place = {"episode_chunk": 0, "episode_index": index}
        path = root / V2_DATA.format(**place)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows(episode, index, first), path)
        first += length
        if layout.has_video:
            write_video(root / V2_VIDEO.format(**place, video_key=CAMERA), episode.images)
    write_json_lines(root / "meta/episodes.jsonl", listed)
    return episodes


def make_v3(root: Path, layout: Layout) -> list[Made]:
    """A folder as LeRobot 0.4 leaves it: files of many episodes, each a row group, listed in parquet."""
    (root / "meta/episodes/chunk-000").mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps(info(layout, "v3.0", V3_DATA, V3_VIDEO)))
    tasks = pa.table({"task_index": list(range(len(TASKS))), "__index_level_0__": TASKS})
    pq.write_table(tasks, root / "meta/tasks.parquet")
    episodes = [made(length, seed) for seed, length in enumerate(layout.lengths)]
    listed, first = [], 0
    writers: dict[int, Any] = {}
    frames: dict[int, list[np.ndarray]] = {}
    for index, (episode, file) in enumerate(zip(episodes, layout.files, strict=True)):
        table = rows(episode, index, first)
        path = root / V3_DATA.format(chunk_index=0, file_index=file)
        path.parent.mkdir(parents=True, exist_ok=True)
        if file not in writers:
            writers[file] = pq.ParquetWriter(path, table.schema)
        writers[file].write_table(table)
        before = sum(map(len, frames.setdefault(file, []))) / RATE_HZ
        frames[file].append(episode.images)
        length = len(episode.state)
        entry = {
            "episode_index": index,
            "tasks": [TASKS[episode.task]],
            "length": length,
            "data/chunk_index": 0,
            "data/file_index": file,
            "dataset_from_index": first,
            "dataset_to_index": first + length,
            "stats/action/mean": episode.action.mean(axis=0).tolist(),
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        if layout.has_video:
            entry |= {
                f"videos/{CAMERA}/chunk_index": 0,
                f"videos/{CAMERA}/file_index": file,
                f"videos/{CAMERA}/from_timestamp": before,
                f"videos/{CAMERA}/to_timestamp": before + length / RATE_HZ,
            }
        listed.append(entry)
        first += length
    for writer in writers.values():
        writer.close()
    pq.write_table(pa.Table.from_pylist(listed), root / "meta/episodes/chunk-000/file-000.parquet")
    if layout.has_video:
        for file, parts in frames.items():
            path = root / V3_VIDEO.format(chunk_index=0, file_index=file, video_key=CAMERA)
            write_video(path, np.concatenate(parts))
    return episodes


MAKERS: dict[str, Callable[[Path, Layout], list[Made]]] = {"v2.1": make_v2, "v3.0": make_v3}
versions = pytest.mark.parametrize("version", MAKERS)


def change_info(root: Path, **changes: Any) -> None:
    path = root / "meta/info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
