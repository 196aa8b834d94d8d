"""What is written down is true: configuration, documents, links, exports, and what the command process loads."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import qgf_ros
from qgf_ros.cli.main import load_verb, verbs
from qgf_ros.cli.recipe import load_recipe
from qgf_ros.contract.load import load_contract
from qgf_ros.graph import load_graph, parameter_names
from qgf_ros.strict import read_yaml

ROOT = Path(__file__).parents[1]
MOST_BYTES = 6_000_000
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "test").rglob("*.md")])
CONFIG = ROOT / "config"
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
PACKAGES = {"qgf_ros": ROOT / "qgf_ros", "qgf_sim": ROOT / "sim" / "qgf_sim"}
MODULES = sorted(path for folder in PACKAGES.values() for path in folder.rglob("*.py"))


def name_of(path: Path) -> str:
    """A path as a test's name shows it."""
    return str(path.relative_to(ROOT))


def text_of(*parts: str) -> str:
    """A file of the clone."""
    return (ROOT.joinpath(*parts)).read_text(encoding="utf-8")


def in_fresh_python(code: str) -> str:
    """What `code` prints in an interpreter that has imported nothing yet."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "sim")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120.0,
        env=os.environ | {"PYTHONPATH": paths, "MUJOCO_GL": "disable"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- packages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_that_a_package_exports_resolves(package: str) -> None:
    module = importlib.import_module(package)
    tree = ast.parse((PACKAGES[package] / "__init__.py").read_text(encoding="utf-8"))
    imported = [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    exported = {*imported, *vars(module).get("__all__", ())} - {"annotations"}
    assert [name for name in exported if name not in vars(module)] == []


def test_version_and_licence_are_the_same_everywhere() -> None:
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    setup = dict(re.findall(r"^\s*(VERSION|license)\s*=\s*\"([^\"]+)\"", text_of("setup.py"), re.MULTILINE))
    assert manifest.findtext("version") == setup["VERSION"] == qgf_ros.__version__
    assert manifest.findtext("license") == setup["license"] == "Apache-2.0"
    assert "Apache License" in text_of("LICENSE").splitlines()[0] + text_of("LICENSE").splitlines()[1]
    assert "\n[project]" not in text_of("pyproject.toml"), "name and version stand in setup.py alone"


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = "'torch', 'numpy', 'mujoco', 'rclpy'"
    assert (
        in_fresh_python(f"import sys, qgf_ros; print([n for n in ({heavy}) if n in sys.modules])") == "[]\n"
    )


def test_the_gate_loads_neither_torch_nor_ros() -> None:
    modules = [
        f"qgf_ros.control.{path.stem}" for path in sorted((ROOT / "qgf_ros/control").glob("[a-z]*.py"))
    ]
    code = f"import sys, {', '.join(modules)}; print([n for n in ('torch', 'rclpy') if n in sys.modules])"
    assert in_fresh_python(code) == "[]\n"


@pytest.mark.ros
def test_the_command_node_loads_no_torch() -> None:
    code = "import sys, qgf_ros.nodes.command_node, qgf_ros.nodes.command; print('torch' in sys.modules)"
    assert in_fresh_python(code) == "False\n"


# -- configuration -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((CONFIG / "contracts").glob("*.yaml")), ids=name_of)
def test_a_contract_loads_and_its_model_exists(path: Path) -> None:
    contract = load_contract(path)
    assert contract.model_path is None or contract.model_path.is_file()


@pytest.mark.parametrize("path", sorted((CONFIG / "train").glob("*.yaml")), ids=name_of)
def test_a_recipe_loads_and_its_contract_exists(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert (ROOT / recipe.contract).is_file()


def parameters_by_node() -> dict[str, set[str]]:
    """The names of all parameters of each node."""
    from qgf_ros.nodes.command_parameters import TABLE
    from qgf_ros.nodes.policy_parameters import PARAMETERS
    from qgf_ros.nodes.recorder import TABLE as RECORDER
    from qgf_ros.nodes.teleop_parameters import TABLE as TELEOP
    from qgf_sim.settings import DESCRIPTIONS

    return {
        "policy_node": {row.name for row in PARAMETERS},
        "command_node": {row.name for row in TABLE},
        "recorder_node": {row.name for row in RECORDER},
        "teleop_node": {row.name for row in TELEOP},
        "sim_node": set(DESCRIPTIONS),
    }


@pytest.mark.ros
@pytest.mark.parametrize("path", sorted((CONFIG / "params").glob("*.yaml")), ids=name_of)
def test_a_parameter_file_sets_only_parameters_that_its_node_has(path: Path) -> None:
    known = parameters_by_node()
    for key, entry in read_yaml(path).items():
        node = path.stem if key == "/**" else key.rsplit("/", 1)[-1]
        assert set(entry["ros__parameters"]) - known[node] == set()


@pytest.mark.ros
@pytest.mark.parametrize("node", ["policy_node", "command_node", "teleop_node", "sim_node", "recorder_node"])
def test_every_parameter_stands_in_its_node_s_file_or_is_an_argument_of_the_graph(node: str) -> None:
    """`--param NAME:=VALUE` finds the node by its file."""
    graph = load_graph(CONFIG / "graphs" / "closed_loop.yaml")
    [started] = [entry for entry in graph.nodes if entry.name == node]
    stated = parameter_names(started.params_file) | set(started.arguments) | set(started.given)
    assert parameters_by_node()[node] - stated == set()


# -- documents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_only_targets_verbs_and_files_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE)
    assert set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.MULTILINE)) - set(targets) == set()
    assert set(re.findall(r"(?:`|^)qgf ([a-z]+)", text, re.MULTILINE)) - set(verbs()) == set()
    named = re.findall(
        r"\b(?:config|launch|examples|scripts)/[a-z0-9_/]+(?:\.launch)?\.(?:py|yaml|xml|sh)\b", text
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("verb", verbs())
def test_a_verb_shows_an_example_of_itself_with_files_that_exist(verb: str) -> None:
    example = load_verb(verb).EXAMPLE
    assert example.startswith(f"qgf {verb}")
    assert [
        name for name in re.findall(r"config/[a-z0-9_/]+\.yaml", example) if not (ROOT / name).is_file()
    ] == []


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_a_decision_has_context_decision_and_consequences(path: Path) -> None:
    headings = re.findall(r"^## (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert [heading for heading in headings if heading in ("Context", "Decision", "Consequences")] == [
        "Context",
        "Decision",
        "Consequences",
    ]


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert all(number.isdigit() for number in numbers)
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_tree_in_the_architecture_has_every_module(path: Path) -> None:
    tree = text_of("docs", "ARCHITECTURE.md").split("```")[1]
    inner = path.parent.name in ("oracles",) or path.name == "__init__.py" or path.stem.endswith("_command")
    assert inner or re.search(rf"\b{path.name}\b", tree), (
        f"give {name_of(path)} a word in docs/ARCHITECTURE.md"
    )


def test_the_tree_in_the_architecture_has_no_module_that_is_gone() -> None:
    tree = text_of("docs", "ARCHITECTURE.md").split("```")[1]
    present = {path.name for path in MODULES}
    assert set(re.findall(r"\b[a-z_]+\.py\b", tree)) - present == set()


def test_no_file_of_the_repository_is_large() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a clone: which files belong to the repository is not known")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert [name_of(path) for path in files if path.is_file() and path.stat().st_size > MOST_BYTES] == []
