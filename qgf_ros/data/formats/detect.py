"""Finds the format of a data set by what lies there, and opens it."""

from __future__ import annotations

from pathlib import Path

from qgf_ros.bags.reader import bag_files
from qgf_ros.contract.schema import Contract
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.bag_reader import Arm, no_arm
from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.data.formats.lerobot_info import INFO
from qgf_ros.data.formats.minari import MinariSource
from qgf_ros.data.formats.ogbench import OgbenchSource
from qgf_ros.data.formats.robomimic import RobomimicSource
from qgf_ros.data.recording import Source
from qgf_ros.errors import MissingPathError, UnknownFormatError

HDF5 = (".hdf5", ".h5")
MINARI_METADATA = "metadata.json"
KNOWN = {
    "OGBench": "an npz file, or a folder of them",
    "LeRobot": f"a folder with {INFO}",
    "robomimic": "an hdf5 file",
    "rosbag2": "a folder with mcap or db3 files",
    "Minari": f"a folder with data/{MINARI_METADATA}",
}


def open_source(
    path: Path,
    with_images: bool = False,
    chosen: str | None = None,
    arm: Arm = no_arm,
    contract: Contract | None = None,
) -> Source:
    """The data set at `path`. `with_images`: videos are decoded too; `chosen`: only recordings of that filter (robomimic).

    For bags: `arm` makes the kinematics that observations may need, `contract` stands in where the bag brings none along.

    Raises:
        MissingPathError: there is nothing.
        UnknownFormatError: what is there is of no known format.
        UnreadableFileError, MissingExtraError, ...: as the format's source.
    """
    if not path.exists():
        raise MissingPathError("The data set", path)
    if path.suffix in HDF5 and path.is_file():
        return RobomimicSource(path, chosen)
    if path.suffix == ".npz" or (path.is_dir() and any(path.glob("*.npz"))):
        return OgbenchSource(path)
    if (path / INFO).is_file():
        return LerobotSource(path, with_images)
    if any((path / place).is_file() for place in (MINARI_METADATA, f"data/{MINARI_METADATA}")):
        return MinariSource(path)
    if path.is_dir() and bag_files(path):
        return BagSource(path, arm, contract, with_images)
    raise UnknownFormatError(path, KNOWN)
