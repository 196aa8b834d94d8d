"""Whether a bag gives the very observations that the live policy node computed: its reports name each by digest.

A report (`policy_node/report`) has the digest of the vector and the stamps of the readings in it. Here the vector is made again
from the messages with these stamps, and its digest compared: equal means equal bit by bit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qgf_ros.bags.decode import decode
from qgf_ros.bags.order import in_order_of_sending
from qgf_ros.bags.recorded import Recorded
from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.fields import texts_of
from qgf_ros.contract.schema import Contract
from qgf_ros.data.formats.bag_inputs import SETTLED_NS, BagInputs
from qgf_ros.errors import ObservationRefused, UnreadableMessage

REPORT, ARRAY = "policy_node/report", "diagnostic_msgs/msg/DiagnosticArray"
DIGEST, READINGS = "observation", "readings"


@dataclass
class Parity:
    """Observations of the live node: how many were compared, gave the same bits, others, could not be made; what the first such lacks."""

    live: int = 0
    same: int = 0
    different: int = 0
    not_made: int = 0
    why: str = ""


class ParityCheck:
    """State: the inputs so far, and reports whose readings may still come. Messages come in any order that a recorder has."""

    def __init__(self, contract: Contract, assembler: Assembler, namespace: str) -> None:
        self._inputs, self._assembler = BagInputs(contract, namespace), assembler
        self._report = namespace + REPORT
        self._waiting: deque[tuple[int, str, dict[str, int]]] = deque()
        self.parity = Parity()

    def concerns(self, topic: str, type_name: str) -> bool:
        """Whether messages of a topic are needed."""
        return topic == self._report or self._inputs.concerns(topic, type_name)

    def run(self, messages: Iterable[Recorded], most: int = 0) -> Parity:
        """Compares the reports among these messages, the first `most` of them, or all for 0.

        Raises UnreadableFileError, TooManyAtOnce.
        """
        for message in in_order_of_sending(messages):
            try:
                self._note(message) if message.topic == self._report else self._inputs.take(message)
            except UnreadableMessage:
                continue  # what it lacks shows where a report needs it
            while self._waiting and self._waiting[0][0] + SETTLED_NS < message.sent_ns:
                self._compare(*self._waiting.popleft()[1:])
            if most and self.parity.live >= most:
                return self.parity
        for _, digest, stamps_ns in self._waiting:
            self._compare(digest, stamps_ns)
        return self.parity

    def _note(self, message: Recorded) -> None:
        if message.type_name != ARRAY:
            raise UnreadableMessage(message.topic, ARRAY, f"it was recorded as {message.type_name}")
        texts: Mapping[str, str] = {}
        for status in decode(message).status[:1]:
            texts = texts_of(status)
        if DIGEST in texts:  # reports of before had none
            self._waiting.append((message.sent_ns, texts[DIGEST], _stamps(texts.get(READINGS, ""))))

    def _compare(self, digest: str, stamps_ns: dict[str, int]) -> None:
        found: list[str] = []
        try:
            for readings in self._inputs.stamped(stamps_ns):
                found.append(self._assembler.assemble(readings, max(stamps_ns.values(), default=0)).digest)
        except (ObservationRefused, UnreadableMessage) as error:
            self.parity.why = self.parity.why or str(error)
        self.parity.live += 1
        self.parity.same += digest in found
        self.parity.different += bool(found) and digest not in found
        self.parity.not_made += not found


def _stamps(text: str) -> dict[str, int]:
    """`NAME:STAMP NAME:STAMP` as stamps by name; what is not written so is left out."""
    pairs = (word.rpartition(":") for word in text.split())
    return {name: int(stamp) for name, _, stamp in pairs if name and stamp.isdecimal() and len(stamp) < 20}
