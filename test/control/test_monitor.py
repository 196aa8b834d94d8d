"""What the monitor makes of joint states, in whatever order and portions they come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Contract
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.datatypes import JointReading
from qgf_ros.errors import ObservationRefused

NOW_NS = 5_000_000_000
NAMES = ("shoulder", "elbow", "of_another_robot")


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints: shoulder, elbow."""
    return two_joints(tmp_path_factory.mktemp("monitor"))


def message(names: Sequence[str], positions: Sequence[float], stamp_ns: int = NOW_NS) -> JointReading:
    """Joint states."""
    nothing = np.zeros(0)
    return JointReading(stamp_ns, tuple(names), np.array(positions), nothing, nothing)


@given(
    order=st.permutations(NAMES),
    portions=st.lists(st.integers(1, 3), min_size=3, max_size=3),
    positions=st.fixed_dictionaries(dict.fromkeys(NAMES, st.floats(-1.0, 1.0))),
)
def test_order_and_portions_of_joint_states_change_nothing(
    contract: Contract, order: list[str], portions: list[int], positions: dict[str, float]
) -> None:
    monitor, rest = JointMonitor(contract), order
    for count in portions:
        part, rest = rest[:count], rest[count:]
        monitor.update(message(part, [positions[name] for name in part]))
    reading = monitor.reading(NOW_NS)
    assert reading.names == contract.interface.joints
    assert reading.positions.tolist() == [positions["shoulder"], positions["elbow"]]


@given(stamps=st.permutations(range(6)))
def test_the_youngest_of_reordered_joint_states_counts(contract: Contract, stamps: list[int]) -> None:
    monitor = JointMonitor(contract)
    for stamp in stamps:
        monitor.update(message(NAMES[:2], [0.1 * stamp, -0.1 * stamp], NOW_NS - 10 + stamp))
    assert monitor.reading(NOW_NS).positions.tolist() == [0.5, -0.5]


def test_every_joint_has_its_own_age(contract: Contract) -> None:
    monitor = JointMonitor(contract)
    assert monitor.ages_s(NOW_NS).tolist() == [math.inf, math.inf]
    monitor.update(message(["elbow"], [0.0], NOW_NS - 30_000_000))
    assert monitor.ages_s(NOW_NS).tolist() == [math.inf, pytest.approx(0.03)]


@given(age_ns=st.integers(0, 200_000_000))
def test_older_than_the_contract_allows_is_stale(contract: Contract, age_ns: int) -> None:
    monitor = JointMonitor(contract)
    monitor.update(message(NAMES, [0.0, 0.0, 0.0], NOW_NS - age_ns))
    if age_ns <= 80_000_000:
        assert monitor.reading(NOW_NS).stamp_ns == NOW_NS - age_ns
    else:
        with pytest.raises(ObservationRefused) as caught:
            monitor.reading(NOW_NS)
        assert caught.value.reason == "stale"


def test_one_stamp_in_the_future_does_not_keep_out_the_true_ones(contract: Contract) -> None:
    monitor = JointMonitor(contract)
    monitor.update(message(NAMES, [9.0, 9.0, 9.0], NOW_NS + 3_600_000_000_000))
    with pytest.raises(ObservationRefused) as caught:
        monitor.reading(NOW_NS)
    assert caught.value.reason == "future"
    monitor.update(message(NAMES, [0.1, 0.2, 0.3], NOW_NS))
    assert monitor.reading(NOW_NS).positions.tolist() == [0.1, 0.2]
    assert monitor.newest_ns == NOW_NS


def misshapen(stamp_ns: int) -> JointReading:
    """Two names and one position."""
    return message(NAMES[:2], [0.0], stamp_ns)


def test_a_stamp_in_the_future_is_forgotten_also_where_something_else_is_refused(contract: Contract) -> None:
    """Else it would wait for its time, and an old position would look new."""
    monitor, ahead_ns = JointMonitor(contract), NOW_NS + 300_000_000
    monitor.update(message(NAMES, [9.0, 9.0, 9.0], ahead_ns))
    monitor.update(misshapen(NOW_NS))
    with pytest.raises(ObservationRefused) as caught:
        monitor.reading(NOW_NS)
    assert caught.value.reason == "shape"
    monitor.update(message(NAMES, [0.1, 0.2, 0.3], ahead_ns - 10_000_000))
    assert monitor.reading(ahead_ns).positions.tolist() == [0.1, 0.2]


