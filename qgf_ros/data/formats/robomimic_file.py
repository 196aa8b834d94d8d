"""Reads one robomimic file, in a process of its own. What is refused is a ValueError, whose words `Apart` puts into a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from qgf_ros.data.columns import NORMALISED
from qgf_ros.data.formats.final_row import with_final_row
from qgf_ros.data.formats.hdf5 import datasets, member, names, subgroup, whole_attribute
from qgf_ros.data.formats.hdf5_arrays import Kind, check_sizes, kind_of, read_array, read_texts
from qgf_ros.data.formats.robomimic_environment import Environment, environment_of
from qgf_ros.data.recording import Column, Recording

DATA, MASK, OBS, NEXT_OBS = "data", "mask", "obs", "next_obs"
ACTIONS, REWARDS, DONES, SAMPLES = "actions", "rewards", "dones", "num_samples"
_DEMO = re.compile(r"demo_(\d{1,9})")


def read(
    path: Path, chosen: str | None = None
) -> Iterator[dict[str, Any] | tuple[Recording, dict[str, str]]]:
    """Facts of the file (`rate_hz`, `count`, `filters` with how many each has), then each demonstration of the filter `chosen`.

    Columns: `actions` (T, A), in [-1, 1] by the format, `rewards`, `dones`, `states`, each `obs/KEY`, and whatever else has a row a
    step, under its path. `next_obs` is `obs` one row on, so only its last row is read: where each key has one, it becomes the last
    row of the recording (`with_final_row`). Success: `Environment.success`.
    """
    with h5py.File(path, "r") as file:
        data = subgroup(file, DATA)
        environment, demos = environment_of(data), _demos(data)
        filters = {name: _listed(file, name, demos) for name in _filter_names(file)}
        counts = {name: len(kept) for name, kept in filters.items()}
        yield {"rate_hz": environment.rate_hz, "count": len(demos), "filters": counts}
        kept = set(demos) if chosen is None else filters[chosen]
        for name in demos:
            if name in kept:
                yield _recording(path.stem, subgroup(data, name), name, environment)


def _recording(stem: str, demo: Any, name: str, environment: Environment) -> tuple[Recording, dict[str, str]]:
    found = datasets(demo, without=(NEXT_OBS,))
    if ACTIONS not in found:
        raise ValueError(f"{name} lacks {ACTIONS}")
    rows = _steps(demo, found[ACTIONS])
    kept = {path: entry for path, entry in found.items() if _has_rows(path, entry, rows)}
    check_sizes(name, kept)
    arrays = {path: read_array(entry) for path, entry in kept.items()}
    success = environment.success(arrays[REWARDS]) if REWARDS in arrays else None
    last = _last_observation(demo, kept, rows)
    if last:
        seen = {path: np.concatenate([arrays.pop(path), row]) for path, row in last.items()}
        arrays = with_final_row(seen, arrays)
    units = {ACTIONS: (NORMALISED,) * int(found[ACTIONS].shape[1])}
    columns = {path: Column(values, (), units.get(path, ())) for path, values in arrays.items()}
    left_out = {path: f"its shape is {entry.shape}" for path, entry in found.items() if path not in kept}
    return Recording(f"{stem}/{name}", columns, success, environment.task), left_out


def _has_rows(path: str, dataset: Any, rows: int) -> bool:
    if kind_of(dataset) is Kind.ENCODED:
        raise ValueError(f"{dataset.name} holds byte strings, and only plain numbers and texts are read")
    if dataset.shape[:1] == (rows,):
        return True
    if path in (REWARDS, DONES) or path.startswith(f"{OBS}/"):
        raise ValueError(f"{dataset.name} has the shape {dataset.shape}, and {ACTIONS} has {rows} rows")
    return False


def _last_observation(demo: Any, kept: dict[str, Any], rows: int) -> dict[str, npt.NDArray[Any]]:
    """The last row of each `obs/KEY`'s successor, (1, ...); none at all where a key has none, so that rows stay whole."""
    keys = [path.removeprefix(f"{OBS}/") for path in kept if path.startswith(f"{OBS}/")]
    following = datasets(subgroup(demo, NEXT_OBS)) if NEXT_OBS in names(demo) else {}
    if not keys or any(key not in following for key in keys):
        return {}
    for key in keys:
        ours, theirs = kept[f"{OBS}/{key}"], following[key]
        if kind_of(theirs) is not kind_of(ours) or (theirs.shape, theirs.dtype) != (ours.shape, ours.dtype):
            raise ValueError(f"{theirs.name} has the shape {theirs.shape}, and {ours.name} {ours.shape}")
    return {f"{OBS}/{key}": read_array(following[key], rows - 1) for key in keys}


def _demos(data: Any) -> list[str]:
    """The demonstrations' names, in the order of their numbers."""
    found = names(data)
    others = [name for name in found if not _DEMO.fullmatch(name)]
    if others:
        raise ValueError(f"{DATA} has '{others[0]}', and only demo_0, demo_1 and so on belong there")
    return sorted(found, key=lambda name: (int(name.removeprefix("demo_")), name))


def _filter_names(file: Any) -> list[str]:
    return names(subgroup(file, MASK)) if MASK in names(file) else []


def _listed(file: Any, name: str, demos: list[str]) -> set[str]:
    """The demonstrations in a filter's list."""
    stored = member(subgroup(file, MASK), name)
    if isinstance(stored, h5py.Group) or kind_of(stored) is not Kind.TEXTS:
        raise ValueError(f"{stored.name} is no list of names")
    found = {str(entry) for entry in read_texts(stored)}
    missing = found - set(demos)
    if missing:
        raise ValueError(f"{stored.name} names '{min(missing)}', and there is no such demonstration")
    return found


def _steps(demo: Any, actions: Any) -> int:
    """T, which the actions' shape and the attribute state alike."""
    if kind_of(actions) is not Kind.NUMBERS or len(actions.shape) != 2 or not actions.shape[0]:
        raise ValueError(f"{actions.name} is no array (steps, numbers), but {actions.shape}")
    stated = whole_attribute(demo, SAMPLES)
    if stated is not None and stated != actions.shape[0]:
        raise ValueError(f"{demo.name} states {stated} samples and has {actions.shape[0]} {ACTIONS}")
    return int(actions.shape[0])
