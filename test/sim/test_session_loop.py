"""The loop of robot, faults and command session: one seed gives one life, and a bug that is planted in it is found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contract_files import SHIPPED

pytest.importorskip("mujoco", reason="needs mujoco: pip install 'qgf_ros[sim]'")
pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

from ros_graph import ROOT

from qgf_ros.control.gate import CommandGate
from qgf_ros.control.limits import Motion
from qgf_ros.datatypes import JointCommand, Rung
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.lockstep_soak import EpisodeFigures, Soak, SoakPlan
from qgf_ros.evaluate.soak_report import SoakReport

pytestmark = pytest.mark.sim

TICKS = 800
TASK = "cube-single-task2"


def plan(seed: int = 0, episodes: int = 8) -> SoakPlan:
    return SoakPlan(SHIPPED, ROOT / "checkpoints/ur5e_cube", TASK, episodes * TICKS, seed, TICKS)


@pytest.fixture(scope="module")
def soak() -> Soak:
    return Soak(plan())


class Unlimited(CommandGate):
    """A gate that forgets its limiter: each tick's command lies where the action wants the joints to be at its end."""

    def tick(self, *arguments: object, **more: object) -> JointCommand:
        command = super().tick(*arguments, **more)  # type: ignore[arg-type]
        if command.rung is Rung.CHUNK:
            return replace(command, positions=self._targets.copy())
        return command


class Dropping(CommandGate):
    """A gate that stops the arm dead where it should brake."""

    def tick(self, *arguments: object, **more: object) -> JointCommand:
        command = super().tick(*arguments, **more)  # type: ignore[arg-type]
        if command.rung is Rung.HOLD:
            still = 0.0 * command.velocities
            self.limiter.go_on_from(Motion(command.positions, still, still))
            return replace(command, velocities=still, accelerations=still)
        return command


class Failing(CommandGate):
    """A gate with a bug that shows late."""

    def tick(self, *arguments: object, **more: object) -> JointCommand:
        command = super().tick(*arguments, **more)  # type: ignore[arg-type]
        if command.tick == 150:
            raise ZeroDivisionError("a bug")
        return command


def moving(figures: EpisodeFigures) -> float:
    """The share of ticks with an action in force."""
    return figures.rungs[Rung.CHUNK.value] / figures.ticks


def test_a_life_with_faults_has_nothing_unsafe_in_it_and_the_arm_moves(soak: Soak) -> None:
    figures = soak.episode(0)
    assert figures.ticks == TICKS
    assert figures.troubles == []
    assert figures.limit_violations == figures.unverified == figures.crashes == 0
    assert moving(figures) > 0.3
    assert figures.faults.total() > 0
    assert len(figures.rss) >= 1


def test_an_episode_with_the_policy_is_clean_too(soak: Soak) -> None:
    figures = soak.episode(3)
    assert figures.troubles == []
    assert moving(figures) > 0.2


def test_one_seed_gives_one_life_whatever_came_before(soak: Soak) -> None:
    """Alone, after another, and from a soak of its own: the same commands bit by bit; another seed gives others."""
    once = soak.episode(1)
    soak.episode(2)
    again, alone = soak.episode(1), Soak(plan()).episode(1)
    assert once.digest == again.digest == alone.digest
    assert once.faults == again.faults == alone.faults
    assert once.reasons == again.reasons == alone.reasons
    assert Soak(plan(seed=1)).episode(1).digest != once.digest


@pytest.mark.parametrize(
    ("gate", "kind"),
    [(Unlimited, "limit"), (Unlimited, "unverified"), (Dropping, "limit"), (Failing, "crash")],
)
def test_a_planted_bug_is_found(gate: type[CommandGate], kind: str) -> None:
    troubles = Soak(plan(), gate).episode(0).troubles
    assert kind in {trouble.kind for trouble in troubles}
    assert all(0 <= trouble.tick < TICKS and trouble.episode == 0 for trouble in troubles)


def test_the_last_episode_has_the_ticks_that_are_left_and_others_are_refused() -> None:
    short = replace(plan(), ticks=2 * TICKS + 7)
    assert [short.ticks_of(episode) for episode in range(short.episodes)] == [TICKS, TICKS, 7]
    with pytest.raises(InvalidSetting, match="--episode is 3, but it must be 0 to 2"):
        short.ticks_of(3)


def growing(pid: int, rss: list[int]) -> EpisodeFigures:
    return EpisodeFigures(pid, ticks=50_000, rss=rss, pid=pid)


def test_growth_is_that_of_the_process_that_grew_most_after_its_warm_up() -> None:
    report = SoakReport()
    report.add(
        growing(1, [100, 200, 200, 200, 200, 200, 200, 200, 200, 204])
    )  # 200 is reached in the warm-up
    report.add(growing(2, [100, 100, 100, 100, 100]))
    assert report.rss_growth == pytest.approx(0.02)
    assert report.is_clean
    report.add(growing(2, [100, 100, 100, 100, 110]))
    assert report.rss_growth == pytest.approx(0.1)
    assert not report.is_clean
    assert report.figures(1.0)["ticks"] == 150_000


def test_stalls_of_the_command_node_leave_nothing_unsafe_and_the_arm_goes_on(soak: Soak) -> None:
    """A joint that stood for longer than a control period begins anew at rest: by our own arithmetic, and by the verifier's."""
    found = [soak.episode(number) for number in range(4)]
    assert sum(figures.deeds["stall"] for figures in found) >= 2
    assert sum(figures.reasons["hold:stalled"] for figures in found) >= 1
    assert [figures.troubles for figures in found] == [[]] * 4
