"""Puts recorded messages in the order in which they were sent: a recorder takes them topic by topic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from qgf_ros.bags.recorded import Recorded
from qgf_ros.bounds import MIB
from qgf_ros.errors import TooManyAtOnce

WINDOW_NS = 5_000_000_000  # by so much messages may be out of order
MOST_WAITING, MOST_WAITING_BYTES = 100_000, 32 * MIB  # within the window: 20,000 messages a second


def in_order_of_sending(
    messages: Iterable[Recorded], most_bytes: int = MOST_WAITING_BYTES
) -> Iterator[Recorded]:
    """The messages ordered by the time they were sent, as far as a window of five seconds can tell; those of one time as recorded.

    Raises:
        TooManyAtOnce: more lie within the window than any robot sends.
    """
    heap: list[tuple[int, int, Recorded]] = []
    size = 0
    for count, message in enumerate(messages):
        heappush(heap, (message.sent_ns, count, message))
        size += len(message.data)
        while heap and message.received_ns - heap[0][0] > WINDOW_NS:
            size -= len(heap[0][2].data)
            yield heappop(heap)[2]
        if len(heap) > MOST_WAITING or size > most_bytes:
            raise TooManyAtOnce(WINDOW_NS * 1e-9, MOST_WAITING, most_bytes)
    while heap:
        yield heappop(heap)[2]
