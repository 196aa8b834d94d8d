"""The whole path from a hand to a verified recording: a scripted person, the device's topics, both nodes, the recorder; real time."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from ros_graph import LATCHED, ROOT, Peer, values
from std_srvs.srv import SetBool, Trigger

from qgf_ros.bags.reader import read_bag, read_facts
from qgf_ros.contract.travel import unpack_contract
from qgf_ros.control.kinematics import kinematics_of
from qgf_ros.data.formats.bag import BagSource
from qgf_ros.data.formats.final_row import FINAL_ROW
from qgf_ros.graph import load_graph, settings
from qgf_ros.runner import running
from qgf_ros.verify.bag import verify_bag

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.slow, pytest.mark.usefixtures("of_this_clone")]


def test_a_scripted_person_shows_a_task_and_the_recording_is_verified_and_says_who_it_was(
    peer: Peer, namespace: str, tmp_path: Path
) -> None:
    graph, bag = load_graph(ROOT / "config" / "graphs" / "sim_teleop.yaml"), tmp_path / "bag"
    given = {"task": "cube-single-task2", "record": str(bag), "namespace": namespace}
    robot = peer.collect(DiagnosticStatus, "sim_node/status", LATCHED)
    certificates = peer.collect(DiagnosticArray, "command_node/certificate")
    nodes = settings(graph, given)
    recorders = [node for node in nodes if node.node.name == "recorder_node"]
    others = [node for node in nodes if node not in recorders]
    with running(others) as processes, ExitStack() as later:
        peer.until(
            lambda: processes.check() or any(int(values(found)["commands"]) for found in certificates),
            "the first command",
        )
        later.enter_context(running(recorders))  # what the first commands were made from was never recorded
        peer.until(lambda: peer.call(Trigger, "command_node/start").success, "the start")
        assert peer.call(Trigger, "recorder_node/begin_episode").success
        assert peer.call(SetBool, "sim_node/operate", SetBool.Request(data=True)).success
        peer.until(
            lambda: processes.check() or values(robot[-1])["success"] == "true", "the cube at its goal"
        )
        assert peer.call(Trigger, "recorder_node/success").success
        assert peer.call(SetBool, "sim_node/operate", SetBool.Request(data=False)).success
    report = verify_bag(bag, unpack_contract(read_facts(bag), tmp_path / "unpacked"), read_facts(bag))
    assert report.holds, report.violations[:3]
    assert report.rungs["chunk"] > 100
    assert {entry.topic.removeprefix(f"/{namespace}/") for entry in read_bag(bag)} >= {
        *("twist", "joy", "teleop_node/chunk", "recorder_node/episode", "command_node/executed"),
    }
    played = [values(found) for found in certificates]
    assert {found["checkpoint"] for found in played if int(found["chunk_stamp_ns"])} == {"teleop"}
    shown = list(
        BagSource(bag, kinematics_of).recordings()
    )  # several, where the machine was too busy to go on without a gap
    assert shown[-1].success
    assert sum(recording.rows for recording in shown) > 50
    for recording in shown:
        assert (recording.columns["human"].values | recording.columns[FINAL_ROW].values).all()
