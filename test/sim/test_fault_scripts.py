"""Faults as they are written: one word or a script, each value in its range, refused in a sentence that says what would do."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from qgf_sim.fault_line import KINDS, FaultError, Planned, read_fault, read_script


def test_every_fault_has_defaults_that_make_it_one_word(tmp_path: Path) -> None:
    for name in KINDS:
        assert read_fault({"fault": name}) == Planned(name, KINDS[name](), 0.0, math.inf)


def test_a_script_is_a_list_of_faults(tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text("- {fault: delay, at_s: 1, for_s: 0.5, topic: cube_pose, seconds: 0.2}\n- {fault: nan}\n")
    delay, nan = read_script(file)
    assert (delay.at_s, delay.for_s, delay.fault.topic) == (1.0, 0.5, "cube_pose")
    assert nan.name == "nan"


def test_the_documentation_has_a_line_for_every_fault() -> None:
    text = (Path(__file__).parents[2] / "docs" / "faults.md").read_text().split("## Whole processes")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(KINDS)


def test_the_example_is_a_script() -> None:
    assert read_script(Path(__file__).parents[2] / "config" / "faults" / "example.yaml")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"fault": "latency"}, ("latency", "delay", "controller_lag")),
        ({"fault": "delay", "secs": 1}, ("secs", "seconds", "at_s")),
        ({"fault": "delay", "seconds": "long"}, ("seconds", "'long'", "number")),
        ({"fault": "delay", "at_s": -1}, ("-1", "from 0 to")),
        ({"fault": "delay", "for_s": 0}, ("lasts 0 s", "above 0")),
        ({"fault": "duplicate", "times": 1.5}, ("times", "whole number")),
        ({"fault": "pose_bias", "offset": [1.0]}, ("offset", "list of 3")),
        ({"fault": "partial", "joints": "elbow"}, ("joints", "'elbow'", "names")),
        ({"for_s": 1}, ("fault: NAME",)),
        ("nan", ("fault: NAME",)),
    ],
)
def test_a_fault_that_cannot_be_is_refused_in_a_sentence_that_says_what_would_do(
    entry: object, words: tuple[str, ...]
) -> None:
    with pytest.raises(FaultError) as refused:
        read_fault(entry)
    assert all(word in str(refused.value) for word in words), str(refused.value)


@pytest.mark.parametrize("content", ["fault: nan", "- {", "", "\xff"])
def test_a_file_that_is_no_script_is_refused_by_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "script.yaml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(FaultError, match=r"script\.yaml"):
        read_script(file)
