"""A contract as texts that travel in a recording, so that it can be verified where the contract's files are not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import yaml

from qgf_ros.bounds import MODEL_BYTES, YAML_BYTES, inside, read_file
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import SCHEMA_VERSION, Contract
from qgf_ros.errors import NoContractError
from qgf_ros.plain_text import NotPlain, parse_json

CONTRACT, MODEL = "contract", "model"


def pack_contract(contract: Contract) -> dict[str, str]:
    """The contract as JSON, which YAML reads too, and its kinematic model's text.

    Raises:
        MissingFileError, FileTooLarge, UnreadableFileError: the model is no longer what was loaded.
    """
    deployment = json.loads(json.dumps(asdict(contract.deployment), default=lambda value: value.value))
    content = {
        "schema_version": SCHEMA_VERSION,
        "interface": contract.interface.canonical(),
        "deployment": deployment,
    }
    facts = {CONTRACT: json.dumps(content)}
    if contract.model_path is not None:
        facts[MODEL] = read_file(contract.model_path, MODEL_BYTES).decode()
    return facts


def unpack_contract(facts: Mapping[str, str], folder: Path) -> Contract:
    """The contract in the facts of a recording; its files are written below `folder`, which must be empty.

    A scene does not travel: the contract names it, but it cannot be rolled forward.

    Raises:
        NoContractError: there is none, or not one of this version.
        InvalidSetting: its model's path leads out of the folder; or as for `load_contract`.
    """
    text, model = facts.get(CONTRACT), facts.get(MODEL, "")
    if text is None:
        raise NoContractError("its recorder noted none")
    if len(text) > YAML_BYTES or len(model) > MODEL_BYTES:
        raise NoContractError("it is larger than a contract may be")
    try:
        content = parse_json(text)
        scene, named = (
            content["deployment"].pop("scene", None),
            (content["interface"].get("kinematics") or {}).get("model"),
        )
    except (NotPlain, KeyError, TypeError, AttributeError) as error:
        raise NoContractError("what its recorder noted is no contract") from error
    path = folder / "contracts" / "contract.yaml"
    path.parent.mkdir(parents=True)
    if named is not None:
        file = inside(folder, path.parent, str(named), "interface.kinematics.model")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(model, encoding="utf-8")
        except (OSError, UnicodeEncodeError) as error:  # a name that is none, letters that there are not
            raise NoContractError("its model cannot be written as a file") from error
    path.write_text(yaml.safe_dump(content))
    contract = load_contract(path)
    return replace(contract, deployment=replace(contract.deployment, scene=scene))
