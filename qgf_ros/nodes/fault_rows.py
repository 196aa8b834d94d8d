"""One row of the matrix over real processes: the graph moves, a fault strikes, its reaction is looked for in what is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from std_srvs.srv import Trigger

from qgf_ros.errors import NodeRefusedError, NodeSilentError, QgfError
from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.nodes.fault_graph import COMMAND, SIM, FaultGraph
from qgf_ros.nodes.heard import Certified
from qgf_ros.runner import Process

PHASE_S = 0.3  # of motion before a fault
AFTER_S = 0.5  # of watching after its reaction
TAIL_S = 1.0  # without a chunk: longer than one lasts
PATIENCE_S = 20.0
PLAYS = ("chunk", "tail")
Strike = Callable[[], None]


@dataclass(frozen=True)
class Case:
    """What has to follow from a fault in a phase: a rung with a reason, within so many s."""

    fault: str
    phase: str
    rung: str
    reason: str
    within_s: float

    @property
    def expected(self) -> str:
        """In words."""
        return f"{self.rung} {self.reason}".strip()

    def is_met(self, tick: Certified) -> bool:
        """Whether a tick shows the reaction."""
        return (tick.rung, tick.values["reason"]) == (self.rung, self.reason)


def react(robot: FaultGraph, case: Case, strike: Strike) -> MatrixRow:
    """Strikes, waits for the reaction, and counts the ticks until then: so many periods it took at most."""
    robot.client.spin(PHASE_S)
    robot.begin_window()
    at_ns = robot.now_ns()
    try:
        strike()
        robot.until(lambda: any(map(case.is_met, since(robot, at_ns))), case.expected, PATIENCE_S)
    except (NodeSilentError, NodeRefusedError) as error:
        return lacking(robot, case, at_ns, str(error))
    robot.client.spin(AFTER_S)
    after = since(robot, at_ns)
    count = next(number for number, tick in enumerate(after) if case.is_met(tick))
    return told(robot, case, case.expected, (count + 1) * robot.contract.tick_ns * 1e-9)


def attempt(fault: str, rows: Callable[[], Iterable[MatrixRow]]) -> Iterator[MatrixRow]:
    """The rows of a fault; where the graph did not do what they need, one that failed with its sentence in place of those that lack."""
    try:
        yield from rows()
    except QgfError as error:
        yield MatrixRow(fault, "-", "the graph does what the row needs", str(error), None, 0.0, False)


def lacking(robot: FaultGraph, case: Case, at_ns: int, sentence: str = "") -> MatrixRow:
    """The row of a reaction that did not come."""
    after = since(robot, at_ns)
    last = f"{after[-1].rung} {after[-1].values['reason']}".strip() if after else "silence"
    words = "; ".join(filter(None, (last, sentence)))
    return _row(robot, case, words, None, False)


def told(robot: FaultGraph, case: Case, seen: str, time_s: float) -> MatrixRow:
    """The row of a reaction that came after `time_s`; it fails too where a command was missing or broke a limit meanwhile."""
    problems = robot.problems()
    passed = seen == case.expected and time_s <= case.within_s and not problems
    return _row(robot, case, "; ".join([seen, *problems[:2]]), time_s, passed)


def _row(robot: FaultGraph, case: Case, words: str, time_s: float | None, passed: bool) -> MatrixRow:
    missed = robot.missed()
    return MatrixRow(
        case.fault,
        case.phase,
        case.expected,
        words,
        time_s,
        case.within_s,
        passed,
        missed.after,
        missed.before,
    )


def goes_on(robot: FaultGraph, fault: str, phase: str, seconds: float, strike: Strike) -> MatrixRow:
    """The row of a fault that must change nothing: chunks are played on for so many seconds, and no command is missing."""
    robot.client.spin(PHASE_S)
    robot.begin_window()
    strike()
    robot.client.spin(seconds)
    rungs = {tick.rung for tick in robot.heard.ticks}
    seen = (
        "plays on"
        if rungs and rungs <= set(PLAYS) and "chunk" in rungs
        else " ".join(sorted(rungs)) or "silence"
    )
    return told(robot, Case(fault, phase, "plays on", "", seconds), seen, seconds)


def moving(robot: FaultGraph, module: str) -> Process:
    """The command node, started (from another module if one is given), with the robot in motion."""
    robot.start(SIM)
    command = robot.start(COMMAND, module=module)
    robot.sweep(5)
    robot.start_motion()
    robot.until(robot.moves, "motion")
    robot.client.spin(PHASE_S)
    return command


def since(robot: FaultGraph, at_ns: int) -> list[Certified]:
    """The ticks from a moment on."""
    return [tick for tick in robot.heard.ticks if tick.stamp_ns >= at_ns]


def recover(robot: FaultGraph, seed: int) -> None:
    """Begins anew at the measured pose, and plays chunks again."""
    robot.sweep(seed)
    robot.client.command_when_ready(COMMAND, "reset", tries=10)
    robot.client.command_when_ready(COMMAND, "start", tries=10)
    robot.until(robot.moves, "motion after a reset")


def refused(robot: FaultGraph, service: str) -> str:
    """The sentence with which the command node refuses a service; empty if it does not."""
    try:
        robot.client.command(COMMAND, service, Trigger)
    except NodeRefusedError as error:
        return str(error)
    return ""
