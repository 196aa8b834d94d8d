"""What a LeRobot data set says of itself in meta/info.json: features, rate, where its files lie."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qgf_ros.bounds import ARRAYS, EPISODE_BYTES, PIXELS, RATE_HZ, inside
from qgf_ros.contract.load import interface_from_canonical
from qgf_ros.contract.schema import Interface
from qgf_ros.errors import InvalidSetting, UnreadableFileError
from qgf_ros.strict import build, read_json

INFO = "meta/info.json"
OWN = "qgf_ros"  # the key under which we keep what LeRobot has no place for: units, the interface, outcomes
VERSIONS = ("v2.0", "v2.1", "v3.0")
LAYOUT = "a LeRobot data set that can be read"
_NUMBERS = re.compile(r"bool|u?int(?:8|16|32|64)|float(?:16|32|64)")
_FIELD = re.compile(r"\{(\w+)(?::0(\d)d)?\}")
_CHANNELS = ("channel", "channels")
_DEPTH = ("is_depth_map", "video.is_depth_map")

Kind = Literal["numbers", "image", "video", "other"]


@dataclass(frozen=True)
class Own:
    """What we write beside a feature: units of its components, the column's name where LeRobot's differs, whether a row is (1,)."""

    units: tuple[str, ...] = ()
    column: str | None = None
    is_vector: bool = False


@dataclass(frozen=True)
class Feature:
    """A column as info.json describes it. `shape` of a row; of an image (height, width, 3). `other`: what is not read."""

    key: str
    kind: Kind
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()
    own: Own = Own()


@dataclass(frozen=True)
class _Stated:
    """Of info.json what is read, by its own keys."""

    codebase_version: str
    fps: float
    data_path: str
    total_episodes: int
    chunks_size: int = 1000
    video_path: str | None = None


@dataclass(frozen=True)
class _StatedFeature:
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Info:
    """A data set's description. `root` is its folder; paths within are templates."""

    root: Path
    version: str
    rate_hz: float
    features: Mapping[str, Feature]
    data_path: str
    video_path: str | None
    episodes: int
    chunks_size: int
    interface: Interface | None

    def data_file(self, **fields: int) -> Path:
        """Where rows lie. Raises InvalidSetting where the template is none of LeRobot's, or leads out of the folder."""
        return self._file("data_path", self.data_path, fields)

    def video_file(self, key: str, **fields: int) -> Path:
        """Where the frames of a video feature lie. Raises as `data_file`."""
        return self._file("video_path", self.video_path or "", {**fields, "video_key": key})

    def _file(self, name: str, template: str, fields: Mapping[str, int | str]) -> Path:
        return inside(self.root, self.root, filled(f"info.{name}", template, fields), f"info.{name}")


def filled(where: str, template: str, fields: Mapping[str, int | str]) -> str:
    """A path template with its fields put in: `{name}`, or `{name:03d}` for a number. Nothing else that Python formats is one.

    Raises:
        InvalidSetting: it has other fields, other braces, or a number's format for a text.
    """

    def put(found: re.Match[str]) -> str:
        value = fields.get(found[1])
        if value is None or (isinstance(value, str) and found[2]):
            raise InvalidSetting(where, template, accepted)
        return value if isinstance(value, str) else str(value).zfill(int(found[2] or 0))

    accepted = "a path with the fields " + ", ".join(f"{{{name}}}" for name in fields)
    if set("{}") & set(_FIELD.sub("", template)):
        raise InvalidSetting(where, template, accepted)
    return _FIELD.sub(put, template)


