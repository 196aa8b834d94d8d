"""The command node's parameters."""

from __future__ import annotations

from qgf_ros.nodes import process
from qgf_ros.nodes.params import Parameter

TABLE = (
    Parameter("contract", "", "path of the contract, YAML"),
    Parameter("chunk_topic", "policy_node/chunk", "where action chunks come from"),
    Parameter("teleop_topic", "teleop_node/chunk", "where a person's chunks come from"),
    Parameter(
        "in_command",
        "policy",
        "whose chunks are taken from configure on, until ~/take_over or ~/hand_back",
        choices=("policy", "teleop"),
    ),
    Parameter(
        "lockstep", False, "true: tick on the simulator's clock when all inputs are there, not in real time"
    ),
    Parameter(
        "timeout_s",
        10.0,
        "lockstep: after this long without an input, hold and say what is missing",
        0.1,
        600.0,
    ),
    Parameter("chunk_max_age_s", 0.5, "a chunk from an older observation is not played", 0.001, 60.0),
    Parameter(
        "resume_within_s", 0.5, "after a longer break in the joint states hold until ~/start", 0.0, 60.0
    ),
    Parameter(
        "full_speed_confirmed",
        False,
        "false: a quarter of the velocity limits, and 0.25 m/s of the tool; may change while the arm rests, not started",
        dynamic=True,
    ),
    Parameter(
        "first_motion",
        "slow",
        "where the arm stands away from where its data began: a tenth of the speed, or no start",
        choices=("slow", "refuse"),
    ),
    Parameter(
        "seen", "", "folder of the checkpoint, which says where the arm stood in its data; empty: not known"
    ),
    Parameter("shadow", False, "true: everything is checked and reported, nothing is commanded"),
    Parameter(
        "baseline",
        "",
        "file that limits and checks may not be weaker than; empty: baselines/CONTRACT.yaml beside the contract",
    ),
    Parameter(
        "black_box",
        "out/black_box",
        "folder of recordings of the last seconds before a latched stop; empty: none",
    ),
    Parameter(
        "send_after_s",
        0.002,
        "real time: a command leaves so long after its tick began, however long computing it took; 0: at once",
        0.0,
        0.01,
    ),
    *process.PARAMETERS,
    Parameter("autostart", False, "true: configure and activate at start"),
)
