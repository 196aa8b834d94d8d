"""Loads MuJoCo models: every warning is a refusal, for MuJoCo itself would only write it into a file and go on."""

from __future__ import annotations

import logging
from pathlib import Path

import mujoco
import numpy as np

from qgf_ros.errors import UnreadableFileError

FURTHEST_M = 1000.0
AWAY_RAD = 0.1  # from the model's own pose, where MuJoCo does not look at a joint's axis
_LOG = logging.getLogger(__name__)


def load_model(path: Path) -> mujoco.MjModel:
    """The model in an MJCF file. From here on MuJoCo's warnings go to Python's log, not into MUJOCO_LOG.TXT.

    Raises:
        UnreadableFileError: MuJoCo does not read it, or warns of it, or its bodies are nowhere.
    """
    warnings: list[str] = []
    mujoco.set_mju_user_warning(warnings.append)
    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except (
        ValueError,
        RuntimeError,
        mujoco.FatalError,
    ) as error:  # RuntimeError: what it does not know itself
        raise UnreadableFileError(path, "a MuJoCo model", " ".join(str(error).split())) from error
    finally:
        mujoco.set_mju_user_warning(_LOG.warning)
    if warnings:
        raise UnreadableFileError(path, "a MuJoCo model", " ".join(warnings[0].split()).rstrip("."))
    _check_places(path, model)
    return model


def _check_places(path: Path, model: mujoco.MjModel) -> None:
    """Numbers so large that their squares are none leave bodies without a place or an attitude, and MuJoCo silent."""
    data = mujoco.MjData(model)
    if not all(_is_placed(model, data, away) for away in (0.0, AWAY_RAD)):
        raise UnreadableFileError(
            path, "a MuJoCo model", "its bodies have no place within a kilometre, or no attitude"
        )


def _is_placed(model: mujoco.MjModel, data: mujoco.MjData, away: float) -> bool:
    data.qpos[:] = model.qpos0 + away
    mujoco.mj_kinematics(model, data)
    places = np.concatenate([data.xpos.ravel(), data.site_xpos.ravel(), data.geom_xpos.ravel()])
    turned = np.concatenate([data.xmat, data.site_xmat, data.geom_xmat]).reshape(-1, 3, 3)
    with np.errstate(invalid="ignore", over="ignore"):
        is_turned = np.allclose(turned @ turned.transpose(0, 2, 1), np.eye(3), atol=1e-6)
        return is_turned and bool((np.abs(places) <= FURTHEST_M).all())
