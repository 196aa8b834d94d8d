"""Messages that the recorder may have been too late to hear: their publisher's count tells, once it is heard.

A recorder listens to a topic when it has found its publisher. A chunk in play, or a joint state that was used, that was sent before that is
not in the recording, and the command node is not to blame: the first message that came bears its publisher's count, so it is known how many
came before, and no more of them can have been used.
"""

from __future__ import annotations

from collections.abc import Mapping

from qgf_ros.verify.violation import Violation, What

KEPT = 10_000  # violations that wait for the first message of their topic: 14 s of seven joints


class Unheard:
    """State of one topic: what is held against it until its first message comes, and which of its messages are excused.

    `what` is found where one of them is missing; `kind` names them for people, and `use` what was done with them.
    """

    def __init__(self, topic: str, what: What, kind: str, use: str) -> None:
        self._topic, self._what, self._kind, self._use = topic, what, kind, use
        self._is_heard = False
        self._waiting: list[tuple[str, Violation]] = []
        self._excused: dict[str, set[int]] = {}  # certificates, by the stamp of what they used
        self._sent_before = 0
        self._next = (
            -1
        )  # the certificate after those: what it used may still have come before the first that was heard

    def judge(self, found: list[Violation], stamps: Mapping[str, str] | None = None) -> list[Violation]:
        """Of what was found at a tick that used its messages, that which holds already.

        `stamps`: of the message that is missing, by the violation's subject; where it is not there, the subject is the stamp.
        """
        rest: list[Violation] = []
        for entry in found:
            stamp = (stamps or {}).get(entry.subject, entry.subject)
            if entry.what is self._what and self._may_be_from_before(stamp, entry.sequence):
                self._excused.setdefault(stamp, set()).add(entry.sequence)
            elif entry.what is self._what and not self._is_heard and len(self._waiting) < KEPT:
                self._waiting.append((stamp, entry))
            else:
                rest.append(entry)
        return rest

    def hear(self, number: int) -> list[Violation]:
        """A message came, by its publisher's count (0: it has none). After the first: what holds of that which waited."""
        if self._is_heard:
            return []
        self._is_heard = True
        waiting, self._waiting = self._waiting, []
        if len({stamp for stamp, _ in waiting}) > number - 1:
            return [entry for _, entry in waiting]
        for stamp, entry in waiting:
            self._excused.setdefault(stamp, set()).add(entry.sequence)
        if waiting:
            self._sent_before, self._next = number - 1, waiting[-1][1].sequence + 1
        return []

    def _may_be_from_before(self, stamp: str, sequence: int) -> bool:
        is_next = sequence == self._next and len(self._excused) < self._sent_before
        return stamp in self._excused or is_next

    def finish(self) -> list[Violation]:
        """Nothing more comes: what holds of that which waited."""
        waiting, self._waiting = self._waiting, []
        return [entry for _, entry in waiting]

    @property
    def notes(self) -> list[str]:
        """What was excused, for people."""
        if not self._excused:
            return []
        count, ticks = len(self._excused), len(set().union(*self._excused.values()))
        sent = f"1 {self._kind} was" if count == 1 else f"{count} {self._kind}s were"
        return [f"{self._topic}: {sent} sent before the recorder listened, and {self._use} in {ticks} ticks."]
