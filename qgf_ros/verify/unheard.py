"""Chunks in play that the recorder may have been too late to hear: their publisher's count tells, once it is heard.

A recorder listens to a topic when it has found its publisher. A chunk that was sent before that is not in the recording, and
the command node is not to blame: the first message that came bears its publisher's count, so it is known how many came before.
"""

from __future__ import annotations

from qgf_ros.verify.violation import Violation, What

KEPT = 1000  # violations that wait for the first message of their topic


class Unheard:
    """State of one topic: what is held against it until its first message comes, and which chunks are excused."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._is_heard = False
        self._waiting: list[Violation] = []
        self._excused: dict[str, int] = {}  # ticks by the chunk's stamp

    def judge(self, found: list[Violation]) -> list[Violation]:
        """Of what was found at a tick with one of its chunks in play, that which holds already."""
        rest: list[Violation] = []
        for entry in found:
            if entry.what is What.CHUNK_UNKNOWN and entry.subject in self._excused:
                self._excused[entry.subject] += 1
            elif entry.what is What.CHUNK_UNKNOWN and not self._is_heard and len(self._waiting) < KEPT:
                self._waiting.append(entry)
            else:
                rest.append(entry)
        return rest

    def hear(self, number: int) -> list[Violation]:
        """A message came, by its publisher's count (0: it has none). After the first: what holds of that which waited."""
        if self._is_heard:
            return []
        self._is_heard = True
        waiting = self.finish()
        stamps = [entry.subject for entry in waiting]
        if len(set(stamps)) > number - 1:
            return waiting
        self._excused = {stamp: stamps.count(stamp) for stamp in set(stamps)}
        return []

    def finish(self) -> list[Violation]:
        """Nothing more comes: what holds of that which waited."""
        waiting, self._waiting = self._waiting, []
        return waiting

    @property
    def notes(self) -> list[str]:
        """What was excused, for people."""
        if not self._excused:
            return []
        count, ticks = len(self._excused), sum(self._excused.values())
        sent = "1 chunk was" if count == 1 else f"{count} chunks were"
        return [f"{self._topic}: {sent} sent before the recorder listened, and played in {ticks} ticks."]
