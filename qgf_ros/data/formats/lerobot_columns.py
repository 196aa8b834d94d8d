"""An episode as LeRobot's columns: which features it has, its rows as a parquet table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.components import component_names, component_units
from qgf_ros.contract.schema import Interface
from qgf_ros.data.columns import NORMALISED
from qgf_ros.data.formats.lerobot import ACTION, BOOKKEEPING, DONE, NORMALISED_ACTION, STATE, SUCCESS
from qgf_ros.data.formats.lerobot_info import OWN
from qgf_ros.data.formats.needed import needed
from qgf_ros.data.recording import Episode
from qgf_ros.errors import InvalidSetting

IMAGES = "observation.images."  # where LeRobot's policies look for cameras
_RESERVED = (*BOOKKEEPING, STATE, ACTION, NORMALISED_ACTION, SUCCESS, DONE)
_MOST_AXES = 5  # of a feature, rows not counted
Arrays = Mapping[str, npt.NDArray[Any]]


def is_images(array: npt.NDArray[Any]) -> bool:
    """Whether an array holds colour images, (T, height, width, 3) uint8."""
    return array.dtype == np.uint8 and array.ndim == 4 and array.shape[3] == 3


def image_key(name: str) -> str:
    """The feature under which an array of images is kept."""
    return name if name.startswith("observation.") else IMAGES + name


def features_of(episode: Episode, interface: Interface, rate_hz: float) -> dict[str, dict[str, Any]]:
    """What info.json says of each column, in their order.

    Raises:
        InvalidSetting: a further array cannot be a feature: its name is taken or not allowed, or it holds no numbers.
    """
    units = tuple(dimension.unit for dimension in interface.action.dimensions)
    features = {
        STATE: _feature("float32", component_names(interface), component_units(interface)),
        ACTION: _feature("float32", interface.action.names, units),
        NORMALISED_ACTION: _feature("float32", interface.action.names, (NORMALISED,) * len(units)),
    }
    for name, array in episode.extra.items():
        key = image_key(name) if is_images(array) else name
        if not name or "/" in name or key in _RESERVED or key in features:
            accepted = "a name without '/' that LeRobot does not use itself, and no other array has"
            raise InvalidSetting("the name of an array", name, accepted)
        if is_images(array):
            height, width = array.shape[1:3]
            if height % 2 or width % 2:
                raise InvalidSetting(f"the size of {name}", (height, width), "even, as H.264 asks for")
            features[key] = {
                "dtype": "video",
                "shape": [height, width, 3],
                "names": ["height", "width", "channels"],
                OWN: {"column": name},
                "info": _video_info(height, width, rate_hz),
            }
            continue
        if (
            array.dtype.kind not in "biuf"
            or array.dtype.itemsize > 8
            or not 1 <= array.ndim <= 1 + _MOST_AXES
        ):
            accepted = "numbers of at most 64 bits and five axes, or images (T, height, width, 3) of uint8"
            raise InvalidSetting(name, f"{array.dtype} {array.shape[1:]}", accepted)
        features[key] = {"dtype": array.dtype.name, "shape": list(array.shape[1:]) or [1], "names": None}
        if array.shape[1:] == (1,):
            features[key][OWN] = {"is_vector": True}
    for key in (DONE, SUCCESS):
        features[key] = {"dtype": "bool", "shape": [1], "names": None}
    for key in BOOKKEEPING:
        features[key] = {"dtype": "float32" if key == "timestamp" else "int64", "shape": [1], "names": None}
    return features


def _feature(dtype: str, names: tuple[str, ...], units: tuple[str, ...]) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [len(names)], "names": list(names), OWN: {"units": list(units)}}


def _video_info(height: int, width: int, rate_hz: float) -> dict[str, Any]:
    return {
        "video.height": height,
        "video.width": width,
        "video.codec": "h264",
        "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False,
        "video.fps": int(rate_hz) if rate_hz == int(rate_hz) else rate_hz,
        "video.channels": 3,
        "has_audio": False,
    }


def rows_of(
    episode: Episode, interface: Interface, rate_hz: float, index: int, first_row: int, task_index: int
) -> dict[str, npt.NDArray[Any]]:
    """All columns of an episode but images. Actions in physical units, and beside them as they are."""
    physical = ActionRange(interface.action).physical(episode.actions.astype(np.float64))
    count = episode.rows
    steps = np.arange(count)
    is_last = steps == count - 1
    numbers = {name: array for name, array in episode.extra.items() if not is_images(array)}
    return {
        STATE: episode.observations,
        ACTION: physical.astype(np.float32),
        NORMALISED_ACTION: episode.actions,
        **numbers,
        DONE: is_last,
        SUCCESS: is_last & bool(episode.success),
        "timestamp": (steps / rate_hz).astype(np.float32),
        "frame_index": steps,
        "episode_index": np.full(count, index),
        "index": first_row + steps,
        "task_index": np.full(count, task_index),
    }


def table_of(arrays: Arrays) -> Any:
    """A pyarrow.Table: scalars as they are, vectors as lists of one size, arrays of more axes as lists of lists."""
    pa = needed("pyarrow")
    return pa.table({name: _column(pa, array) for name, array in arrays.items()})


def _column(pa: Any, array: npt.NDArray[Any]) -> Any:
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    shape = native.shape[1:]
    column = pa.array(native.reshape(-1))
    if shape in ((), (1,)):  # LeRobot keeps a single number as one
        return column
    if len(shape) == 1:
        return pa.FixedSizeListArray.from_arrays(column, shape[0])
    for size in reversed(shape):
        offsets = np.arange(0, len(column) + 1, size, dtype=np.int32)
        column = pa.ListArray.from_arrays(pa.array(offsets), column)
    return column
