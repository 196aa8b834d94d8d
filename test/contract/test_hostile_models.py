"""Contracts from somebody else, and the models that they name: nothing is read but what came with them, and nothing grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.model_file import check_model
from qgf_ros.contract.travel import pack_contract, unpack_contract
from qgf_ros.errors import (
    ContractError,
    FileTooLarge,
    InvalidSetting,
    MissingFileError,
    NoContractError,
    QgfError,
    UnreadableFileError,
)
from qgf_ros.mujoco_model import load_model
from test.contract_files import SHIPPED, write_shipped, write_two_joints


def scene(folder: Path, inner: str, name: str = "scene.xml") -> Path:
    """A model of these elements."""
    path = folder / name
    path.write_text(f"<mujoco>{inner}</mujoco>")
    return path


HOSTILE = {
    "a plugin": ("<extension><plugin plugin='a.b'/></extension>", "'extension', which leads out of the file"),
    "an attached model": ("<asset><model name='a' file='/etc/passwd'/></asset>", "'model', which leads out"),
    "copies": (
        "<worldbody><replicate count='9999999'/></worldbody>",
        "'replicate', which makes much out of little",
    ),
    "a cloth": ("<worldbody><flexcomp count='999 999 999'/></worldbody>", "'flexcomp', which makes much"),
    "a chain": ("<worldbody><composite count='999 999 9'/></worldbody>", "'composite', which makes much"),
    "a field of heights": ("<asset><hfield nrow='9999' ncol='9999'/></asset>", "'hfield', which makes much"),
    "a wide texture": (
        "<asset><texture builtin='flat' width='99999' height='9'/></asset>",
        "'width' of 'texture' is 99999",
    ),
    "a long number": (
        "<custom><numeric name='a' size='1000000000'/></custom>",
        "'size' of 'numeric' is 1000000000",
    ),
    "memory": ("<size memory='9999G'/>", "'memory' of 'size' is 9999G"),
    "key frames": ("<size nkey='100000000'/>", "'nkey' of 'size' is 100000000"),
    "an absolute path": (
        "<asset><mesh file='/etc/passwd'/></asset>",
        "must be a relative path that stays below",
    ),
    "a way out": ("<asset><mesh file='../secret.stl'/></asset>", "must be a relative path that stays below"),
    "a folder outside": (
        "<compiler meshdir='../..'/><asset><mesh file='secret.stl'/></asset>",
        "stays below",
    ),
    "an inclusion outside": ("<include file='../secret.xml'/>", "must be a relative path that stays below"),
    "an inclusion of itself": ("<include file='scene.xml'/>", r"it includes scene\.xml twice"),
    "depth": ("<body>" * 100 + "</body>" * 100, "or 64 within one another"),
    "many elements": ("<site/>" * 20_001, "more than 20000 elements"),
    "half of XML": ("<worldbody>", r"scene\.xml is not XML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_model_that_grows_or_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    inner, message = HOSTILE[name]
    (tmp_path / "inner").mkdir()
    for secret in ("secret.xml", "secret.stl"):
        (tmp_path / secret).write_text("<mujoco/>")
    with pytest.raises(UnreadableFileError, match=message):
        check_model(scene(tmp_path / "inner", inner), is_alone=False)


def test_a_document_type_is_refused_for_its_entities_multiply(tmp_path: Path) -> None:
    path = tmp_path / "scene.xml"
    path.write_text("<!DOCTYPE a [<!ENTITY b 'cccc'>]><mujoco model='&b;'/>")
    with pytest.raises(UnreadableFileError, match="it declares a document type"):
        check_model(path, is_alone=False)


def test_what_is_no_mujoco_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "robot.urdf"
    path.write_text("<robot name='a'/>")
    with pytest.raises(UnreadableFileError, match="it begins with 'robot', not with 'mujoco'"):
        check_model(path, is_alone=False)


def test_a_scene_may_include_and_name_meshes_beside_it(tmp_path: Path) -> None:
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "a.stl").write_bytes(b"mesh")
    scene(tmp_path, "<asset><mesh file='a.stl'/></asset>", "parts.xml")
    check_model(scene(tmp_path, "<compiler meshdir='meshes'/><include file='parts.xml'/>"), is_alone=False)


def test_the_kinematic_model_stands_alone_for_its_digest_is_that_of_one_file(tmp_path: Path) -> None:
    scene(tmp_path, "", "parts.xml")
    with pytest.raises(UnreadableFileError, match="must be complete in itself"):
        check_model(scene(tmp_path, "<include file='parts.xml'/>"), is_alone=True)


def test_a_mesh_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"a\.stl"):
        check_model(scene(tmp_path, "<asset><mesh file='a.stl'/></asset>"), is_alone=False)


def test_meshes_longer_than_the_bound_are_refused_unread(tmp_path: Path) -> None:
    for name in ("a.stl", "b.stl"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(200 * 2**20)
    two = "<asset><mesh file='a.stl'/><mesh file='b.stl'/></asset>"
    with pytest.raises(UnreadableFileError, match="its meshes and textures have 419430400 bytes"):
        check_model(scene(tmp_path, two), is_alone=False)
    with (tmp_path / "a.stl").open("wb") as file:
        file.truncate(300 * 2**20)
    with pytest.raises(FileTooLarge):
        check_model(scene(tmp_path, two), is_alone=False)


@pytest.mark.parametrize("key", ["model", "scene"])
@pytest.mark.parametrize("named", ["/etc/hostname", "../../secret.xml", ""])
def test_a_contract_names_models_beside_its_folder_only(tmp_path: Path, named: str, key: str) -> None:
    (tmp_path / "secret.xml").write_text("<mujoco/>")

    def edit(content: dict[str, Any]) -> None:
        place = content["interface"]["kinematics"] if key == "model" else content["deployment"]
        place[key] = named

    (tmp_path / "config").mkdir()
    with pytest.raises(
        InvalidSetting, match=rf"{key} is '.*', but it must be a relative path that stays below"
    ):
        load_contract(write_shipped(tmp_path / "config", edit))


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("deployment", "command_rate_hz", 1e300, "at most 60 and 10000"),
        ("interface", "control_period_s", 1e9, "at most 60 and 10000"),
        ("interface", "chunk_length", 10**9, "it must be at least 1, at most 1000"),
    ],
)
def test_rates_and_lengths_of_no_robot_are_refused(
    tmp_path: Path, part: str, key: str, value: float, message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        load_contract(write_two_joints(tmp_path, lambda content: content[part].update({key: value})))


def test_an_age_of_years_is_refused(tmp_path: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["inputs"]["goal"]["max_age_s"] = 1e9

    with pytest.raises(ContractError, match=r"max_age_s is 1e.09; it must be above 0, at most 60"):
        load_contract(write_two_joints(tmp_path, edit))


@given(st.text(max_size=200))
def test_any_text_within_a_model_is_accepted_or_refused_with_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.xml"
    path.write_text(f"<mujoco>{text}</mujoco>", encoding="utf-8", errors="replace")
    try:
        check_model(path, is_alone=False)
        sentence = ""
    except QgfError as error:
        sentence = str(error)
    assert sentence == "" or "any.xml" in sentence


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("<worldbody><body pos='nan 0 0'><joint/><geom size='1'/></body></worldbody>", "contains a 'NaN'"),
        ("<worldbody><geom size='-1'/></worldbody>", "is not a MuJoCo model"),
        (
            "<worldbody><site quat='1e300 1e300 0 0'/></worldbody>",
            "no place within a kilometre, or no attitude",
        ),
        ("<worldbody><body pos='1e200 0 0'><site/></body></worldbody>", "no place within a kilometre"),
        (
            "<worldbody><body><joint axis='inf 0 0'/><geom size='.1'/></body></worldbody>",
            "no place within a kilometre, or no attitude",
        ),
    ],
)
def test_what_mujoco_warns_of_or_refuses_is_refused_and_leaves_no_log_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inner: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableFileError, match=message):
        load_model(scene(tmp_path, inner))
    assert [entry.name for entry in tmp_path.iterdir()] == ["scene.xml"]


@pytest.mark.parametrize("named", [".", "../contracts", "x" * 300])
def test_a_travelling_contract_whose_model_cannot_be_a_file_is_refused(tmp_path: Path, named: str) -> None:
    facts = pack_contract(load_contract(SHIPPED))
    facts["contract"] = facts["contract"].replace("../robots/ur5e_2f85.xml", named)
    with pytest.raises(NoContractError, match="its model cannot be written as a file"):
        unpack_contract(facts, tmp_path / "unpacked")


def test_letters_that_there_are_not_are_refused_in_a_travelling_model(tmp_path: Path) -> None:
    facts = pack_contract(load_contract(SHIPPED)) | {"model": "\udc80"}
    with pytest.raises(NoContractError, match="its model cannot be written as a file"):
        unpack_contract(facts, tmp_path / "unpacked")
