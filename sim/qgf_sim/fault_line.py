"""Faults in time: a script says which begin when and for how long, a line has those that are active and applies them. Ours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from qgf_sim import faults, name_faults, plant_faults, stamp_faults
from qgf_sim.fault_values import MOST_FAULTS, FaultError, names, number, plain, read_text, text, told
from qgf_sim.faults import Memory, Sensed, StreamFault
from qgf_sim.plant_faults import PlantFault, PlantMemory, SetPoints
from qgf_sim.simulation import JointState

Fault = StreamFault | PlantFault
MOST_AT_ONCE = 1000  # messages that leave for one: faults that repeat one another multiply
KINDS: dict[str, type[Fault]] = {
    "lost": faults.Lost,
    "delay": faults.Delay,
    "drop": faults.Drop,
    "duplicate": faults.Duplicate,
    "reorder": faults.Reorder,
    "freeze": faults.Freeze,
    "skew": stamp_faults.Skew,
    "clock_jump": stamp_faults.ClockJump,
    "clock_stands": stamp_faults.ClockStands,
    "noise": faults.Noise,
    "bias": faults.Bias,
    "nan": faults.NotANumber,
    "infinity": faults.Infinite,
    "degrees": faults.Degrees,
    "pose_bias": faults.PoseBias,
    "shuffle": name_faults.Shuffle,
    "partial": name_faults.Partial,
    "doubled": name_faults.Doubled,
    "exchanged": name_faults.Exchanged,
    "misshapen": name_faults.Misshapen,
    "controller_deactivated": plant_faults.ControllerDeactivated,
    "controller_lag": plant_faults.ControllerLag,
    "joint_stuck": plant_faults.JointStuck,
    "gripper_stuck": plant_faults.GripperStuck,
    "joint_bias": plant_faults.JointBias,
    "payload": plant_faults.Payload,
}


@dataclass(frozen=True)
class Planned:
    """A fault by its name, from `at_s` on (simulated time since the reset) for `for_s` seconds."""

    name: str
    fault: Fault
    at_s: float = 0.0
    for_s: float = math.inf

    def is_active(self, now_ns: int) -> bool:
        """At its first moment it is, at its end no more; to the nanosecond."""
        end_ns = math.inf if math.isinf(self.for_s) else round((self.at_s + self.for_s) * 1e9)
        return round(self.at_s * 1e9) <= now_ns < end_ns


def read_fault(entry: object, now_s: float = 0.0) -> Planned:
    """A fault as a mapping tells it: `fault` (its name), `at_s` (default `now_s`), `for_s`, and the fault's own fields.

    Raises:
        FaultError: no mapping, an unknown fault or field, or a value of another kind.
    """
    if not isinstance(entry, Mapping) or "fault" not in entry:
        raise FaultError(
            f"A fault reads {{fault: NAME, at_s: 1.0, for_s: 0.5, ...}}, but found {told(entry)}."
        )
    given = {str(key): value for key, value in entry.items()}
    name = str(given.pop("fault"))
    if name not in KINDS:
        raise FaultError(f"There is no fault {told(name)}: known are {', '.join(KINDS)}.")
    known = {field.name: field.default for field in fields(KINDS[name])}
    unknown = sorted(given.keys() - known.keys() - {"at_s", "for_s"})
    if unknown:
        valid = ", ".join(("at_s", "for_s", *known))
        raise FaultError(f"The fault {name} has no field {told(', '.join(unknown))}; it has {valid}.")
    at_s = number(name, "at_s", given.pop("at_s", now_s))
    for_s = number(name, "for_s", given.pop("for_s", math.inf), may_be_endless=True)
    if for_s <= 0:
        raise FaultError(f"The fault {name} lasts {for_s:g} s; above 0 would do.")
    own: dict[str, Any] = {key: _checked(name, key, value, known[key]) for key, value in given.items()}
    return Planned(name, KINDS[name](**own), at_s, for_s)


def read_line(line: str, now_ns: int) -> Planned:
    """The fault of one line of YAML, which begins at `now_ns` if it does not say when. Raises FaultError as `read_fault`."""
    try:
        entry = plain(line)
    except FaultError as error:
        raise FaultError(f"Of the fault {told(line)}: {error}") from error
    return read_fault(entry, now_ns * 1e-9)


def read_script(path: Path) -> tuple[Planned, ...]:
    """The faults of a YAML file, a list of what `read_fault` takes. Raises FaultError, also where the file cannot be read."""
    try:
        entries = plain(read_text(path))
        if not isinstance(entries, list) or len(entries) > MOST_FAULTS:
            raise FaultError(f"it must be a list of at most {MOST_FAULTS} faults.")
        return tuple(read_fault(entry) for entry in entries)
    except FaultError as error:
        raise FaultError(f"In the fault script {told(path)}: {error}") from error


def _checked(name: str, key: str, value: object, default: object) -> object:
    if isinstance(default, str):
        return text(name, key, value)
    if isinstance(default, tuple) and not (default and isinstance(default[0], float)):
        return names(name, key, value)
    if isinstance(default, tuple):
        if not isinstance(value, list | tuple) or len(value) != len(default):
            problem = f"{key} of the fault {name} is {told(value)}, but it must be a list of {len(default)}."
            raise FaultError(problem)
        return tuple(number(name, key, part) for part in value)
    found = number(name, key, value)
    if isinstance(default, int) and found != int(found):
        raise FaultError(f"{key} of the fault {name} is {told(value)}, but it must be a whole number.")
    return int(found) if isinstance(default, int) else found


def _passed(fault: StreamFault, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
    """Asked for each message by itself: a fault before this one may have let out another topic's."""
    return fault.passed(message, memory, now_ns) if fault.concerns(message.topic) else [message]


