"""Where episodes begin and end in a bag, as a simulator or a recorder says on its topic; a bag may have neither."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from qgf_ros.bags.decode import decode
from qgf_ros.bags.episodes import RUNNING, Outcome
from qgf_ros.bags.recorded import Recorded
from qgf_ros.contract.fields import texts_of

STATUS = "diagnostic_msgs/msg/DiagnosticStatus"
SIMULATOR, RECORDER = "sim_node/status", "recorder_node/episode"
TOPICS = (RECORDER, SIMULATOR)  # what a recorder's operator says comes before what a simulator does
OUTCOMES: Mapping[str, bool] = {Outcome.SUCCESS.value: True, Outcome.FAILURE.value: False}


@dataclass(frozen=True)
class Mark:
    """From `sent_ns` on: which episode it is, whether it goes on, and once it has ended its outcome, None where nobody tells."""

    sent_ns: int
    episode: str
    goes_on: bool
    success: bool | None = None
    task: str = ""


class Marks:
    """State: the marks of one topic in the order of sending; those that change nothing are left out."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []
        self._sent_ns: list[int] = []

    def add(self, mark: Mark) -> None:
        """The next one."""
        last = self._marks[-1] if self._marks else None
        if last is None or (last.episode, last.goes_on) != (mark.episode, mark.goes_on):
            self._marks.append(mark)
            self._sent_ns.append(mark.sent_ns)

    @property
    def is_used(self) -> bool:
        """Whether there are any."""
        return bool(self._marks)

    def at(self, sent_ns: int) -> Mark | None:
        """The mark in force when something else was sent; None before the first."""
        place = bisect_right(self._sent_ns, sent_ns)
        return self._marks[place - 1] if place else None

    def after(self, sent_ns: int) -> Mark | None:
        """The next mark."""
        place = bisect_right(self._sent_ns, sent_ns)
        return self._marks[place] if place < len(self._marks) else None

    def begins_after(self, sent_ns: int) -> int | None:
        """When the next episode begins; None where none does."""
        later = self._marks[bisect_right(self._sent_ns, sent_ns) :]
        return next((mark.sent_ns for mark in later if mark.goes_on), None)


def read_mark(name: str, message: Recorded) -> Mark | None:
    """The mark in a message of the topic `name`; None where it is none.

    A simulator's status has `seed`, `done`, `success` and `task`; a recorder's mark what `bags/episodes.py` says.

    Raises:
        UnreadableMessage: as `decode`.
    """
    if message.type_name != STATUS:
        return None
    found = texts_of(decode(message))
    task = found.get("task", "")
    if name == SIMULATOR and {"seed", "done", "success"} <= found.keys():
        is_done = found["done"] == "true"
        return Mark(
            message.sent_ns, found["seed"], not is_done, found["success"] == "true" if is_done else None, task
        )
    if name == RECORDER and {"episode", "state"} <= found.keys():
        goes_on, success = found["state"] == RUNNING, OUTCOMES.get(found.get("outcome", ""))
        return Mark(message.sent_ns, found["episode"], goes_on, None if goes_on else success, task)
    return None
