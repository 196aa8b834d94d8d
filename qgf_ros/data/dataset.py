"""A data set of transitions: one npz file or a folder of slices, memory-mapped, with the interface it was made under."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.bounds import JSON_BYTES
from qgf_ros.contract.load import differences, interface_from_canonical
from qgf_ros.contract.schema import Interface
from qgf_ros.data.chunks import Array, Transitions, Windows, cut_windows, draw_starts
from qgf_ros.data.npz import open_arrays
from qgf_ros.data.relabel import Labelled, Relabel, masks_of
from qgf_ros.errors import (
    DatasetTooShort,
    InterfaceMismatchError,
    MissingFileError,
    ShapeMismatch,
    UnreadableFileError,
)
from qgf_ros.plain_text import NotPlain, parse_json

IN_MEMORY_BYTES = 2 * 1024**3  # larger data sets stay on disk and are read through the page cache
ROWS_AT_ONCE = 100_000
PART = ".part.npz"  # a slice in the making
LAYOUT = "in the OGBench layout"
ALL = slice(None)  # of what is drawn


@dataclass(frozen=True)
class Slice:
    """The rows of one file as they lie there, before relabelling. The last row of an episode has no successor.

    `outcomes` and `rewards` where the file has them: what relabelling may look at (`Labelled`). `first_episode` is the number in
    the file of the first episode here.
    """

    path: Path
    observations: Array
    actions: Array
    terminals: npt.NDArray[np.bool_]
    outcomes: npt.NDArray[np.int8] | None = None
    rewards: Array | None = None
    first_episode: int = 0


@dataclass(frozen=True)
class Dataset:
    """Transitions by slice, ready for sampling; `orphans` are rows (by slice) that have no successor."""

    slices: tuple[Transitions, ...]
    orphans: tuple[npt.NDArray[np.int64], ...]
    successes: int

    @property
    def size(self) -> int:
        """Number of transitions, those that have no successor included."""
        return sum(part.size for part in self.slices)

    def draw(
        self,
        count: int,
        horizon: int,
        discount: float,
        generator: np.random.Generator,
        share: slice = ALL,
    ) -> Windows:
        """`count` windows of `horizon` steps, uniform over the data set; windows never begin at an orphan.

        `share` of them is cut, which must not be empty: the draws are the same whoever takes which.

        Raises:
            DatasetTooShort: a slice has fewer rows than one window.
        """
        sizes = np.array([part.size - horizon + 1 for part in self.slices], dtype=np.float64)
        if sizes.min() < 1:
            raise DatasetTooShort(int(sizes.min()) + horizon - 1, horizon)
        counts = generator.multinomial(count, sizes / sizes.sum())
        starts = [
            self._starts(index, int(part), horizon, generator) for index, part in enumerate(counts) if part
        ]
        sources = np.repeat(np.flatnonzero(counts), counts[counts > 0])[share]
        kept = np.concatenate(starts)[share]
        cut = [
            cut_windows(self.slices[index], kept[sources == index], horizon, discount)
            for index in np.unique(sources)
        ]
        return cut[0] if len(cut) == 1 else joined(cut)

    def _starts(
        self, index: int, count: int, horizon: int, generator: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        part = self.slices[index]
        starts = draw_starts(part.size, horizon, count, generator)
        after = np.minimum(starts + 1, part.size - horizon)
        return np.where(np.isin(starts, self.orphans[index]), after, starts)


def joined(parts: list[Windows]) -> Windows:
    """The windows of all parts, in order."""
    return Windows(
        **{name: np.concatenate([part.__dict__[name] for part in parts]) for name in parts[0].__dict__}
    )


def open_dataset(path: Path, interface: Interface, relabel: Relabel) -> Dataset:
    """The data set at `path` (a file or a folder of slices), with rewards and masks of a task.

    Raises:
        MissingFileError: nothing is there.
        UnreadableFileError: a file is no npz of plain arrays, or lacks an array of the layout, or its interface is not JSON.
        InterfaceMismatchError: it was recorded under another interface.
        ShapeMismatch: its arrays have other widths than the interface, or differ in length.
    """
    return from_slices(read_slices(path, interface), interface, relabel)


def read_slices(path: Path, interface: Interface) -> list[Slice]:
    """The raw slices at `path`, checked against the interface. Raises as `open_dataset`."""
    files = npz_files(path)
    in_memory = sum(file.stat().st_size for file in files if file.is_file()) <= IN_MEMORY_BYTES
    return [_read_slice(file, interface, in_memory) for file in files]


def npz_files(path: Path) -> list[Path]:
    """The file at `path`, or the finished slices in that folder, in order. Raises MissingFileError where there is none."""
    files = sorted(path.glob("*.npz")) if path.is_dir() else [path]
    files = [file for file in files if not file.name.endswith(PART)]
    if not files:
        raise MissingFileError(path / "*.npz")
    return files


def from_slices(slices: list[Slice], interface: Interface, relabel: Relabel) -> Dataset:
    """A data set of these slices, relabelled."""
    labelled = [_label(part, interface, relabel) for part in slices]
    orphans = tuple(np.flatnonzero(part.terminals[:-1]).astype(np.int64) for part in slices)
    return Dataset(tuple(part for part, _ in labelled), orphans, sum(count for _, count in labelled))


def fingerprint(slices: list[Slice]) -> str:
    """sha256 over names, sizes and action bytes of the slices: which data a checkpoint was trained on.

    Raises:
        UnreadableFileError: an action is no finite number (all of them are read here, and only here).
    """
    digest = hashlib.sha256()
    for part in slices:
        digest.update(f"{part.path.name}:{len(part.actions)}:".encode())
        for start in range(0, len(part.actions), ROWS_AT_ONCE):
            actions = np.ascontiguousarray(part.actions[start : start + ROWS_AT_ONCE])
            if not np.isfinite(actions).all():
                row = start + int(np.flatnonzero(~np.isfinite(actions).all(axis=1))[0])
                raise UnreadableFileError(part.path, "a data set of finite actions", f"row {row} is not")
            digest.update(actions.tobytes())
    return digest.hexdigest()


def _read_slice(path: Path, interface: Interface, in_memory: bool) -> Slice:
    arrays = open_arrays(path, in_memory)
    missing = [name for name in ("observations", "actions", "terminals") if name not in arrays]
    if missing:
        raise UnreadableFileError(path, LAYOUT, f"it lacks {', '.join(missing)}")
    if "interface" in arrays:
        stored = stored_interface(path, arrays["interface"])
        if stored.row_digest != interface.row_digest:  # chunks are cut later: their length is not the data's
            raise InterfaceMismatchError(
                path.name, interface.row_digest, stored.row_digest, differences(interface, stored)
            )
    rows = arrays["terminals"].size
    widths = {
        "observations": (interface.observation_dim,),
        "actions": (interface.action_dim,),
        "terminals": (),
    }
    for name, width in widths.items():
        if arrays[name].shape != (rows, *width):
            raise ShapeMismatch(f"{path.name}: {name}", arrays[name].shape, str((rows, *width)))
        if arrays[name].dtype.kind not in "biuf":
            raise UnreadableFileError(path, LAYOUT, f"{name} holds no numbers")
    if rows == 0:
        raise DatasetTooShort(0, interface.chunk_length)
    beside = [arrays.get(name) for name in ("outcomes", "rewards")]
    for name, array in zip(("outcomes", "rewards"), beside, strict=True):
        if array is not None and (array.shape != (rows,) or array.dtype.kind not in "biuf"):
            raise ShapeMismatch(f"{path.name}: {name}", array.shape, str((rows,)))
    ends = np.asarray(arrays["terminals"], dtype=bool)
    outcomes, rewards = beside
    return Slice(path, arrays["observations"], arrays["actions"], ends, outcomes, rewards)


def stored_interface(path: Path, stored: npt.NDArray[Any]) -> Interface:
    """The interface that an npz file holds as text. Raises UnreadableFileError."""
    try:
        if stored.shape != () or stored.dtype.kind != "U" or stored.nbytes > 4 * JSON_BYTES:
            raise NotPlain("it is no text")
        order = "be" if stored.dtype.byteorder == ">" else "le"
        text = (
            stored.tobytes().decode(f"utf-32-{order}").rstrip("\0")
        )  # numpy itself fails on letters that there are not
        return interface_from_canonical(parse_json(text))
    except ValueError as error:  # NotPlain, or letters that there are not
        problem = f"its interface is not JSON: {error}"
        raise UnreadableFileError(path, LAYOUT, problem) from error


def _label(part: Slice, interface: Interface, relabel: Relabel) -> tuple[Transitions, int]:
    rows = Labelled(
        part.path.stem, part.observations, part.terminals, part.outcomes, part.rewards, part.first_episode
    )
    reached, rewards = relabel.label(interface, rows)
    ends = part.terminals.copy()
    ends[:-1] |= part.terminals[1:]  # the row before a last row is the last that has a successor
    ends[-2:] = True
    masks = masks_of(reached, ends, relabel.masks)
    transitions = Transitions(
        observations=part.observations[:-1],
        actions=part.actions[:-1],
        next_observations=part.observations[1:],
        rewards=rewards[:-1],
        masks=masks[:-1],
        terminals=ends[:-1].astype(np.float32),
    )
    return transitions, int(reached.sum())


def episodes_of(slices: Sequence[Slice]) -> list[Array]:
    """The observations of each episode (T, O), in order."""
    return [
        np.asarray(episode, np.float32)
        for part in slices
        for episode in np.split(np.asarray(part.observations), np.flatnonzero(part.terminals[:-1]) + 1)
    ]


def split(slices: list[Slice], held_out: float) -> tuple[list[Slice], list[Slice]]:
    """Training and held-out slices: whole slices where there are several, else whole episodes at the end of the one.

    Raises:
        DatasetTooShort: a single slice has fewer than two episodes.
    """
    if len(slices) > 1:
        count = max(1, round(held_out * len(slices)))
        return slices[:-count], slices[-count:]
    return split_episodes(slices, held_out)


def split_episodes(slices: list[Slice], held_out: float) -> tuple[list[Slice], list[Slice]]:
    """The same by episodes, however they lie in slices: the last ones are held out, at least one, at most all but one.

    Raises:
        DatasetTooShort: there are fewer than two episodes.
    """
    ends = [np.flatnonzero(part.terminals) for part in slices]
    count = sum(map(len, ends))
    if count < 2:
        raise DatasetTooShort(count, 2)
    left = count - min(max(1, round(held_out * count)), count - 1)  # that many are trained on
    kept, held = [], []
    for part, at in zip(slices, ends, strict=True):
        cut = 0 if left <= 0 else len(part.terminals) if left >= len(at) else int(at[left - 1]) + 1
        kept += [_rows(part, slice(0, cut))] if cut > 0 else []
        held += [_rows(part, slice(cut, None))] if cut < len(part.terminals) else []
        left -= len(at)
    return kept, held


def _rows(part: Slice, rows: slice) -> Slice:
    before = int(np.count_nonzero(part.terminals[: rows.start]))
    return Slice(
        part.path,
        part.observations[rows],
        part.actions[rows],
        part.terminals[rows],
        None if part.outcomes is None else part.outcomes[rows],
        None if part.rewards is None else part.rewards[rows],
        part.first_episode + before,
    )
