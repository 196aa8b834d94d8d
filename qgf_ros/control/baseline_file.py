"""The file of a baseline: where it lies, how it is read and written. It has the name of its contract's file.

Not that of the interface: a simulated and a real arm may share one, and must not share what is allowed. Ours; docs/adr/0023.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from qgf_ros.contract.schema import Contract
from qgf_ros.control.baseline import Baseline
from qgf_ros.control.limits_in_force import CEILINGS
from qgf_ros.errors import CannotWriteError, MissingBaselineError, MissingShareError, UnknownKeys
from qgf_ros.share import share_path
from qgf_ros.strict import build, read_yaml

FOLDER = "baselines"
_HEADING = """\
# The weakest that a deployment of the contract '{name}' may be; the command node refuses to start with less.
# Change it on purpose only, and let a second person read the change: docs/safety.md.
"""


def load_baseline(path: Path) -> Baseline:
    """The baseline in a YAML file.

    Raises:
        MissingFileError, UnreadableFileError, UnknownKeys, InvalidSetting: as in `qgf_ros.strict`; errors have no default here.
    """
    content = read_yaml(path)
    found = build(Baseline, content, path.name)
    for joint, limits in content["joints"].items():
        _check_stated(f"{path.name}.joints.{joint}", limits)
    return found


def _check_stated(where: str, limits: Mapping[str, object]) -> None:
    if missing := [key for key in CEILINGS if key not in limits]:
        raise UnknownKeys(where, [], ["lower", "upper", *CEILINGS], missing)


def find_baseline(contract: Contract) -> Path:
    """The file `baselines/CONTRACT.yaml` beside the contract, beside its folder, or among those of the package.

    Raises:
        MissingBaselineError: it is in none of these places.
    """
    places = [contract.path.parent / FOLDER, contract.path.parent.parent / FOLDER]
    with contextlib.suppress(MissingShareError):  # installed without files: the contract's own places remain
        places.append(share_path(f"config/{FOLDER}"))
    for place in places:
        if (place / _name(contract)).is_file():
            return place / _name(contract)
    raise MissingBaselineError(_name(contract), contract.path, places)


def own_place(contract: Contract) -> Path:
    """Where the baseline of a contract is written: beside the folder `contracts`, or beside the contract elsewhere."""
    folder = contract.path.parent
    place = folder.parent if folder.name == "contracts" else folder
    return place / FOLDER / _name(contract)


def write_baseline(baseline: Baseline, name: str, path: Path) -> None:
    """Writes a baseline of the contract `name`, over an older one. Raises CannotWriteError."""
    whole: dict[str, Any] = json.loads(json.dumps(asdict(baseline), default=lambda value: value.value))
    content = {key: value for key, value in whole.items() if value is not None}
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=200)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_HEADING.format(name=name) + text)
    except OSError as error:
        raise CannotWriteError(path, error) from error


def _name(contract: Contract) -> str:
    return f"{contract.path.stem}.yaml"
