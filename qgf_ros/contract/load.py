"""Reads a contract file, and compares interfaces."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgf_ros.bounds import MODEL_BYTES, inside, read_file
from qgf_ros.contract.check import check
from qgf_ros.contract.check_deployment import check_defaults, check_deployment
from qgf_ros.contract.migrate import TOP_KEYS, migrate
from qgf_ros.contract.model_file import check_model
from qgf_ros.contract.schema import Chunking, Contract, Deployment, Interface
from qgf_ros.errors import ContractError, UnknownKeys
from qgf_ros.strict import build, read_yaml

MOST_DIFFERENCES = 6


def load_contract(path: str | Path) -> Contract:
    """The contract in a YAML file, checked; older schema versions are migrated.

    Raises:
        MissingFileError, UnreadableFileError: the file, or the model it names, is absent; or it is not YAML.
        FileTooLarge: one of them is longer than honest ones are.
        UnknownKeys, InvalidSetting: a key or value does not fit the schema, or a path leads away from the contract.
        ContractError: names that do not refer to one another, rates that do not divide, impossible limits.
    """
    path = Path(path).resolve()
    content = migrate(read_yaml(path), path)
    parts = {"interface", "deployment"}
    if set(content) != parts:
        unknown = [str(key) for key in content if key not in parts]
        raise UnknownKeys(path.name, unknown, TOP_KEYS, missing=parts - set(content))
    interface = build(Interface, content["interface"], "interface")
    deployment = build(Deployment, content["deployment"], "deployment")
    if deployment.scene is not None:
        check_model(_named(path, deployment.scene, "deployment.scene"), is_alone=False)
    contract = Contract(_with_model_digest(interface, path), deployment, path)
    check(contract)
    stated = content["deployment"]["limits"].items()
    check_defaults(contract, {str(joint): limits for joint, limits in stated})
    return contract


def with_chunks(contract: Contract, chunks: Chunking) -> Contract:
    """The contract with another way of chunks following one another. Raises ContractError where it does not fit."""
    changed = replace(contract, deployment=replace(contract.deployment, chunks=chunks))
    check_deployment(changed)
    return changed


def interface_from_canonical(value: Mapping[str, Any]) -> Interface:
    """The interface stored in a checkpoint or data set by `Interface.canonical`.

    Raises:
        UnknownKeys, InvalidSetting: it is not such an interface.
    """
    return build(Interface, value, "interface")


def differences(ours: Interface, theirs: Interface) -> list[str]:
    """Where two interfaces differ, in words: one entry a key, six at most and then a count of the rest."""
    found: list[str] = []
    _compare(ours.canonical(), theirs.canonical(), "", found)
    if len(found) > MOST_DIFFERENCES:
        found[MOST_DIFFERENCES:] = [f"and {len(found) - MOST_DIFFERENCES} more"]
    return found


def _compare(ours: Any, theirs: Any, where: str, found: list[str]) -> None:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in (*ours, *(key for key in theirs if key not in ours)):
            _compare(ours.get(key), theirs.get(key), f"{where}.{key}" if where else key, found)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (left, right) in enumerate(zip(ours, theirs, strict=True)):
            _compare(left, right, f"{where}[{index}]", found)
    elif ours != theirs:
        found.append(f"{where} is {_shown(ours)} here and {_shown(theirs)} there")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "given"
    return "absent" if value is None else str(value)


def _named(contract: Path, relative: str, where: str) -> Path:
    """A file that a contract names: beside its folder or below, so that a contract from elsewhere reads nothing of ours."""
    return inside(contract.parent.parent, contract.parent, relative, where)


def _with_model_digest(interface: Interface, path: Path) -> Interface:
    kinematics = interface.kinematics
    if kinematics is None:
        return interface
    model = _named(path, kinematics.model, "interface.kinematics.model")
    check_model(model, is_alone=True)
    digest = hashlib.sha256(read_file(model, MODEL_BYTES)).hexdigest()
    if kinematics.sha256 not in ("", digest):
        problem = (
            f"interface.kinematics.sha256 is {kinematics.sha256[:12]}, but {model.name} has {digest[:12]}"
        )
        raise ContractError(path, problem, "leave sha256 out, or restore the model it was written for")
    return dataclasses.replace(interface, kinematics=dataclasses.replace(kinematics, sha256=digest))
