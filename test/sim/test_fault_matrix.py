"""Every fault in each of its phases: what follows is what has to, in time, and nothing unsafe leaves. `qgf faults` prints the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from contract_files import SHIPPED

pytest.importorskip("mujoco", reason="needs mujoco: pip install 'qgf_ros[sim]'")
pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

from ros_graph import ROOT

from qgf_ros.cli.faults_command import COLUMNS, columns, line
from qgf_ros.cli.main import main
from qgf_ros.contract.load import load_contract
from qgf_ros.datatypes import Rung
from qgf_ros.errors import UnknownFaultError
from qgf_ros.evaluate.fault_cases import CASES, STALE_S, TICK_S, Case
from qgf_ros.evaluate.fault_matrix import FaultMatrix, figures, select
from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.evaluate.phases import Phase
from qgf_ros.evaluate.reactions import GoesOn, Rests
from qgf_ros.evaluate.session_loop import SessionLoop
from qgf_ros.evaluate.strikes import Inject, Interfered
from qgf_sim.fault_line import read_fault

pytestmark = pytest.mark.sim

ROWS = [pytest.param(case, phase, id=f"{case.fault}, {phase.value}") for case, phase in select(None)]


@pytest.fixture(scope="module")
def matrix() -> FaultMatrix:
    return FaultMatrix(load_contract(SHIPPED), ROOT / "checkpoints/ur5e_cube", "cube-single-task2")


@pytest.fixture(scope="module")
def table(pytestconfig: pytest.Config) -> Iterator[list[MatrixRow]]:
    """The rows as they come; printed at the end, also where all is well."""
    rows: list[MatrixRow] = []
    yield rows
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", columns(COLUMNS), *map(line, rows), sep="\n")


@pytest.mark.parametrize(("case", "phase"), ROWS)
def test_what_follows_is_what_has_to(
    matrix: FaultMatrix, table: list[MatrixRow], case: Case, phase: Phase
) -> None:
    row = matrix.row(case, phase)
    table.append(row)
    assert row.passed, f"expected {row.expected} within {row.within} s; seen after {row.time}: {row.seen}"


def test_the_table_has_every_phase_and_more_faults_than_were_asked_for() -> None:
    assert len({case.fault for case in CASES}) == len(CASES) >= 24
    assert {phase for case in CASES for phase in case.phases} == set(Phase)


def test_the_readme_says_how_many_faults_there_are() -> None:
    assert f"lets each of {len(CASES)} [faults](docs/faults.md) strike" in (ROOT / "README.md").read_text()


def test_the_table_asks_for_the_times_that_were_promised() -> None:
    """Stale joint states within 0.1 s; an emergency stop by the very next command, in every phase."""
    by_name = {case.fault: case for case in CASES}
    assert by_name["joint states lost"].within_s == STALE_S == 0.1
    emergency = by_name["emergency stop called"]
    assert emergency.within_s == TICK_S <= load_contract(SHIPPED).interface.control_period_s
    assert set(emergency.phases) == set(Phase)


def test_a_reaction_that_does_not_come_or_comes_late_fails_its_row(matrix: FaultMatrix) -> None:
    lost = next(case for case in CASES if case.fault == "joint states lost")
    another = replace(lost, expected=Rests(Rung.HOLD, ("future",)))
    assert not matrix.row(another, Phase.FAST).passed
    sooner = matrix.row(replace(lost, within_s=0.03), Phase.FAST)
    assert not sooner.passed
    assert sooner.time is not None
    assert sooner.time > 0.03
    assert not matrix.row(replace(lost, expected=GoesOn(), within_s=0.5), Phase.FAST).passed


class Nothing(Inject):
    """A fault that is told of and never strikes."""

    def begin(self, loop: SessionLoop, source: Interfered) -> None:
        """Nothing happens."""


class Unfelt(Inject):
    """A fault that strikes, and changes nothing that the session receives or the robot does."""

    def begin(self, loop: SessionLoop, source: Interfered) -> None:
        """Noise of none."""
        loop.faults.inject(read_fault({"fault": "noise", "std": 0.0}, loop.at_s))

    def is_active(self, loop: SessionLoop) -> bool:
        """It is."""
        return "noise" in loop.faults.active


BORNE = [case for case in CASES if isinstance(case.expected, GoesOn)]


@pytest.mark.parametrize("case", BORNE, ids=lambda case: case.fault)
def test_an_arm_that_goes_on_is_right_only_where_the_fault_has_changed_something(
    matrix: FaultMatrix, case: Case
) -> None:
    """Where it goes on, nothing else tells whether the fault has struck at all; the row says what it has changed."""
    assert " differ from tick " in matrix.row(case, case.phases[0]).seen
    for strike in (Nothing({"fault": "lost"}), Unfelt({"fault": "noise"})):
        row = matrix.row(replace(case, strike=strike), case.phases[0])
        assert not row.passed
        assert "nothing differed" in row.seen


def test_a_fault_that_ends_before_it_has_been_looked_at_for_long_enough_is_not_borne(
    matrix: FaultMatrix,
) -> None:
    shuffled = next(case for case in CASES if case.fault == "names shuffled")
    short = Inject({"fault": "shuffle", "for_s": 0.1})
    row = matrix.row(replace(shuffled, strike=short), Phase.FAST)
    assert not row.passed
    assert "not active all the time" in row.seen


def test_a_hand_over_that_does_not_happen_and_a_person_who_goes_on_fail_their_rows(
    matrix: FaultMatrix,
) -> None:
    by_name = {case.fault: case for case in CASES}
    for fault in ("a person takes over", "a person hands back", "person silent", "person silent, arm slow"):
        case = replace(by_name[fault], strike=Nothing({"fault": "lost"}))
        assert not matrix.row(case, case.phases[0]).passed


def test_a_chunk_of_who_is_not_in_command_moves_no_joint_otherwise(matrix: FaultMatrix) -> None:
    """Chunks of later are made from where the joints are then: they are the same bit by bit, and so is the motion."""
    refused = [case for case in BORNE if case.expected == GoesOn(refused="not_in_command")]
    assert len(refused) == 3
    for case in refused:
        assert "; chunks differ from tick 1 on, in 1 of " in matrix.row(case, case.phases[0]).seen


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        UnknownFaultError, match="No fault is called 'gremlin': there are joint states lost, "
    ):
        select("gremlin")


def test_the_verb_prints_the_table_and_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "faults.json"
    assert main(["faults", "--only", "emergency stop pressed", "--json", str(file)]) == 0
    printed, written = capsys.readouterr().out, json.loads(file.read_text())
    assert "stop: emergency" in printed
    assert "reaching fast" in printed
    assert written["faults"] == 1
    assert written["failed"] == 0
    assert set(written["rows"][0]) == {"fault", "phase", "expected", "seen", "time", "within", "passed"}


def test_a_row_that_failed_is_counted() -> None:
    rows = [MatrixRow("a fault", "holding", "hold", "chunk", None, 0.1, passed) for passed in (True, False)]
    assert figures(rows)["failed"] == 1
    assert figures(rows)["faults"] == 1
