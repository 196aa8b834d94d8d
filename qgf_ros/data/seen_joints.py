"""Where the robot stood in a data set: the measured joints among the observations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qgf_ros.contract.schema import Contract, Field, JointLimits, Message
from qgf_ros.data.dataset import Slice
from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import ContractError
from qgf_ros.seen import Seen

TURN = 2 * np.pi


def seen_in(contract: Contract, slices: Sequence[Slice]) -> Seen:
    """The ranges of the contract's joints over all rows, and over the first rows of episodes.

    A joint that is observed as a point on the circle is put into its limits' range; where that is wider than a turn its place
    is not known, and the whole range counts as seen.

    Raises:
        ContractError: a joint of the contract is not observed.
    """
    corners, starts = [], []
    for part in slices:
        begins = np.concatenate([[True], part.terminals[:-1]])
        columns = [_column(contract, part, joint) for joint in contract.interface.joints]
        corners += [_ends(columns)]
        starts += [_ends([column[begins] for column in columns])]
    return Seen.of(contract.interface.joints, np.concatenate(corners), np.concatenate(starts))


def _ends(columns: Sequence[FloatArray]) -> FloatArray:
    """Lowest and highest value of each joint (2, J)."""
    return np.array([[column.min() for column in columns], [column.max() for column in columns]])


def _column(contract: Contract, part: Slice, joint: str) -> FloatArray:
    """One joint over the rows (N,), rad, or where that is not known the ends of its range in each row (N, 2)."""
    interface, limits = contract.interface, contract.deployment.limits[joint]
    sensors = {entry.name for entry in interface.inputs if entry.message is Message.JOINT_STATE}
    for term in interface.observation:
        if term.input not in sensors or joint not in term.joints:
            continue
        place, first = term.joints.index(joint), interface.slice_of(term.name).start
        if term.field is Field.POSITION:
            return np.asarray(part.observations[:, first + place], np.float64)
        if term.field is Field.POSITION_CIRCLE:
            cosines = np.asarray(part.observations[:, first + place], np.float64)
            sines = np.asarray(part.observations[:, first + len(term.joints) + place], np.float64)
            return _within(np.arctan2(sines, cosines), limits)
    raise ContractError(contract.path, f"no term observes the position of '{joint}'", "one is needed here")


def _within(angles: FloatArray, limits: JointLimits) -> FloatArray:
    if limits.upper - limits.lower >= TURN:
        return np.full((len(angles), 2), [limits.lower, limits.upper])
    above = np.mod(angles - limits.lower, TURN)  # of the lower limit, in [0, TURN)
    wide = limits.upper - limits.lower
    is_below = (
        TURN - above < above - wide
    )  # outside, and nearer to the lower limit: rounding has put it there
    return np.asarray(limits.lower + above - TURN * is_below)
