"""Reads arrays of an HDF5 file into memory, after their size was compared with the bytes that are there. As `hdf5.py`: in its own process."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from qgf_ros.bounds import EPISODE_BYTES, RECORD_BYTES, TEXTS

FILTERS = (
    1,
    2,
    32000,
)  # gzip, shuffle, lzf; any other may be a plugin, which is code that libhdf5 would load


class Kind(Enum):
    """What an array holds. ENCODED: byte strings of any length a row, as JPEG images are kept."""

    NUMBERS = "numbers"
    TEXTS = "texts"
    ENCODED = "encoded"


def kind_of(dataset: Any) -> Kind:
    """What a dataset holds; raises ValueError for what is not read: objects, references, records, or values outside of the file."""
    made = dataset.id.get_create_plist()
    # Before anything else is asked: to know the shape of a virtual dataset libhdf5 opens the files that it names.
    if made.get_layout() == h5py.h5d.VIRTUAL or (
        made.get_layout() == h5py.h5d.CONTIGUOUS and made.get_external_count()
    ):
        raise ValueError(f"{dataset.name} lies in another file, and only what lies in this one is read")
    if dataset.shape is None:
        raise ValueError(f"{dataset.name} has neither values nor a shape")
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return Kind.TEXTS
    if h5py.check_vlen_dtype(dataset.dtype) == np.dtype(np.uint8):
        return Kind.ENCODED
    if dataset.dtype.kind not in "biuf" or dataset.dtype.itemsize > 8:
        raise ValueError(f"{dataset.name} holds {dataset.dtype}, and only plain numbers and texts are read")
    return Kind.NUMBERS


def check_sizes(name: str, arrays: dict[str, Any]) -> None:
    """Raises ValueError where the arrays of an episode take more than EPISODE_BYTES, by the shapes that they state."""
    total = sum(_bytes(dataset) for dataset in arrays.values())
    if total > EPISODE_BYTES:
        raise ValueError(f"{name} has {total} bytes unpacked, and at most {EPISODE_BYTES} are read")


def read_array(dataset: Any, first: int = 0) -> npt.NDArray[Any]:
    """The rows from `first` on of an array of numbers, (T - first, ...), or of texts, (T - first,). Raises ValueError as below."""
    return _numbers(dataset, first) if kind_of(dataset) is Kind.NUMBERS else read_texts(dataset)[first:]


def _numbers(dataset: Any, first: int) -> npt.NDArray[Any]:
    """In the type that the file has. Raises ValueError where values are not there, or packed otherwise than by FILTERS."""
    _check_filters(dataset)
    made = dataset.id.get_create_plist()
    if made.get_layout() == h5py.h5d.CHUNKED:
        _check_chunks(dataset, made.get_chunk())
    else:
        _check_end(dataset)
    values: npt.NDArray[Any] = dataset[first:]
    # A bool of a file may be any byte.
    return values.view(np.uint8) != 0 if values.dtype == np.bool_ else values


def read_texts(dataset: Any) -> npt.NDArray[np.str_]:
    """The texts of an array (T,), one a row; raises ValueError for another shape, and for more than TEXTS or RECORD_BYTES."""
    if len(dataset.shape) != 1 or dataset.shape[0] > TEXTS:
        raise ValueError(f"{dataset.name} is no list of at most {TEXTS} texts, but {dataset.shape}")
    if dataset.dtype.itemsize > RECORD_BYTES:
        raise ValueError(f"{dataset.name} has texts of {dataset.dtype.itemsize} bytes")
    _check_filters(dataset)
    rows, longest = dataset.asstr(), 1
    found: list[str] = []
    for row in range(dataset.shape[0]):  # one by one: all rows may name one long text
        found.append(str(rows[row]))
        longest = max(longest, len(found[-1]))
        if 4 * longest * dataset.shape[0] > RECORD_BYTES:
            raise ValueError(f"the texts of {dataset.name} take more than {RECORD_BYTES} bytes")
    return np.array(found, dtype=f"<U{longest}")


def _bytes(dataset: Any) -> int:
    return math.prod(dataset.shape) * int(dataset.dtype.itemsize)


def _check_filters(dataset: Any) -> None:
    made = dataset.id.get_create_plist()
    found = [made.get_filter(place)[0] for place in range(made.get_nfilters())]
    if set(found) - set(FILTERS):
        raise ValueError(
            f"{dataset.name} is packed by filters {found}, and only gzip, lzf and shuffle are read"
        )


def _check_end(dataset: Any) -> None:
    """All values are there: libhdf5 puts zeros in the place of those behind the end of the file."""
    there, place = dataset.id.get_storage_size(), dataset.id.get_offset() or 0  # none within a header
    there = min(there, dataset.file.id.get_filesize() - place)
    if there < _bytes(dataset):
        raise ValueError(f"{dataset.name} has {there} bytes, and its shape asks for {_bytes(dataset)}")


def _check_chunks(dataset: Any, chunk: tuple[int, ...]) -> None:
    """All are there: libhdf5 puts zeros in the place of those that nobody wrote. And none is longer than a record may be."""
    size = math.prod(chunk) * int(dataset.dtype.itemsize)
    if size > RECORD_BYTES:
        raise ValueError(f"{dataset.name} has chunks of {size} bytes, and at most {RECORD_BYTES} are read")
    wanted = math.prod(-(-length // part) for length, part in zip(dataset.shape, chunk, strict=True))
    there = dataset.id.get_num_chunks()
    if there != wanted:
        raise ValueError(
            f"{dataset.name} has {there} chunks, and its shape {dataset.shape} asks for {wanted}"
        )
