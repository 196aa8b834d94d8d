"""Minari's episodes in Arrow files, a folder each; called by `minari_file.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qgf_ros.bounds import ARRAYS, DEPTH, EPISODE_BYTES, EPISODES, RECORD_BYTES, TEXTS, read_file
from qgf_ros.data.formats.minari_file import ENCODED, STEPS, Arrays, Found

ID = "episode_id"  # beside the columns in some versions


def episodes(folder: Path, spaces: dict[str, Any]) -> tuple[int, Iterator[tuple[int, Found]]]:
    """How many there are, and each with its number. `spaces` tell the shape of what lies flat. Raises what pyarrow raises, mostly ValueError."""
    numbers = sorted(int(entry.name) for entry in folder.iterdir() if entry.is_dir() and _is_number(entry))
    if len(numbers) > EPISODES:
        raise ValueError(f"it has {len(numbers)} episodes, and at most {EPISODES} are read")
    return len(numbers), ((number, _arrays(folder / str(number), spaces)) for number in numbers)


def _is_number(entry: Path) -> bool:
    return entry.name.isascii() and entry.name.isdigit() and str(int(entry.name[:10])) == entry.name


def _arrays(folder: Path, spaces: dict[str, Any]) -> Found:
    files = sorted(folder.glob("*.arrow"))
    if len(files) != 1:
        raise ValueError(f"the folder of episode {folder.name} has {len(files)} files in Arrow, and not one")
    batch = _batch(read_file(files[0], EPISODE_BYTES))
    arrays: Arrays = {}
    left_out: dict[str, str] = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if field.name != ID:
            _collect(field.name, field, column, spaces.get(field.name), arrays, left_out)
    for path in list(arrays):
        if path.split("/")[0] in STEPS:  # padded to the observations' length
            arrays[path] = arrays[path][:-1]
    return arrays, left_out


def _batch(content: bytes) -> Any:
    """The one batch of a file. It is checked through and through: offsets within it may lead anywhere."""
    with pa.ipc.open_file(pa.py_buffer(content)) as file:
        if file.num_record_batches != 1:
            raise ValueError(f"an episode has {file.num_record_batches} batches, and not one")
        batch = file.get_batch(0)
    batch.validate(full=True)
    if batch.nbytes > EPISODE_BYTES:
        raise ValueError(
            f"an episode has {batch.nbytes} bytes unpacked, and at most {EPISODE_BYTES} are read"
        )
    return batch


def _collect(
    path: str, field: Any, column: Any, space: Any, arrays: Arrays, left_out: dict[str, str]
) -> None:
    kind = column.type
    if pa.types.is_struct(kind) and not column.null_count:
        parts = space.get("subspaces") if isinstance(space, dict) else None
        for place in range(kind.num_fields):
            inner = kind.field(place)
            name = f"_index_{inner.name}" if isinstance(parts, list) else inner.name
            below = parts[place] if isinstance(parts, list) and place < len(parts) else None
            below = parts.get(inner.name) if isinstance(parts, dict) else below
            if path.count("/") > DEPTH:
                raise ValueError(f"{path} is nested more than {DEPTH} deep")
            _collect(f"{path}/{name}", inner, column.field(place), below, arrays, left_out)
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        left_out[path] = ENCODED
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        arrays[path] = _texts(path, column)
    else:
        values = _numbers(column)
        if values is None:
            left_out[path] = f"it holds {kind}"
        else:
            arrays[path] = values.reshape(len(column), *_row_shape(field, space))
    if len(arrays) + len(left_out) > ARRAYS:
        raise ValueError(f"an episode has more than {ARRAYS} columns")


def _numbers(column: Any) -> npt.NDArray[Any] | None:
    """(rows, ...) of a column of numbers or of lists of one length; None for anything else, and where a value is missing."""
    flat = column.flatten() if pa.types.is_fixed_size_list(column.type) and not column.null_count else column
    kind = flat.type
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if not is_plain or flat.null_count:
        return None
    values: npt.NDArray[Any] = flat.to_numpy(zero_copy_only=False)
    return values


def _row_shape(field: Any, space: Any) -> tuple[int, ...]:
    """The shape of a row, as the space or the field's metadata (in infos) says; as it lies where nobody says."""
    if not pa.types.is_fixed_size_list(field.type):
        return ()
    stated = space.get("shape") if isinstance(space, dict) else None
    if isinstance(stated, list) and all(isinstance(length, int) for length in stated):
        return tuple(stated)
    text = (field.metadata or {}).get(b"shape")
    if text is None:
        return (int(field.type.list_size),)
    return tuple(int(length) for length in text.decode("ascii").split(",") if length)


def _texts(path: str, column: Any) -> npt.NDArray[np.str_]:
    """The texts of a column, empty ones where none is. Raises ValueError for more than TEXTS or RECORD_BYTES."""
    if len(column) > TEXTS or column.nbytes > RECORD_BYTES:
        raise ValueError(f"{path} has more than {TEXTS} texts, or more than {RECORD_BYTES} bytes of them")
    found = [text or "" for text in column.to_pylist()]
    longest = max([1, *map(len, found)])
    if 4 * longest * len(found) > RECORD_BYTES:
        raise ValueError(f"the texts of {path} take more than {RECORD_BYTES} bytes")
    return np.array(found, dtype=f"<U{longest}")
