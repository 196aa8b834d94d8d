"""The paperwork: setup.py, package.xml, constraints.txt, the graphs and the Makefile tell the same story."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import setuptools  # noqa: F401  brings distutils where Python has none
from packaging.requirements import Requirement
from packaging.version import Version

import qgf_ros
from qgf_ros.cli.main import EXIT_NO_READER, load_verb, main, verbs
from qgf_ros.contract.load import load_contract
from qgf_ros.errors import MissingShareError, UnknownKeys
from qgf_ros.graph import load_graph
from qgf_ros.graph_file import Argument
from qgf_ros.share import share_path
from qgf_ros.strict import build

ROOT = Path(__file__).resolve().parents[1]
GRAPHS = sorted((ROOT / "config" / "graphs").glob("*.yaml"))
CONTRACTS = sorted((ROOT / "config" / "contracts").glob("*.yaml"))


@pytest.fixture(scope="module")
def distribution() -> Any:
    """What setup.py declares, without building anything."""
    from distutils.core import run_setup

    before = Path.cwd()
    os.chdir(ROOT)
    try:
        return run_setup("setup.py", stop_after="init")
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def package_xml() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "package.xml").getroot()


@pytest.fixture(scope="module")
def pinned() -> dict[str, Version]:
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    pairs = [line.split("==") for line in lines]
    return {canonical(name): Version(version) for name, version in pairs}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def scripts(distribution: Any) -> dict[str, str]:
    """Executable name: module and function."""
    lines = distribution.entry_points["console_scripts"]
    return dict(line.replace(" ", "").split("=") for line in lines)


def test_one_name_and_one_version_everywhere(distribution: Any, package_xml: ElementTree.Element) -> None:
    assert distribution.get_name() == package_xml.findtext("name") == "qgf_ros"
    assert distribution.get_version() == package_xml.findtext("version") == qgf_ros.__version__


def test_colcon_takes_the_package_for_an_ament_python_package(package_xml: ElementTree.Element) -> None:
    assert package_xml.get("format") == "3"
    assert package_xml.findtext("export/build_type") == "ament_python"
    maintainer = package_xml.find("maintainer")
    assert maintainer is not None
    assert re.fullmatch(r"[\w.+-]+@[\w.-]+\.[a-z]{2,}", maintainer.get("email", "")), (
        "colcon would silently take a plain package"
    )


def test_ros_messages_are_asked_for_in_wheels_and_in_workspaces_alike(
    distribution: Any, package_xml: ElementTree.Element
) -> None:
    wheels = {
        Requirement(text).name.removeprefix("ros-").replace("-", "_")
        for text in distribution.extras_require["ros"]
    }
    depends = {entry.text for entry in package_xml.findall("depends") + package_xml.findall("depend")}
    assert wheels <= depends


def test_every_requirement_admits_the_version_that_was_tried(
    distribution: Any, pinned: dict[str, Version]
) -> None:
    groups = [distribution.install_requires, *distribution.extras_require.values()]
    requirements = [Requirement(text) for group in groups for text in group]
    wrong = [
        str(requirement)
        for requirement in requirements
        if requirement.name != "setuptools"
        and pinned.get(canonical(requirement.name), Version("0")) not in requirement.specifier
    ]
    assert wrong == []
    assert (pinned["torch"], pinned["mujoco"]) == (Version("2.13.0"), Version("3.17.0"))


def test_the_wheel_holds_every_package_of_the_clone(distribution: Any) -> None:
    folders = {path.parent for root in ("qgf_ros", "sim/qgf_sim") for path in (ROOT / root).rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts).removeprefix("sim.") for folder in folders}
    assert names == set(distribution.packages)


def test_every_file_that_a_command_may_ask_for_is_installed(distribution: Any) -> None:
    installed = {path for _, files in distribution.data_files for path in files}
    wanted = [
        *CONTRACTS,
        *GRAPHS,
        *(ROOT / "launch").glob("*.launch.py"),
        *(ROOT / "config" / "params").glob("*.yaml"),
    ]
    assert {str(path.relative_to(ROOT)) for path in wanted} <= installed
    assert "resource/qgf_ros" in installed


def test_every_executable_has_its_module(distribution: Any) -> None:
    modules = [target.split(":")[0] for target in scripts(distribution).values()]
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_graphs_start_the_executables_that_are_installed(path: Path, distribution: Any) -> None:
    for node in load_graph(path).nodes:
        assert scripts(distribution)[node.executable] == f"{node.module}:main"
        assert 'if __name__ == "__main__":' in module_source(node.module), "qgf run starts it with python -m"


def module_source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text()


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_shipped_contracts_load(path: Path) -> None:
    assert load_contract(path).interface.joints


def test_share_files_are_found_from_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert share_path("config/graphs/sim.yaml").is_file()
    with pytest.raises(MissingShareError, match=r"config/nothing\.yaml of qgf_ros is not installed"):
        share_path("config/nothing.yaml")


def test_the_readme_and_ci_name_only_targets_that_make_has() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    papers = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / ".ci" / "run"]
    named = {
        target
        for paper in papers
        for target in re.findall(r"^\s*make ([a-z-]+)", paper.read_text(), re.MULTILINE)
    }
    assert {"demo", "test", "long"} <= named <= targets


@pytest.mark.parametrize("name", verbs())
def test_every_verb_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main([name, "--help"])
    shown = capsys.readouterr().out
    assert load_verb(name).EXAMPLE.startswith(f"qgf {name} ")
    assert load_verb(name).EXAMPLE in shown
    assert "--json FILE" in shown


def test_a_users_mistake_is_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "no/such/graph.yaml"]) == 2
    assert capsys.readouterr().err == (
        "qgf run: There is no file no/such/graph.yaml: give the path of an existing file.\n"
    )


def test_help_starts_without_torch_and_without_ros() -> None:
    source = (
        "import sys\nfrom qgf_ros.cli.main import parser_for\nparser_for(None).format_help()\n"
        "print(sorted({'torch', 'rclpy', 'mujoco'} & sys.modules.keys()))"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "sim")])
    ran = subprocess.run(
        [sys.executable, "-c", source],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"


def test_an_error_of_ours_survives_the_way_back_from_a_worker_process() -> None:
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
        pytest.raises(
            UnknownKeys, match="worker lacks help; the valid keys are announce, default, help, kind"
        ),
    ):
        pool.submit(build, Argument, {}, "worker").result(timeout=60)


def test_output_that_nobody_reads_on_is_no_error_of_ours() -> None:
    """As in `qgf ... | head`."""
    call = [sys.executable, "-m", "qgf_ros.cli.main", "limits", str(ROOT / "config/contracts/ur5e_cube.yaml")]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (EXIT_NO_READER, "")
