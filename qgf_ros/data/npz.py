"""Opens the arrays of an `.npz` file: in place without reading them where they are stored, else unpacked into memory.

numpy maps `.npy` files but not the members of an archive; a stored (uncompressed) member is a `.npy` at a known offset. Headers
are read here too: numpy evaluates them as Python and allocates what they ask for, and its own reader knows pickle.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from qgf_ros.bounds import ARRAY_BYTES, ARRAYS, DIRECTORY_BYTES, check_file
from qgf_ros.errors import UnreadableFileError

_LOCAL_HEADER = 30  # bytes before the name of a zip member; lengths of name and extra field at 26 and 28
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for any memory before they unpack
_NPY = 10  # bytes before the text of an npy header of version 1; two more in version 2
_LONGEST_HEADER = 1024
_DESCRIBED = re.compile(
    rb"\{'descr': '([<>|=][biufUS]\d{1,9})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,15}, ?)*(?:\d{1,15})?)\),? *\}\s*"  # one way to read each text, so that none costs more than its length
)
# What zipfile and its unpackers say of damaged archives, of encrypted ones (RuntimeError) and of methods they do not know.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


class _Opening(io.FileIO):
    """A file of which at most `most` bytes are read at once: zipfile takes in a whole directory, whatever its end record counts."""

    most = DIRECTORY_BYTES

    def read(self, size: int | None = -1) -> bytes:
        """As FileIO. Raises ValueError where more is asked for."""
        if size is not None and size > self.most:
            raise ValueError(f"its directory of members has more than {self.most} bytes")
        return super().read(size)


@dataclass(frozen=True)
class _Array:
    """An npy header; `start` is its length."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    start: int

    @property
    def size(self) -> int:
        """Bytes of header and values."""
        return self.start + math.prod(self.shape) * self.dtype.itemsize


def open_arrays(path: Path, in_memory: bool) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an npz file by name: memory-mapped read-only unless `in_memory` (compressed files must be).

    Raises:
        MissingFileError: there is no such file.
        UnreadableFileError: it is no npz file, is cut short, holds anything but plain numbers and texts, states sizes that it
            has not, or is compressed and not `in_memory`, or too large for it.
    """
    size = check_file(path, 2**63)
    try:
        with _Opening(path) as opening, zipfile.ZipFile(opening) as archive, path.open("rb") as raw:
            opening.most = 2**63  # the directory is read
            members = archive.infolist()
            _check_members(members, size, in_memory)
            return {
                info.filename.removesuffix(".npy"): _unpacked(archive, info)
                if in_memory
                else _mapped(path, raw, info)
                for info in members
            }
    except _UNREADABLE as error:
        raise UnreadableFileError(path, "an npz file of plain arrays", str(error)) from error


def _check_members(members: list[zipfile.ZipInfo], size: int, in_memory: bool) -> None:
    if len(members) > ARRAYS:
        raise ValueError(f"it has {len(members)} members, and at most {ARRAYS} are read")
    names = [info.filename for info in members]
    if len(set(names)) < len(names):
        raise ValueError("two of its members have one name")
    end = 0
    for info in sorted(members, key=lambda member: member.header_offset):
        if info.header_offset < end:
            raise ValueError(f"'{info.filename}' lies within another member")
        end = info.header_offset + _LOCAL_HEADER + len(info.filename.encode()) + info.compress_size
    if end > size:
        raise ValueError("it is cut short")
    for info in members:
        if info.compress_type not in _METHODS:
            raise ValueError(f"'{info.filename}' is packed by a method that numpy never uses")
    if in_memory and sum(info.file_size for info in members) > ARRAY_BYTES:
        raise ValueError(f"unpacked it is longer than {ARRAY_BYTES} bytes")


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> npt.NDArray[Any]:
    content = archive.read(info)
    array = _described(info, content[: _LONGEST_HEADER + _NPY + 2])
    if array.size != len(content):
        raise ValueError(f"'{info.filename}' has {len(content)} bytes, and its header asks for {array.size}")
    values = np.frombuffer(content, array.dtype, offset=array.start)
    return values.reshape(array.shape, order=array.order).copy()


def _mapped(path: Path, raw: IO[bytes], info: zipfile.ZipInfo) -> npt.NDArray[Any]:
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError("its arrays are compressed; save them with numpy.savez, or read them into memory")
    raw.seek(info.header_offset)
    header = raw.read(_LOCAL_HEADER)
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    place = info.header_offset + _LOCAL_HEADER + names
    raw.seek(place)
    array = _described(info, raw.read(_LONGEST_HEADER + _NPY + 2))
    if array.size != info.file_size:
        raise ValueError(
            f"'{info.filename}' has {info.file_size} bytes, and its header asks for {array.size}"
        )
    if array.size == array.start or array.shape == ():  # nothing to map, or not worth it
        raw.seek(place + array.start)
        return np.frombuffer(raw.read(array.size - array.start), array.dtype).reshape(array.shape)
    return np.memmap(path, array.dtype, "r", place + array.start, array.shape, array.order)


def _described(info: zipfile.ZipInfo, begin: bytes) -> _Array:
    """The npy header at the beginning of a member."""
    magic, version = begin[:6], begin[6:8]
    width = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}.get(version, 0)
    if magic != b"\x93NUMPY" or not width:
        raise ValueError(f"'{info.filename}' is no npy array")
    start = 8 + width
    length = int.from_bytes(begin[8:start], "little")
    found = _DESCRIBED.fullmatch(begin[start : start + length]) if length <= _LONGEST_HEADER else None
    if found is None:
        raise ValueError(f"'{info.filename}' holds pickled objects, or what is no plain array")
    described, order, shape = (group.decode("ascii") for group in found.groups())
    sizes = tuple(int(text) for text in shape.split(",") if text.strip())
    if len(sizes) > 8 or math.prod(sizes) >= 2**62:
        raise ValueError(f"'{info.filename}' has the shape ({shape})")
    try:
        dtype = np.dtype(described)
    except TypeError as error:  # of a width that no number has
        raise ValueError(f"'{info.filename}' has the type {described}: {error}") from error
    return _Array(dtype, sizes, "F" if order == "True" else "C", start + length)
