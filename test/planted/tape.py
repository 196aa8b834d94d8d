"""The run that a violation is planted in, and the places where one fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from verified_world import Certified, Command, Entry, Executed

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.verify.motion import Before

Entries = list[Entry]


class NoPlace(Exception):
    """This run has no place where such a violation could be planted."""


class Tape:
    """The entries to be changed, the contract, and where something can be planted."""

    def __init__(self, contract: Contract, entries: Entries, seed: int) -> None:
        self.contract, self.entries = contract, list(entries)
        self.rng = np.random.default_rng(seed)

    def choose(self, fits: Callable[[Certificate], bool] = lambda _: True) -> int:
        """The place of a random certificate of a tick that fits, not at the beginning or the end. Raises NoPlace."""
        count = len(self.entries)
        places = [
            place
            for place, entry in enumerate(self.entries)
            if isinstance(entry, Certified)
            and entry.stamp_ns
            and entry.certificate.commands
            and count // 10 < place < 9 * count // 10
            and fits(entry.certificate)
        ]
        if not places:
            raise NoPlace
        return int(self.rng.choice(places))

    def certificate(self, place: int) -> Certificate:
        """The certificate there."""
        entry = self.entries[place]
        assert isinstance(entry, Certified)
        return entry.certificate

    def restate(self, place: int, **values: object) -> None:
        """Other values in the certificate there."""
        entry = self.entries[place]
        assert isinstance(entry, Certified)
        self.entries[place] = replace(entry, certificate=replace(entry.certificate, **values))  # type: ignore[arg-type]

    def restate_from(self, place: int, change: Callable[[Certificate], Certificate]) -> None:
        """Other values in every certificate from there on."""
        for index in range(place, len(self.entries)):
            entry = self.entries[index]
            if isinstance(entry, Certified):
                self.entries[index] = replace(entry, certificate=change(entry.certificate))

    def tick(self, place: int) -> range:
        """The places of a tick's commands, `executed` and certificate, which is at `place`."""
        first = place
        while isinstance(self.entries[first - 1], Command | Executed):
            first -= 1
        return range(first, place + 1)

    def move(self, place: int, q: Entries | None = None, **vectors: tuple[float, ...]) -> None:
        """Another command at this tick, said alike by certificate, `executed` and the command topics."""
        self.restate(place, **vectors)
        certificate, joints = self.certificate(place), self.contract.interface.joints
        outputs = {output.topic: output.joints for output in self.contract.deployment.outputs}
        for index in self.tick(place):
            entry = self.entries[index]
            if isinstance(entry, Executed):
                command = Before(certificate.positions, certificate.velocities, certificate.accelerations)
                self.entries[index] = replace(entry, command=command)
            elif isinstance(entry, Command):
                values = tuple(certificate.positions[joints.index(joint)] for joint in outputs[entry.topic])
                self.entries[index] = replace(entry, positions=values)

    def joint(self) -> int:
        """One of the first joints, which belong to the arm."""
        return int(self.rng.integers(0, 6))


def with_one(values: tuple[float, ...], place: int, value: float) -> tuple[float, ...]:
    """The values, one of them another."""
    return (*values[:place], value, *values[place + 1 :])


def plays(certificate: Certificate) -> bool:
    """A chunk is in play."""
    return certificate.rung == "chunk" and certificate.chunk_stamp_ns > 0


def runs(certificate: Certificate) -> bool:
    """The arm moves under a chunk."""
    return plays(certificate) and max(map(abs, certificate.velocities[:6])) > 0.02


def moves_for(tape: Tape, ticks: int) -> Callable[[Certificate], bool]:
    """Whether chunks are played at the next `ticks` ticks, and the arm goes further than a stop would let it."""
    found = [entry.certificate for entry in tape.entries if isinstance(entry, Certified) and entry.stamp_ns]
    numbers = {
        here.sequence
        for place, here in enumerate(found[:-ticks])
        if all(map(plays, found[place : place + ticks]))
        and max(
            abs(a - b) for a, b in zip(here.positions[:6], found[place + ticks].positions[:6], strict=True)
        )
        > 0.05
        and min(max(map(abs, entry.velocities[:6])) for entry in found[place : place + ticks]) > 0.02
    }
    return lambda entry: entry.sequence in numbers


def rests_long(tape: Tape) -> Callable[[Certificate], bool]:
    """At rest under a hold, before and after, and neither a reset nor a silence near."""
    ticks = [entry.certificate for entry in tape.entries if isinstance(entry, Certified) and entry.stamp_ns]
    numbers = {
        here.sequence
        for before, here, after in zip(ticks, ticks[1:], ticks[2:], strict=False)
        if all(
            max(map(abs, entry.velocities + entry.accelerations)) < 1e-9 for entry in (before, here, after)
        )
        and here.rung == "hold"
    }
    return lambda entry: entry.sequence in numbers