class FaultLine:
    """The active faults of a script and of what was injected by hand. State: their memories, the time. One thread.

    Call `advance` once before the messages and set-points of a moment; equal seeds and calls give equal answers. Faults
    apply in the order of the script, then of injection.
    """

    def __init__(self, script: Sequence[Planned] = (), seed: int = 0) -> None:
        self._script, self._seed = tuple(script), seed
        self.reset()

    def reset(self) -> None:
        """The script begins anew; what was injected is gone."""
        self._planned = list(self._script)
        self._memories: dict[int, Memory | PlantMemory] = {}
        self._released: list[Sensed] = []
        self._now_ns = 0

    def inject(self, planned: Planned) -> None:
        """One more fault; `clear` or `reset` ends it. Raises FaultError where there are too many."""
        if len(self._planned) >= MOST_FAULTS:
            raise FaultError(f"There are {MOST_FAULTS} faults already; clear them first.")
        self._planned.append(planned)

    def clear(self) -> None:
        """No fault any more, until the reset."""
        self._end(self._memories)
        self._planned = []

    def advance(self, now_ns: int) -> None:
        """It is `now_ns` since the reset: some begin, some end."""
        self._now_ns = now_ns
        active = [index for index, planned in enumerate(self._planned) if planned.is_active(now_ns)]
        self._end(self._memories.keys() - set(active))
        self._memories = {index: self._memories.get(index) or self._memory(index) for index in active}

    @property
    def active(self) -> tuple[str, ...]:
        """The names of those that are active."""
        return tuple(self._planned[index].name for index in self._memories)

    def sense(self, message: Sensed) -> list[Sensed]:
        """What leaves now when `message` is about to leave; what an ended fault kept back comes first."""
        messages = [message]
        for index, memory in self._memories.items():
            fault = self._planned[index].fault
            if isinstance(fault, StreamFault) and isinstance(memory, Memory):
                passed = (out for entry in messages for out in _passed(fault, entry, memory, self._now_ns))
                messages = list(islice(passed, MOST_AT_ONCE))
        kept = [entry for entry in self._released if entry.topic == message.topic]
        self._released = [entry for entry in self._released if entry.topic != message.topic]
        return kept + messages

    def set_points(self, wanted: Mapping[str, float], now_ns: int) -> SetPoints:
        """The set-points (rad) that reach the drives."""
        points = dict(wanted)
        for fault, memory in self._of_the_plant():
            points = fault.set_points(points, memory, now_ns)
        return points

    def measured(self, state: JointState) -> JointState:
        """The joints as the encoders tell them."""
        for fault, _ in self._of_the_plant():
            state = fault.measured(state)
        return state

    @property
    def payload_kg(self) -> float:
        """What the tool carries more than before."""
        return sum(fault.payload_kg for fault, _ in self._of_the_plant())

    def _of_the_plant(self) -> list[tuple[PlantFault, PlantMemory]]:
        pairs = [(self._planned[index].fault, memory) for index, memory in self._memories.items()]
        return [(f, m) for f, m in pairs if isinstance(f, PlantFault) and isinstance(m, PlantMemory)]

    def _memory(self, index: int) -> Memory | PlantMemory:
        if isinstance(self._planned[index].fault, PlantFault):
            return PlantMemory()
        return Memory(np.random.default_rng((self._seed, index)))

    def _end(self, indices: Iterable[int]) -> None:
        for index in sorted(indices):
            fault, memory = self._planned[index].fault, self._memories[index]
            if isinstance(fault, StreamFault) and isinstance(memory, Memory):
                self._released += fault.released(memory)
        self._memories = {index: kept for index, kept in self._memories.items() if index not in set(indices)}
