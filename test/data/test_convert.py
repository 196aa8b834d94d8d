"""From any format to a data set: what fits is written, what does not is named, and nothing is guessed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints

from qgf_ros.cli.main import main
from qgf_ros.contract.components import component_names
from qgf_ros.contract.schema import Contract, Interface
from qgf_ros.data.columns import episode_of
from qgf_ros.data.convert import convert
from qgf_ros.data.formats.detect import open_source
from qgf_ros.data.formats.ogbench_writer import OgbenchWriter
from qgf_ros.data.recording import Episode
from qgf_ros.errors import InterfaceMismatchError, MissingPathError, UnknownFormatError
from test.data.conftest import write_slice

pytest.importorskip("h5py", reason="needs h5py: pip install 'qgf_ros[data]'")
pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'qgf_ros[data]'")


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return two_joints(tmp_path)


def episode(interface: Interface, seed: int, rows: int = 6) -> Episode:
    draw = np.random.default_rng(seed)
    return Episode(
        f"made/{seed}",
        draw.normal(size=(rows, interface.observation_dim)).astype(np.float32),
        draw.uniform(-1, 1, (rows, interface.action_dim)).astype(np.float32),
        {"rewards": draw.normal(size=rows).astype(np.float32)},
        bool(seed % 2),
        "reach",
    )


def write(folder: Path, interface: Interface, count: int = 3) -> list[Episode]:
    made = [episode(interface, seed) for seed in range(count)]
    with OgbenchWriter(folder, interface) as writer:
        for entry in made:
            writer.write(entry)
    return made


def test_through_lerobot_and_back_nothing_is_lost(contract: Contract, tmp_path: Path) -> None:
    interface, path = contract.interface, str(contract.path)
    made = write(tmp_path / "data", interface)
    assert (
        main(["convert", str(tmp_path / "data"), str(tmp_path / "le"), "--contract", path, "--to", "lerobot"])
        == 0
    )
    assert main(["convert", str(tmp_path / "le"), str(tmp_path / "back"), "--contract", path]) == 0
    source = open_source(tmp_path / "back")
    assert source.format == "ogbench"
    for recording, ours in zip(source.recordings(), made, strict=True):
        found = episode_of(recording, interface, None, is_trusted=True)
        np.testing.assert_array_equal(found.observations, ours.observations)
        np.testing.assert_array_equal(found.actions, ours.actions)
        np.testing.assert_array_equal(np.ravel(found.extra["rewards"]), ours.extra["rewards"])
        assert (found.success, found.task) == (ours.success, ours.task)


def test_another_interface_is_refused_with_the_differences(contract: Contract, tmp_path: Path) -> None:
    write(tmp_path / "data", contract.interface)
    other = dataclasses.replace(contract.interface, control_period_s=0.1)
    with pytest.raises(InterfaceMismatchError, match="control_period_s"):
        next(convert(open_source(tmp_path / "data"), "data", other, None))


def test_what_does_not_fit_is_named_and_the_rest_is_written(
    contract: Contract, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import h5py

    interface = contract.interface
    draw = np.random.default_rng(0)
    with h5py.File(tmp_path / "demos.hdf5", "w") as file:
        for number in range(3):
            demo = file.create_group(f"data/demo_{number}")
            demo["actions"] = draw.uniform(-1, 1, (5, interface.action_dim)) * (100 if number == 1 else 1)
            demo["obs/flat"] = draw.normal(size=(5, interface.observation_dim))
    terms = [
        f"  {term.name}: {{column: obs/flat, start: {interface.slice_of(term.name).start}}}"
        for term in interface.observation
    ]
    controls = [
        f"  {name}: {{column: actions, start: {place}, unit: normalised}}"
        for place, name in enumerate(interface.action.names)
    ]
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("\n".join(["observation:", *terms, "action:", *controls]))
    words = ["convert", str(tmp_path / "demos.hdf5"), str(tmp_path / "out"), "--contract", str(contract.path)]
    report = tmp_path / "report.json"
    assert main([*words, "--mapping", str(mapping), "--json", str(report)]) == 0
    figures = json.loads(report.read_text())
    assert (figures["format"], figures["episodes"], figures["rows"]) == ("robomimic", 2, 10)
    assert [entry["recording"] for entry in figures["refused"]] == ["demos/demo_1"]
    assert figures["bytes"] == (tmp_path / "demos.hdf5").stat().st_size
    assert figures["bytes_per_s"] > 0
    assert "times the contract's range; its unit may be another one" in capsys.readouterr().out


def test_without_a_mapping_nameless_columns_are_not_guessed(
    contract: Contract, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_slice(tmp_path / "foreign.npz", contract.interface, [5], labelled=False)
    words = [
        "convert",
        str(tmp_path / "foreign.npz"),
        str(tmp_path / "out"),
        "--contract",
        str(contract.path),
    ]
    assert main(words) == 1
    assert "names no components; a mapping says what they are" in capsys.readouterr().out


def test_what_is_no_data_set_is_refused_with_the_formats_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("words")
    with pytest.raises(UnknownFormatError, match=r"LeRobot: a folder with meta/info\.json"):
        open_source(tmp_path)
    with pytest.raises(MissingPathError):
        open_source(tmp_path / "nothing")


def test_a_data_set_is_never_written_over(contract: Contract, tmp_path: Path) -> None:
    write(tmp_path / "data", contract.interface)
    for kind in ("ogbench", "lerobot"):
        words = ["convert", str(tmp_path / "data"), str(tmp_path / "data"), "--contract", str(contract.path)]
        assert main([*words, "--to", kind]) == 2


def test_every_component_has_a_name_of_its_own(contract: Contract) -> None:
    names = component_names(contract.interface)
    assert len(set(names)) == contract.interface.observation_dim
