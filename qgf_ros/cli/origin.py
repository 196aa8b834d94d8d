"""What a checkpoint says that it was made for: its contract, its recipe and its task. Somebody else may have written it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from qgf_ros.bounds import inside
from qgf_ros.errors import InvalidSetting
from qgf_ros.share import share_path

if TYPE_CHECKING:
    from qgf_ros.checkpoint import Checkpoint

CONTRACTS = "config/contracts"
RECIPES = "config/train"
LONGEST = 100  # letters of a name that are told


def contract_path(given: Path | None, checkpoint: Checkpoint, folder: Path) -> Path:
    """The contract's file: as given, else the one that the checkpoint in `folder` names.

    What it names is opened only where it lies among the package's contracts, or in its own folder.

    Raises:
        InvalidSetting: it names none, or one that lies elsewhere.
        MissingShareError: what was given is not there.
    """
    if given is not None:
        return given if os.path.isfile(given) else share_path(str(given))
    named = chosen("contract", None, checkpoint)
    contracts = share_path(CONTRACTS)
    for root, base in ((contracts, contracts.parents[1]), (folder, folder)):
        try:
            path = inside(root, base, named, "contract")
        except InvalidSetting:
            continue
        if os.path.isfile(path):
            return path
    places = f"{CONTRACTS} or its own folder"
    raise InvalidSetting(
        "--contract",
        None,
        f"given: the checkpoint names {named[:LONGEST]!r}, and unasked only a file of {places} is opened",
    )


def recipe_path(given: Path | None, checkpoint: Checkpoint) -> Path | None:
    """The recipe's file: as given, else the package's one of the name that the checkpoint states; None where there is none."""
    if given is not None:
        return given
    named, folder = checkpoint.provenance.get("recipe"), share_path(RECIPES)
    if not isinstance(named, str):
        return None
    try:
        path = inside(folder, folder, f"{named}.yaml", "recipe")
    except InvalidSetting:
        return None
    return path if os.path.isfile(path) else None


def chosen(what: str, given: object, checkpoint: Checkpoint) -> str:
    """The contract or task: given, or the one that the checkpoint was made for. Raises InvalidSetting."""
    found = given or checkpoint.provenance.get(what)
    if found is None:
        raise InvalidSetting(f"--{what}", None, f"given: the checkpoint names no {what} that it was made for")
    return str(found)
