"""What lies in a bag, topic by topic: how many messages, how often, with which gaps. Nothing is decoded."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qgf_ros.bags.mcap_index import read_mcap_index
from qgf_ros.bags.reader import MCAP, bag_files, read_bag
from qgf_ros.errors import QgfError

GAP = 5.0  # times the usual interval: from there on silence is a gap
FEWEST = 20  # messages of which one may say what interval is usual
SLOWEST_S = 0.5  # usual interval of a topic that says something regularly; others speak when there is something to say
REGULAR = 3.0  # times the quarter of short intervals: the quarter of long ones of such a topic is below
ENDING_S = 1.0  # between the last messages of nodes that end together
BINS = 60  # of a timeline


@dataclass
class Topic:
    """State: the messages of one topic so far. `received`: when each came, ns (rounded to some hundred ns)."""

    name: str
    type_name: str
    bytes: int = 0
    received: array[float] = field(default_factory=lambda: array("d"))

    @property
    def count(self) -> int:
        """How many messages."""
        return len(self.received)

    def intervals_s(self) -> npt.NDArray[np.float64]:
        """Between one message and the next, s."""
        return np.diff(np.sort(np.array(self.received))) * 1e-9

    def rate_hz(self) -> float | None:
        """Messages a second from the first to the last; None where there is no such time."""
        total_s = float(self.intervals_s().sum())
        return (self.count - 1) / total_s if total_s > 0 else None

    def gaps_s(self) -> list[float]:
        """Silences of more than `GAP` usual intervals, s, longest first; none of a topic of which nobody can tell."""
        usual_s, intervals = self._usual_s(), self.intervals_s()
        found: list[float] = np.sort(intervals[intervals > GAP * usual_s])[::-1].tolist()
        return found

    def silent_at_end_s(self, end: float) -> float:
        """The silence from the last message until `end`, ns, in s, where it is a gap and longer than nodes take to end; else 0."""
        silence_s = (end - max(self.received, default=end)) * 1e-9
        return silence_s if silence_s > max(GAP * self._usual_s(), ENDING_S) else 0.0

    def _usual_s(self) -> float:
        """The usual interval, s; infinite where messages are too few, too seldom or too irregular to tell."""
        if self.count < FEWEST:
            return float("inf")
        short_s, usual_s, long_s = np.quantile(self.intervals_s(), [0.25, 0.5, 0.75]).tolist()
        is_regular = usual_s < SLOWEST_S and long_s <= REGULAR * short_s
        return float(usual_s) if is_regular else float("inf")

    def timeline(self, begin: float, end: float) -> list[int]:
        """How many messages came in each of `BINS` equal parts of the time from `begin` to `end`, ns."""
        counts, _ = np.histogram(np.array(self.received), bins=BINS, range=(begin, max(end, begin + 1.0)))
        return [int(count) for count in counts]


@dataclass
class Census:
    """The topics of a bag by name; `problem`: why not all of it could be read, if so."""

    topics: dict[str, Topic] = field(default_factory=dict)
    problem: str = ""

    @property
    def count(self) -> int:
        """Messages of all topics."""
        return sum(topic.count for topic in self.topics.values())

    @property
    def bytes(self) -> int:
        """Of all messages; those that were packed one by one, as they lie there."""
        return sum(topic.bytes for topic in self.topics.values())

    @property
    def span(self) -> tuple[float, float]:
        """When the first and the last message came, ns; zeros of an empty bag."""
        ends = [(min(topic.received), max(topic.received)) for topic in self.topics.values()]
        return (min(begin for begin, _ in ends), max(end for _, end in ends)) if ends else (0.0, 0.0)


def take_census(folder: Path) -> Census:
    """The topics of a bag, of a damaged one as far as it could be read: by its index where it has one, else by all its messages."""
    census, topics = Census(), dict[str, Topic]()
    files = bag_files(folder)
    indexed = [read_mcap_index(path) if path.suffix == MCAP else None for path in files]
    if files and all(index is not None for index in indexed):
        for index in filter(None, indexed):
            for (name, type_name), rows in index.items():
                topic = topics.setdefault(name, Topic(name, type_name))
                topic.received.frombytes(rows[:, 0].astype(np.float64).tobytes())
                topic.bytes += int(rows[:, 1].sum())
        return Census(topics)
    try:
        for message in read_bag(folder):
            found = topics.get(message.topic)
            if found is None:
                found = topics[message.topic] = Topic(message.topic, message.type_name)
            found.received.append(message.received_ns)
            found.bytes += len(message.data)
    except QgfError as error:
        census.problem = str(error)
    census.topics = topics
    return census
