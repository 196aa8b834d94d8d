"""Values that can only be in other units, or of another frame: degrees for radians, millimetres for metres."""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract, Field, JointLimits
from qgf_ros.datatypes import JointReading, Reading
from qgf_ros.errors import ObservationRefused

FARTHEST_M = 20.0  # from the origin of its frame: no arm reaches what is further off


def plausible_range(limits: JointLimits) -> tuple[float, float]:
    """Where a joint may be measured at all, rad or m: its range, and its width on either side."""
    return 2 * limits.lower - limits.upper, 2 * limits.upper - limits.lower


class Plausible:
    """The bounds of a contract's joints and poses; joints that are observed on the circle may stand at any turn."""

    def __init__(self, contract: Contract) -> None:
        interface, limits = contract.interface, contract.deployment.limits
        terms = [term for term in interface.observation if term.field is Field.POSITION_CIRCLE]
        turning = {joint for term in terms for joint in term.joints}
        self._ranges = {joint: plausible_range(limits[joint]) for joint in {*interface.joints} - turning}

    def check(self, reading: Reading, source: str) -> None:
        """Returns where nothing finite of a reading lies outside; `source` names it in the sentence.

        Raises:
            ObservationRefused: reason `units`.
        """
        if isinstance(reading, JointReading):
            self._check_joints(reading, source)
            return
        far = float(np.abs(reading.position).max())
        if FARTHEST_M < far < np.inf:
            sentence = f"The pose on {source} lies {far:g} m off, and at most {FARTHEST_M:g} m are believed: is it in metres?"
            raise ObservationRefused("units", sentence)

    def _check_joints(self, reading: JointReading, source: str) -> None:
        for joint, position in zip(reading.names, reading.positions.tolist(), strict=False):
            lower, upper = self._ranges.get(joint, (-np.inf, np.inf))
            if not lower <= position <= upper and np.isfinite(position):
                found = f"'{joint}' on {source} is {position:g}"
                sentence = f"{found}, and {lower:g} to {upper:g} are believed: is it in radians (or metres)?"
                raise ObservationRefused("units", sentence)
