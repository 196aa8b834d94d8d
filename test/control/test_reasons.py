"""Every reason code that a command or a refusal can bear stands in one table."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from qgf_ros.control.reasons import REASONS, finding
from qgf_ros.datatypes import Finding, Verdict

ROOT = Path(__file__).parents[2]
NODES = ROOT / "qgf_ros" / "nodes"
SOURCES = sorted(
    [*(ROOT / "qgf_ros" / "control").glob("*.py"), *NODES.glob("command*.py"), NODES / "convert.py"]
)
PREFIX = {"ChunkRefused": "chunk_"}
CALLS = {"ObservationRefused": 0, "ChunkRefused": 0, "MotionRefused": 0, "Finding": 1, "Wish": 0}
METHODS = {"stop": 0, "suspend": 0, "close": 0, "_stop_for_good": 0, "_refuse": 0, "hold": 0}


def codes(path: Path) -> set[str]:
    """The reason codes that a module writes as plain text where one is due."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        place = CALLS.get(name)
        if isinstance(node.func, ast.Attribute):
            place = METHODS.get(node.func.attr)
        if place is None or len(node.args) <= place:
            continue
        found |= {PREFIX.get(name, "") + text for text in texts(node.args[place])}
    return found


def texts(argument: ast.expr) -> set[str]:
    """The texts that an argument may be."""
    if isinstance(argument, ast.IfExp):
        return texts(argument.body) | texts(argument.orelse)
    return (
        {argument.value} if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else set()
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_reason_in_the_code_stands_in_the_table(path: Path) -> None:
    assert codes(path) - REASONS.keys() == set()


def test_the_code_is_looked_through_for_reasons() -> None:
    found = set().union(*map(codes, SOURCES))
    assert {"stale", "frozen", "chunk_outdated", "clock", "tracking", "exception", "away"} <= found


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_one_sentence(code: str) -> None:
    assert REASONS[code].sentence.endswith(".")
    assert "\n" not in REASONS[code].sentence


def test_a_reason_without_a_verdict_is_no_finding() -> None:
    assert finding("stopped") is None
    assert finding("stale", "elbow") == Finding(Verdict.HOLD, "stale", "elbow")


def test_an_unknown_reason_holds_and_stays_one_word() -> None:
    assert str(finding("made up: by a bug")) == "hold:made_up"
