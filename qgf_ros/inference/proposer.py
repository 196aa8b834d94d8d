"""From newest readings to the chunk that is due: everything of the policy node that needs no ROS."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import Observation, Reading
from qgf_ros.errors import ObservationRefused, ProposalNotFinite
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.demand import DemandBook
from qgf_ros.inference.policy import ChunkPolicy, Proposal
from qgf_ros.inference.ramp import WeightRamp

PATIENCE_S = 0.5  # an open demand is explained after this time


@dataclass(frozen=True)
class Timed:
    """A proposal, which one of its episode it is, and how long it took from readings to chunk."""

    proposal: Proposal
    seed: int
    index: int
    latency_ms: float


class Proposer:
    """State: newest readings, demands, the episode's seed and chunk number, the guidance weight's ramp. One thread.

    `sampler.weight` is a number; `ramp_s` the time a new weight takes to come into force.
    """

    def __init__(
        self,
        contract: Contract,
        assembler: Assembler,
        policy: ChunkPolicy,
        sampler: SamplerConfig,
        ramp_s: float,
        resend_after_s: float | None,
    ) -> None:
        assert not callable(sampler.weight), "the node's weight is a number, ramped here"
        self._assembler = assembler
        self._policy = policy
        self._contract = contract
        self._waits_for_all = resend_after_s is None
        self.sampler = sampler
        self.ramp = WeightRamp(sampler.weight, ramp_s)
        self.demands = DemandBook(contract, resend_after_s)
        self.readings: dict[str, Reading] = {}
        self.seed = 0
        self.index = 0
        self._open_since_s: float | None = None

    def reset(self, seed: int) -> None:
        """A new episode: chunk 0 of `seed` comes next. Readings stay: they are the robot's, not the episode's."""
        self.seed, self.index = seed, 0
        self.demands.reset()
        self.ramp.settle()

    def is_due(self, steady_s: float) -> bool:
        """True when a chunk is wanted and the readings for it are there."""
        return self.demands.is_open(steady_s) and not self.demands.waiting_for(self.readings)

    def change(self, sampler: SamplerConfig) -> None:
        """Samples as stated from the next chunk on; another weight comes into force along the ramp."""
        assert not callable(sampler.weight), "the node's weight is a number, ramped here"
        self.sampler = sampler
        self.ramp.set(sampler.weight)

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
        """The next chunk, from the readings as they are at node time `now_ns`.

        Raises:
            ObservationRefused: they make no observation.
            ProposalNotFinite: the networks answered with values that are no numbers.
        """
        began = time.perf_counter()
        observation = self._assembler.assemble(self.readings, now_ns)
        sampler = replace(self.sampler, weight=self.ramp.advance(observation.stamp_ns))
        proposal = self._policy.propose(observation, sampler.walk(), self.seed, self.index)
        if not np.isfinite(proposal.chunk.actions).all():
            raise ProposalNotFinite(self.index)
        timed = Timed(proposal, self.seed, self.index, (time.perf_counter() - began) * 1e3)
        self.index += 1
        return timed

    def warm_up(self, passes: int) -> list[float]:
        """Latencies (ms) of `passes` chunks from an observation of zeros; nothing of the episode changes."""
        observation = Observation(np.zeros(self._contract.interface.observation_dim, np.float32), 0)
        latencies = []
        for index in range(passes):
            began = time.perf_counter()
            self._policy.propose(observation, self.sampler.walk(), 0, index)
            latencies.append((time.perf_counter() - began) * 1e3)
        return latencies