def read_info(root: Path) -> Info:
    """The description of the data set in a folder.

    Raises:
        MissingFileError, UnreadableFileError, FileTooLarge: as `read_json`, or the version is another one.
        InvalidSetting, UnknownKeys: a value in it is missing or makes no sense.
    """
    path = root / INFO
    content = read_json(path)
    version = content.get("codebase_version")
    if version not in VERSIONS:
        known = ", ".join(VERSIONS)
        raise UnreadableFileError(path, LAYOUT, f"its codebase_version is {version!r}, and {known} are read")
    stated = build(_Stated, _picked(content, _Stated), "info")
    for name, value, most in (("fps", stated.fps, RATE_HZ), ("chunks_size", stated.chunks_size, 2**31)):
        if not 0 < value <= most:
            raise InvalidSetting(f"info.{name}", value, f"a number above 0, and at most {most}")
    features, own = content.get("features"), content.get(OWN)
    if not isinstance(features, dict) or len(features) > ARRAYS:
        raise InvalidSetting(
            "info.features", type(features).__name__, f"a mapping of at most {ARRAYS} features"
        )
    interface = None
    if isinstance(own, dict) and isinstance(own.get("interface"), dict):
        interface = interface_from_canonical(own["interface"])
    return Info(
        root,
        stated.codebase_version,
        stated.fps,
        {key: _feature(key, value) for key, value in features.items()},
        stated.data_path,
        stated.video_path,
        stated.total_episodes,
        stated.chunks_size,
        interface,
    )


def _picked(
    content: Mapping[str, Any], cls: type[_Stated] | type[_StatedFeature] | type[Own]
) -> dict[str, Any]:
    """The keys that are read: LeRobot has had others, and its users add their own."""
    return {key: content[key] for key in cls.__dataclass_fields__ if key in content}


def _feature(key: str, content: Any) -> Feature:
    where = f"info.features.{key}"
    if not isinstance(content, dict):
        raise InvalidSetting(where, content, "a mapping")
    stated = build(_StatedFeature, _picked(content, _StatedFeature), where)
    if len(stated.shape) > 5 or min(stated.shape, default=1) < 0 or math.prod(stated.shape) > EPISODE_BYTES:
        raise InvalidSetting(
            f"{where}.shape", stated.shape, "at most five sizes of an array that fits into memory"
        )
    own = content.get(OWN)
    ours = build(Own, own, f"{where}.{OWN}") if isinstance(own, dict) else Own()
    if stated.dtype in ("image", "video"):
        is_depth = any(bool(part.get(flag)) for part in _described(content) for flag in _DEPTH)
        shape = _image_shape(where, stated.shape, content.get("names"))
        kind: Kind = "other" if is_depth or shape[2] != 3 else "image" if stated.dtype == "image" else "video"
        return Feature(key, kind, shape, own=ours)
    kind = "numbers" if _NUMBERS.fullmatch(stated.dtype) else "other"
    names = _names(content.get("names"))
    is_named = len(stated.shape) == 1 and len(names) == stated.shape[0]
    return Feature(key, kind, stated.shape, names if is_named else (), ours)


def _described(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where versions keep what is known of a video."""
    return [content[name] for name in ("info", "video_info") if isinstance(content.get(name), dict)]


def _image_shape(where: str, shape: tuple[int, ...], names: Any) -> tuple[int, int, int]:
    """(height, width, channels), whichever way round it stands."""
    if len(shape) != 3 or min(shape) < 1 or shape[0] * shape[1] * shape[2] > 4 * PIXELS:
        raise InvalidSetting(
            f"{where}.shape", shape, f"height, width and channels of at most {PIXELS} pixels"
        )
    is_first = shape[2] not in (1, 3) and shape[0] in (1, 3)
    if isinstance(names, list) and len(names) == 3:
        is_first = names[0] in _CHANNELS or (is_first and names[2] not in _CHANNELS)
    return (shape[1], shape[2], shape[0]) if is_first else (shape[0], shape[1], shape[2])


def _names(stated: Any) -> tuple[str, ...]:
    """Components' names: a list, lists under headings one after the other, or names with their places."""
    if isinstance(stated, dict) and stated and all(type(place) is int for place in stated.values()):
        return tuple(sorted(stated, key=lambda name: stated[name]))
    if isinstance(stated, dict):
        lists = [part if isinstance(part, list) else [None] for part in stated.values()]
        stated = [name for part in lists for name in part]
    if not isinstance(stated, list) or not all(isinstance(name, str) for name in stated):
        return ()
    return tuple(stated)
