"""Fault scripts that somebody wrote to harm: refused when they are read, in a sentence, and never later in a tick."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_sim.fault_line import KINDS, FaultError, FaultLine, read_fault, read_line, read_script
from qgf_sim.fault_values import MOST_BYTES, MOST_FAULTS
from qgf_sim.faults import Sensed
from qgf_sim.simulation import JointState

STATE = JointState(("a", "b"), np.zeros(2), np.zeros(2), np.zeros(2))
OUT_OF_RANGE = [
    {"fault": "lost", "at_s": math.inf},
    {"fault": "lost", "at_s": 1e300},
    {"fault": "lost", "for_s": math.nan},
    {"fault": "lost", "for_s": 1e300},
    {"fault": "delay", "seconds": 1e300},
    {"fault": "delay", "seconds": -1.0},
    {"fault": "delay", "seconds": 10**400},
    {"fault": "skew", "seconds": 1e300},
    {"fault": "clock_jump", "seconds": -math.inf},
    {"fault": "controller_lag", "seconds": 1e300},
    {"fault": "noise", "std": -1.0},
    {"fault": "noise", "std": math.inf},
    {"fault": "bias", "offset": 1e300},
    {"fault": "pose_bias", "offset": [math.nan, 0.0, 0.0]},
    {"fault": "joint_bias", "offset": math.inf},
    {"fault": "drop", "share": 2.0},
    {"fault": "drop", "share": -1},
    {"fault": "duplicate", "times": 3_000_000},
    {"fault": "reorder", "length": 10**9},
    {"fault": "payload", "kg": -1000.0},
    {"fault": "payload", "kg": True},
]


@pytest.mark.parametrize("entry", OUT_OF_RANGE, ids=str)
def test_a_value_that_no_fault_has_is_refused_with_those_it_may_have(entry: dict[str, object]) -> None:
    with pytest.raises(FaultError, match="must be a number from"):
        read_fault(entry)


@pytest.mark.parametrize("name", KINDS)
def test_the_largest_and_the_smallest_value_of_every_field_are_played(name: str) -> None:
    for share in (0.0, 1.0):
        entry = {"fault": name} | {
            key: extreme(name, key, share)
            for key in ("seconds", "std", "offset", "kg")
            if key in KINDS[name].__dataclass_fields__
        }
        line = FaultLine([read_fault(entry)])
        line.advance(10**9)
        out = line.sense(Sensed("joint_states", 10**9, STATE))
        assert len(out) <= 2
        line.set_points({"a": 0.0}, 10**9)
        assert line.payload_kg >= 0.0


def extreme(name: str, key: str, share: float) -> object:
    """The end of a field's range."""
    from qgf_sim.fault_values import RANGES

    low, high = RANGES.get(f"{name}.{key}", RANGES[key])
    value = low + (high - low) * share
    return [value] * 3 if name == "pose_bias" else value


def test_faults_that_repeat_one_another_do_not_multiply() -> None:
    line = FaultLine([read_fault({"fault": "duplicate", "times": 100}) for _ in range(20)])
    line.advance(0)
    assert len(line.sense(Sensed("joint_states", 0, STATE))) == 1000


TEXTS = {
    "aliases that multiply": "- &a {fault: [x, x, x]}\n- &b [*a, *a]\n- [*b, *b]",
    "depth": "[" * 3000,
    "deep and whole": "[" * 20 + "]" * 20,
    "a tag": "- !!python/object/apply:os.getcwd []",
    "a tag that fits no value": "- !!timestamp x",
    "a number without end": "- {fault: lost, at_s: " + "9" * 5000 + "}",
    "a date that is none": "- {fault: lost, at_s: 2001-99-99}",
    "a number that is none": "- {fault: lost, at_s: 0b_}",
    "a key that is a list": "- {? [a] : b}",
    "another fault": "- {fault: " + "x" * 5000 + "}",
    "another field": "- {fault: lost, " + "x" * 900 + ": 1}",
    "a topic that is none": "- {fault: lost, topic: {a: b}}",
    "a name longer than any": "- {fault: lost, topic: " + "x" * 5000 + "}",
    "a thousand joints": "- {fault: noise, joints: [" + "a, " * 1000 + "]}",
    "more faults than there can be": "- {fault: lost}\n" * (MOST_FAULTS + 1),
    "more bytes than are read": "#" * (MOST_BYTES + 1),
    "a zero byte": "\0",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_no_script_is_refused_in_a_short_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "s.yaml").write_text(TEXTS[name])
    with pytest.raises(FaultError, match=r"s\.yaml") as refused:
        read_script(tmp_path / "s.yaml")
    assert len(str(refused.value)) < 1200
    with pytest.raises(FaultError):
        read_line(TEXTS[name], 0)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", ".", "x" * 5000, "a\0b"])
def test_what_is_no_file_is_not_waited_for(path: str) -> None:
    with pytest.raises(FaultError, match="In the fault script"):
        read_script(Path(path))


def test_a_hand_that_injects_without_end_is_stopped() -> None:
    line = FaultLine()
    for _ in range(MOST_FAULTS):
        line.inject(read_fault({"fault": "lost"}))
    with pytest.raises(FaultError, match="clear them first"):
        line.inject(read_fault({"fault": "lost"}))


VALUES = st.one_of(
    st.floats(),
    st.integers(),
    st.text(max_size=5),
    st.none(),
    st.booleans(),
    st.lists(st.floats(), max_size=3),
)


@given(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(
        ["at_s", "for_s", "seconds", "std", "offset", "kg", "times", "length", "share", "topic", "joints"]
    ),
    VALUES,
)
def test_what_is_accepted_can_be_played(name: str, key: str, value: object) -> None:
    try:
        line = FaultLine([read_fault({"fault": name, key: value})])
    except FaultError:
        return
    for now_ns in (0, 10**9):
        line.advance(now_ns)
        line.sense(Sensed("joint_states", now_ns, STATE))
        line.set_points({"a": 0.0}, now_ns)
    assert math.isfinite(line.payload_kg)
