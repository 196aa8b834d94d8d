"""What the certifier states is what the verifier finds by other means; and what each says at the edges."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from online import feed
from verified_world import BEGIN_NS, Certified, World, contract_of

from qgf_ros.certificate import CHECKS, HOLDS, REASONS, REFUSALS, TOOL_CHECKS, Certificate
from qgf_ros.control import reasons
from qgf_ros.control.certify import Certifier
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.session import Tick
from qgf_ros.datatypes import JointCommand, JointReading, Rung
from qgf_ros.errors import UnreadableCertificate
from qgf_ros.verify.sent import Sent
from qgf_ros.verify.verifier import Allowance, Verifier
from qgf_ros.verify.violation import What

CONTRACT = contract_of("ur5e_cube")
JOINTS = CONTRACT.interface.joints
REST = np.array([0.0, -1.57, 1.57, -1.57, -1.57, 0.0, 0.3])


def certifier() -> Certifier:
    """A fresh one, under the contract's own limits."""
    return Certifier(CONTRACT, Kinematics(CONTRACT), LimitsInForce.of(CONTRACT), ("inputs",))


def command(tick: int, **changes: object) -> JointCommand:
    """At rest, holding, unless changed."""
    still = np.zeros(len(JOINTS))
    plain = JointCommand(BEGIN_NS, tick, REST, still, still, Rung.HOLD, "not started", 0, 0, False, 0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def made(maker: Certifier, value: JointCommand | None, **changes: object) -> Certificate:
    """The certificate of a tick with this command."""
    rung = Rung.STOP if value is None else value.rung
    tick = Tick(value, rung, "not started", "", 0)
    return maker.certificate(tick, [0.0] * len(JOINTS), **({"sent": 2} | changes))  # type: ignore[arg-type]


def sent() -> list[Sent]:
    """What leaves at rest."""
    return [
        Sent(output.topic, tuple(REST[[JOINTS.index(joint) for joint in output.joints]].tolist()))
        for output in CONTRACT.deployment.outputs
    ]


def verifier() -> Verifier:
    """One that has seen the joints at rest at the first three ticks."""
    fresh, none = Verifier(CONTRACT, Allowance()), np.zeros(0)
    for tick in range(3):
        fresh.joints(JointReading(BEGIN_NS + tick * CONTRACT.tick_ns, JOINTS, REST, none, none))
    return fresh


def test_certificates_are_counted_and_name_what_they_were_made_under() -> None:
    maker = certifier()
    first, second = made(maker, command(1)), made(maker, command(2))
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.contract == CONTRACT.digest
    assert first.limits == LimitsInForce.of(CONTRACT).digest
    assert first.checks == (
        "position",
        "velocity",
        "acceleration",
        "jerk",
        "stop",
        "tool_box",
        "tool_speed",
        "inputs",
    )


def test_margins_are_distances_to_the_nearer_limit() -> None:
    entry = made(certifier(), command(1))
    limits = [CONTRACT.deployment.limits[joint] for joint in JOINTS]
    assert entry.margin_velocity == tuple(limit.velocity for limit in limits)
    assert entry.margin_jerk == tuple(limit.jerk for limit in limits)
    assert entry.margin_stop == entry.margin_position
    assert entry.margin_position[2] == pytest.approx(3.14 - 1.57)


def test_a_stop_that_would_leave_the_range_has_a_negative_margin() -> None:
    fast = np.zeros(len(JOINTS))
    fast[2] = 3.0
    near = REST.copy()
    near[2] = 3.0
    entry = made(certifier(), command(1, positions=near, velocities=fast))
    assert entry.margin_position[2] > 0 > entry.margin_stop[2]


def test_the_jerk_of_a_joint_that_went_on_by_itself_is_counted_over_all_its_ticks() -> None:
    follows = replace(
        CONTRACT.deployment.outputs[0], kind=type(CONTRACT.deployment.outputs[0].kind).TRAJECTORY
    )
    outputs = (follows, *CONTRACT.deployment.outputs[1:])
    contract = replace(CONTRACT, deployment=replace(CONTRACT.deployment, outputs=outputs))
    maker = Certifier(contract, None, LimitsInForce.of(contract))
    made(maker, command(1))
    entry = made(maker, command(2, accelerations=np.full(len(JOINTS), 8.0)), followed=3)
    limit = CONTRACT.deployment.limits[JOINTS[0]].jerk
    assert entry.margin_jerk[0] == pytest.approx(limit - 8.0 / 0.04)
    assert entry.margin_jerk[6] == pytest.approx(limit - 8.0 / 0.01)


def test_a_tick_without_command_has_no_values() -> None:
    entry = made(certifier(), None, sent=0)
    assert (entry.positions, entry.margin_stop, entry.tool, entry.rung) == ((), (), (), "stop")


def test_what_is_certified_survives_its_texts_also_infinities() -> None:
    entry = replace(made(certifier(), command(1)), joint_ages_s=(math.inf,) * len(JOINTS))
    assert Certificate.from_texts(entry.texts()) == entry


def test_a_command_at_rest_verifies() -> None:
    assert verifier().tick(made(certifier(), command(1)), BEGIN_NS, sent()) == []


def test_the_reasons_that_may_stand_in_a_certificate_are_those_with_a_verdict() -> None:
    assert {code for code, reason in reasons.REASONS.items() if reason.verdict is not None} == REASONS


def test_the_words_that_may_stand_in_a_certificate_are_those_of_the_table() -> None:
    """But for calls that are refused: they leave no trace in a tick."""
    words = REASONS | HOLDS | REFUSALS
    assert reasons.REASONS.keys() - words == {"moving", "unseen"}
    assert words <= reasons.REASONS.keys()
    assert {code for code in reasons.REASONS if code.startswith("chunk_")} - REASONS <= REFUSALS


def test_the_checks_that_every_command_needs_are_stated() -> None:
    assert made(certifier(), command(1)).checks[:7] == CHECKS + TOOL_CHECKS


def test_a_tool_that_is_said_to_be_nowhere_is_found() -> None:
    nowhere = replace(made(certifier(), command(1)), tool=(math.nan,) * 4)
    assert {entry.what for entry in verifier().tick(nowhere, BEGIN_NS, sent())} == {What.TOOL}


def test_after_a_latched_stop_without_commands_nothing_moves_before_a_reset() -> None:
    maker, watch = certifier(), verifier()
    watch.tick(made(maker, command(1)), BEGIN_NS, sent())
    assert watch.tick(made(maker, None, sent=0), BEGIN_NS + CONTRACT.tick_ns, []) == []
    goes_on = made(maker, command(2))
    kinds = {entry.what for entry in watch.tick(goes_on, BEGIN_NS + 2 * CONTRACT.tick_ns, sent())}
    assert What.LATCH in kinds


MOVING = np.array([0.001, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # rad/s: no longer at rest


@pytest.mark.parametrize(
    ("rung", "reason", "kinds"),
    [
        (Rung.HOLD, "stale", {What.SILENT}),
        (Rung.HOLD, "deactivated", {What.SILENT}),
        (Rung.STOP, "emergency", {What.SILENT}),
        (Rung.STOP, "limiter", set()),
        (Rung.STOP, "exception", set()),
        (Rung.HOLD, "limiter", {What.SILENT}),
    ],
)
def test_commands_end_in_motion_only_where_no_stop_could_be_computed(
    rung: Rung, reason: str, kinds: set[What]
) -> None:
    maker, watch = certifier(), verifier()
    watch.tick(made(maker, command(1, velocities=MOVING)), BEGIN_NS, sent())
    silent = maker.certificate(Tick(None, rung, reason, "", 0), [0.0] * len(JOINTS), 0)
    found = watch.tick(silent, BEGIN_NS + CONTRACT.tick_ns, [])
    assert {entry.what for entry in found} == kinds
    again = maker.certificate(Tick(None, rung, reason, "", 0), [0.0] * len(JOINTS), 0)
    assert watch.tick(again, BEGIN_NS + 2 * CONTRACT.tick_ns, []) == [], "it is told once"


def test_at_rest_commands_may_end() -> None:
    maker, watch = certifier(), verifier()
    watch.tick(made(maker, command(1)), BEGIN_NS, sent())
    silent = maker.certificate(Tick(None, Rung.HOLD, "missing", "", 0), [0.0] * len(JOINTS), 0)
    assert watch.tick(silent, BEGIN_NS + CONTRACT.tick_ns, []) == []


@pytest.mark.parametrize(
    ("missed", "followed", "is_found"), [(0, 0, False), (0, 2, True), (2, 1, True), (-1, 0, True)]
)
def test_no_more_ticks_are_followed_than_were_missed_and_none_is_missed_no_longer(
    missed: int, followed: int, is_found: bool
) -> None:
    maker, watch = certifier(), verifier()
    watch.tick(made(maker, command(1), missed=4), BEGIN_NS, sent())
    entry = made(maker, command(2), missed=4 + missed, followed=followed)
    found = watch.tick(entry, BEGIN_NS + (1 + missed) * CONTRACT.tick_ns, sent())
    assert (What.MISSING_TICK in {violation.what for violation in found}) == is_found


def test_a_reset_clears_it() -> None:
    maker, watch = certifier(), verifier()
    watch.tick(made(maker, command(1)), BEGIN_NS, sent())
    watch.tick(made(maker, None, sent=0), BEGIN_NS + CONTRACT.tick_ns, [])
    assert watch.tick(made(maker, command(1)), BEGIN_NS + 2 * CONTRACT.tick_ns, sent()) == []


def test_limits_in_force_that_lack_a_joint_are_refused_by_name() -> None:
    stated = LimitsInForce.of(CONTRACT).values()
    del stated["elbow_joint.jerk"]
    with pytest.raises(UnreadableCertificate, match=r"elbow_joint\.jerk"):
        verifier().limits(stated)


def test_tighter_limits_are_taken_and_weaker_ones_named() -> None:
    tighter = LimitsInForce.of(CONTRACT).first_run(has_tool=True)
    assert verifier().limits(tighter.values()) == []
    weaker = tighter.values() | {"elbow_joint.upper": "9.0", "tool.speed": "9.0"}
    [found] = verifier().limits(weaker)
    assert found.what is What.LIMITS_WEAKER
    assert "elbow_joint.upper 9" in found.found
    assert "tool.speed 9" in found.found


@pytest.mark.parametrize("share", [0.2, 0.35, 0.5, 0.65, 0.8])
def test_a_recording_may_begin_in_the_middle_of_motion(share: float) -> None:
    world = World("ur5e_cube", 11)
    entries = world.run(300)
    stated, later = entries[:1], entries[round(share * len(entries)) :]
    first = next(place for place, entry in enumerate(later) if isinstance(entry, Certified))
    assert feed(Verifier(world.contract), [*stated, *later[first + 1 :]]) == []


@pytest.mark.parametrize("name", ["ur5e_cube", "jaco_reach"])
def test_a_run_with_stops_silences_and_missing_chunks_verifies_online(name: str) -> None:
    """Memory is bounded: what is kept of readings and chunks does not grow with the run."""
    world = World(name, 7)
    watch = Verifier(world.contract)
    assert feed(watch, world.run(600)) == []
    assert watch.ticks == 600
