"""What a robomimic file says of the environment that its demonstrations come from: task, rate, what a reward means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.bounds import RATE_HZ
from qgf_ros.data.formats.hdf5 import text_attribute
from qgf_ros.plain_text import parse_json

ENV_ARGS = "env_args"


@dataclass(frozen=True)
class Environment:
    """`rewards_are_success`: the file states that rewards are not shaped and not scaled, so that 1 is success and less is none."""

    task: str = ""
    rate_hz: float | None = None
    rewards_are_success: bool = False

    def success(self, rewards: npt.NDArray[Any]) -> bool | None:
        """Whether the task was reached, by the rewards (T,) of an episode; None where they do not tell.

        `dones` tell nothing: by the setting of the script that wrote them they mean success, the last step, or both.
        """
        if not self.rewards_are_success or rewards.dtype.kind not in "biuf":
            return None
        if not np.isfinite(rewards).all() or rewards.min() < 0 or rewards.max() > 1:
            return None
        return bool(rewards.max() == 1)


def environment_of(data: Any) -> Environment:
    """What the attribute `env_args` of a file's group `data` says; nothing where there is none.

    Raises ValueError where it is no JSON object.
    """
    text = text_attribute(data, ENV_ARGS)
    if text is None:
        return Environment()
    stated = parse_json(text)
    if not isinstance(stated, dict):
        raise ValueError(f"its {ENV_ARGS} is no JSON object")
    settings = stated.get("env_kwargs")
    settings = settings if isinstance(settings, dict) else {}
    task = stated.get("env_name")
    return Environment(
        task if isinstance(task, str) else "",
        _rate(settings.get("control_freq")),
        settings.get("reward_shaping") is False and settings.get("reward_scale", 1.0) == 1.0,
    )


def _rate(stated: Any) -> float | None:
    """Control periods a second; None where what is stated is no such number."""
    is_number = isinstance(stated, int | float) and not isinstance(stated, bool)
    return float(stated) if is_number and 0 < stated <= RATE_HZ else None
