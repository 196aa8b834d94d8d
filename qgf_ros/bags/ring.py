"""The last seconds of messages, in bounded memory: for whoever wants them after something has happened."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Kept(Protocol):
    """A message as it is kept: its topic, when it came or was sent (ns since 1970), its content."""

    @property
    def topic(self) -> str:
        """Its resolved topic."""
        ...

    @property
    def time_ns(self) -> int:
        """When it came or was sent."""
        ...

    @property
    def data(self) -> bytes:
        """Its content, serialised."""
        ...


@dataclass(frozen=True)
class Heard:
    """A message that a recorder heard: `number` is its publisher's count."""

    topic: str
    type_name: str
    data: bytes
    time_ns: int
    sent_ns: int
    number: int


M = TypeVar("M", bound=Kept)


class Ring(Generic[M]):
    """State: the messages of the last seconds, and of some topics the newest, however old. One thread."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        """Forgets what is older than the newest by so much, and the oldest where all are more than `most_bytes`."""
        self._span_ns, self._most_bytes = round(seconds * 1e9), most_bytes
        self._messages: deque[M] = deque()
        self._held: dict[str, M] = {}
        self._bytes = 0

    def add(self, message: M) -> None:
        """The next message."""
        self._messages.append(message)
        self._bytes += len(message.data)
        while message.time_ns - self._messages[0].time_ns > self._span_ns or self._bytes > self._most_bytes:
            self._bytes -= len(self._messages.popleft().data)
            if not self._messages:
                return

    def hold(self, message: M) -> None:
        """A message that says how things are until the next one of its topic."""
        self._held[message.topic] = message

    @property
    def messages(self) -> list[M]:
        """Those that are held, then those of the last seconds in their order."""
        return [*self._held.values(), *self._messages]

    @property
    def seconds(self) -> float:
        """From the oldest message to the newest, without those that are held."""
        if not self._messages:
            return 0.0
        return (self._messages[-1].time_ns - self._messages[0].time_ns) * 1e-9
