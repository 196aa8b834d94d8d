"""What keeps ticks on time: the metronome, polled topics, quiet garbage collection, and what the system grants."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ros_graph import ROOT, Peer
from std_msgs.msg import Float64MultiArray

from qgf_ros.errors import InvalidSetting
from qgf_ros.nodes import metronome, qos
from qgf_ros.nodes.metronome import Metronome
from qgf_ros.nodes.polled import Inputs
from qgf_ros.nodes.quiet import PERIOD_S, QuietCollector
from qgf_ros.nodes.scheduling import Wishes, may_lock_memory, read_cores, schedule, unschedule

pytestmark = pytest.mark.ros
MS = 1_000_000


class Time:
    """A steady clock that only moves when somebody sleeps, serves or works."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 5_000 * MS
        monkeypatch.setattr(metronome.time, "monotonic_ns", lambda: self.now_ns)
        monkeypatch.setattr(metronome.time, "sleep", lambda seconds: self.pass_by(round(seconds * 1e9)))

    def pass_by(self, ns: int) -> None:
        self.now_ns += ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def test_ticks_come_at_multiples_of_the_period_however_long_callbacks_and_ticks_take(clock: Time) -> None:
    stamps: list[int] = []

    def tick() -> None:
        stamps.append(clock.now_ns)
        clock.pass_by(2 * MS)

    def serve(timeout_s: float) -> None:
        clock.pass_by(min(round(timeout_s * 1e9), 3 * MS))

    ticks = Metronome(tick)
    ticks.start(10 * MS)
    begun_ns = clock.now_ns
    for _ in range(5):
        ticks.turn(serve)
    assert [stamp - begun_ns for stamp in stamps] == [10 * MS * count for count in range(1, 6)]


def test_a_late_tick_stands_for_those_that_were_dropped_and_the_phase_stays(clock: Time) -> None:
    ticks = Metronome(lambda: None)
    ticks.start(10 * MS)
    first_ns = ticks.next_ns
    ticks.turn(lambda _: clock.pass_by(34 * MS))  # one callback that takes as long as three ticks
    assert ticks.next_ns == first_ns + 30 * MS
    assert ticks.left_ns == 6 * MS


def test_what_is_done_after_settling_is_as_regular_as_the_ticks_however_long_it_took_to_compute(
    clock: Time,
) -> None:
    durations, sent = iter([0, MS, 2 * MS, 3 * MS, 0]), []

    def tick() -> None:
        clock.pass_by(next(durations))
        ticks.settle(2 * MS)
        sent.append(clock.now_ns)

    ticks = Metronome(tick)
    ticks.start(10 * MS)
    begun_ns = clock.now_ns
    for _ in range(5):
        ticks.turn(lambda timeout_s: clock.pass_by(round(timeout_s * 1e9)))
    assert [stamp - begun_ns for stamp in sent] == [12 * MS, 22 * MS, 32 * MS, 43 * MS, 52 * MS]


def test_no_callback_is_begun_just_before_a_tick(clock: Time) -> None:
    begun: list[int] = []

    def serve(_timeout_s: float) -> None:
        begun.append(ticks.left_ns)
        clock.pass_by(MS)

    ticks = Metronome(lambda: None)
    ticks.start(10 * MS)
    ticks.turn(serve)
    assert min(begun) > metronome.CLOSE_NS


@pytest.mark.parametrize(("period_ms", "tick_ms"), [(2, 3), (10, 11)])
def test_where_ticks_take_all_of_the_time_a_callback_that_waits_is_served_before_each(
    clock: Time, period_ms: int, tick_ms: int
) -> None:
    waits: list[float] = []
    ticks = Metronome(lambda: clock.pass_by(tick_ms * MS))
    ticks.start(period_ms * MS)
    clock.pass_by(period_ms * MS)
    for _ in range(5):
        ticks.turn(waits.append)
    assert waits == [0.0] * 5


def test_without_ticks_a_turn_serves_callbacks_and_ends_soon(clock: Time) -> None:
    waits: list[float] = []
    Metronome(lambda: pytest.fail("nothing was started")).turn(waits.append)
    assert waits == [metronome.LONGEST_S]


def test_a_callback_that_stops_the_ticks_is_the_last_thing_in_its_turn(clock: Time) -> None:
    ticks = Metronome(lambda: pytest.fail("it was stopped"))
    ticks.start(10 * MS)
    ticks.turn(lambda _: ticks.stop())
    assert not ticks.is_running


