"""The actions that a command node played, as a bag has them, cut into runs of one action a control period each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from qgf_ros.bags.decode import decode
from qgf_ros.bags.order import in_order_of_sending
from qgf_ros.bags.reader import read_bag
from qgf_ros.bags.recorded import WHOLE, Recorded, Span
from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.schema import Interface
from qgf_ros.data.formats.bag_marks import RECORDER, TOPICS, Mark, Marks, read_mark
from qgf_ros.datatypes import FloatArray, Sender
from qgf_ros.errors import NoActionsError, UnfitRecording, UnreadableMessage

ACTION, TRAJECTORY = "command_node/action", "trajectory_msgs/msg/JointTrajectory"
LONGEST = 1.5  # control periods from one action to the next: more is a gap
UNREADABLE, OUTSIDE = "actions that cannot be read", "actions played while no episode went on"
ALONE = "actions without one before or after"


@dataclass(frozen=True)
class Begun:
    """An action (A,), physical, that begins at the tick `stamp_ns`; `number` as in `BegunAction`; when it was sent, and whose it is."""

    stamp_ns: int
    sent_ns: int
    number: int
    values: FloatArray
    is_a_persons: bool


@dataclass(frozen=True)
class Run:
    """Actions without a gap, in order, and what is told of the episode: its outcome where the run ends with it, its task.

    `until_ns`: what is sent from then on does not follow from the last action: another episode begins, or the action lasted longer
    than its period, on a slowed path or until a late chunk came. None where all does.
    """

    begun: list[Begun]
    success: bool | None
    task: str
    until_ns: int | None


@dataclass
class Played:
    """What one command node played: actions in the order of sending, marks of episodes by topic. `left_out` counts what is in no run."""

    namespace: str
    begun: list[Begun] = field(default_factory=list)
    marks: dict[str, Marks] = field(default_factory=lambda: {name: Marks() for name in TOPICS})
    left_out: Counter[str] = field(default_factory=Counter)

    def take(self, name: str, message: Recorded, interface: Interface) -> None:
        """The next message, on the topic `name`. Raises UnfitRecording where an action has other dimensions than the interface."""
        try:
            if name == ACTION:
                self.begun.append(_read_action(message, interface))
            elif (mark := read_mark(name, message)) is not None:
                self.marks[name].add(mark)
        except UnreadableMessage:
            self.left_out[UNREADABLE] += name == ACTION

    def runs(self, period_ns: int) -> list[Run]:
        """The runs of two actions and more, in order, of what was played in episodes."""
        inside = [begun for begun in self.begun if self._is_inside(begun)]
        self.left_out[OUTSIDE] = len(self.begun) - len(inside)
        cuts = [
            place
            for place, (last, begun) in enumerate(pairwise(inside), start=1)
            if not _follows(begun, last, period_ns) or self._marks_at(begun) != self._marks_at(last)
        ]
        bounds = list(pairwise([0, *cuts, len(inside)])) if inside else []
        self.left_out[ALONE] = sum(end - begin == 1 for begin, end in bounds)
        return [
            self._run(inside[begin:end], inside[end] if end < len(inside) else None)
            for begin, end in bounds
            if end - begin > 1
        ]

    def _is_inside(self, begun: Begun) -> bool:
        """Whether no topic says that an episode has ended, nor, where an operator marks them, that none has begun."""
        return all(
            name != RECORDER or not self.marks[name].is_used if mark is None else mark.goes_on
            for name, mark in zip(TOPICS, self._marks_at(begun), strict=True)
        )

    def _marks_at(self, begun: Begun) -> list[Mark | None]:
        return [self.marks[name].at(begun.sent_ns) for name in TOPICS]

    def _run(self, begun: list[Begun], following: Begun | None) -> Run:
        """A mark that ends the episode before the `following` action tells how this run ended."""
        last, success, task, until = begun[-1], None, "", list[int]()
        if following is not None and following.number == last.number + 1:
            until.append(last.sent_ns)
        for name in reversed(TOPICS):
            marks = self.marks[name]
            now, then, other_ns = (
                marks.at(last.sent_ns),
                marks.after(last.sent_ns),
                marks.begins_after(last.sent_ns),
            )
            task = now.task if now is not None and now.task else task
            until += [] if other_ns is None else [other_ns]
            is_end = (
                then is not None
                and not then.goes_on
                and (following is None or then.sent_ns < following.sent_ns)
            )
            if is_end and then is not None and then.success is not None:
                success = then.success
        return Run(begun, success, task, min(until, default=None))


def read_played(folder: Path, interface: Interface, span: Span = WHOLE) -> Played:
    """The actions and marks in a bag, within a span.

    Raises:
        NoActionsError: there are none, or those of several command nodes.
        UnfitRecording: their dimensions are not the interface's.
        UnreadableFileError, TooManyAtOnce: as `read_bag`, `in_order_of_sending`.
    """
    found: dict[str, Played] = {}
    for message in in_order_of_sending(read_bag(folder, lambda topic, _: _name(topic) != "", span)):
        name = _name(message.topic)
        namespace = message.topic.removesuffix(name)
        found.setdefault(namespace, Played(namespace)).take(name, message, interface)
    playing = [played for played in found.values() if played.begun]
    if len(playing) != 1:
        raise NoActionsError(folder, ACTION, [played.namespace for played in playing])
    return playing[0]


def _name(topic: str) -> str:
    """Which of the topics that are read here it is, without its namespace; nothing for any other."""
    return next((name for name in (ACTION, *TOPICS) if topic.endswith("/" + name)), "")


def _read_action(message: Recorded, interface: Interface) -> Begun:
    if message.type_name != TRAJECTORY:
        raise UnreadableMessage(message.topic, TRAJECTORY, f"it was recorded as {message.type_name}")
    found, names = decode(message), interface.action.names
    if tuple(found.joint_names) != names:
        problem = f"the actions on {message.topic} have the dimensions {', '.join(found.joint_names)}, and not {', '.join(names)}"
        raise UnfitRecording("The bag", problem)
    values = np.array([point.positions for point in found.points[:1]], np.float64).reshape(-1)
    if values.shape != (len(names),) or not np.isfinite(values).all():
        raise UnreadableMessage(message.topic, TRAJECTORY, "it has no action")
    begun_ns = stamp_ns(found.points[0].time_from_start)
    is_a_persons = Sender.of(found.header.frame_id) is Sender.TELEOP
    number = round(begun_ns * 1e-9 / interface.control_period_s)
    return Begun(stamp_ns(found.header.stamp), message.sent_ns, number, values, is_a_persons)


def _follows(begun: Begun, last: Begun, period_ns: int) -> bool:
    """Whether it is the next action after the last one: counted on, or from 0 where a person and the policy take turns."""
    is_next = begun.number == last.number + 1
    is_hand_over = begun.number == 0 and begun.is_a_persons != last.is_a_persons
    return (is_next or is_hand_over) and 0 < begun.stamp_ns - last.stamp_ns <= LONGEST * period_ns
