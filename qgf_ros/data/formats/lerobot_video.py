"""Frames out of mp4 files and PNG images, within bounds that the caller knows: as many, of that size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.bounds import EPISODE_BYTES, FRAMES_BEFORE, check_file
from qgf_ros.data.formats.lerobot_entry import Clip
from qgf_ros.data.formats.needed import needed
from qgf_ros.data.formats.needed import refused as refused_by
from qgf_ros.errors import UnreadableFileError

CODECS = ("h264", "hevc", "av1", "vp9")
_VIDEO = "an undamaged mp4 video"
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_MARGIN = 128  # pixels by which decoders let a coded frame exceed what is shown


def video_frames(clip: Clip, count: int, rate_hz: float, shape: Sequence[int]) -> npt.NDArray[np.uint8]:
    """The `count` frames of a clip, (count, height, width, 3) uint8 RGB, each at its time.

    Raises:
        MissingFileError: there is no such file.
        UnreadableFileError: it is damaged, of another size or codec, has fewer frames there or, where the clip is whole, more.
        MissingExtraError: av is not installed.
    """
    path = clip.path
    check_file(path, 2**63)
    images = _room(path, count, shape)
    found = 0
    with _refused(path), _opened(path, shape) as (container, stream):
        if clip.start_s > 0:
            container.seek(math.floor(clip.start_s / stream.time_base), stream=stream)
        for passed, frame in enumerate(container.decode(stream)):
            if frame.pts is None:
                raise ValueError("a frame has no time")
            place = round((float(frame.pts * frame.time_base) - clip.start_s) * rate_hz)
            if place < 0:
                if passed > FRAMES_BEFORE:
                    raise ValueError(f"more than {FRAMES_BEFORE} frames lie before the first that is wanted")
                continue
            if found == count:
                if clip.is_whole:
                    raise ValueError(f"it has more frames than the {count} rows of its episode")
                break
            if place != found:
                raise ValueError(f"frame {found} of the episode is missing: the next is number {place}")
            images[found] = _pixels(frame, shape)
            found += 1
    if found < count:
        problem = f"it has {found} frames from {clip.start_s:.3f} s on, and the episode {count} rows"
        raise UnreadableFileError(path, _VIDEO, problem)
    return images


def png_frames(contents: Sequence[bytes | None], shape: Sequence[int], path: Path) -> npt.NDArray[np.uint8]:
    """PNG images as (count, height, width, 3) uint8 RGB; `path` is where they stood. Raises as `video_frames`."""
    images = _room(path, len(contents), shape)
    with _refused(path, "a file of PNG images"):
        for number, content in enumerate(contents):
            images[number] = _png(content, shape)
    return images


def _png(content: bytes | None, shape: Sequence[int]) -> npt.NDArray[np.uint8]:
    if not isinstance(content, bytes) or not content.startswith(_PNG):
        raise ValueError("an image is no PNG within the file")
    size = (int.from_bytes(content[20:24]), int.from_bytes(content[16:20]))
    if size != tuple(shape[:2]):
        raise ValueError(f"an image is {size} pixels, and info.json states {tuple(shape[:2])}")
    av = needed("av")
    decoder = av.CodecContext.create("png", "r")  # one for each: a second image in it comes out wrong
    decoder.thread_count = 1
    frames = decoder.decode(av.Packet(content))
    if len(frames) != 1:
        raise ValueError("an image is cut short")
    return _pixels(frames[0], shape)


def _room(path: Path, count: int, shape: Sequence[int]) -> npt.NDArray[np.uint8]:
    size = count * math.prod(shape)
    if size > EPISODE_BYTES:
        problem = f"its images are {size} bytes, and at most {EPISODE_BYTES} are read"
        raise UnreadableFileError(path, "an episode that fits into memory", problem)
    return np.empty((count, *shape), np.uint8)


def _pixels(frame: Any, shape: Sequence[int]) -> npt.NDArray[np.uint8]:
    if (frame.height, frame.width) != tuple(shape[:2]):
        raise ValueError(
            f"a frame is {(frame.height, frame.width)} pixels, and info.json states {tuple(shape[:2])}"
        )
    pixels: npt.NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    return pixels


@contextmanager
def _opened(path: Path, shape: Sequence[int]) -> Iterator[tuple[Any, Any]]:
    # Named as what it must be: other formats that FFmpeg would recognise are playlists, which lead elsewhere.
    with needed("av").open(str(path), format="mp4", options={"protocol_whitelist": "file"}) as container:
        if len(container.streams.video) != 1:
            raise ValueError(f"it has {len(container.streams.video)} video streams")
        stream = container.streams.video[0]
        codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
        if codec not in CODECS:
            raise ValueError(f"its codec is {codec}, and {', '.join(CODECS)} are read")
        if (stream.height, stream.width) != tuple(shape[:2]):
            stated = f"info.json states {tuple(shape[:2])}"
            raise ValueError(f"its frames are {(stream.height, stream.width)} pixels, and {stated}")
        stream.codec_context.options = {"max_pixels": str((shape[0] + _MARGIN) * (shape[1] + _MARGIN) * 4)}
        stream.thread_type = "AUTO"
        yield container, stream


def _refused(path: Path, expected: str = _VIDEO) -> AbstractContextManager[None]:
    """Turns what FFmpeg says of a damaged file into UnreadableFileError."""
    return refused_by(path, expected, needed("av").FFmpegError)
