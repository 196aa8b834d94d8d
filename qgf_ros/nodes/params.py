"""A node's parameters as one table: name, default, range, meaning. What is not in the table is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter as RclParameter

from qgf_ros.errors import InvalidSetting, QgfError, UnknownKeys

Value = bool | int | float | str | list[str]
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list of texts",
}


@dataclass(frozen=True)
class Parameter:
    """One row: the default also fixes the type. `low` and `high` bound numbers; `choices` lists what a text may be.

    A dynamic parameter may change while the node runs; all others are read-only.
    """

    name: str
    default: Value
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    dynamic: bool = False

    def checked(self, value: object) -> Value:
        """`value` in the row's type.

        Raises:
            InvalidSetting: wrong type, out of range, or none of the choices.
        """
        kind = type(self.default)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, bool | int | float | str | list) or type(value) is not kind:
            raise InvalidSetting(f"Parameter {self.name}", value, self.accepted)
        if isinstance(value, int | float) and not isinstance(value, bool) and not self._in_range(value):
            raise InvalidSetting(f"Parameter {self.name}", value, self.accepted)
        if self.choices and value not in self.choices:
            raise InvalidSetting(f"Parameter {self.name}", value, self.accepted)
        return value

    def _in_range(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    @property
    def accepted(self) -> str:
        """What would do, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = _WORDS[type(self.default)]
        if self.low is not None and self.high is not None:
            return f"{words} from {self.low:g} to {self.high:g}"
        return words if self.low is None else f"{words} of at least {self.low:g}"

    def descriptor(self) -> ParameterDescriptor:
        """The row as ROS describes parameters."""
        described = ParameterDescriptor(
            name=self.name, description=self.description, read_only=not self.dynamic
        )
        if self.choices:
            described.additional_constraints = self.accepted
        if self.low is not None and self.high is not None and isinstance(self.default, float):
            described.floating_point_range = [
                FloatingPointRange(from_value=self.low, to_value=self.high, step=0.0)
            ]
        elif self.low is not None and self.high is not None and isinstance(self.default, int):
            described.integer_range = [
                IntegerRange(from_value=int(self.low), to_value=int(self.high), step=1)
            ]
        return described


def declare(node: Node, table: Sequence[Parameter]) -> dict[str, Value]:
    """Declares the table on a node made with `automatically_declare_parameters_from_overrides=True`; the values by name.

    Raises:
        UnknownKeys: a parameter file or argument sets a parameter that is not in the table.
        InvalidSetting: a value does not fit its row.
    """
    rows = {row.name: row for row in table}
    given = _overrides(node)
    unknown = given.keys() - rows.keys()
    if unknown:
        raise UnknownKeys(f"The parameter set of {node.get_name()}", unknown, rows)
    values: dict[str, Value] = {}
    for name, row in rows.items():
        values[name] = row.checked(given[name]) if name in given else row.default
        if name in given:
            node.undeclare_parameter(
                name
            )  # declared without a descriptor by rclpy: declare it again, with one
        node.declare_parameter(name, values[name], row.descriptor(), ignore_override=True)
    return values


def on_change(
    node: Node,
    table: Sequence[Parameter],
    apply: Callable[[Mapping[str, Value]], None],
    allow: Callable[[], None] = lambda: None,
) -> None:
    """Calls `apply` with the dynamic parameters that were set, after their types, ranges and choices were checked.

    `allow` raises QgfError while they may not change.
    """
    rows = {row.name: row for row in table if row.dynamic}

    def check(changed: Iterable[RclParameter]) -> SetParametersResult:
        try:
            for parameter in changed:
                if parameter.name in rows:
                    rows[parameter.name].checked(parameter.value)
                    allow()
        except QgfError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def accept(changed: Iterable[RclParameter]) -> None:
        apply(
            {
                parameter.name: rows[parameter.name].checked(parameter.value)
                for parameter in changed
                if parameter.name in rows
            }
        )

    node.add_on_set_parameters_callback(check)
    node.add_post_set_parameters_callback(accept)


def _overrides(node: Node) -> dict[str, object]:
    own = ("use_sim_time", "start_type_description_service")  # rclpy's, on every node
    found = node.get_parameters_by_prefix("")
    return {
        name: entry.value
        for name, entry in found.items()
        if name not in own and not name.startswith("qos_overrides.")
    }