def test_polled_messages_wait_until_they_are_taken_and_come_in_order(peer: Peer) -> None:
    heard: list[float] = []
    inputs = Inputs(peer.node)
    inputs.subscribe(Float64MultiArray, "values", lambda message: heard.append(message.data[0]), qos.SENSOR)
    publisher = peer.node.create_publisher(Float64MultiArray, "values", qos.SENSOR)
    peer.matched(publisher)
    for value in range(3):
        publisher.publish(Float64MultiArray(data=[float(value)]))
    taken: list[int] = []
    assert heard == []
    peer.until(lambda: taken.append(inputs.take()) or sum(taken) == 3, "three messages")
    assert heard == [0.0, 1.0, 2.0]
    assert inputs.take() == 0
    inputs.close()


def test_an_executor_calls_back_where_inputs_are_not_polled(peer: Peer) -> None:
    heard: list[float] = []
    inputs = Inputs(peer.node, is_polled=False)
    inputs.subscribe(Float64MultiArray, "values", lambda message: heard.append(message.data[0]), qos.SENSOR)
    publisher = peer.node.create_publisher(Float64MultiArray, "values", qos.SENSOR)
    peer.matched(publisher)
    publisher.publish(Float64MultiArray(data=[7.0]))
    peer.until(lambda: heard == [7.0], "the message")
    assert inputs.take() == 0
    inputs.close()


class Cycle:
    """Garbage that only a collection finds."""

    alive = 0

    def __init__(self) -> None:
        self.me = self
        Cycle.alive += 1

    def __del__(self) -> None:
        Cycle.alive -= 1


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> object:
    made = QuietCollector()
    made.begin()
    yield made
    made.end()


def test_garbage_waits_for_a_moment_in_which_it_can_be_collected(collector: QuietCollector) -> None:
    assert not gc.isenabled()
    Cycle()
    assert not collector.rest(left_ns=9 * MS, is_at_rest=False)  # not yet a second since the last time
    time.sleep(PERIOD_S)
    assert not collector.rest(left_ns=MS // 2, is_at_rest=False)  # a tick is near
    assert Cycle.alive == 1
    assert collector.rest(left_ns=9 * MS, is_at_rest=False)
    assert Cycle.alive == 0
    assert collector.worst_ns > 0


def test_a_long_collection_waits_for_more_time_or_for_the_arm_to_stand(collector: QuietCollector) -> None:
    time.sleep(PERIOD_S)
    collector.worst_ns = 5 * MS
    assert not collector.rest(left_ns=9 * MS, is_at_rest=False)
    assert collector.rest(left_ns=9 * MS, is_at_rest=True)


def test_python_collects_by_itself_again_afterwards() -> None:
    collector = QuietCollector()
    collector.begin()
    collector.end()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


@given(st.sets(st.integers(0, 255), min_size=1))
def test_a_list_of_cores_reads_as_it_is_written(cores: set[int]) -> None:
    assert read_cores(",".join(map(str, sorted(cores)))) == tuple(sorted(cores))


def test_ranges_of_cores_are_read_and_no_text_means_any_core() -> None:
    assert read_cores("0, 2-4") == (0, 2, 3, 4)
    assert read_cores("") == ()


@pytest.mark.parametrize("text", ["one", "1-", "-1", "1..3", "3-1"])
def test_what_is_no_list_of_cores_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidSetting, match="0,2-3"):
        read_cores(text)


def test_memory_is_locked_only_where_no_limit_can_fail_a_later_allocation() -> None:
    assert may_lock_memory(resource.RLIM_INFINITY, "0")
    assert may_lock_memory(8 << 20, f"{1 << 14:x}")
    assert not may_lock_memory(8 << 20, "0")


def test_a_core_that_is_not_there_is_said_in_one_line_and_nothing_breaks() -> None:
    granted = schedule(Wishes(cores=(100_000,)))
    [sentence] = granted.refused
    assert "cores 100000 were not granted" in sentence
    assert f"0 to {(os.cpu_count() or 1) - 1}" in sentence


def test_who_asks_for_nothing_runs_as_any_process() -> None:
    assert schedule(Wishes()).sentence == "normal"


def test_priority_is_given_back() -> None:
    if schedule(Wishes(priority=1)).refused:
        pytest.skip("real-time priority is not granted here")
    unschedule()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


ASK = """
import os, resource
from qgf_ros.nodes.scheduling import Wishes, schedule
if os.geteuid() == 0:
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20)); os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(schedule(Wishes(priority=90, lock_memory=True)).sentence)
"""


def test_a_user_without_the_right_reads_what_would_grant_it() -> None:
    if os.geteuid() and resource.getrlimit(resource.RLIMIT_RTPRIO)[0] >= 90:
        pytest.skip("this user may have real-time priority, and cannot become one who may not")
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, timeout=60, cwd=ROOT, check=True
    )
    assert "memory was not locked" in done.stdout
    assert "`rtprio 90` in /etc/security/limits.conf" in done.stdout
