"""What is read from a bag is what the live nodes computed in that run: observations and actions, bit by bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from closed_loops import CONTRACT, ROOT, InProcess, graph_in_lockstep
from ros_graph import Peer

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.action_space import ActionSpace
from qgf_ros.control.kinematics import kinematics_of
from qgf_ros.data.convert import convert
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.final_row import FINAL_ROW
from qgf_ros.datatypes import FloatArray

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.usefixtures("of_this_clone")]
SHIPPED = ROOT / "checkpoints/ur5e_cube"
SEEDS = (1000, 1001)
NEEDED = (
    "joint_states",
    "cube_pose",
    "command_node/executed",
    "command_node/action",
    "policy_node/report",
    "sim_node/status",
)


class RecordedLoop(InProcess):
    """Keeps what was observed before each action, and the action (A,) as it was played."""

    def rows(self, seed: int) -> tuple[FloatArray, FloatArray]:
        """Observations (T, O) and actions (T, A) of the episode in one process."""
        loop, tick, seen, done = self._loop, self._loop.tick, [], []

        def noted() -> object:
            observed = loop.observe().values
            command = tick()
            if command.action is not None:
                seen.append(observed)
                done.append(command.action.values)
            return command

        loop.tick = noted  # type: ignore[assignment]
        self.run(seed)
        loop.tick = tick  # type: ignore[method-assign]
        return np.stack(seen), np.stack(done)


@pytest.fixture
def recorded(namespace: str, peer: Peer, tmp_path: Path) -> tuple[Contract, Path]:
    """The contract, and the bag of two episodes of the policy that ships, in lockstep."""
    contract, bag = load_contract(CONTRACT), tmp_path / "bag"
    task = str(load_checkpoint(SHIPPED).provenance["task"])
    with graph_in_lockstep(contract, SHIPPED, namespace, {"record": str(bag), "task": task}) as conductor:
        for topic in NEEDED:
            peer.until(lambda: is_recorded(peer, topic), f"the recorder on {topic}")  # noqa: B023
        for seed in SEEDS:
            conductor.run_episode(seed)
    return contract, bag


def is_recorded(peer: Peer, topic: str) -> bool:
    """Whether the recorder listens to a topic."""
    found = peer.node.get_subscriptions_info_by_topic(peer.node.resolve_topic_name(topic))
    return "recorder_node" in [entry.node_name for entry in found]


def test_a_bag_gives_the_observations_and_actions_of_the_run_bit_by_bit(
    recorded: tuple[Contract, Path],
) -> None:
    contract, bag = recorded
    source = BagSource(bag, kinematics_of)
    parity = source.parity()
    assert parity.live > 10 * len(SEEDS)
    assert (parity.same, parity.different, parity.not_made) == (parity.live, 0, 0), parity.why
    episodes = [entry.episode for entry in convert(source, "bag", contract.interface, None)]
    assert len(episodes) == len(SEEDS), source.left_out
    in_process, space = (
        RecordedLoop(contract, SHIPPED, episodes[0].task),
        ActionSpace(contract, kinematics_of(contract)),
    )
    for seed, episode in zip(SEEDS, episodes, strict=True):
        observations, actions = in_process.rows(seed)
        rows = len(actions)
        np.testing.assert_array_equal(episode.observations[:rows], observations)
        np.testing.assert_array_equal(episode.actions[:rows], space.normalised(actions).astype(np.float32))
        assert episode.rows - rows == int(episode.extra[FINAL_ROW].sum())
        assert episode.success
