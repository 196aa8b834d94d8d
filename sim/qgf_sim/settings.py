"""The simulator node's parameters. What is not in the table is refused by name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

DESCRIPTIONS = {
    "task": "name of the task; qgf_sim.available() lists them",
    "seed": "seed of the next episode that ~/reset starts; it then grows by one",
    "rate_hz": "command ticks a second: how often the joints are published and the controllers updated",
    "lockstep": "true: sim time moves on only when the command node's certificate of a tick and its commands are there",
    "certificate_topic": "where the command node's certificates come from, in lockstep",
    "timeout_s": "lockstep: after this long without an answer, pause and say what is missing",
    "controllers": "one text a controller, name:kind:joint,joint with kind group or trajectory",
    "paused": "true: begin paused",
    "end_at_success": "true: stop stepping when the episode is done (success or time limit) until ~/reset",
    "publish_clock": "true: stamps are sim time, published on clock; false: stamps are the node's clock (lockstep implies true)",
    "realtime_priority": "real time: priority under SCHED_FIFO where it is granted, as a robot waits for nobody; 0: none",
    "shuffle_joints": "true: another order of joints in every joint_states message, as nothing forbids it",
    "faults": "a YAML file of faults, played from each reset on: docs/faults.md; empty: none",
    "fault": "one fault as YAML, such as {fault: delay, for_s: 1.0, seconds: 0.2}, which ~/inject begins",
    "person": "true: offer ~/operate, by which a scripted person takes a space mouse in hand (topics twist, joy) or lets it go",
    "person_noise": "how unsteady their hand is: a share of the most that an action moves",
    "person_slowness": "how many times more slowly they move than the demonstrator of the task",
    "best_effort": "sensor topics published best effort, which a reliable subscriber never receives",
}
DYNAMIC = ("seed", "fault")
HIGHEST = {"seed": 2**31 - 1, "realtime_priority": 90}


@dataclass(frozen=True)
class Settings:
    """Values of the parameters; the defaults fix the types."""

    task: str = "cube-single-task1"
    seed: int = 0
    rate_hz: float = 100.0
    lockstep: bool = False
    certificate_topic: str = "command_node/certificate"
    timeout_s: float = 15.0
    controllers: tuple[str, ...] = ()
    paused: bool = False
    end_at_success: bool = False
    publish_clock: bool = False
    realtime_priority: int = 5
    shuffle_joints: bool = False
    faults: str = ""
    fault: str = ""
    person: bool = False
    person_noise: float = 0.1
    person_slowness: float = 2.0
    best_effort: tuple[str, ...] = ()

    @property
    def tick_ns(self) -> int:
        """Length of a tick."""
        return round(1e9 / self.rate_hz)


def declare(node: Node) -> Settings:
    """The settings of a node made with `automatically_declare_parameters_from_overrides=True`.

    Raises:
        ValueError: an unknown parameter, or a value of another type or out of range; the message says what would do.
    """
    defaults = {field.name: field.default for field in fields(Settings)}
    given = {
        name: entry.value for name, entry in node.get_parameters_by_prefix("").items() if name in defaults
    }
    _refuse_unknown(node, tuple(defaults))
    values: dict[str, Any] = {
        name: _checked(name, given.get(name, default), default) for name, default in defaults.items()
    }
    for name, value in values.items():
        if name in given:
            node.undeclare_parameter(name)
        shown = list(value) or [""] if isinstance(value, tuple) else value
        descriptor = ParameterDescriptor(
            name=name, description=DESCRIPTIONS[name], read_only=name not in DYNAMIC
        )
        node.declare_parameter(name, shown, descriptor, ignore_override=True)
    return Settings(**values)


def _refuse_unknown(node: Node, valid: tuple[str, ...]) -> None:
    own = ("use_sim_time", "start_type_description_service")
    found = [name for name in node.get_parameters_by_prefix("") if not name.startswith("qos_overrides.")]
    unknown = sorted(name for name in found if name not in valid and name not in own)
    if unknown:
        raise ValueError(
            f"The parameter set of {node.get_name()} has unknown keys {', '.join(unknown)}; the valid keys are {', '.join(sorted(valid))}."
        )


def _checked(name: str, value: object, default: object) -> object:
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        value = tuple(entry for entry in value if entry)
    if type(value) is not type(default):
        words = {
            bool: "true or false",
            int: "a whole number",
            float: "a number",
            str: "a text",
            tuple: "a list of texts",
        }
        raise ValueError(f"Parameter {name} is {value!r}, but it must be {words[type(default)]}.")
    if isinstance(value, float) and value <= 0:
        raise ValueError(f"Parameter {name} is {value!r}, but it must be above 0.")
    if type(value) is int and not 0 <= value <= HIGHEST[name]:
        raise ValueError(f"Parameter {name} is {value!r}, but it must be from 0 to {HIGHEST[name]}.")
    return value