@pytest.mark.parametrize("names", [(), ("of_another_robot",)])
def test_nor_does_the_stamp_of_a_message_that_says_nothing_of_these_joints_last(
    contract: Contract, names: tuple[str, ...]
) -> None:
    """What is asked for afterwards would have to be as new as that."""
    monitor = JointMonitor(contract)
    monitor.update(message(NAMES, [0.1, 0.2, 0.3], NOW_NS))
    ahead_ns = NOW_NS + 3_600_000_000_000
    monitor.update(message(names, [0.0], ahead_ns))
    monitor.forget_future(NOW_NS)
    assert monitor.newest_ns == NOW_NS


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_positions_that_are_not_finite_are_refused_by_name(contract: Contract, bad: float) -> None:
    monitor = JointMonitor(contract)
    for _ in range(2):
        monitor.update(message(NAMES, [0.0, bad, bad]))
    with pytest.raises(ObservationRefused, match=r"'joint_states', elbow came with") as caught:
        monitor.reading(NOW_NS)
    assert caught.value.reason == "not_finite"


def leap(monitor: JointMonitor, after: int) -> None:
    """Two milliseconds apart, as a fast driver sends them: a leap of the shoulder, and `after` more messages from there."""
    places = [-1.6, 1.6, *[1.6] * after]
    for count, place in enumerate(places):
        monitor.update(message(NAMES, [place, 0.0, 0.0], NOW_NS + 2_000_000 * count))


@given(after=st.integers(0, 20))
def test_a_leap_is_found_however_many_messages_follow_it_before_somebody_looks(
    contract: Contract, after: int
) -> None:
    monitor = JointMonitor(contract)
    leap(monitor, after)
    with pytest.raises(ObservationRefused) as caught:
        monitor.reading(NOW_NS)
    assert caught.value.reason == "units"
    monitor.update(message(NAMES, [1.6, 0.0, 0.0], NOW_NS + 100_000_000))
    assert monitor.reading(NOW_NS + 100_000_000).positions.tolist() == [1.6, 0.0]


def test_a_leap_is_not_forgotten_over_another_fault_that_is_told_first(contract: Contract) -> None:
    monitor = JointMonitor(contract)
    leap(monitor, 3)
    with pytest.raises(ObservationRefused) as caught:
        monitor.reading(NOW_NS + 1_000_000_000)
    assert caught.value.reason == "stale"
    monitor.update(message(NAMES, [1.6, 0.0, 0.0], NOW_NS + 1_000_000_000))
    with pytest.raises(ObservationRefused) as caught:
        monitor.reading(NOW_NS + 1_000_000_000)
    assert caught.value.reason == "units"


def test_what_leapt_and_came_back_at_once_is_found_too(contract: Contract) -> None:
    monitor = JointMonitor(contract)
    for count, place in enumerate([-1.6, 1.6, -1.6]):
        monitor.update(message(NAMES, [place, 0.0, 0.0], NOW_NS + 2_000_000 * count))
    with pytest.raises(ObservationRefused, match="shoulder"):
        monitor.reading(NOW_NS)


@given(ahead_ns=st.integers(1, 50_000_000))
def test_a_clock_that_is_ahead_makes_no_joint_state_younger_than_its_arrival(
    contract: Contract, ahead_ns: int
) -> None:
    """0.08 s are allowed; with the tick before it was taken, and the tick that acts, a tenth of a second."""
    monitor, tick_ns = JointMonitor(contract), contract.tick_ns
    monitor.update(message(NAMES, [0.0, 0.0, 0.0], NOW_NS + ahead_ns), NOW_NS)
    monitor.reading(NOW_NS + 80_000_000 - tick_ns)
    with pytest.raises(ObservationRefused) as caught:
        monitor.reading(NOW_NS + 80_000_001 - tick_ns)
    assert caught.value.reason == "stale"


def test_nor_does_it_make_one_older_that_is_not_ahead(contract: Contract) -> None:
    monitor = JointMonitor(contract)
    monitor.update(message(NAMES, [0.0, 0.0, 0.0], NOW_NS), NOW_NS)
    monitor.reading(NOW_NS + 80_000_000)


def test_after_the_clock_went_back_whatever_comes_next_counts(tmp_path: Path) -> None:
    monitor = JointMonitor(two_joints(tmp_path))
    monitor.update(message(NAMES, [1.0, 1.0, 1.0], NOW_NS))
    monitor.forget_times()
    monitor.update(message(NAMES, [0.5, 0.25, 0.0], 1_000))
    assert monitor.reading(1_000).positions.tolist() == [0.5, 0.25]
