"""A small interface and data made from it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qgf_ros.contract.schema import Action, Dimension, Field, Input, Interface, Message, Reference, Term


def small_interface() -> Interface:
    """Two joints, one object: O = 5, A = 2."""
    return Interface(
        name="small",
        joints=("one", "two"),
        control_period_s=0.1,
        chunk_length=3,
        inputs=(Input("joint_states", Message.JOINT_STATE), Input("object", Message.POSE, "base_link")),
        observation=(
            Term("joints", "joint_states", Field.POSITION, "rad", ("one", "two")),
            Term("object_position", "object", Field.POSE_POSITION, "m"),
        ),
        action=Action(Reference.COMMANDED, (Dimension("one", 0.1, "rad"), Dimension("two", 0.1, "rad"))),
    )


@pytest.fixture
def interface() -> Interface:
    """The small interface."""
    return small_interface()


def write_slice(
    path: Path, interface: Interface, lengths: list[int], seed: int = 0, labelled: bool = True
) -> None:
    """Random episodes of the given lengths in the OGBench layout."""
    generator, rows = np.random.default_rng(seed), sum(lengths)
    terminals = np.zeros(rows, dtype=bool)
    terminals[np.cumsum(lengths) - 1] = True
    arrays = {
        "observations": generator.standard_normal((rows, interface.observation_dim)).astype(np.float32),
        "actions": generator.uniform(-1, 1, (rows, interface.action_dim)).astype(np.float32),
        "terminals": terminals,
    }
    if labelled:
        arrays["interface"] = np.array(json.dumps(interface.canonical()))
    np.savez(path, **arrays)
