"""The policy's side of every way to put chunks together: waiting, committed prefix, nothing, or an average."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.datatypes import ActionChunk, JointCommand
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.flow.prefix import Prefix, make_prefix
from qgf_ros.flow.sampler import Walk
from qgf_ros.inference.policy import ChunkPolicy

AGE_DECAY = 0.01  # of temporal ensembling, as in its paper (arXiv 2304.13705): the older prediction weighs a little more


def under(contract: Contract, chunks: Chunking) -> Contract:
    """The contract with another way of chunks following one another."""
    return dataclasses.replace(contract, deployment=dataclasses.replace(contract.deployment, chunks=chunks))


class Stitcher:
    """Plays one episode. State: the chunks made so far, the control periods passed."""

    def __init__(
        self, loop: ClosedLoop, policy: ChunkPolicy, walk: Walk, seed: int, hard_mask: bool = False
    ) -> None:
        self._loop, self._policy, self._walk, self._seed = loop, policy, walk, seed
        self._hard_mask = hard_mask
        self._chunking = loop.contract.deployment.chunks
        self._horizon = loop.contract.interface.chunk_length
        dimensions = loop.contract.interface.action.dimensions
        self._scale = np.array([dimension.scale for dimension in dimensions])
        self._centre = np.array([dimension.centre for dimension in dimensions])
        self._made: list[tuple[int, npt.NDArray[np.float64]]] = []  # number of its first action, its actions
        self._in_play: npt.NDArray[np.float64] = np.zeros((0, len(self._scale)))  # the chunk as it was sent
        self.steps = 0

    def play(self) -> list[JointCommand]:
        """A chunk where one is due, and then the commands of one control period; of more where the arm waits."""
        commands: list[JointCommand] = []
        if self._loop.gate.wants_chunk:
            observation, begun = self._loop.observe(), self._loop.gate.player.begun
            index = len(self._made)
            proposal = self._policy.propose(
                observation, self._walk, self._seed, index, self._prefix(self._in_play[begun:])
            )
            if self._chunking.mode is ChunkMode.SYNCHRONOUS and index > 0:
                for _ in range(self._chunking.delay):
                    commands += self._period()
            first = 0 if index == 0 else self._made[-1][0] + begun
            self._made.append((first, proposal.chunk.actions))
            self._in_play = (
                self._averaged() if self._chunking.mode is ChunkMode.ENSEMBLE else proposal.chunk.actions
            )
            chunk = ActionChunk(proposal.chunk.names, self._in_play, proposal.chunk.stamp_ns)
            self._loop.gate.load(chunk)
        return commands + self._period()

    def _period(self) -> list[JointCommand]:
        self.steps += 1
        return self._loop.play_action()

    def _prefix(self, rest: npt.NDArray[np.float64]) -> Prefix | None:
        """What the chunk in play will do meanwhile, where the mode tells the policy; nothing before the first chunk."""
        chunking = self._chunking
        if chunking.mode is not ChunkMode.REAL_TIME or not self._made:
            return None
        assert chunking.execution_horizon is not None, "the study states it"
        values = ((rest - self._centre) / self._scale).astype(np.float32)
        prefix = make_prefix(values, self._horizon, chunking.delay, chunking.execution_horizon)
        if prefix is None or not self._hard_mask:
            return prefix
        return dataclasses.replace(prefix, mask=prefix.rows)

    def _averaged(self) -> npt.NDArray[np.float64]:
        """The newest chunk, each action averaged with what earlier chunks said for the same time."""
        newest = self._made[-1][0]
        result = np.empty((self._horizon, len(self._scale)))
        for row in range(self._horizon):
            said = [
                actions[newest + row - first]
                for first, actions in self._made[-self._horizon :]
                if newest + row - first < len(actions)
            ]
            weights = np.exp(-AGE_DECAY * np.arange(len(said)))  # the oldest first
            result[row] = weights @ np.array(said) / weights.sum()
        return result
