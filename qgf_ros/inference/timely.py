"""The policy under a deadline: plans a walk that fits, cuts it short if it falls behind, and says how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

import numpy as np

from qgf_ros.datatypes import FloatArray, Observation
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import SamplerConfig, Walk
from qgf_ros.inference.cost import CostBook, calibrate
from qgf_ros.inference.cutting import Cutter, is_good
from qgf_ros.inference.deadline import Clock, Deadline
from qgf_ros.inference.engines.engine import GoOn
from qgf_ros.inference.plan import Plan, Planner, candidate_counts, ladder
from qgf_ros.inference.policy import ChunkPolicy, Proposal

ASK_FROM = 0.1  # of the time left: a walk expected to take less is done in one call; asking between steps could save nothing


class Ending(Enum):
    """How an attempt at a chunk ended; only the first two are sent."""

    IN_TIME = "in_time"
    LATE = "late"  # after the deadline, but still of use: sent, and said
    TOO_LATE = "too_late"  # of no use any more
    CUT_TOO_EARLY = "cut_too_early"  # the walk fell behind before its estimate was an action
    NO_TIME = "no_time"  # no walk fitted the time that was left

    @property
    def is_sent(self) -> bool:
        """Whether a chunk goes out."""
        return self in (Ending.IN_TIME, Ending.LATE)


@dataclass(frozen=True)
class Attempt:
    """One attempt at a chunk. Without a proposal no walk was begun. Times in s: what was left to it, what it took.

    `slowdown`: steps' time over the calibrated, where they were timed.
    """

    plan: Plan
    proposal: Proposal | None
    ending: Ending
    budget_s: float
    spent_s: float
    engine_s: float
    began_s: float
    deadline: Deadline
    slowdown: float | None = None

    @property
    def is_cut(self) -> bool:
        """Whether the walk was cut short."""
        return self.reached_time not in (0.0, 1.0)

    @property
    def reached_time(self) -> float:
        """The time t that the walk came to: 1 at its end, 0 where none was begun."""
        walk, made = self.plan.walk, self.proposal
        return walk.times[made.report.denoise_steps] if walk is not None and made is not None else 0.0


class TimelyPolicy:
    """State: what walks cost at present, and the ladder of the present way of sampling. One thread."""

    def __init__(
        self,
        policy: ChunkPolicy,
        sampler: SamplerConfig,
        grid: TimeGrid,
        clock: Clock,
        passes: int,
        usual: Prefix | None = None,
    ) -> None:
        """Measures what walks cost: `passes` of each kind. `usual` is a prefix such as most chunks will have.

        Raises:
            OffGridError: `sampler` asks for times that the policy was not trained on.
        """
        self.clock = clock
        self._policy = policy
        self._grid = grid
        self._passes = passes
        self._usual = usual
        self.change(sampler)

    def change(self, sampler: SamplerConfig) -> None:
        """Samples as stated from now on, and measures anew what that costs; raises OffGridError."""
        for option in ladder(sampler, self._grid):  # none of them shall be new to the engine later
            walk = option.walk(replace(sampler, weight=1.0))
            for prefix in (None,) if self._usual is None else (None, self._usual):
                self._try(walk, None, prefix)
        asked = partial(self._try, go_on=lambda _step: True, prefix=self._usual)
        counts, steps = candidate_counts(sampler), sampler.denoise_steps
        walks = calibrate(asked, counts, steps, sampler.estimator, self._passes, self.clock)
        self.costs = CostBook(walks)
        self.planner = Planner(sampler, self._grid, self.costs)

    @property
    def engine(self) -> str:
        """Which engine samples."""
        return self._policy.engine.description

    def aim(self, goal: FloatArray) -> None:
        """See `ChunkPolicy.aim`. What walks cost stays: a goal changes numbers, not sizes."""
        self._policy.aim(goal)

    def propose(
        self,
        observation: Observation,
        sampler: SamplerConfig,
        seed: int,
        index: int,
        deadline: Deadline,
        began_s: float,
        prefix: Prefix | None = None,
    ) -> Attempt:
        """Chunk `index` of the episode `seed` by the best plan that fits; `began_s` is when the attempt began.

        `close` must follow, when the chunk is ready to go.
        """
        planned_s = self.clock.now_s()
        budget_s = deadline.at_s - began_s
        plan = self.planner.plan(sampler, deadline.left_s())
        if plan.walk is None:
            self.costs.untried()
            return Attempt(plan, None, Ending.NO_TIME, budget_s, planned_s - began_s, 0.0, began_s, deadline)
        walk = plan.walk
        cost = self.costs.at_present(walk.candidates)
        cutter = Cutter(walk, cost, cost.around_s(walk.guided_steps) + self.costs.outside_s, deadline)
        asks = plan.expected_s > ASK_FROM * deadline.left_s()
        proposal = self._policy.propose(
            observation, walk, seed, index, prefix, cutter.go_on if asks else None
        )
        engine_s = self.clock.now_s() - planned_s
        slowdown = self._slowdown(cutter, walk, proposal, engine_s) if asks else None
        return Attempt(plan, proposal, Ending.IN_TIME, budget_s, 0.0, engine_s, began_s, deadline, slowdown)

    def close(self, attempt: Attempt) -> Attempt:
        """How the attempt ended, now that its chunk is ready to go: to be asked just before sending."""
        spent_s = self.clock.now_s() - attempt.began_s
        walk, proposal = attempt.plan.walk, attempt.proposal
        if walk is None or proposal is None:
            return replace(attempt, spent_s=spent_s)
        report = proposal.report
        calibrated_s = self._calibrated_s(walk, proposal)
        self.costs.note(calibrated_s, attempt.engine_s, spent_s - attempt.engine_s, attempt.slowdown)
        return replace(
            attempt, spent_s=spent_s, ending=self._ending(walk, report.denoise_steps, attempt.deadline)
        )

    def _calibrated_s(self, walk: Walk, proposal: Proposal) -> float:
        report = proposal.report
        return self.costs.calibrated(walk.candidates).of(report.denoise_steps, report.guided_steps)

    def _slowdown(self, cutter: Cutter, walk: Walk, proposal: Proposal, engine_s: float) -> float:
        """Steps' time over the calibrated. Where too few were timed to tell: as of late, unless the whole walk was faster."""
        ratio, calibrated_s = cutter.step_ratio(), self._calibrated_s(walk, proposal)
        if ratio is not None:
            return self.costs.slowdown * ratio
        return min(self.costs.slowdown, engine_s / calibrated_s if calibrated_s > 0.0 else 1.0)

    def _ending(self, walk: Walk, steps: int, deadline: Deadline) -> Ending:
        if not is_good(walk, steps):
            return Ending.CUT_TOO_EARLY
        if deadline.useful_s() < 0.0:
            return Ending.TOO_LATE
        return Ending.LATE if deadline.left_s() < 0.0 else Ending.IN_TIME

    def _try(self, walk: Walk, go_on: GoOn | None, prefix: Prefix | None) -> None:
        zeros = Observation(np.zeros(self._policy.observation_dim, np.float32), 0)
        self._policy.propose(zeros, walk, 0, 0, prefix, go_on)
