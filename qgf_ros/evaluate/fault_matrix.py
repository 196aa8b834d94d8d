"""Runs the table of faults and reactions: every fault in each of its phases, in process, on virtual time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from qgf_ros.contract.schema import Contract
from qgf_ros.errors import PhaseNotReachedError, UnknownFaultError
from qgf_ros.evaluate.differences import Log, Tick, difference
from qgf_ros.evaluate.fault_cases import CASES, Case
from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.evaluate.person_source import PersonSource
from qgf_ros.evaluate.phases import Approach, Phase
from qgf_ros.evaluate.reactions import GoesOn, Story
from qgf_ros.evaluate.robot import load_simulation
from qgf_ros.evaluate.session_loop import Served, SessionLoop, with_speed_scaling
from qgf_ros.evaluate.sources import PolicySource, Together
from qgf_ros.evaluate.strikes import Interfered
from qgf_sim.hand import hand_for
from qgf_sim.manipulation import FINGER

SEED = 0
SLOWNESS = 2.0  # times that the person moves more slowly than the task's demonstrator
SETTLE_S = 0.6  # after the time in which the reaction must come: time to come to rest
LONGEST_CHUNK_WAIT = 60  # ticks until the next chunk comes


class FaultMatrix:
    """State: the loop, which begins anew for each row. One thread."""

    def __init__(self, contract: Contract, checkpoint: Path, task: str) -> None:
        """Raises as `SessionLoop`, `PolicySource` and `PersonSource`; ValueError for a task that moves joints, not a tool."""
        self._contract = contract = with_speed_scaling(contract)
        simulation = load_simulation(task)
        person = PersonSource(contract, hand_for(simulation, SLOWNESS, noise=0.0), FINGER)
        self._source = Interfered(Together(PolicySource(contract, checkpoint), person))
        self._loop = SessionLoop(contract, simulation, self._source)

    def row(self, case: Case, phase: Phase) -> MatrixRow:
        """One row: what followed, and whether anything unsafe left."""
        expected, within_s = case.expected.words, case.within_s
        try:
            approach, story = self._struck(case, phase)
        except PhaseNotReachedError as error:
            return MatrixRow(case.fault, phase.value, expected, str(error), None, within_s, False)
        unsafe = [sentence for served in [*approach, *story.after] for sentence in served.unsafe]
        if unsafe:
            words = f"UNSAFE: {unsafe[0]} ({len(unsafe)} in all)"
            return MatrixRow(case.fault, phase.value, expected, words, None, within_s, False)
        seen = case.expected.judge(story, within_s)
        return MatrixRow(case.fault, phase.value, expected, seen.words, seen.time_s, within_s, seen.is_right)

    def _struck(self, case: Case, phase: Phase) -> tuple[list[Served], Story]:
        """The ticks before the fault, and what followed; compared with a run without it, where the reaction is that none is seen."""
        log = self._begin()
        approach = Approach(self._loop, log.end_tick).run(phase)
        story = self._strike(case, approach, log)
        if not isinstance(case.expected, GoesOn):
            return approach, story
        undisturbed, struck = self._undisturbed(phase, len(log.ticks)), len(log.ticks) - len(story.after)
        assert log.ticks[:struck] == undisturbed[:struck], "one seed gives one run, until a fault strikes"
        return approach, replace(story, difference=difference(log.ticks[struck:], undisturbed[struck:]))

    def _begin(self) -> Log:
        log = Log()
        self._loop.reset(SEED)
        self._loop.note = log.note
        return log

    def _undisturbed(self, phase: Phase, ticks: int) -> list[Tick]:
        """What is heard where nothing strikes, for so many ticks."""
        log = self._begin()
        Approach(self._loop, log.end_tick).run(phase)
        while len(log.ticks) < ticks:
            self._loop.tick()
            log.end_tick()
        return log.ticks

    def _strike(self, case: Case, approach: list[Served], log: Log) -> Story:
        """What follows; ticks until the next chunk comes are added to `approach`, where the fault waits for it."""
        loop, source = self._loop, self._source
        case.strike.begin(loop, source)
        active: list[bool] = []

        def tick() -> Served:
            served = loop.tick()
            log.end_tick()
            active.append(case.strike.is_active(loop))
            return served

        first = tick()
        for _ in range(LONGEST_CHUNK_WAIT):
            if source.has_struck or not case.strike.waits:
                break
            approach.append(first)
            first = tick()
        ticks = round((case.within_s + SETTLE_S) * 1e9 / self._contract.tick_ns)
        after = [first, *(tick() for _ in range(ticks - 1))]
        return Story(self._contract, approach[-1], after, is_active=all(active))


def select(name: str | None) -> list[tuple[Case, Phase]]:
    """The rows of the table; only those whose fault's name contains `name`, where one is given.

    Raises:
        UnknownFaultError: no fault's name does.
    """
    found = [(case, phase) for case in CASES for phase in case.phases if name is None or name in case.fault]
    if not found:
        raise UnknownFaultError(str(name), [case.fault for case in CASES])
    return found


def run_matrix(
    contract: Contract, checkpoint: Path, task: str, rows: Iterable[tuple[Case, Phase]]
) -> Iterator[MatrixRow]:
    """The rows, one after another."""
    matrix = FaultMatrix(contract, checkpoint, task)
    for case, phase in rows:
        yield matrix.row(case, phase)


def figures(rows: Sequence[MatrixRow]) -> dict[str, object]:
    """What `--json` writes: the number of different faults, of rows that failed, and every row."""
    return {
        "faults": len({row.fault for row in rows}),
        "failed": sum(not row.passed for row in rows),
        "rows": [row.figures() for row in rows],
    }
