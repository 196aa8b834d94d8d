"""How much is taken from a file or a message that others made: every bound in one place, and the reading that keeps to them.

A bound is far above what honest files need, and low enough that reaching it costs little memory and less than two seconds.
`docs/isolating.md` lists them for users.
"""

from __future__ import annotations

import stat
from pathlib import Path

from qgf_ros.errors import FileTooLarge, InvalidSetting, MissingFileError, UnreadableFileError

KIB, MIB, GIB = 1024, 1024**2, 1024**3

YAML_BYTES = 32 * KIB  # contracts, graphs, parameters, recipes, baselines
JSON_BYTES = 1 * MIB  # a checkpoint's description, an interface within a data set
METADATA_BYTES = 128 * KIB  # of a bag: as YAML, but many topics
DEPTH = 32  # mappings within mappings
VALUES = 20_000  # values of one YAML file, those behind aliases counted as often as they stand there
DIGITS = 19  # of a whole number in a file: those of 64 bits

MODEL_BYTES = 4 * MIB  # an MJCF with what it includes
MODEL_ELEMENTS = 10_000  # of it: MuJoCo takes two seconds for twice as many bodies
ASSET_BYTES = 256 * MIB  # meshes and textures of one MJCF
PICTURE_BYTES = 64 * MIB  # its textures, those made by MuJoCo and, as often, those unpacked from files
MODEL_JOINTS = 1000
MODEL_DEFAULTS = 1000  # classes
MODEL_KEYED = 200_000  # key frames times elements

OPERATIONS = 20_000  # nodes of an exported policy
WEIGHTS_BYTES = 2 * GIB  # networks, training state, exported policies
HEADER_BYTES = 4 * MIB  # names and shapes before the weights
LAYERS, WIDTH, CRITICS = 64, 65_536, 64  # of networks
STEPS = 1000  # of a walk, of a time grid
CANDIDATES = 1024

ARRAYS = 256  # members of one npz file
DIRECTORY_BYTES = 128 * KIB  # of the list of them: 256 names of 400 letters
ARRAY_BYTES = 2 * GIB  # of a data set, unpacked, where it is read into memory

PARQUET_ROWS = 20_000_000  # of one parquet file
ROW_GROUP_BYTES = 512 * MIB  # of one row group, unpacked
FOOTER_BYTES = 128 * MIB  # what a parquet file says of itself
LIST_BYTES = 64 * MIB  # a file of JSON lines; each line as JSON
EPISODES = 1_000_000  # of one data set
EPISODE_BYTES = 2 * GIB  # of one episode, its images unpacked
PIXELS = 4096 * 4096  # of one image
FRAMES_BEFORE = 1000  # frames that are decoded to reach the first one that is wanted
TEXTS = 100_000  # of one array
SPACES_BYTES = 16 * MIB  # a Minari data set's description: the range of each pixel stands there

RECORD_BYTES = 64 * MIB  # one record of a bag, a chunk before and after it is unpacked
MESSAGE_BYTES = 256 * KIB  # a recorded message that is verified: a chunk of 1000 actions of 20 dimensions

CHUNK_ACTIONS = 1000  # actions of one chunk
NAMES = 1000  # joint names or dimensions in one message
RATE_HZ = 10_000.0  # commands a second
SECONDS = 60.0  # control period, ages


def read_file(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises:
        MissingFileError: no file is there: nothing, a folder, a pipe or a device.
        FileTooLarge: it is longer.
        UnreadableFileError: it may not be read, or grows meanwhile.
    """
    size = check_file(path, most)
    try:
        with path.open("rb") as file:
            content = file.read(size + 1)  # what is asked for is allocated before it is read
    except OSError as error:
        raise UnreadableFileError(path, "a readable file", error.strerror or str(error)) from error
    if len(content) > size:
        raise UnreadableFileError(path, "a file at rest", "it grows while it is read")
    return content


def check_file(path: Path, most: int) -> int:
    """The size of a regular file of at most `most` bytes. Raises MissingFileError, FileTooLarge as `read_file`."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise MissingFileError(path) from error
    if not stat.S_ISREG(found.st_mode):
        raise MissingFileError(path)
    if found.st_size > most:
        raise FileTooLarge(path, found.st_size, most)
    return found.st_size


def inside(root: Path, base: Path, relative: str, where: str) -> Path:
    """The file that a text within a file names, relative to `base`; it must lie below `root`, links followed.

    A path in a file that somebody else wrote leads no further than the folder it was given with; `where` names the setting.

    Raises:
        InvalidSetting: the path is absolute, leads out of `root`, or is no path.
    """
    accepted = f"a relative path that stays below {root}"
    try:
        found, allowed = (base / relative).resolve(), root.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # too long, a zero byte, links in a circle
        raise InvalidSetting(where, relative, accepted) from error
    if not relative or Path(relative).is_absolute() or not found.is_relative_to(allowed):
        raise InvalidSetting(where, relative, accepted)
    return found
