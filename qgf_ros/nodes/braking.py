"""Serves ticks until the arm rests, in a callback that must not end before: the node ends, or is placed anew."""

from __future__ import annotations

import math
import time

from rclpy.impl.rcutils_logger import RcutilsLogger

from qgf_ros.nodes.commander import Commander
from qgf_ros.nodes.metronome import Metronome

MARGIN_S = (
    0.5  # beyond what a stop takes under the limits in force: for the tick at which it begins, and rounding
)


def brake_to_rest(commander: Commander, metronome: Metronome, logger: RcutilsLogger) -> None:
    """Returns when the arm rests, or when it should have rested: then that is said as fatal, and it still moves.

    The wait is counted in ticks that are served, since a stop goes on with each: a busy computer cuts none short.
    """
    try:
        stop_s = commander.session.seconds_to_stop
        ticks = math.ceil((stop_s + MARGIN_S) * 1e9 / commander.contract.tick_ns)
        for _ in range(ticks):
            if commander.session.is_at_rest:
                return
            metronome.turn(time.sleep)
    except Exception as error:  # nothing more can be commanded: the arm stays at what was sent last
        logger.fatal(f"The arm could not be braked to rest: {error!r}")
        return
    if not commander.session.is_at_rest:
        logger.fatal(
            f"The arm could not be braked to rest: it still moves after {ticks} ticks, where a stop takes {stop_s:.2f} s."
        )
