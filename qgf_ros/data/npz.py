"""Opens the arrays of an uncompressed `.npz` file in place, without reading them into memory.

numpy maps `.npy` files but not the members of an archive; a stored (uncompressed) member is a `.npy` at a known offset.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from qgf_ros.errors import MissingFileError, UnreadableFileError

_LOCAL_HEADER = 30  # bytes before the name of a zip member; lengths of name and extra field at 26 and 28


def open_arrays(path: Path, in_memory: bool) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an npz file by name, memory-mapped read-only unless `in_memory` (compressed files must be).

    Raises:
        MissingFileError: there is no such file.
        UnreadableFileError: it is no npz file, is cut short, holds pickled objects, or is compressed and not `in_memory`.
    """
    if not path.is_file():
        raise MissingFileError(path)
    try:
        if in_memory:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        with zipfile.ZipFile(path) as archive_file, path.open("rb") as raw:
            return {
                info.filename.removesuffix(".npy"): _map(path, raw, info) for info in archive_file.infolist()
            }
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise UnreadableFileError(path, "an npz file of plain arrays", str(error)) from error


def _map(path: Path, raw: IO[bytes], info: zipfile.ZipInfo) -> npt.NDArray[Any]:
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError("its arrays are compressed; save them with numpy.savez, or read them into memory")
    raw.seek(info.header_offset)
    header = raw.read(_LOCAL_HEADER)
    name_length, extra_length = (
        int.from_bytes(header[26:28], "little"),
        int.from_bytes(header[28:30], "little"),
    )
    raw.seek(info.header_offset + _LOCAL_HEADER + name_length + extra_length)
    version = np.lib.format.read_magic(raw)
    read_header = (
        np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read_header(raw)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects")
    if shape == ():
        return np.frombuffer(raw.read(dtype.itemsize), dtype).reshape(())
    return np.memmap(path, dtype, "r", raw.tell(), shape, "F" if fortran else "C")
