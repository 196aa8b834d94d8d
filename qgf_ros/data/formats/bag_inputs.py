"""The readings of a bag: of each of the contract's inputs the newest ones, decoded only where an observation is made of them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, product

from qgf_ros.bags.decode import decode, header_stamp_ns
from qgf_ros.bags.recorded import Recorded, full_name
from qgf_ros.bounds import KIB
from qgf_ros.contract.fields import read
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.datatypes import Reading
from qgf_ros.errors import ObservationRefused, UnreadableMessage

KEPT = 1024  # messages of each input: more than come in a second
MOST_BYTES = 64 * KIB  # of one of them
SETTLED_NS = 50_000_000  # after something was sent: by then all was recorded that was sent before, and the tick's own command
ALIKE = 4  # readings of one stamp that are tried


@dataclass
class _Kept:
    """State: a message of an input, and its reading once it was asked for."""

    stamp_ns: int
    message: Recorded
    kind: Message
    decoded: Reading | None = None

    def reading(self) -> Reading:
        """Raises UnreadableMessage."""
        if self.decoded is None:
            self.decoded = read(decode(self.message), self.kind)
        return self.decoded


class BagInputs:
    """State: the newest messages of each input, in the order of sending."""

    def __init__(self, contract: Contract, namespace: str) -> None:
        """`namespace` of the nodes, ending in a slash."""
        self._kinds: dict[str, list[tuple[str, Message]]] = defaultdict(list)
        for entry in contract.interface.inputs:
            full = full_name(namespace, contract.deployment.inputs[entry.name].topic)
            self._kinds[full].append((entry.name, entry.message))
        self._kept: dict[str, deque[_Kept]] = {
            entry.name: deque(maxlen=KEPT) for entry in contract.interface.inputs
        }
        self._commands = {
            entry.name for entry in contract.interface.inputs if entry.message is Message.COMMAND
        }

    def concerns(self, topic: str, _type_name: str) -> bool:
        """Whether a topic is one of theirs."""
        return topic in self._kinds

    def take(self, message: Recorded) -> None:
        """The next message of their topics.

        Raises:
            UnreadableMessage: it is of another type than the contract's, too long, or has no stamp.
        """
        for name, kind in self._kinds[message.topic]:
            if message.type_name != kind.value:
                raise UnreadableMessage(message.topic, kind.value, f"it was recorded as {message.type_name}")
            if len(message.data) > MOST_BYTES:
                problem = f"it has {len(message.data)} bytes, and at most {MOST_BYTES} are read"
                raise UnreadableMessage(message.topic, kind.value, problem)
            self._kept[name].append(_Kept(header_stamp_ns(message), message, kind))

    def has_reached(self, stamp_ns: int, sent_ns: int) -> bool:
        """Whether the newest message of an input that was sent by then is stamped so late, or later."""
        sent = (
            (entry for entry in reversed(kept) if entry.message.sent_ns <= sent_ns)
            for kept in self._kept.values()
        )
        newest = (next(entries, None) for entries in sent)
        return any(entry is not None and entry.stamp_ns >= stamp_ns for entry in newest)

    def before(self, tick_ns: int, sent_ns: int) -> dict[str, Reading]:
        """What was known when the tick `tick_ns` was served, in which something was sent at `sent_ns`; inputs without any are absent.

        Of sensors the newest that is stamped no later and was sent by then. Of a command the newest but the tick's own, which bears
        its stamp and is the last that does: where the arm was placed anew, another one does too. It must have been taken by now.
        Messages may have been taken that were sent later still.

        Raises:
            UnreadableMessage: one of them cannot be decoded.
        """
        found: dict[str, Reading] = {}
        for name, kept in self._kept.items():
            is_command = name in self._commands
            by_ns = sent_ns + SETTLED_NS if is_command else sent_ns
            earlier = (
                entry
                for entry in reversed(kept)
                if entry.stamp_ns <= tick_ns and entry.message.sent_ns <= by_ns
            )
            newest = next(earlier, None)
            if is_command and newest is not None and newest.stamp_ns == tick_ns:
                newest = next(earlier, None)
            if newest is not None:
                found[name] = newest.reading()
        return found

    def stamped(self, stamps_ns: Mapping[str, int]) -> list[dict[str, Reading]]:
        """Readings with these stamps, by input: every choice where several of an input bear one.

        Raises:
            ObservationRefused: reason `missing`: an input has no message with its stamp.
            UnreadableMessage: one of them cannot be decoded.
        """
        names = [name for name in self._kept if name in stamps_ns]
        choices = [
            list(
                islice(
                    (entry for entry in reversed(self._kept[name]) if entry.stamp_ns == stamps_ns[name]),
                    ALIKE,
                )
            )
            for name in names
        ]
        for name, alike in zip(names, choices, strict=True):
            if not alike:
                sentence = f"No message of the input '{name}' has the stamp {stamps_ns[name]}."
                raise ObservationRefused("missing", sentence)
        return [
            {name: entry.reading() for name, entry in zip(names, choice, strict=True)}
            for choice in product(*choices)
        ]
