"""How fast the path may be followed at this tick, as far as the session knows: the least of what each reason allows."""

from __future__ import annotations

from collections.abc import Mapping

from qgf_ros.control.first_motion import FirstMotion, FirstMotionGate
from qgf_ros.control.limits_in_force import FIRST_RUN_SPEED
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.path_speed import STANDING
from qgf_ros.control.speed_scaling import SpeedScaling
from qgf_ros.datatypes import Finding, Verdict


class AllowedSpeed:
    """State: whether full speed is confirmed, that of the first motion and of the controller's own speed. One thread."""

    def __init__(self, monitor: JointMonitor, first: FirstMotion, is_confirmed: bool) -> None:
        """`monitor` knows the contract, and where the data were."""
        self.is_confirmed = is_confirmed
        self._first = FirstMotionGate(monitor.seen, first)
        self._scaling = SpeedScaling(monitor.contract.deployment.speed_scaling)
        self._stood_since_ns: int | None = None
        self._silence = ""

    @property
    def sentence(self) -> str:
        """Why motion is slow, for people; empty where it is not, or where the controller itself says so."""
        slow = "Full speed has not been confirmed (full_speed_confirmed): a quarter of it."
        return " ".join(
            filter(None, ("" if self.is_confirmed else slow, self._first.sentence, self._silence))
        )

    def begin(self, measured: Mapping[str, float], now_ns: int) -> None:
        """Motion is started at these positions, rad by name. Raises MotionRefused, reason `unseen`."""
        self._first.begin(measured, now_ns, self.is_confirmed)
        self._stood_since_ns = None

    def note_scaling(self, percent: float, now_ns: int) -> None:
        """The controller said how fast it follows."""
        self._scaling.note(percent, now_ns)

    def next(self, measured: Mapping[str, float], now_ns: int) -> tuple[float, tuple[Finding, ...]]:
        """The share of full speed at this tick, in [0, 1], and a finding for each reason that it is less."""
        scaling, self._silence = self._scaling.share(now_ns)
        shares = {
            "first_run": 1.0 if self.is_confirmed else FIRST_RUN_SPEED,
            "first_motion": self._first.scale(measured, now_ns),
            "speed_scaling": scaling,
        }
        found = tuple(Finding(Verdict.SLOW, reason) for reason, share in shares.items() if share < 1.0)
        return min(shares.values()), found

    def stood_s(self, share: float, now_ns: int) -> float:
        """How long the path has stood when it goes on at this tick, s; 0 where it did not stand, or still does."""
        since_ns = self._stood_since_ns
        if share < STANDING:
            self._stood_since_ns = now_ns if since_ns is None else since_ns
            return 0.0
        self._stood_since_ns = None
        return 0.0 if since_ns is None else (now_ns - since_ns) * 1e-9
