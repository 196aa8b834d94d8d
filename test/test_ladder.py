"""Stalls of 0 to 10 deadlines in every phase of an attempt, on a virtual clock: what is sent is in time, or said to be late.

Times are exact: only stated work and stalls move the clock.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contract_files import two_joints
from stalling_engine import SCORING, Stall, StallingEngine, StraightEngine

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import Observation
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.prefix import make_prefix
from qgf_ros.flow.sampler import SamplerConfig, Walk
from qgf_ros.inference.cost import WalkCost
from qgf_ros.inference.cutting import MIN_TIME
from qgf_ros.inference.deadline import Deadline, VirtualClock
from qgf_ros.inference.engines.engine import Question, Sample
from qgf_ros.inference.engines.stated import StatedEngine
from qgf_ros.inference.ladder import LadderLog
from qgf_ros.inference.plan import SAFETY, PlanLevel, ladder
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.inference.timely import Attempt, Ending, TimelyPolicy

STEPS = 10
SAMPLER = SamplerConfig(STEPS, weight=0.5)
COST = WalkCost(fixed_s=0.001, critic_s=0.001, step_s=0.0005, guided_s=0.004)
FULL_S = COST.of(STEPS, STEPS)  # 42 ms
PERIOD_S = 0.06  # a deadline: the whole walk fits with its safety
ROUNDING_S = 1e-9
DEADLINES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
PLACES = (*range(STEPS), SCORING)


class World:
    """A policy whose work takes `COST`, and which stalls in its next walk as told."""

    def __init__(self, contract: Contract, steps: int = STEPS) -> None:
        self.sampler = replace(SAMPLER, denoise_steps=steps)
        self.clock = VirtualClock()
        self._stalls: dict[int, Stall] = {}
        stated = StatedEngine(StraightEngine(), self.clock, COST)
        self._engine = StallingEngine(stated, self._stalls, self.clock.spend)
        policy = ChunkPolicy(contract.interface, self._engine)
        self.timely = TimelyPolicy(policy, self.sampler, TimeGrid(STEPS), self.clock, passes=1)
        self._observation = Observation(np.zeros(contract.interface.observation_dim, np.float32), 0)

    def slow_down(self, factor: float) -> None:
        """All work of the engine takes `factor` times as long as it took at configure."""
        cost = WalkCost(*(factor * value for value in vars(COST).values()))
        self._engine.engine = StatedEngine(StraightEngine(), self.clock, cost)

    def attempt(
        self,
        stall: Stall | None = None,
        before_s: float = 0.0,
        after_s: float = 0.0,
        budget_s: float = PERIOD_S,
    ) -> Attempt:
        """One attempt, with a stall within the walk, before planning, or between the walk and sending."""
        if stall is not None:
            self._stalls[self._engine.count] = stall
        began_s = self.clock.now_s()
        deadline = Deadline.within(self.clock, budget_s, PERIOD_S)
        self.clock.spend(before_s)
        proposed = self.timely.propose(self._observation, self.sampler, 0, 0, deadline, began_s)
        self.clock.spend(after_s)
        return self.timely.close(proposed)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return two_joints(tmp_path_factory.mktemp("contract"))


@pytest.fixture
def world(contract: Contract) -> World:
    return World(contract)


def walked(attempt: Attempt) -> int:
    return attempt.proposal.report.denoise_steps if attempt.proposal is not None else 0


def check_laws(attempt: Attempt, clock: VirtualClock) -> None:
    """What holds for every attempt that ends now."""
    over_s = -attempt.deadline.left_s()
    assert attempt.spent_s == clock.now_s() - attempt.began_s
    match attempt.ending:
        case Ending.IN_TIME:
            assert over_s <= 0.0
        case Ending.LATE:
            assert 0.0 < over_s <= PERIOD_S
        case Ending.TOO_LATE:
            assert over_s > PERIOD_S
    if attempt.ending.is_sent:
        assert attempt.plan.walk is not None
        assert attempt.plan.walk.times[walked(attempt)] >= MIN_TIME
    if attempt.ending is Ending.NO_TIME:
        assert attempt.proposal is None


def test_without_stalls_the_whole_walk_is_made_in_the_time_that_was_expected(world: World) -> None:
    attempt = world.attempt()
    assert (attempt.plan.level, attempt.ending, attempt.is_cut) == (PlanLevel.FULL, Ending.IN_TIME, False)
    assert attempt.spent_s == pytest.approx(FULL_S) == pytest.approx(attempt.plan.expected_s)


@pytest.mark.parametrize("deadlines", DEADLINES)
@pytest.mark.parametrize("place", PLACES)
def test_a_stall_within_the_walk_never_sends_what_is_useless(
    world: World, place: int, deadlines: float
) -> None:
    stall_s = deadlines * PERIOD_S
    attempt = world.attempt(Stall(place, stall_s))
    check_laws(attempt, world.clock)
    left_s = PERIOD_S - FULL_S - stall_s
    assert (attempt.ending is Ending.IN_TIME and not attempt.is_cut) or left_s < COST.around_s(1)
    if (
        place != SCORING
    ):  # from the end of the stall on it takes no longer than the nearest good answer, and the end
        ended_s = place * COST.guided_s + COST.fixed_s + stall_s
        nearest = max(place, round(MIN_TIME * STEPS))
        enough_s = COST.of_steps(nearest - place + 1, nearest - place + 1) + COST.critic_s
        assert attempt.spent_s <= max(PERIOD_S, ended_s + enough_s) + ROUNDING_S


@pytest.mark.parametrize("deadlines", DEADLINES)
def test_a_stall_before_the_plan_makes_the_plan_smaller_and_what_is_sent_is_in_time(
    world: World, deadlines: float
) -> None:
    attempt = world.attempt(before_s=deadlines * PERIOD_S)
    check_laws(attempt, world.clock)
    left_s = (1.0 - deadlines) * PERIOD_S
    assert attempt.ending is (Ending.IN_TIME if attempt.plan.walk is not None else Ending.NO_TIME)
    assert (attempt.plan.level is PlanLevel.FULL) == (left_s >= SAFETY * FULL_S)
    assert (attempt.plan.walk is None) == (left_s < world.timely.planner.cheapest_s(SAMPLER))
    assert attempt.spent_s <= max(PERIOD_S, deadlines * PERIOD_S) + ROUNDING_S


@pytest.mark.parametrize("deadlines", DEADLINES)
def test_a_stall_while_sending_is_noticed_just_before_the_message_leaves(
    world: World, deadlines: float
) -> None:
    attempt = world.attempt(after_s=deadlines * PERIOD_S)
    check_laws(attempt, world.clock)
    spent_s = FULL_S + deadlines * PERIOD_S
    expected = Ending.IN_TIME if spent_s <= PERIOD_S else Ending.LATE
    assert attempt.ending is (expected if spent_s <= 2 * PERIOD_S else Ending.TOO_LATE)


@pytest.mark.parametrize("place", PLACES)
def test_one_stall_of_any_length_leaves_the_next_chunk_as_it_was(world: World, place: int) -> None:
    whole = world.attempt()
    for deadlines in DEADLINES[-2:]:
        world.attempt(Stall(place, deadlines * PERIOD_S))
        after = world.attempt()
        assert (after.plan.level, after.ending) == (PlanLevel.FULL, Ending.IN_TIME)
        assert after.proposal is not None
        assert whole.proposal is not None
        np.testing.assert_array_equal(after.proposal.chunk.actions, whole.proposal.chunk.actions)
        for _ in range(20):  # forget it
            world.attempt()


def settled(attempts: list[Attempt]) -> bool:
    """Whether all are planned smaller, and come in time without being cut."""
    smaller = all(attempt.plan.level not in (PlanLevel.FULL, PlanLevel.NONE) for attempt in attempts)
    return smaller and all(a.ending is Ending.IN_TIME and not a.is_cut for a in attempts)


@pytest.mark.parametrize("factor", [1.5, 2.0, 4.0])
def test_on_a_slower_machine_plans_become_smaller_within_four_chunks_and_grow_again_after(
    world: World, factor: float
) -> None:
    world.slow_down(factor)
    attempts = [world.attempt() for _ in range(40)]
    assert settled(attempts[4:])
    assert [attempt.slowdown for attempt in attempts[4:]] == pytest.approx([factor] * 36)
    world.slow_down(1.0)
    assert [world.attempt() for _ in range(20)][-1].plan.level is PlanLevel.FULL


def test_plans_grow_again_also_after_walks_too_short_to_time_their_steps(contract: Contract) -> None:
    world = World(contract, steps=5)
    world.slow_down(7.0)
    planned = [world.attempt().plan for _ in range(40)][-1]
    assert planned.walk is not None
    assert planned.walk.steps == 2
    world.slow_down(1.0)
    assert [world.attempt() for _ in range(60)][-1].plan.level is PlanLevel.FULL


@pytest.mark.parametrize("place", [0, 4])
def test_where_every_walk_has_to_wait_plans_become_smaller_by_that_time_and_no_more(
    world: World, place: int
) -> None:
    attempts = [world.attempt(Stall(place, 0.02)) for _ in range(40)]
    assert settled(attempts[4:])
    left_s = PERIOD_S / SAFETY - 0.02
    dearest_s = max(attempt.plan.expected_s - 0.02 for attempt in attempts[4:])
    assert left_s - COST.guided_s < dearest_s <= left_s + ROUNDING_S
    assert [world.attempt() for _ in range(20)][-1].plan.level is PlanLevel.FULL


def test_a_machine_that_was_far_too_slow_is_tried_again_after_a_while(world: World) -> None:
    for _ in range(20):
        world.attempt(Stall(0, 100.0))
    endings = [world.attempt().ending for _ in range(25)]
    assert endings[0] is Ending.NO_TIME
    assert endings[-1] is Ending.IN_TIME


def test_a_walk_far_shorter_than_the_time_left_is_done_in_one_call_and_still_not_sent_too_late(
    world: World,
) -> None:
    attempt = world.attempt(Stall(3, 2.0), budget_s=1.0)
    assert (attempt.is_cut, attempt.ending) == (False, Ending.TOO_LATE)


def test_a_walk_cut_short_says_so_and_how_far_it_came(world: World) -> None:
    cut = world.attempt(Stall(6, 0.03))
    assert cut.is_cut
    assert cut.ending is Ending.IN_TIME
    assert cut.proposal is not None
    report = cut.proposal.report
    assert (report.planned_steps, report.denoise_steps, report.guided_steps) == (STEPS, 6, 6)


def test_the_log_counts_every_rung_and_ending(world: World) -> None:
    log = LadderLog()
    assert log.in_words() == "no chunk yet"
    log.add(world.attempt())
    assert log.in_words() == "all sampling fits the deadline"
    for attempt in (world.attempt(Stall(6, 0.03)), world.attempt(before_s=0.03), world.attempt(before_s=1.0)):
        log.add(attempt)
    found = log.values()
    assert (found["level.full"], found["level.none"], found["cut"]) == (2, 1, 1)
    assert sum(found[f"level.{level.value}"] for level in PlanLevel) == 4
    assert sum(found[f"ending.{ending.value}"] for ending in Ending) == 4
    assert log.in_words().startswith("3 of the last 4 chunks")


def test_while_it_warms_up_the_engine_meets_every_kind_of_walk_with_and_without_a_prefix(
    contract: Contract,
) -> None:
    seen: set[tuple[Walk, bool]] = set()

    class Watched(StraightEngine):
        def sample(self, question: Question) -> Sample:
            if question.go_on is None:
                seen.add((question.walk, question.prefix is not None))
            return super().sample(question)

    rows = np.zeros((1, contract.interface.action_dim), np.float32)
    usual = make_prefix(rows, contract.interface.chunk_length, 1, 1)
    policy = ChunkPolicy(contract.interface, Watched())
    TimelyPolicy(policy, SAMPLER, TimeGrid(STEPS), VirtualClock(), 1, usual)
    walks = {walk for walk, _ in seen}
    assert len(walks) == len(ladder(SAMPLER, TimeGrid(STEPS)))
    assert seen == {(walk, known) for walk in walks for known in (False, True)}
