"""From newest readings to the chunk that is due: everything of the policy node that needs no ROS."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.schema import Contract
from qgf_ros.contract.stated_goal import stated_goal
from qgf_ros.datatypes import FloatArray, Observation, PoseReading, Reading
from qgf_ros.errors import ObservationRefused, ProposalNotFinite
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.caution import Alert, Caution
from qgf_ros.inference.deadline import Budget
from qgf_ros.inference.demand import DemandBook
from qgf_ros.inference.plan import Plan
from qgf_ros.inference.ramp import WeightRamp
from qgf_ros.inference.sent import SentChunks
from qgf_ros.inference.timely import Attempt, TimelyPolicy

PATIENCE_S = 0.5  # an open demand is explained after this time


@dataclass(frozen=True)
class Timed:
    """An attempt at chunk `index` of the episode `seed`, from `observation`, made of the readings with these `stamps_ns`, by input.

    `latency_ms` is what it really took, also where time is virtual; `weight_target` is where a ramp of the weight leads,
    `committed` how many of the chunk's first actions were given: the robot executes them meanwhile. `alert`: what the detector
    found, where there is one and a chunk was made. `goal` (G,), m, that the critic was told, where the contract has goals.
    """

    attempt: Attempt
    observation: Observation
    stamps_ns: Mapping[str, int]
    seed: int
    index: int
    latency_ms: float
    weight_target: float
    committed: int
    alert: Alert | None = None
    goal: FloatArray | None = None


class Proposer:
    """State: newest readings, the newest goal, demands, the episode's seed and chunk number, the guidance weight's ramp. One thread.

    `sampler.weight` is a number; `ramp_s` the time a new weight takes to come into force. With `caution` guidance fades and chunks
    ask for less speed where the detector does not know what it sees. `source` says in each chunk what made it.
    """

    def __init__(
        self,
        contract: Contract,
        assembler: Assembler,
        policy: TimelyPolicy,
        sampler: SamplerConfig,
        budget: Budget,
        ramp_s: float,
        resend_after_s: float | None,
        caution: Caution | None = None,
        source: str = "",
    ) -> None:
        assert not callable(sampler.weight), "the node's weight is a number, ramped here"
        self.policy = policy
        self.budget = budget
        self.sampler = sampler
        self.ramp = WeightRamp(sampler.weight, ramp_s)
        self.caution = caution
        self._source = source
        self.demands = DemandBook(contract, resend_after_s)
        self._sent = SentChunks(contract)
        self.readings: dict[str, Reading] = {}
        self.goal: PoseReading | None = None
        self._assembler = assembler
        self._contract = contract
        self._waits_for_all = resend_after_s is None
        self._open_since_s: float | None = None
        self.reset(0)

    def reset(self, seed: int) -> None:
        """A new episode: chunk 0 of `seed` comes next. Readings stay: they are the robot's, not the episode's."""
        self.seed, self.index = seed, 0
        self._missed_ns = self._again_s = float("-inf")
        self.demands.reset()
        self._sent.clear()
        if self.caution is not None:
            self.caution.reset()
        self.ramp.settle()

    def is_due(self, steady_s: float) -> bool:
        """True when a chunk is wanted and the readings for it are there; after an attempt in vain not before its deadline."""
        if not self.demands.is_open(steady_s) or self.policy.clock.now_s() < self._again_s:
            return False
        return not self.demands.waiting_for(self.readings)

    def change(self, sampler: SamplerConfig) -> None:
        """Samples as stated from the next chunk on; another weight comes into force along the ramp.

        Raises:
            OffGridError: the sampler asks for times that the policy was not trained on; nothing was changed.
        """
        assert not callable(sampler.weight), "the node's weight is a number, ramped here"
        if replace(sampler, weight=0.0) != replace(self.sampler, weight=0.0):
            self.policy.change(sampler)
        self.sampler = sampler
        self.ramp.set(sampler.weight)

    def adopt(self, other: Proposer) -> None:
        """Goes over to another's policy, sampling, detector and source, from the next chunk on; the episode and its demands go on.

        The weight comes into force at once: its unit is that of the new critic.
        """
        self.policy, self.sampler, self.ramp = other.policy, other.sampler, other.ramp
        self.caution, self._source = other.caution, other._source
        self._missed_ns = self._again_s = float("-inf")  # on the clock of the policy before

    def first_plan(self) -> Plan:
        """What fits, by the costs measured at configure, where a chunk may take all of the time that a demand leaves."""
        return self.policy.planner.plan(self.sampler, self.budget.within_s)

    def overdue(self, now_ns: int, steady_s: float) -> ObservationRefused | None:
        """Why a demand has been open for longer than `PATIENCE_S`; None when none is. To be asked several times a second."""
        waiting = self.demands.waiting_for(self.readings)
        if not (waiting and self.demands.is_open(steady_s)):
            self._open_since_s = None
            return None
        since_s = self._open_since_s = steady_s if self._open_since_s is None else self._open_since_s
        if steady_s - since_s < PATIENCE_S:
            return None
        try:
            self._assembler.assemble(self.readings, now_ns)
        except ObservationRefused as refusal:
            return refusal
        if self._waits_for_all:
            return None  # lockstep: the sim may be paused; who waits for whom is the command node's to say
        topics = ", ".join(f"'{self._contract.deployment.inputs[name].topic}'" for name in waiting)
        return ObservationRefused(
            "waiting",
            f"A chunk is wanted from newer messages than the last on {topics}: is the publisher running?",
        )

    def newest_ns(self) -> int:
        """The newest stamp of all readings; 0 without any: the time in lockstep."""
        return max((reading.stamp_ns for reading in self.readings.values()), default=0)

    def propose(self, now_ns: int) -> Timed:
        """An attempt at the next chunk, from the readings as they are at node time `now_ns`; `release` must follow.

        Raises:
            ObservationRefused: they make no observation, or the contract has goals and none came.
            ProposalNotFinite: the networks answered with values that are no numbers.
            NoPlanError: in lockstep no walk fits the deadline.
        """
        began, began_s = time.perf_counter(), self.policy.clock.now_s()
        wanted_ns = self.demands.wanted_from_ns
        passed_s = 0.0 if wanted_ns == self._missed_ns else (now_ns - wanted_ns) * 1e-9
        deadline = self.budget.deadline(self.policy.clock, passed_s, self.demands.check_s)
        goal = self._aimed()
        observation = self._assembler.assemble(self.readings, now_ns)
        share = 1.0 if self.caution is None else self.caution.share  # of guidance, after the chunk before
        sampler = replace(self.sampler, weight=share * self.ramp.advance(observation.stamp_ns))
        if self._waits_for_all:
            self.policy.planner.check_fits(sampler, deadline.left_s())
        demand = self.demands.as_of(observation.stamp_ns)
        prefix = self._sent.prefix_for(demand)
        attempt = self.policy.propose(observation, sampler, self.seed, self.index, deadline, began_s, prefix)
        proposal, alert = attempt.proposal, None
        if proposal is not None:
            if not np.isfinite(proposal.chunk.actions).all():
                raise ProposalNotFinite(self.index)
            if (
                self.caution is not None and self.ramp.target > 0.0
            ):  # the unguided policy is not what was calibrated
                alert = self.caution.look(observation, proposal.chunk.actions)
            speed = 1.0 if alert is None else alert.speed
            chunk = replace(proposal.chunk, speed=speed, source=self._source)
            chunk = self._sent.keep(demand, chunk)
            attempt = replace(attempt, proposal=replace(proposal, chunk=chunk))
        latency_ms = (time.perf_counter() - began) * 1e3
        committed = prefix.delay if prefix is not None else 0
        return Timed(
            attempt,
            observation,
            {name: reading.stamp_ns for name, reading in self.readings.items()},
            self.seed,
            self.index,
            latency_ms,
            self.ramp.target,
            committed,
            alert,
            goal,
        )

    def tell(self, goal: PoseReading) -> None:
        """The newest goal, in force from the next chunk on: the engine is told at once, not in the time of a chunk.

        One that cannot be taken is refused when a chunk is wanted.
        """
        self.goal = goal
        with contextlib.suppress(ObservationRefused):
            self._aimed()

    def _aimed(self) -> FloatArray | None:
        """The goal in force, which the critic was told; None where the contract has none. Raises ObservationRefused."""
        if self._contract.interface.goal is None:
            return None
        goal = stated_goal(self._contract, self.goal)
        self.policy.aim(goal)
        return goal

    def release(self, timed: Timed, steady_s: float) -> Timed:
        """The same with its final ending, for which it is asked just before it is sent: it may have become useless."""
        attempt = self.policy.close(timed.attempt)
        proposal = attempt.proposal
        if proposal is not None and attempt.ending.is_sent:
            self.demands.sent(proposal.chunk.stamp_ns, steady_s)
            self.index += 1
        else:
            if proposal is not None:
                self._sent.drop(proposal.chunk)
            self._missed_ns, self._again_s = self.demands.wanted_from_ns, attempt.deadline.at_s
        return replace(timed, attempt=attempt)
