"""What the policy node refuses: one sentence, a diagnostic, no chunk, and no motion."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from contract_files import two_joints, two_joints_with_command, write_two_joints
from policy_world import ACTIVATE, CONFIGURE, NODE, SENSORS, World, save_tiny
from policy_world import checkpoint as checkpoint
from policy_world import contract_path as contract_path
from policy_world import launch as launch
from policy_world import world as world
from sensor_msgs.msg import JointState

from qgf_ros.checkpoint import WEIGHTS
from qgf_ros.contract.load import load_contract
from qgf_ros.nodes import qos
from qgf_ros.nodes.diagnostics import Level

pytestmark = pytest.mark.ros


@pytest.mark.parametrize("topic", SENSORS)
def test_a_missing_topic_gives_a_sentence_and_no_chunk_until_it_comes(
    launch: Any, world: World, topic: str
) -> None:
    process = launch()
    world.wish(world.now_ns())
    timer = world.peer.node.create_timer(0.02, lambda: world.sense(world.now_ns(), without=(topic,)))
    world.until_complaint(f"Nothing arrived yet on '{topic}'")
    world.peer.node.destroy_timer(timer)
    assert not world.chunks
    world.keep_sensing(lambda: world.chunks, "a chunk")
    world.peer.until(lambda: world.states[-1].level == Level.OK.value, "the end of the complaint")
    assert "Traceback" not in process.said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positions": [float("nan"), 0.2]}, "is not finite"),
        ({"frame": "camera_link"}, "in frame 'camera_link'; the contract accepts 'base_link'"),
        ({"names": ["elbow", "wrist"]}, "has no joint 'shoulder'"),
        ({"names": ["elbow", "shoulder", "wrist"]}, "has 2 positions for 3"),
    ],
)
def test_a_bad_message_gives_a_sentence_and_no_chunk_until_a_good_one_comes(
    launch: Any, world: World, change: dict[str, Any], words: str
) -> None:
    process = launch()
    good = {name: getattr(world, name) for name in change}
    vars(world).update(change)
    world.wish(world.now_ns())
    timer = world.peer.node.create_timer(0.02, lambda: world.sense(world.now_ns()))
    world.until_complaint(words)
    assert not world.chunks
    vars(world).update(good)
    world.peer.until(lambda: world.chunks, "a chunk")
    world.peer.node.destroy_timer(timer)
    assert "Traceback" not in process.said


@pytest.mark.filterwarnings("ignore:Deprecated in favor:DeprecationWarning")  # rclpy's own, on a mismatch
def test_a_publisher_of_an_input_that_is_never_heard_is_named_and_there_is_no_chunk_while_it_is_there(
    launch: Any, world: World
) -> None:
    launch(lockstep=True)
    stranger = world.peer.node.create_publisher(JointState, "joint_states", qos.SENSOR)
    begin = 10**9
    world.wish(begin)
    world.until_complaint("on 'joint_states' is not heard: it offers best effort, reliable is requested")
    assert world.diagnosed("inputs", Level.ERROR)
    world.sense(begin)
    world.peer.until(lambda: len(world.diagnosed("inputs", Level.ERROR)) > 2, "diagnostics")
    assert not world.chunks
    world.peer.node.destroy_publisher(stranger)
    world.keep_sensing(lambda: world.chunks, "a chunk")


def test_configure_refuses_what_is_no_checkpoint_of_the_contract_and_succeeds_when_it_is_one(
    start: Callable[..., Any], world: World, contract_path: Path, checkpoint: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    process = start(NODE, contract=contract_path, checkpoint=place)

    def refused(words: str) -> None:
        assert not world.change(CONFIGURE)
        world.peer.until(lambda: world.states and words in world.states[-1].message, f"a status '{words}'")
        world.peer.until(
            lambda: any(words in text for text in world.diagnosed("lifecycle", Level.ERROR)),
            f"a diagnostic '{words}'",
        )
        assert world.state()["state"] == "unconfigured"

    refused("a checkpoint is a folder that `qgf train` wrote")
    place.mkdir()
    (place / "checkpoint.json").write_text(json.dumps({"model": "something else"}))
    refused("has format None; this release reads 1")
    shutil.rmtree(place)
    shutil.copytree(checkpoint, place)
    weights = (place / WEIGHTS).read_bytes()
    (place / WEIGHTS).write_bytes(weights[: len(weights) // 2])
    refused("is cut short or was altered")
    save_tiny(
        place, two_joints(tmp_path, lambda content: content["interface"].update(chunk_length=3)).interface
    )
    write_two_joints(tmp_path)
    two_joints_with_command(tmp_path)
    refused("chunk_length is 4 here and 3 there")
    shutil.rmtree(place)
    shutil.copytree(checkpoint, place)
    assert world.change(CONFIGURE)
    assert world.change(ACTIVATE)
    world.matched()
    assert world.chunk_for_wish()
    assert "Traceback" not in process.said


def refused_start(start: Callable[..., Any], **parameters: object) -> str:
    """What a node says that ends by itself with exit code 1."""
    process = start(NODE, autostart=True, **parameters)
    assert process.wait() == 1
    assert "Traceback" not in process.said
    return str(process.said)


def test_an_unknown_parameter_is_named_with_those_there_are(
    start: Any, contract_path: Path, checkpoint: Path
) -> None:
    said = refused_start(start, contract=contract_path, checkpoint=checkpoint, guidance_wait=0.1)
    assert "unknown keys guidance_wait; the valid keys are" in said
    assert "guidance_weight" in said


def test_a_weight_below_zero_is_refused(start: Any, contract_path: Path, checkpoint: Path) -> None:
    said = refused_start(start, contract=contract_path, checkpoint=checkpoint, guidance_weight=-0.5)
    assert "guidance_weight is -0.5, but it must be at least 0" in said


def test_a_number_of_steps_that_was_not_trained_for_is_refused(
    start: Any, contract_path: Path, checkpoint: Path
) -> None:
    said = refused_start(start, contract=contract_path, checkpoint=checkpoint, denoise_steps=3)
    assert (
        "3 denoising steps leave the times k/4 that this policy was trained on: accepted are 1, 2, 4" in said
    )


def test_costs_by_which_no_walk_fits_are_refused_in_lockstep(
    start: Any, contract_path: Path, checkpoint: Path
) -> None:
    stated = {"lockstep": True, "virtual_fixed_s": 0.1}
    said = refused_start(start, contract=contract_path, checkpoint=checkpoint, **stated)
    assert "the cheapest walk takes 120 ms, and 35 ms are left to it: state lower costs, or a longer" in said


def test_a_contract_must_be_named(start: Any, checkpoint: Path) -> None:
    assert "Parameter contract is '', but it must be the path" in refused_start(start, checkpoint=checkpoint)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the GPU whose absence is tested")
def test_a_missing_gpu_is_told_in_a_sentence(start: Any, contract_path: Path, checkpoint: Path) -> None:
    said = refused_start(start, contract=contract_path, checkpoint=checkpoint, device="cuda")
    assert "sees no NVIDIA GPU here: set device to cpu or auto" in said


def test_a_policy_that_answers_no_numbers_gives_an_error_state_and_no_chunk(
    launch: Any, world: World, contract_path: Path, tmp_path: Path
) -> None:
    """Its weights are finite, as every file's must be; what they compute is not."""
    broken = save_tiny(tmp_path / "broken", load_contract(contract_path).interface, weight=1.0e38)
    process = launch(checkpoint=broken)
    world.wish(world.now_ns())
    world.keep_sensing(lambda: world.state().get("state") == "error", "the error state")
    assert "holds values that are not finite; it was not sent" in world.states[-1].message
    world.peer.until(lambda: world.diagnosed("inference", Level.ERROR), "the diagnostic")
    assert not world.chunks
    assert "Traceback" not in process.said
