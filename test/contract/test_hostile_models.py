"""Contracts from somebody else, and the models that they name: nothing is read but what came with them, and nothing grows."""

from __future__ import annotations

import struct
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
    "memory in words of C": ("<size memory='9e9M'/>", "'memory' of 'size' is 9e9M"),
    "key frames": ("<size nkey='100000000'/>", "'nkey' of 'size' is 100000000"),
    "key frames of many": ("<size nkey='100'/>" + "<site/>" * 3000, "100 key frames of 3002 elements"),
    "key frames without end": (
        "<keyframe>" + "<key/>" * 500 + "</keyframe>",
        "500 key frames of 502 elements",
    ),
    "numbers for whoever wants them": ("<size nuser_geom='100000'/>", "'nuser_geom' of 'size' is 100000"),
    "a long list of them": (
        f"<worldbody><geom user='{'1 ' * 101}'/></worldbody>",
        "'user' of 'geom' is 1 1 1",
    ),
    "room for anybody's data": ("<size nuserdata='100000'/>", "'nuserdata' of 'size' is 100000"),
    "a sensor of millions": ("<sensor><user dim='20000000'/></sensor>", "'dim' of 'user' is 20000000"),
    "contacts of millions": ("<sensor><contact num='9999999'/></sensor>", "'num' of 'contact' is 9999999"),
    "a memory of sensors": ("<sensor><clock nsample='9999999'/></sensor>", "'nsample' of 'clock' is 9999999"),
    "a ray a pixel": ("<sensor><rangefinder camera='a'/></sensor>", "as many rays as pictures have points"),
    "a sensor a vertex": ("<sensor><tactile geom='a'/></sensor>", "'tactile', which makes much"),
    "an actuator of millions": (
        "<actuator><general actdim='9999999'/></actuator>",
        "'actdim' of 'general' is 9999999",
    ),
    "a simulation while it is loaded": (
        "<compiler><lengthrange mode='all'/></compiler>",
        "'lengthrange', which",
    ),
    "one for each muscle": ("<actuator><muscle/></actuator>", "'muscle', which makes much"),
    "a muscle of another name": (
        "<default><general biastype='muscle'/></default>",
        "'biastype' of 'general' is muscle",
    ),
    "a mesh out of a number": (
        "<asset><mesh builtin='cone' params='99999 1'/></asset>",
        "'builtin' of 'mesh'",
    ),
    "textures": (
        "<asset>" + "<texture type='2d' builtin='flat' width='4096' height='4096'/>" * 2 + "</asset>",
        "its textures need 100663296 bytes",
    ),
    "six sides of a texture": (
        "<asset><texture builtin='flat' width='2048'/></asset>",
        "its textures need 75497472",
    ),
    "textures by default": (
        "<default><texture width='1000' height='1000'/></default><asset>" + "<texture/>" * 3 + "</asset>",
        "its textures need 72000000",
    ),
    "a size that is none": (
        "<asset><texture width='4096x' height='9'/></asset>",
        "'width' of 'texture' is 4096x",
    ),
    "a negative size among others": (
        "<asset><texture type='2d' width='-4096' height='4096'/>"
        + "<texture type='2d' width='4096' height='4096'/>" * 2
        + "</asset>",
        "its textures need",
    ),
    "thousands of joints": ("<joint/>" * 1001, "1001 joints, and at most 1000 are read"),
    "thousands of classes": ("<default/>" * 1001, "1001 classes of defaults, and at most 1000"),
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
    "many elements": ("<site/>" * 10_001, "more than 10000 elements"),
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


def test_a_picture_that_unpacks_to_gigabytes_is_refused_by_the_size_that_it_states(tmp_path: Path) -> None:
    path = scene(tmp_path, "<asset><texture type='2d' file='a.dat'/></asset>")
    begin = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 30_000, 30_000)
    (tmp_path / "a.dat").write_bytes(begin)
    with pytest.raises(UnreadableFileError, match="its pictures need 3600000000 bytes"):
        check_model(path, is_alone=False)
    (tmp_path / "a.dat").write_bytes(begin[:16] + struct.pack(">II", 300, 300))
    check_model(path, is_alone=False)


def test_what_robots_and_scenes_have_is_read(tmp_path: Path) -> None:
    """As in models that are given away: a sky, a floor, keys, sensors, motors, defaults."""
    inner = (
        "<size memory='100M' nkey='2' nuser_geom='4'/><default><motor ctrlrange='-1 1'/><default class='a'/></default>"
        "<asset><texture type='skybox' builtin='gradient' width='512' height='3072'/>"
        "<texture name='floor' type='2d' builtin='checker' mark='edge' width='300' height='300'/></asset>"
        "<worldbody><body><joint name='j'/><geom size='.1' user='1 2 3 4'/></body></worldbody>"
        "<actuator><motor joint='j'/></actuator><sensor><jointpos joint='j'/><user dim='3'/></sensor>"
        "<keyframe><key qpos='0'/><key qpos='1'/></keyframe>"
    )
    path = scene(tmp_path, inner)
    check_model(path, is_alone=False)
    assert load_model(path).nkey == 2


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
