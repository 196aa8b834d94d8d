"""The table of faults and reactions: what strikes, in which phases, what has to follow, and within which time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from qgf_ros.datatypes import Rung, Sender
from qgf_ros.evaluate import deeds, strikes
from qgf_ros.evaluate.phases import Phase
from qgf_ros.evaluate.reactions import GoesOn, Obeys, Reaction, Rests, Slows, Waits
from qgf_ros.evaluate.strikes import Act, Inject, Spoiled, Strike, Unasked

HOLDING, FAST, MID, SEAM = Phase.HOLDING, Phase.FAST, Phase.MID_CHUNK, Phase.SEAM
GRASPING, STEERED, BRAKING = Phase.GRASPING, Phase.STEERED, Phase.BRAKING
MOVING = (FAST, MID, SEAM, GRASPING)
ALL = (HOLDING, *MOVING, STEERED, BRAKING)
TICK_S = 0.01  # one tick: the next command reacts
STALE_S = 0.1  # the bar of stale joint states
FROZEN_S = 0.2  # 0.1 s of the same value, and the command must have moved meanwhile
TRACKING_S = 1.0  # until a joint that stands is further from its command than allowed, and 0.1 s more
STANDING_S = 0.55
HAND_OVER_S = 0.05  # a control period, until the other's first chunk is in play
LET_GO_S = 0.3  # until the two actions of a person's chunk are played, and the arm has come to rest
SILENT_S = 0.25 + TICK_S  # until a person who was asked for a chunk is taken for lost
CHUNK_S = 1.0  # until all that was planned is played, and the arm has come to rest
ON_S = 0.5  # how long an arm that bears a fault must go on


@dataclass(frozen=True)
class Case:
    """A fault: the phases in which it strikes, what must follow within `within_s`.

    For a reaction that is to go on, `within_s` is how long.
    """

    fault: str
    phases: tuple[Phase, ...]
    strike: Strike
    expected: Reaction
    within_s: float


def _holds(*reasons: str) -> Rests:
    return Rests(Rung.HOLD, reasons)


def _stops(*reasons: str) -> Rests:
    return Rests(Rung.STOP, reasons)


def _fault(name: str, places: tuple[int, ...] = (), **fields: object) -> Inject:
    entry: Mapping[str, object] = {"fault": name, **fields}
    return Inject(entry, places)


SENSORS = (
    Case("joint states lost", ALL[:-1], _fault("lost"), _holds("stale"), STALE_S),
    Case("joint states 0.2 s late", (FAST, GRASPING), _fault("delay", seconds=0.2), _holds("stale"), STALE_S),
    Case("joint states 0.04 s late", (FAST,), _fault("delay", seconds=0.04), GoesOn(fresh_share=0.9), ON_S),
    Case("every third joint state dropped", (FAST, GRASPING), _fault("drop", share=0.3), GoesOn(), ON_S),
    Case("joint states doubled", (FAST, GRASPING), _fault("duplicate"), GoesOn(), ON_S),
    Case(
        "joint states reordered", (FAST, GRASPING), _fault("reorder", length=4), GoesOn(fresh_share=0.9), ON_S
    ),
    Case(
        "sensor frozen",
        (FAST, MID, GRASPING),
        _fault("freeze", topic="joint_states"),
        _holds("frozen"),
        FROZEN_S,
    ),
    Case("sensor frozen at rest", (HOLDING,), _fault("freeze", topic="joint_states"), GoesOn(), ON_S),
    Case(
        "stamps in the future", (HOLDING, FAST, SEAM), _fault("skew", seconds=0.3), _holds("future"), TICK_S
    ),
    Case("stamps in the past", (HOLDING, FAST), _fault("skew", seconds=-0.3), _holds("stale"), STALE_S),
    Case("small noise", (FAST, GRASPING), _fault("noise", std=0.001), GoesOn(), ON_S),
    Case("a biased encoder", (FAST,), _fault("joint_bias", offset=0.05), GoesOn(), ON_S),
    Case(
        "joint states far off",
        (FAST, MID),
        _fault("bias", offset=1.0, places=(0,)),
        _stops("tracking"),
        STALE_S + 2 * TICK_S,
    ),
    Case("not a number", ALL[:-1], _fault("nan"), _holds("not_finite"), TICK_S),
    Case("infinite", (FAST, GRASPING), _fault("infinity"), _holds("not_finite"), TICK_S),
    Case("degrees for radians", (FAST, GRASPING), _fault("degrees"), _holds("units"), TICK_S),
    Case("names shuffled", (FAST, SEAM, GRASPING), _fault("shuffle"), GoesOn(), ON_S),
    Case("a joint missing", (HOLDING, FAST, GRASPING), _fault("partial"), _holds("stale", "joint"), STALE_S),
    Case("a joint twice", (FAST, SEAM), _fault("doubled"), _holds("shape"), TICK_S),
    Case(
        "two joints exchanged",
        (FAST, MID),
        _fault("exchanged", places=(1, 2)),
        Rests(Rung.STOP, ("tracking",)),
        STALE_S + 2 * TICK_S,
    ),
    Case("more names than values", (FAST, GRASPING), _fault("misshapen"), _holds("shape"), TICK_S),
    Case("object pose lost", (FAST,), _fault("lost", topic="cube_pose"), Waits(), 0.3 + CHUNK_S),
    Case("object pose off by 3 cm", (FAST,), _fault("pose_bias", offset=[0.03, 0.0, 0.0]), GoesOn(), ON_S),
)
TIME = (
    Case(
        "clock jumps back",
        (HOLDING, FAST, GRASPING),
        _fault("clock_jump", seconds=-5.0),
        _holds("stale"),
        TICK_S,
    ),
    Case("clock jumps ahead", (FAST, SEAM), _fault("clock_jump", seconds=5.0), _holds("clock"), TICK_S),
    Case("clock set right by 0.3 s", (FAST, SEAM), _fault("clock_jump", seconds=0.3), GoesOn(), ON_S),
    Case("clock stands", (FAST,), _fault("lost", topic="clock"), _holds("future"), STALE_S),
    Case("all time stands", (HOLDING, FAST), _fault("clock_stands"), _holds("time_stopped"), STANDING_S),
)
PLANT = (
    Case(
        "controllers deactivated", (FAST,), _fault("controller_deactivated"), _stops("tracking"), TRACKING_S
    ),
    Case("controllers lag by 20 ms", (FAST,), _fault("controller_lag", seconds=0.02), GoesOn(), ON_S),
    Case("a joint stuck", (FAST,), _fault("joint_stuck"), _stops("tracking"), TRACKING_S),
    Case("gripper stuck", (GRASPING,), _fault("gripper_stuck"), GoesOn(), ON_S),
    Case("payload of 1 kg more", (FAST, GRASPING), _fault("payload", kg=1.0), GoesOn(), ON_S),
)
CHUNKS = (
    Case("no chunk any more", (FAST, MID, SEAM, GRASPING), Spoiled(strikes.silence), Waits(), CHUNK_S),
    Case(
        "chunk with NaN",
        (FAST, GRASPING),
        Spoiled(strikes.with_value(math.nan)),
        _holds("chunk_not_finite"),
        TICK_S,
    ),
    Case(
        "chunk with infinity",
        (FAST,),
        Spoiled(strikes.with_value(math.inf)),
        _holds("chunk_not_finite"),
        TICK_S,
    ),
    Case("chunk with other names", (FAST,), Spoiled(strikes.renamed), _holds("chunk_names"), TICK_S),
    Case("chunk of another width", (FAST,), Spoiled(strikes.narrower), _holds("chunk_shape"), TICK_S),
    Case("chunk too long", (SEAM,), Spoiled(strikes.longer), _holds("chunk_shape"), TICK_S),
    Case("chunk without actions", (FAST,), Spoiled(strikes.empty), _holds("chunk_shape"), TICK_S),
    Case(
        "chunk at no speed",
        (FAST,),
        Spoiled(strikes.at_speed(0.0)),
        _holds("chunk_bad_speed"),
        TICK_S,
    ),
    Case("chunk at half speed", (FAST,), Spoiled(strikes.at_speed(0.5)), Slows("chunk_speed"), 0.1),
    Case("chunk too old", (FAST,), Spoiled(strikes.older_by(0.6)), Waits(), CHUNK_S),
    Case("chunk from the future", (FAST,), Spoiled(strikes.older_by(-1.0)), Waits(), CHUNK_S),
    Case("chunk twice", (FAST, SEAM), Spoiled(strikes.twice), GoesOn(refused="unwanted"), ON_S),
    Case("chunk that nobody asked for", (MID,), Unasked(), GoesOn(refused="unwanted"), ON_S),
    Case("chunk out of range", (FAST, GRASPING), Spoiled(strikes.times(20.0)), GoesOn(finding="range"), ON_S),
    Case(
        "chunk out of the workspace",
        (FAST,),
        Spoiled(strikes.always(2, 0.05)),
        GoesOn(finding="workspace"),
        ON_S,
    ),
    Case("jagged chunk", (FAST, GRASPING), Spoiled(strikes.jagged(20.0)), GoesOn(finding="range"), ON_S),
    Case("chunk of huge numbers", (FAST,), Spoiled(strikes.with_value(1e300)), GoesOn(finding="range"), ON_S),
)
OPERATOR = (
    Case("emergency stop called", ALL, Act(deeds.emergency_called), _stops("emergency"), TICK_S),
    Case(
        "emergency stop pressed", (FAST, GRASPING), Act(deeds.emergency_pressed), _stops("emergency"), TICK_S
    ),
    Case("reset while it is pressed", (FAST,), Act(deeds.reset_while_pressed), _stops("emergency"), TICK_S),
    Case("stop called", MOVING, Act(deeds.stop), _holds("stopped"), TICK_S),
    Case("start while it moves", (FAST,), Act(deeds.start), GoesOn(), ON_S),
    Case("controller at half speed", (FAST, GRASPING), Act(deeds.half_speed), Slows("speed_scaling"), TICK_S),
    Case("controller silent", (FAST,), Act(deeds.silent_controller), Slows("speed_scaling"), TICK_S),
    Case("second publisher", (FAST,), Act(deeds.second_publisher), _holds("second_publisher"), TICK_S),
    Case("failure of our own", (FAST, GRASPING), Act(deeds.fail), _stops("exception"), TICK_S),
)
PERSON = (
    Case("a person takes over", MOVING, Act(deeds.take_over), Obeys(Sender.TELEOP), HAND_OVER_S),
    Case("a person hands back", (STEERED,), Act(deeds.hand_back), Obeys(Sender.POLICY), HAND_OVER_S),
    Case("policy's chunk while steered", (STEERED,), Unasked(), GoesOn(refused="not_in_command"), ON_S),
    Case(
        "policy's NaN while steered",
        (STEERED,),
        Unasked(far=math.nan),
        GoesOn(refused="not_in_command"),
        ON_S,
    ),
    Case(
        "person's chunk, policy plays",
        (FAST, MID, GRASPING),
        Unasked(Sender.TELEOP.value),
        GoesOn(refused="not_in_command"),
        ON_S,
    ),
    Case("person silent", (STEERED,), Spoiled(strikes.silence), Waits(), LET_GO_S),
    Case(
        "person silent, arm slow",
        (STEERED,),
        Spoiled(strikes.silence, speed_percent=20.0),
        Rests(Rung.HOLD, ("teleop_silent",), then=Rung.TAIL),
        SILENT_S,
    ),
)
CASES = (*SENSORS, *TIME, *PLANT, *CHUNKS, *OPERATOR, *PERSON)
