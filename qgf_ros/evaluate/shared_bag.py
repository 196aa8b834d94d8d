"""A bag read by several processes, each of them runs of its own: what one process gives, in the same order, sooner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.control.kinematics import kinematics_of
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.bag_reader import BagReader, Share
from qgf_ros.data.recording import Recording
from qgf_ros.evaluate.workers import run_jobs

SHARES = 4  # of each process: so few that the readings before each cost little, so many that all end at about the same time


@dataclass(frozen=True)
class _Read:
    """What one share gave: recordings, how many of what were left out, and of the first one why."""

    recordings: list[Recording]
    left_out: Counter[str]
    why: dict[str, str]


class SharedBag:
    """Keeps the promises of a `Source`. State: as of the `BagSource` that it is made of, which has read the actions already."""

    format = BagSource.format

    def __init__(self, folder: Path, source: BagSource, stated: Contract | None, processes: int) -> None:
        self._source, self._processes = source, processes
        self._make = partial(_make_reader, folder, stated)
        self.interface: Interface | None = source.interface
        self.rate_hz = source.rate_hz

    @property
    def left_out(self) -> dict[str, str]:
        """As of the source."""
        return self._source.left_out

    @property
    def count(self) -> int:
        """As of the source."""
        return self._source.count

    def recordings(self) -> Iterator[Recording]:
        """As of the source. Raises WorkerDiedError too."""
        length = -(-self.count // (SHARES * self._processes)) or 1
        shares = [self._source.share(begin, begin + length) for begin in range(0, self.count, length)]
        reader = self._source.reader
        for read in run_jobs(self._make, shares, self._processes, in_order=True):
            reader.left_out += read.left_out
            reader.why = read.why | reader.why
            yield from read.recordings


def _make_reader(folder: Path, stated: Contract | None) -> Callable[[Share], _Read]:
    return partial(_read, BagReader(folder, kinematics_of, stated))


def _read(reader: BagReader, share: Share) -> _Read:
    return _Read(list(reader.recordings(share)), reader.left_out, reader.why)
