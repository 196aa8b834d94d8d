"""The table that people read at start: every bound in force, and every watch with whether it is on and why not.

One text for the command node and `qgf limits`. What is off is said as plainly as what is on. Ours; docs/adr/0023.
"""

from __future__ import annotations

from collections.abc import Sequence

from qgf_ros.contract.schema import Contract
from qgf_ros.control.deployed import Deployed
from qgf_ros.control.first_motion import FirstMotion
from qgf_ros.control.limits_in_force import LimitsInForce

ON = "on"
LABEL_WIDTH = 17  # of the longest name of a row that is no joint
COLUMNS = ("joint", "start", "frozen", "tracking", "units", "second publisher")


def table(deployed: Deployed, limits: LimitsInForce, description: str, speed: str) -> list[str]:
    """Lines: limits, what bounds time and speed, and the watches joint by joint.

    `limits` are those in force; `description` says whether robot_description tightens them, `speed` whether full speed is
    confirmed.
    """
    bounds = [
        ("workspace", _workspace(deployed.contract)),
        ("oldest inputs", _ages(deployed.contract)),
        ("oldest chunk", f"{deployed.config.chunk_max_age_s:g} s (chunk_max_age_s)"),
        ("in command", f"{deployed.config.in_command.value} at first; take_over and hand_back change it"),
        ("longest break", f"{deployed.config.resume_within_s:g} s of joint states (resume_within_s)"),
        ("speed", speed),
        ("first motion", _first_motion(deployed)),
        ("data seen", deployed.seen_words),
        ("robot_description", description),
        ("look-ahead", _look_ahead(deployed.contract)),
        ("speed scaling", _scaling(deployed.contract)),
        ("clock", "off: in lockstep time is the simulator's" if deployed.is_lockstep else ON),
        ("qos", f"{ON}: of every input's publishers"),
        ("emergency stop", f"{ON}: topic and service"),
        ("black box", "off" if deployed.black_box is None else f"{ON}, in {deployed.black_box}"),
        ("detector", "in the policy node: its log and report say whether it watches"),
        ("commands", "none are sent: shadow mode" if deployed.config.shadow else _outputs(deployed.contract)),
    ]
    width = max(LABEL_WIDTH, *(len(joint) for joint in limits.joints))
    return [*limits.lines(width), *_aligned(bounds, width), *watches(deployed)]


def watches(deployed: Deployed) -> list[str]:
    """A line a joint, below a heading: which watches are on for it."""
    contract, is_shadow = deployed.contract, deployed.config.shadow
    kinds = {joint: output.kind for output in contract.deployment.outputs for joint in output.joints}
    rows = [COLUMNS]
    for joint in contract.interface.joints:
        limits = contract.deployment.limits[joint]
        rows.append(
            (
                joint,
                _watch(limits.watches_start, is_shadow),
                _watch(limits.watches_tracking, is_shadow),
                _watch(limits.watches_tracking, is_shadow),
                "by range" if deployed.seen is None else "by data",
                _watch(kinds[joint].is_topic, is_shadow),
            )
        )
    found = _aligned(rows, LABEL_WIDTH)
    if not is_shadow and any(" off" in line for line in found):
        found.append(
            "off: start_error or tracking_error is the joint's whole range or more; an action hides who else commands"
        )
    return found


def _aligned(rows: Sequence[tuple[str, ...]], first: int) -> list[str]:
    """Rows as lines; the first column has at least the width `first`."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    widths[0] = max(widths[0], first)
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _watch(is_on: bool, is_shadow: bool) -> str:
    return "shadow" if is_shadow else ON if is_on else "off"


def _workspace(contract: Contract) -> str:
    box = contract.interface.action.workspace
    if box is None:
        return "none: targets of actions are not clipped"
    sides = ", ".join(f"{low:g} to {high:g}" for low, high in zip(*box, strict=True))
    return f"{sides} m, to which targets of actions are clipped"


def _ages(contract: Contract) -> str:
    ages = contract.deployment.inputs.items()
    return ", ".join(f"{name} {topic.max_age_s:g} s" for name, topic in ages)


def _first_motion(deployed: Deployed) -> str:
    if deployed.config.first_motion is FirstMotion.REFUSE:
        return "refused away from where the data began"
    if deployed.seen is not None:
        return "a tenth of the speed away from where the data began"
    until = (
        "no more, since full speed is confirmed" if deployed.config.full_speed_confirmed else "at each start"
    )
    return f"a tenth of the speed {until}: where the data began is not known"


def _look_ahead(contract: Contract) -> str:
    path = contract.scene_path
    return (
        "OFF, nothing looks ahead: the contract names no scene" if path is None else f"{ON}, in {path.name}"
    )


def _scaling(contract: Contract) -> str:
    topic = contract.deployment.speed_scaling
    return "off: the contract names no topic" if topic is None else f"{ON}, from '{topic}'"


def _outputs(contract: Contract) -> str:
    rate = contract.deployment.command_rate_hz
    kinds = ", ".join(f"{output.kind.value} '{output.topic}'" for output in contract.deployment.outputs)
    return f"{rate:g} a second to {kinds}"
