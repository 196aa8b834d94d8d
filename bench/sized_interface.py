"""An interface of joints alone with sizes of choice. Imports no torch."""

from __future__ import annotations

from qgf_ros.contract.schema import (
    Action,
    Dimension,
    Field,
    Input,
    Interface,
    Message,
    Reference,
    Term,
)


def interface_of_sizes(observation_dim: int, action_dim: int, horizon: int) -> Interface:
    """Joint angles in, joint angles out."""
    joints = tuple(f"j{index}" for index in range(max(observation_dim, action_dim)))
    return Interface(
        name="joints_alone",
        joints=joints,
        control_period_s=0.1,
        chunk_length=horizon,
        inputs=(Input("joint_states", Message.JOINT_STATE),),
        observation=(Term("angles", "joint_states", Field.POSITION, "rad", joints[:observation_dim]),),
        action=Action(
            Reference.COMMANDED, tuple(Dimension(joint, 0.1, "rad") for joint in joints[:action_dim])
        ),
    )
