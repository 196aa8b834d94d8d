"""The baselines that ship: one for each contract, none shared between a simulated and a real arm."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from contract_files import ROOT

from qgf_ros.contract.load import load_contract
from qgf_ros.control.baseline import Safeguard, check_deployed
from qgf_ros.control.baseline_file import find_baseline, load_baseline
from qgf_ros.control.deployed import Deployed
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.session import SessionConfig
from qgf_ros.errors import MissingBaselineError
from qgf_ros.seen import read_seen

CONTRACTS = sorted((ROOT / "config" / "contracts").glob("*.yaml"))


def test_a_contract_of_another_file_has_no_part_in_the_baseline_of_its_interface(tmp_path: Path) -> None:
    """A simulated and a real arm share an interface: what is allowed to one is not allowed to the other."""
    text = (ROOT / "config" / "contracts" / "ur5e_hardware.yaml").read_text()
    for name in ("robots", "scenes"):
        shutil.copytree(ROOT / "config" / name, tmp_path / name)
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "my_arm.yaml").write_text(text)
    with pytest.raises(MissingBaselineError, match=r"no baseline 'my_arm\.yaml'"):
        find_baseline(load_contract(tmp_path / "contracts" / "my_arm.yaml"))


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_no_contract_that_ships_is_weaker_than_its_baseline(path: Path) -> None:
    contract, is_real = load_contract(path), path.stem == "ur5e_hardware"
    baseline = find_baseline(contract)
    assert baseline == ROOT / "config" / "baselines" / path.name
    seen, words = read_seen(str(ROOT / "checkpoints" / "ur5e_cube") if is_real else "")
    config = SessionConfig(full_speed_confirmed=not is_real)
    deployed = Deployed(contract, config, seen, words, Path("boxes"), is_lockstep=not is_real)
    check_deployed(deployed, LimitsInForce.of(contract), load_baseline(baseline), baseline)


def test_the_baseline_of_real_hardware_requires_every_safeguard() -> None:
    found = load_baseline(ROOT / "config" / "baselines" / "ur5e_hardware.yaml")
    assert found.required == tuple(Safeguard)
    assert not found.lockstep
    assert not found.full_speed_confirmed
    assert found.scene
    assert found.speed_scaling
