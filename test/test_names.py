"""Nothing in `qgf_ros` is made for one robot: robots live in contracts, models and the simulator."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ROBOT_NAMES = {
    *("ur3", "ur3e", "ur5", "ur5e", "ur10", "ur10e", "ur16e", "ur20", "robotiq", "2f85", "2f140"),
    *("jaco", "jaco2", "kinova", "j2n6s300", "j2s6s300", "j2s7s300", "gen3", "panda", "franka", "fr3"),
    *("kuka", "iiwa", "xarm", "xarm6", "xarm7", "sawyer", "baxter", "aloha", "viperx", "widowx"),
}
SOURCES = sorted((ROOT / "qgf_ros").rglob("*.py"))
CONTRACTS = sorted((ROOT / "config" / "contracts").glob("*.yaml"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_names_a_robot(path: Path) -> None:
    words = re.findall(r"[a-z0-9]+", path.read_text(encoding="utf-8").lower())
    assert ROBOT_NAMES.isdisjoint(words), ROBOT_NAMES.intersection(words)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_has_a_joint_of_a_contract_in_a_string(path: Path) -> None:
    joints = {
        joint for file in CONTRACTS for joint in yaml.safe_load(file.read_text())["interface"]["joints"]
    }
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert [text for text in constants if isinstance(text, str) and text in joints] == []


def test_there_are_contracts_for_at_least_two_robots() -> None:
    arms = {tuple(yaml.safe_load(path.read_text())["interface"]["joints"]) for path in CONTRACTS}
    assert len(arms) >= 2
