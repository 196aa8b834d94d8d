"""Minari's episodes in one HDF5 file, a group each; called by `minari_file.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from qgf_ros.data.formats.hdf5 import datasets, names, subgroup
from qgf_ros.data.formats.hdf5_arrays import Kind, check_sizes, kind_of, read_array
from qgf_ros.data.formats.minari import MAIN
from qgf_ros.data.formats.minari_file import ENCODED, Found

_EPISODE = re.compile(r"episode_(\d{1,9})")


def episodes(folder: Path) -> tuple[int, Iterator[tuple[int, Found]]]:
    """How many there are, and each with its number. Raises ValueError, OSError and what else h5py raises."""
    file = h5py.File(folder / MAIN, "r")
    found = names(file)
    others = [name for name in found if not _EPISODE.fullmatch(name)]
    if others:
        raise ValueError(f"{MAIN} has '{others[0]}', and only episode_0, episode_1 and so on belong there")
    numbers = sorted((int(name.removeprefix("episode_")), name) for name in found)
    return len(numbers), ((number, _arrays(subgroup(file, name))) for number, name in numbers)


def _arrays(episode: Any) -> Found:
    found = datasets(episode)
    kinds = {path: kind_of(dataset) for path, dataset in found.items()}
    left_out = {path: ENCODED for path, kind in kinds.items() if kind is Kind.ENCODED}
    left_out |= {path: "one value for the episode" for path, dataset in found.items() if not dataset.shape}
    kept = {path: dataset for path, dataset in found.items() if path not in left_out}
    check_sizes(episode.name, kept)
    return {path: read_array(dataset) for path, dataset in kept.items()}, left_out
