"""Where the chunks of a loop in one process come from: a shipped policy under the policy node's own rules, on virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.schema import Contract
from qgf_ros.control.kinematics import kinematics_of
from qgf_ros.control.session import Tick
from qgf_ros.datatypes import ActionChunk, Reading, Sender
from qgf_ros.errors import ObservationRefused
from qgf_ros.flow.sampler import default_config
from qgf_ros.inference.cost import WalkCost
from qgf_ros.inference.deadline import Budget, VirtualClock
from qgf_ros.inference.demand import Demand
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import EngineConfig
from qgf_ros.inference.engines.opened import open_policy
from qgf_ros.inference.engines.stated import StatedEngine
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.inference.proposer import Proposer
from qgf_ros.inference.sent import usual_prefix
from qgf_ros.inference.timely import TimelyPolicy

STATED = WalkCost(fixed_s=0.002, critic_s=0.0, step_s=0.0002, guided_s=0.0006)  # s: 10 guided steps take 8 ms
MARGIN_S = 0.005
WIRE_S = 0.002  # a chunk on its way
ASK_AGAIN_S = 0.3


@dataclass(frozen=True)
class Wish:
    """What a sender of chunks knows at a tick: the tick before (None: none yet), node time, the newest reading of each input."""

    tick: Tick | None
    now_ns: int
    readings: Mapping[str, Reading]


class ChunkSource(Protocol):
    """Whoever sends chunks."""

    def reset(self, seed: int) -> None:
        """A new episode."""
        ...

    def arriving(self, wish: Wish) -> list[ActionChunk]:
        """The chunks that come at this tick."""
        ...


class Together:
    """Several senders in one graph: whoever is asked answers. One thread."""

    def __init__(self, *sources: ChunkSource) -> None:
        self._sources = sources

    def reset(self, seed: int) -> None:
        """A new episode."""
        for source in self._sources:
            source.reset(seed)

    def arriving(self, wish: Wish) -> list[ActionChunk]:
        """The chunks that come at this tick, of all."""
        return [chunk for source in self._sources for chunk in source.arriving(wish)]


@dataclass(frozen=True)
class _Sent:
    chunk: ActionChunk
    arrives_s: float


class PolicySource:
    """A checkpoint under the policy node's rules. State: the proposer's, and chunks on the way. One thread."""

    def __init__(self, contract: Contract, checkpoint: Path) -> None:
        """Raises as `open_policy`."""
        opened = open_policy(EngineConfig(), checkpoint, contract.interface, Device.CPU)
        self._contract, self._clock = contract, VirtualClock()
        engine = StatedEngine(opened.engine, self._clock, STATED)
        policy = ChunkPolicy(contract.interface, engine)
        sampler = default_config(opened.defaults)
        timely = TimelyPolicy(policy, sampler, opened.grid, self._clock, 1, usual_prefix(contract))
        assembler = Assembler(contract, kinematics_of(contract))
        budget = Budget.of(contract, 0.0, MARGIN_S)
        self._proposer = Proposer(contract, assembler, timely, sampler, budget, 0.0, ASK_AGAIN_S)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """A new episode: chunk 0 of `seed` comes next."""
        self._proposer.reset(seed)
        self._proposer.readings.clear()
        self._on_the_way: list[_Sent] = []
        self._clock.restart()
        self._ticks = 0

    def arriving(self, wish: Wish) -> list[ActionChunk]:
        """The chunks that come at this tick; a new one is begun where it is due and the last is done."""
        self._ticks += 1
        now_s = self._ticks * self._contract.tick_ns * 1e-9
        came = [sent.chunk for sent in self._on_the_way if sent.arrives_s <= now_s]
        self._on_the_way = [sent for sent in self._on_the_way if sent.arrives_s > now_s]
        self._proposer.readings.update(wish.readings)
        if wish.tick is not None:
            self._proposer.demands.note(demand_of(wish.tick, self._contract, wish.now_ns))
        if self._clock.now_s() <= now_s:
            self._clock.spend(now_s - self._clock.now_s())
            self._think(wish.now_ns)
        return came

    def _think(self, now_ns: int) -> None:
        proposer, clock = self._proposer, self._clock
        if not proposer.is_due(clock.now_s()):
            return
        try:
            timed = proposer.release(proposer.propose(now_ns), clock.now_s())
        except ObservationRefused:
            return  # the node says why, and tries with the next readings
        proposal = timed.attempt.proposal
        if proposal is not None and timed.attempt.ending.is_sent:
            self._on_the_way.append(_Sent(proposal.chunk, clock.now_s() + WIRE_S))


def demand_of(tick: Tick, contract: Contract, now_ns: int, sender: Sender = Sender.POLICY) -> Demand:
    """What the tick before `now_ns` asks of `sender`, as its certificate would say."""
    command = tick.command
    return Demand(
        stamp_ns=now_ns - contract.tick_ns,
        wants_chunk=tick.wanted_from_ns > 0 and tick.in_command is sender,
        wanted_from_ns=tick.wanted_from_ns,
        chunk_stamp_ns=command.chunk_stamp_ns if command is not None else 0,
        begun=command.begun if command is not None else 0,
        horizon=contract.execution_horizon,
        delay=contract.deployment.chunks.delay,
    )
