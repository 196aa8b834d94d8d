"""The rows of runs of actions: at each action's tick what was known then, out of messages that come one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qgf_ros.bags.order import in_order_of_sending
from qgf_ros.bags.reader import read_bag
from qgf_ros.bags.recorded import EVER_NS, WHOLE, Recorded, Span
from qgf_ros.bounds import MIB
from qgf_ros.contract.assemble import Assembler
from qgf_ros.data.formats.bag_actions import ALONE, Run
from qgf_ros.data.formats.bag_images import BagImages, Image
from qgf_ros.data.formats.bag_inputs import SETTLED_NS, BagInputs
from qgf_ros.errors import ObservationRefused, UnreadableMessage

UNREADABLE = "messages that cannot be read"
WAITING_BYTES = 512 * MIB  # messages that may wait to be put in order, where images are among them
MOST_BYTES = 512 * MIB  # images of one recording: what follows is another
Row = tuple[npt.NDArray[np.float32], dict[str, Image]]
"""An observation (O,), and an image (height, width, 3) of each camera."""


class Taker(Protocol):
    """Who takes messages."""

    def concerns(self, topic: str, type_name: str) -> bool:
        """Whether messages of a topic, of a type, are for it."""
        ...

    def take(self, message: Recorded) -> None:
        """The next one. Raises UnreadableMessage."""
        ...


@dataclass
class Part:
    """State: rows one after the other, from the run's action `begin` on: observations, and images by camera."""

    begin: int
    seen: list[npt.NDArray[np.float32]] = field(default_factory=list)
    images: dict[str, list[Image]] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Of its images."""
        return sum(len(images) * images[0].nbytes for images in self.images.values())

    def takes(self, images: dict[str, Image]) -> bool:
        """Whether a row with these images can be the next one: of the same cameras, as large, and not too many."""
        if not self.seen:
            return True
        shapes = {name: kept[0].shape for name, kept in self.images.items()}
        return shapes == {name: image.shape for name, image in images.items()} and self.bytes < MOST_BYTES

    def add(self, seen: npt.NDArray[np.float32], images: dict[str, Image]) -> None:
        """The next row."""
        self.seen.append(seen)
        for name, image in images.items():
            self.images.setdefault(name, []).append(image)


class RowMaker:
    """State: the messages of a bag as far as runs have come, and what was left out: how many of what, and of the first one why."""

    def __init__(
        self,
        folder: Path,
        assembler: Assembler,
        inputs: BagInputs,
        cameras: BagImages | None,
        span: Span = WHOLE,
    ) -> None:
        self._assembler, self._inputs, self._cameras = assembler, inputs, cameras
        self._takers: Sequence[Taker] = [inputs] if cameras is None else [inputs, cameras]
        messages = read_bag(folder, self._concerns, span)
        self._source = (
            in_order_of_sending(messages) if cameras is None else in_order_of_sending(messages, WAITING_BYTES)
        )
        self._next = next(self._source, None)
        self.left_out: Counter[str] = Counter()
        self.why: dict[str, str] = {}

    def parts(self, run: Run, period_ns: int) -> Iterator[Part]:
        """The rows of a run, the next one in order; a part ends where no row can be made, at the next where images fill it.

        The last part ends with the observation a period after its last action, where it can be made: one more than it has actions.

        Raises:
            UnreadableFileError, TooManyAtOnce: as `read_bag`, `in_order_of_sending`.
        """
        part = Part(0)
        for place, begun in enumerate(run.begun):
            self._advance(begun.sent_ns + SETTLED_NS)
            row = self._row(begun.stamp_ns, begun.sent_ns)
            if row is None or not part.takes(row[1]):
                yield from self._closed(part)
                part = Part(place if row is not None else place + 1)
            if row is not None:
                part.add(*row)
        end_ns = run.begun[-1].stamp_ns + period_ns
        row = self._last_row(end_ns, run.until_ns) if len(part.seen) > 1 else None
        if row is not None and part.takes(row[1]):
            part.add(*row)
        yield from self._closed(part)

    def _last_row(self, end_ns: int, until_ns: int | None) -> Row | None:
        """What was known when the last action had had its period, at `end_ns`; None where the episode did not last so long.

        Times of sending are those of the wall, which a simulator need not keep to: only stamps tell that `end_ns` was reached.
        """
        until_ns = EVER_NS if until_ns is None else until_ns
        while not self._inputs.has_reached(end_ns, until_ns):
            if self._next is None or self._next.sent_ns > until_ns:
                return None
            self._advance(self._next.sent_ns)
        return self._row(end_ns, until_ns, counts=False)

    def _concerns(self, topic: str, type_name: str) -> bool:
        return any(taker.concerns(topic, type_name) for taker in self._takers)

    def _closed(self, part: Part) -> Iterator[Part]:
        if len(part.seen) > 1:
            yield part
        self.left_out[ALONE] += len(part.seen) == 1

    def _row(self, tick_ns: int, sent_ns: int, counts: bool = True) -> Row | None:
        """What was known at a tick; None where that makes no row, which is counted if `counts`."""
        try:
            seen = self._assembler.assemble(self._inputs.before(tick_ns, sent_ns), tick_ns).values
            return seen, {} if self._cameras is None else self._cameras.before(tick_ns, sent_ns)
        except ObservationRefused as error:
            what, why = f"rows ({error.reason})", str(error)
        except UnreadableMessage as error:
            what, why = "rows (unreadable)", str(error)
        if counts:
            self._leave_out(what, why)
        return None

    def _advance(self, sent_ns: int) -> None:
        """Takes all that was sent until then."""
        while self._next is not None and self._next.sent_ns <= sent_ns:
            message = self._next
            for taker in self._takers:
                if taker.concerns(message.topic, message.type_name):
                    try:
                        taker.take(message)
                    except UnreadableMessage as error:
                        self._leave_out(UNREADABLE, str(error))
            self._next = next(self._source, None)

    def _leave_out(self, what: str, why: str) -> None:
        self.left_out[what] += 1
        self.why.setdefault(what, why)
