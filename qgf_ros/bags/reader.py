"""Reads the messages of a bag as they were written, serialised: mcap or sqlite3, packed or not, also without its metadata.

rosbag2's metadata.yaml is believed in one thing only: that messages were packed one by one. What is there is what is read, so
that a recording whose recorder was killed, or whose metadata is gone, is read as far as it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from qgf_ros.bags.mcap_file import ends_well, read_mcap
from qgf_ros.bags.packed import SUFFIXES, unpacked, unpacked_message
from qgf_ros.bags.recorded import WHOLE, Span, Wanted, every_topic
from qgf_ros.bags.recorded import Recorded as Recorded
from qgf_ros.bags.sqlite_file import BESIDE, SUFFIX, read_sqlite
from qgf_ros.bags.writer import METADATA
from qgf_ros.bounds import METADATA_BYTES
from qgf_ros.errors import MissingFileError, UnreadableFileError
from qgf_ros.strict import read_yaml

MCAP = ".mcap"
STORAGES: dict[str, Callable[[Path, Wanted, Span], Iterator[Recorded]]] = {
    MCAP: read_mcap,
    SUFFIX: read_sqlite,
}
INFORMATION = "rosbag2_bagfile_information"


def bag_files(folder: Path) -> list[Path]:
    """The files of a bag in order; none where the folder holds no recording. A packed file is left out beside its plain one."""
    found = [path for path in folder.glob("*") if _storage(path) in STORAGES]
    plain = {path.name for path in found}
    kept = [path for path in found if path.suffix not in SUFFIXES or path.stem not in plain]
    return sorted(kept, key=lambda path: _number(path.name))


def read_bag(folder: Path, wanted: Wanted = every_topic, span: Span = WHOLE) -> Iterator[Recorded]:
    """The messages of wanted topics within a span, of all files of a bag in the order of writing; of an unfinished file, as far as it
    was flushed.

    Raises:
        UnreadableFileError: a file is of no such storage, or damaged; what stood before was given.
        MissingFileError: what has the name of one is no file.
    """
    is_packed = _packs_messages(folder)
    for path in bag_files(folder):
        with unpacked(path) as plain:
            for message in STORAGES[plain.suffix](plain, wanted, span):
                yield _unpacked(path, message) if is_packed else message


def is_finished(folder: Path) -> bool:
    """True where every file of the bag was closed by its recorder, so that nothing is missing at its end."""
    files = bag_files(folder)
    return bool(files) and all(_is_closed(path) for path in files)


def read_facts(folder: Path) -> dict[str, str]:
    """What the recorder noted beside the messages (`custom_data` in metadata.yaml).

    Raises:
        MissingFileError, FileTooLarge, UnreadableFileError: as `strict.read_yaml`, or it is of another layout.
    """
    information = _information(folder)
    facts = information.get("custom_data")
    if not isinstance(facts or {}, dict):
        raise UnreadableFileError(folder / METADATA, "a bag's metadata", "its custom_data is no mapping")
    return {str(key): str(value) for key, value in (facts or {}).items()}


def _information(folder: Path) -> dict[str, Any]:
    path = folder / METADATA
    information = read_yaml(path, METADATA_BYTES).get(INFORMATION)
    if not isinstance(information, dict):
        raise UnreadableFileError(path, "a bag's metadata", f"{INFORMATION} is absent or no mapping")
    return information


def _packs_messages(folder: Path) -> bool:
    """Whether messages were packed one by one. Raises UnreadableFileError where they were by a method that we do not know."""
    try:
        information = _information(folder)
    except MissingFileError:
        return False
    mode, method = (str(information.get(f"compression_{key}") or "").lower() for key in ("mode", "format"))
    if mode == "message" and method != "zstd":
        raise UnreadableFileError(
            folder / METADATA, "a bag packed with zstd", f"its messages are packed as '{method}'"
        )
    return mode == "message"


def _unpacked(path: Path, message: Recorded) -> Recorded:
    try:
        return message._replace(data=unpacked_message(message.data))
    except ValueError as error:
        raise UnreadableFileError(path, "an undamaged bag", str(error)) from error


def _storage(path: Path) -> str:
    """The suffix that tells the storage, also of a packed file."""
    return Path(path.stem).suffix if path.suffix in SUFFIXES else path.suffix


def _is_closed(path: Path) -> bool:
    if path.suffix in SUFFIXES:
        return True  # packed by a recorder that had finished it
    if _storage(path) == MCAP:
        return ends_well(path)
    return not any(path.with_name(path.name + end).exists() for end in BESIDE)


def _number(name: str) -> tuple[str, int, str]:
    """Sorts NAME_2.mcap before NAME_10.mcap, as they were written."""
    begin, _, end = name.split(".")[0].rpartition("_")
    return (begin, int(end), name) if end.isdigit() and len(end) < 10 else (name, 0, name)
