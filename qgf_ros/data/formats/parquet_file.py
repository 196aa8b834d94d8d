"""Reads parquet files that others made, in bounded memory: a row group at a time, and of it only what is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.bounds import FOOTER_BYTES, PARQUET_ROWS, ROW_GROUP_BYTES, check_file
from qgf_ros.data.formats.needed import needed
from qgf_ros.data.formats.needed import refused as refused_by
from qgf_ros.errors import UnreadableFileError

PARQUET = "an undamaged parquet file"
_MAGIC = b"PAR1"
_TAIL = 8  # bytes at the end: the footer's length, the magic
_BYTES = "BYTE_ARRAY"  # texts and images: one value may be long, and stand for many rows
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4}  # bytes of a value unpacked; 8 for all others
_ROWS_AT_ONCE, _LONG_ROWS_AT_ONCE = 65_536, 64


class ParquetFile:
    """A context manager. State: the open file, and the row group that was read last with the columns asked for."""

    def __init__(self, path: Path) -> None:
        """Reads the footer.

        Raises:
            MissingFileError: there is no such file.
            UnreadableFileError: it is no parquet file, was not finalised, or is beyond the bounds.
            MissingExtraError: pyarrow is not installed.
        """
        _check_ends(path)
        self.path = path
        with refused(path):
            self._file = needed("pyarrow.parquet").ParquetFile(
                path,
                pre_buffer=False,
                page_checksum_verification=True,
                thrift_string_size_limit=FOOTER_BYTES,
                thrift_container_size_limit=FOOTER_BYTES,
            )
            self.rows: int = self._file.metadata.num_rows
            self.columns: tuple[str, ...] = tuple(self._file.schema_arrow.names)
            sizes = [
                self._file.metadata.row_group(group).num_rows for group in range(self._file.num_row_groups)
            ]
        if not 0 <= self.rows <= PARQUET_ROWS or min(sizes, default=0) < 0 or sum(sizes) != self.rows:
            raise UnreadableFileError(path, PARQUET, f"it states {self.rows} rows, and {sizes} in its groups")
        self._ends = np.cumsum(sizes, dtype=np.int64)
        self._read: tuple[int, tuple[str, ...], Any] | None = None

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        self._read = None
        self._file.close()

    def rows_of(self, columns: Sequence[str], start: int = 0, stop: int | None = None) -> Any:
        """A pyarrow.Table of rows `start` to `stop` (all that follow where None). Raises UnreadableFileError."""
        stop = self.rows if stop is None else stop
        missing = [name for name in columns if name not in self.columns]
        if missing:
            raise UnreadableFileError(
                self.path, f"a parquet file with a column '{missing[0]}'", "it has none of that name"
            )
        first = int(np.searchsorted(self._ends, start, side="right"))
        last = int(np.searchsorted(self._ends, stop, side="left"))
        parts = []
        with refused(self.path):
            for group in range(first, min(last + 1, len(self._ends))):
                begin = int(self._ends[group - 1]) if group else 0
                table = self._group(group, tuple(columns))
                low, high = max(start - begin, 0), min(stop - begin, len(table))
                parts.append(table.slice(low, max(high - low, 0)))
            if not parts:
                return self._file.schema_arrow.empty_table().select(list(columns))
            return needed("pyarrow").concat_tables(parts)

    def _group(self, group: int, columns: tuple[str, ...]) -> Any:
        """One row group; the one that was read last is kept, since episodes share them."""
        if self._read is not None and self._read[:2] == (group, columns):
            return self._read[2]
        self._read = None  # before the next one takes memory too
        at_once = self._checked(group, columns)
        batches, size = [], 0
        for batch in self._file.iter_batches(at_once, [group], list(columns), use_threads=False):
            size += batch.nbytes
            if size > ROW_GROUP_BYTES:
                raise ValueError(f"row group {group} has more than {ROW_GROUP_BYTES} bytes unpacked")
            batches.append(batch)
        table = needed("pyarrow").Table.from_batches(batches, schema=batches[0].schema)
        expected = self._file.metadata.row_group(group).num_rows
        if len(table) != expected:
            raise ValueError(f"row group {group} has {len(table)} rows, and states {expected}")
        self._read = (group, columns, table)
        return table

    def _checked(self, group: int, columns: tuple[str, ...]) -> int:
        """How many rows may be unpacked at once, by what the footer states; raises ValueError where that is too much."""
        described = self._file.metadata.row_group(group)
        size, at_once = 0, _ROWS_AT_ONCE
        for place in range(described.num_columns):
            column = described.column(place)
            name = column.path_in_schema
            if not any(name == wanted or name.startswith(f"{wanted}.") for wanted in columns):
                continue
            if column.physical_type == _BYTES:
                at_once = _LONG_ROWS_AT_ONCE
            size += max(
                column.total_uncompressed_size, _WIDTHS.get(column.physical_type, 8) * column.num_values, 0
            )
        if size > ROW_GROUP_BYTES:
            raise ValueError(
                f"row group {group} states {size} bytes unpacked, and at most {ROW_GROUP_BYTES} are read"
            )
        return at_once


def numbers_of(table: Any, name: str, shape: Sequence[int], path: Path) -> npt.NDArray[Any]:
    """A column of numbers as (rows, *shape), of the type that it was stored in; (rows,) for the shape (1,).

    Raises:
        UnreadableFileError: it holds anything but numbers, none at all in places, or rows of another shape.
    """
    types = needed("pyarrow.types")
    with refused(path):
        array = table.column(name).combine_chunks()
        sizes = list(shape)
        while (
            types.is_list(array.type)
            or types.is_large_list(array.type)
            or types.is_fixed_size_list(array.type)
        ):
            if array.null_count or not sizes:
                raise ValueError(f"the column '{name}' is not of the shape {tuple(shape)} in each row")
            if not _is_even(array, sizes.pop(0), types):
                raise ValueError(f"the column '{name}' is not of the shape {tuple(shape)} in each row")
            array = array.flatten()
        kind = array.type
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            raise ValueError(f"the column '{name}' holds {kind}, and only numbers are read")
        if array.null_count:
            raise ValueError(f"the column '{name}' has rows without a value")
        if math.prod(sizes) != 1 or len(array) != len(table) * math.prod(shape):
            raise ValueError(f"the column '{name}' is not of the shape {tuple(shape)} in each row")
        values: npt.NDArray[Any] = array.to_numpy(zero_copy_only=False)
        return values.reshape(len(table), *(() if tuple(shape) == (1,) else shape))


def _is_even(array: Any, size: int, types: Any) -> bool:
    """Whether all lists have `size` members."""
    if types.is_fixed_size_list(array.type):
        return bool(array.type.list_size == size)
    return bool((np.diff(array.offsets.to_numpy()) == size).all())


def refused(path: Path) -> AbstractContextManager[None]:
    """Turns what pyarrow says of a damaged parquet file into UnreadableFileError."""
    return refused_by(path, PARQUET, needed("pyarrow").ArrowException)


def _check_ends(path: Path) -> None:
    """A parquet file is written front to back: without its last bytes it was never finished."""
    size = check_file(path, 2**63)
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
            file.seek(max(size - _TAIL, 0))
            tail = file.read(_TAIL)
    except OSError as error:
        raise UnreadableFileError(path, "a readable file", error.strerror or str(error)) from error
    if size and head != _MAGIC:
        raise UnreadableFileError(path, "a parquet file", "it does not begin like one")
    if size < len(_MAGIC) + _TAIL or tail[4:] != _MAGIC:
        problem = "its footer is missing: the data set was not finalised, or the file is cut short"
        raise UnreadableFileError(path, "a finished parquet file", problem)
    if int.from_bytes(tail[:4], "little") > FOOTER_BYTES:
        raise UnreadableFileError(path, PARQUET, f"its footer is longer than {FOOTER_BYTES} bytes")
