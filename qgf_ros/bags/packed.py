"""What rosbag2 packs with zstd: whole files, or the content of each message."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

from qgf_ros.bounds import GIB, MIB, RECORD_BYTES
from qgf_ros.errors import UnreadableFileError

SUFFIXES = (".zstd", ".zst")
MOST_BYTES = 64 * GIB  # of one unpacked file
PIECE = 4 * MIB
WHAT = "an undamaged file packed with zstd"


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The file itself, or, where its name ends as packed ones do, its content as a file that is removed afterwards.

    Raises:
        UnreadableFileError: it is damaged, cut short, or longer than any honest file.
    """
    if path.suffix not in SUFFIXES:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="qgf_bag_") as folder:
        plain = Path(folder) / path.stem
        _unpack(path, plain)
        yield plain


def _unpack(path: Path, to: Path) -> None:
    unpacker = zstandard.ZstdDecompressor(max_window_size=RECORD_BYTES)
    written = 0
    try:
        with path.open("rb") as packed, to.open("wb") as plain:
            for piece in unpacker.read_to_iter(packed, write_size=PIECE):
                written += len(piece)
                if written > MOST_BYTES:
                    raise UnreadableFileError(path, WHAT, f"unpacked it is longer than {MOST_BYTES} bytes")
                plain.write(piece)
    except (zstandard.ZstdError, OSError) as error:
        raise UnreadableFileError(path, WHAT, str(error)) from error


def unpacked_message(data: bytes) -> bytes:
    """The content of a message that was packed by itself. Raises ValueError where it is damaged or too large."""
    try:
        with zstandard.ZstdDecompressor(max_window_size=RECORD_BYTES).stream_reader(data) as reader:
            content = reader.read(RECORD_BYTES + 1)
    except zstandard.ZstdError as error:
        raise ValueError(f"a message cannot be unpacked: {error}") from error
    if len(content) > RECORD_BYTES:
        raise ValueError(f"a message is longer than {RECORD_BYTES} bytes when it is unpacked")
    return content
