"""Files that LeRobot v3.0 fills one after the other: rows, the list of episodes, the frames of a camera."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from qgf_ros.data.formats.needed import needed

CHUNK_FILES = 1000  # in one chunk's folder
_RATE_DENOMINATOR = 1001  # that of 29.97 frames a second


class _Place:
    """State: which file is being filled, and how full it is. A file ends before an episode that would fill it beyond `most` bytes."""

    def __init__(self, folder: Path, ending: str, most: int) -> None:
        self._folder, self._ending, self._most = folder, ending, most
        self._number = -1
        self.rows = 0  # in the file being filled

    @property
    def indices(self) -> tuple[int, int]:
        """chunk_index, file_index."""
        return divmod(self._number, CHUNK_FILES)

    def is_due(self, size: float, rows: int) -> bool:
        """Whether so many rows more belong into another file, by what rows took so far; also where there is none yet."""
        return self._number < 0 or (self.rows > 0 and size + size / self.rows * rows >= self._most)

    def begin(self) -> Path:
        """The next file's path."""
        self._number += 1
        self.rows = 0
        chunk, file = self.indices
        path = self._folder / f"chunk-{chunk:03d}" / f"file-{file:03d}.{self._ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class ParquetFiles:
    """State: the open parquet file. One call, one row group; without `close` the file has no footer, and is recognised by that."""

    def __init__(self, folder: Path, most: int) -> None:
        self._place = _Place(folder, "parquet", most)
        self._writer: Any = None
        self._sink: IO[bytes] | None = None

    def next_place(self, rows: int) -> tuple[int, int]:
        """chunk_index and file_index of the file that takes the next `rows` rows; begins it where it is due."""
        size = self._sink.tell() if self._sink else 0
        if self._place.is_due(size, rows):
            self.close()
            self._sink = self._place.begin().open("wb")
        return self._place.indices

    def write(self, table: Any) -> None:
        """Adds rows to the file that `next_place` gave."""
        if self._writer is None:
            parquet = needed("pyarrow.parquet")
            self._writer = parquet.ParquetWriter(
                self._sink,
                table.schema,
                compression="snappy",
                use_dictionary=False,  # measured numbers hardly repeat: looking for it took most of the time
                write_statistics=["episode_index"],  # by which LeRobot finds an episode
                write_page_checksum=True,
            )
        self._writer.write_table(table)
        self._place.rows += len(table)

    def close(self) -> None:
        """Finishes the file."""
        if self._writer is not None:
            self._writer.close()
        if self._sink is not None:
            self._sink.close()
        self._writer, self._sink = None, None


class VideoFiles:
    """State: the open mp4 file of one camera and its encoder. Episodes follow each other without a gap, each from a keyframe on."""

    def __init__(self, folder: Path, most: int, rate_hz: float) -> None:
        self._place = _Place(folder, "mp4", most)
        self._rate = Fraction(rate_hz).limit_denominator(_RATE_DENOMINATOR)
        self._container: Any = None
        self._stream: Any = None
        self._size, self._packets = (
            0,
            0,
        )  # of what the encoder has given for the file: it keeps some frames back

    def write(self, images: npt.NDArray[np.uint8]) -> dict[str, float]:
        """Adds the frames of an episode, (T, height, width, 3); where they went, by LeRobot's names."""
        av = needed("av")
        size = self._size * self._place.rows / max(self._packets, 1)
        if self._place.is_due(size, len(images)):
            self.close()
            self._open(self._place.begin(), images.shape[1], images.shape[2])
        first = self._place.rows
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = first + number, 1 / self._rate
            frame.pict_type = av.video.frame.PictureType.I if number == 0 else av.video.frame.PictureType.NONE
            self._mux(self._stream.encode(frame))
        self._place.rows += len(images)
        chunk, file = self._place.indices
        times = {"from_timestamp": first, "to_timestamp": self._place.rows}
        return {"chunk_index": chunk, "file_index": file} | {
            name: float(count / self._rate) for name, count in times.items()
        }

    def _open(self, path: Path, height: int, width: int) -> None:
        # As LeRobot encodes: every second frame stands for itself, so that one is found without decoding many.
        options = {"g": "2", "bf": "0", "crf": "23", "preset": "veryfast", "rc-lookahead": "0"}
        self._container = needed("av").open(str(path), "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=self._rate, options=options)
        self._stream.height, self._stream.width, self._stream.pix_fmt = height, width, "yuv420p"
        self._stream.codec_context.time_base = 1 / self._rate
        self._size, self._packets = 0, 0

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            self._size += packet.size
            self._packets += 1
            self._container.mux(packet)

    def close(self) -> None:
        """Finishes the file."""
        if self._container is not None:
            self._mux(self._stream.encode())
            self._container.close()
        self._container, self._stream = None, None
