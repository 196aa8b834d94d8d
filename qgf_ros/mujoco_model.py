"""Loads MuJoCo models: every warning is a refusal, for MuJoCo itself would only write it into a file and go on."""

from __future__ import annotations

import logging
from pathlib import Path

import mujoco

from qgf_ros.errors import UnreadableFileError

_LOG = logging.getLogger(__name__)


def load_model(path: Path) -> mujoco.MjModel:
    """The model in an MJCF file. From here on MuJoCo's warnings go to Python's log, not into MUJOCO_LOG.TXT.

    Raises:
        UnreadableFileError: MuJoCo does not read it, or warns of it: of numbers that are none, for example.
    """
    warnings: list[str] = []
    mujoco.set_mju_user_warning(warnings.append)
    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except (ValueError, mujoco.FatalError) as error:
        raise UnreadableFileError(path, "a MuJoCo model", " ".join(str(error).split())) from error
    finally:
        mujoco.set_mju_user_warning(_LOG.warning)
    if warnings:
        raise UnreadableFileError(path, "a MuJoCo model", " ".join(warnings[0].split()).rstrip("."))
    return model
