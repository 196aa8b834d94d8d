"""Reads one Minari data set, in a process of its own. What is refused is a ValueError, whose words `Apart` puts into a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.bounds import SPACES_BYTES
from qgf_ros.data.formats.final_row import with_final_row
from qgf_ros.data.formats.minari import METADATA
from qgf_ros.data.recording import Column, Recording
from qgf_ros.plain_text import parse_json
from qgf_ros.strict import read_json

OBSERVATIONS, ACTIONS, REWARDS, INFOS = "observations", "actions", "rewards", "infos"
ENDS = ("terminations", "truncations")
STEPS = (ACTIONS, REWARDS, *ENDS)  # with a row a step; observations have one row more
JPEG = b"\xff\xd8\xff"
ENCODED = "images in JPEG; write the data set with jpeg_encoding=False to have them"

Arrays = dict[str, npt.NDArray[Any]]
Found = tuple[Arrays, dict[str, str]]  # arrays by path, and what was left out and why


def read(folder: Path, kind: str) -> Iterator[dict[str, Any] | tuple[Recording, dict[str, str]]]:
    """Facts of the data set (`count`), then each episode in the order of their numbers.

    Columns: `observations`, `actions`, `rewards`, `terminations`, `truncations`, and each of `infos/...`. Dictionaries and tuples are
    columns under their paths: `observations/KEY`, `actions/_index_0`. Observations have T + 1 rows for T steps, so recordings have
    as many (`with_final_row`). A termination is not always a success: the outcome is left open.
    """
    stated = read_json(folder / METADATA, SPACES_BYTES)
    spaces = {f"{name}s": _space(stated, f"{name}_space") for name in ("observation", "action")}
    if kind == "hdf5":
        from qgf_ros.data.formats import minari_hdf5

        count, episodes = minari_hdf5.episodes(folder)
    else:
        from qgf_ros.data.formats import minari_arrow

        count, episodes = minari_arrow.episodes(folder, spaces)
    yield {"count": count}
    name = folder.parent.name if folder.name == "data" else folder.name
    task = _task(stated)
    for number, (arrays, left_out) in episodes:
        yield _recording(f"{name}/{number}", task, arrays, left_out)


def _recording(
    name: str, task: str, arrays: Arrays, left_out: dict[str, str]
) -> tuple[Recording, dict[str, str]]:
    rewards = arrays.get(REWARDS)
    if rewards is None or rewards.ndim != 1 or not len(rewards) or rewards.dtype.kind not in "biuf":
        raise ValueError(f"episode {name} has no {REWARDS}, a number a step")
    steps = len(rewards)
    seen: Arrays = {}
    done: Arrays = {}
    for path, values in arrays.items():
        top, rows = path.split("/")[0], values.shape[:1]
        if values.dtype == np.uint8 and values.ndim == 2 and values[:1].tobytes().startswith(JPEG):
            left_out[path] = ENCODED
        elif top == OBSERVATIONS and rows == (steps + 1,):
            seen[path] = values
        elif top in STEPS and rows == (steps,):
            done[path] = values
        elif top in (OBSERVATIONS, *STEPS):
            raise ValueError(f"episode {name} has {steps} {REWARDS}, and {path} of the shape {values.shape}")
        elif rows in ((steps,), (steps + 1,)):
            (done if rows == (steps,) else seen)[path] = values
        else:
            left_out[path] = f"its shape is {values.shape}"
    columns = {path: Column(values) for path, values in with_final_row(seen, done).items()}
    return Recording(name, columns, None, task), left_out


def _space(stated: dict[str, Any], key: str) -> Any:
    """A space as the description has it: a text of JSON; None where there is none."""
    text = stated.get(key)
    return parse_json(text) if isinstance(text, str) else None


def _task(stated: dict[str, Any]) -> str:
    """The environment's name, or nothing."""
    text = stated.get("env_spec")
    spec = parse_json(text) if isinstance(text, str) else None
    found = spec.get("id") if isinstance(spec, dict) else None
    return found if isinstance(found, str) else ""
