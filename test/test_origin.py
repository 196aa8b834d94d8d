"""A checkpoint from somebody else names its contract: nothing is opened for it but the package's contracts and its own files."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qgf_ros.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from qgf_ros.cli.main import EXIT_USER_ERROR, main
from qgf_ros.cli.origin import contract_path, recipe_path
from qgf_ros.errors import InvalidSetting, MissingShareError

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "checkpoints" / "jaco_reach"
STRANGE = {
    "an absolute path": "/etc/passwd",
    "a way out": "../../../../../../etc/passwd",
    "a way out of the contracts": "config/contracts/../graphs/sim.yaml",
    "a file of the package that is no contract": "config/graphs/sim.yaml",
    "a folder": "config/contracts",
    "a name longer than any": "x" * 5000,
    "a byte that ends a name": "a\0b",
    "nothing": "config/contracts/nothing.yaml",
    "a number": 7,
}


def naming(folder: Path, contract: object) -> Checkpoint:
    """A checkpoint in a folder that says so."""
    whole = load_checkpoint(SHIPPED)
    save_checkpoint(folder, replace(whole, provenance=dict(whole.provenance) | {"contract": contract}))
    return load_checkpoint(folder)


@pytest.mark.parametrize("verb", ["evaluate", "calibrate"])
@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_name_asks_for_the_contract_in_one_sentence(
    tmp_path: Path, name: str, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    naming(tmp_path / "policy", STRANGE[name])
    data = [str(tmp_path)] if verb == "calibrate" else []
    assert main([verb, str(tmp_path / "policy"), *data]) == EXIT_USER_ERROR
    said = capsys.readouterr().err
    assert "--contract is None, but it must be given: the checkpoint names" in said
    assert len(said) < 400


def test_the_names_that_ship_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expected = ROOT / "config/contracts/jaco_reach.yaml"
    assert contract_path(None, load_checkpoint(SHIPPED), SHIPPED) == expected


def test_a_contract_beside_the_weights_is_found_and_no_link_out_of_there(tmp_path: Path) -> None:
    checkpoint = naming(tmp_path / "policy", "mine.yaml")
    with pytest.raises(InvalidSetting):
        contract_path(None, checkpoint, tmp_path / "policy")
    shutil.copy(ROOT / "config/contracts/jaco_reach.yaml", tmp_path / "policy" / "mine.yaml")
    assert contract_path(None, checkpoint, tmp_path / "policy").name == "mine.yaml"
    (tmp_path / "policy" / "mine.yaml").unlink()
    (tmp_path / "policy" / "mine.yaml").symlink_to("/etc/passwd")
    with pytest.raises(InvalidSetting):
        contract_path(None, checkpoint, tmp_path / "policy")


def test_what_the_user_names_is_opened_wherever_it_lies(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(SHIPPED)
    (tmp_path / "mine.yaml").write_text("")
    assert contract_path(tmp_path / "mine.yaml", checkpoint, SHIPPED) == tmp_path / "mine.yaml"
    assert contract_path(Path("config/contracts/ur5e_cube.yaml"), checkpoint, SHIPPED).is_file()
    with pytest.raises(MissingShareError):
        contract_path(Path("x" * 5000), checkpoint, SHIPPED)


def test_the_recipe_of_a_checkpoint_is_found_by_its_name() -> None:
    assert recipe_path(None, load_checkpoint(SHIPPED)) == ROOT / "config/train/jaco_reach.yaml"
    assert recipe_path(Path("mine.yaml"), load_checkpoint(SHIPPED)) == Path("mine.yaml")


@pytest.mark.parametrize(
    "name", ["../contracts/jaco_reach", "/etc/passwd", "nothing", "x" * 5000, "a\0b", "", 7, None]
)
def test_a_strange_recipe_is_not_opened(name: object) -> None:
    whole = load_checkpoint(SHIPPED)
    assert recipe_path(None, replace(whole, provenance=dict(whole.provenance) | {"recipe": name})) is None
