"""All rivals by name, with the constants of their sources."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qgf_ros.errors import InvalidSetting
from qgf_ros.rivals.bptt import Bptt
from qgf_ros.rivals.cfgrl import Cfgrl
from qgf_ros.rivals.dac import Dac
from qgf_ros.rivals.edp import Edp
from qgf_ros.rivals.estimators import Chain, Regularised, Smoothed
from qgf_ros.rivals.fql import Fql
from qgf_ros.rivals.grad_step import GradStep
from qgf_ros.rivals.qam import Qam
from qgf_ros.rivals.qsm import QsmBc
from qgf_ros.rivals.rival import Rival
from qgf_ros.rivals.robust_q import RobustQ
from qgf_ros.rivals.settings import SETTINGS

RIVALS: Mapping[str, Rival] = MappingProxyType(
    {
        rival.name: rival
        for rival in (
            *SETTINGS,
            *(Regularised(), Smoothed(), Chain(), Bptt(), GradStep(), RobustQ(), Cfgrl()),
            *(Fql(), Edp(), Qam(), QsmBc(), Dac()),
        )
    }
)


def rival_by_name(name: str) -> Rival:
    """The rival of this name. Raises InvalidSetting, naming those that there are."""
    if name not in RIVALS:
        raise InvalidSetting("rival", name, f"one of {', '.join(RIVALS)}")
    return RIVALS[name]
