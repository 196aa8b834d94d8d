"""Values, shapes and names that do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qgf_ros.errors.base import QgfError


class InvalidSetting(QgfError):
    """A configuration value lies outside what is accepted."""

    def __init__(self, name: str, found: object, accepted: str) -> None:
        self.name = name
        self.found = found
        self.accepted = accepted
        super().__init__(f"{name} is {found!r}, but it must be {accepted}.")


class UnknownKeys(QgfError):
    """A mapping holds keys that nobody would read, or lacks keys that are needed."""

    def __init__(
        self, where: str, unknown: Iterable[str], valid: Iterable[str], missing: Iterable[str] = ()
    ) -> None:
        self.where = where
        self.unknown = tuple(sorted(unknown))
        self.missing = tuple(sorted(missing))
        faults = []
        if self.unknown:
            faults.append(f"has unknown keys {', '.join(self.unknown)}")
        if self.missing:
            faults.append(f"lacks {', '.join(self.missing)}")
        super().__init__(f"{where} {' and '.join(faults)}; the valid keys are {', '.join(sorted(valid))}.")


class ShapeMismatch(QgfError):
    """An array has another shape than its user needs."""

    def __init__(self, name: str, found: Sequence[int], expected: str) -> None:
        self.name = name
        self.found = tuple(found)
        super().__init__(f"{name} has the shape {self.found}, but {expected} is needed.")


class UnknownTaskError(QgfError):
    """A simulation task that does not exist."""

    def __init__(self, name: str, available: Sequence[str]) -> None:
        super().__init__(f"There is no task '{name}': available are {', '.join(available)}.")


class OffGridError(QgfError):
    """A policy is asked to be stepped at times that it was not trained on."""

    def __init__(self, denoise_steps: int, grid_steps: int) -> None:
        accepted = ", ".join(str(n) for n in range(1, grid_steps + 1) if grid_steps % n == 0)
        super().__init__(
            f"{denoise_steps} denoising steps leave the times k/{grid_steps} that this policy was trained on: accepted are "
            f"{accepted}, or any number for a policy trained with time_sampling: continuous."
        )


class UnknownFaultError(QgfError):
    """A name that is in no fault of the table."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"No fault is called '{name}': there are {', '.join(known)}.")


class RosArgumentsError(QgfError):
    """Arguments after `--ros-args` that ROS does not take."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"ROS could not be started with these arguments ({problem.splitlines()[0] if problem else 'no reason given'}): "
            "`-p NAME:=VALUE` sets a parameter, with '' for an empty text."
        )
