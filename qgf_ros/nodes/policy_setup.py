"""What the policy node loads at configure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import ChunkMode, Contract
from qgf_ros.control.kinematics import kinematics_of
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.inference.caution import Caution
from qgf_ros.inference.deadline import Budget, MonotonicClock, VirtualClock
from qgf_ros.inference.detector_file import Calibrated, digest_of, load_detector
from qgf_ros.inference.engines.engine import Engine, check_delay
from qgf_ros.inference.engines.opened import open_policy
from qgf_ros.inference.engines.stated import StatedEngine
from qgf_ros.inference.plan import PlanLevel
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.inference.proposer import Proposer
from qgf_ros.inference.sent import usual_prefix
from qgf_ros.inference.timely import TimelyPolicy
from qgf_ros.nodes.policy_parameters import PolicySettings


def as_it_is(engine: Engine) -> Engine:
    """The engine itself."""
    return engine


@dataclass(frozen=True)
class Setup:
    """A policy under a contract, ready to propose."""

    contract: Contract
    defaults: SamplerDefaults
    grid: TimeGrid
    proposer: Proposer
    detector_in_words: str

    @property
    def fits(self) -> bool:
        """Whether all sampling that is asked for fits the deadline, by the costs measured at configure."""
        return self.proposer.first_plan().level is PlanLevel.FULL

    @property
    def cost_in_words(self) -> str:
        """Engine, cost of a whole walk, deadline, and what is planned instead where it does not fit."""
        proposer, policy = self.proposer, self.proposer.policy
        steps = proposer.sampler.denoise_steps
        whole_s = policy.costs.predict(
            proposer.sampler.candidates, steps, steps if proposer.sampler.guided else 0
        )
        words = f"{policy.engine}: a walk of {steps} steps takes {whole_s * 1e3:.2f} ms"
        words += f" of the {proposer.budget.within_s * 1e3:g} ms that a wish leaves"
        plan = proposer.first_plan()
        if self.fits:
            return words
        if plan.walk is None:
            return f"{words}; no walk fits: no chunk will be sent, raise deadline_s"
        return f"{words}, too long: planned are {plan.walk.steps} steps, {plan.walk.guided_steps} guided, best of {plan.walk.candidates} ({plan.level.value})"


def make_setup(settings: PolicySettings, adapt: Callable[[Engine], Engine] = as_it_is) -> Setup:
    """Loads contract and checkpoint, checks that they speak one language, warms up and measures what walks cost.

    In lockstep time is virtual: walks take what the parameters state, by default nothing.

    Raises:
        MissingFileError, UnknownKeys, InvalidSetting, ContractError, ...: as `load_contract`.
        CheckpointError, InterfaceMismatchError, ...: as `open_policy`.
        MissingGpuError, MissingExtraError, ...: what the engine needs is not there.
        InvalidSetting: the margin leaves nothing of the deadline, or the delay is longer than the policy was trained for.
        OffGridError: the number of steps is not one that the policy was trained for.
        NoPlanError: in lockstep, no walk fits the deadline by the stated costs.
    """
    contract = load_contract(settings.contract)
    detected = load_detector(settings.checkpoint, contract.interface) if settings.detector else None
    caution = None if detected is None else Caution(detected.detector, contract.interface, detected.reaction)
    budget = Budget.of(contract, settings.deadline_s, settings.deadline_margin_s)
    opened = open_policy(settings.engine, settings.checkpoint, contract.interface, settings.device)
    if contract.deployment.chunks.mode is ChunkMode.REAL_TIME:
        check_delay(contract.deployment.chunks.delay, opened.max_delay)
    engine = adapt(opened.engine)
    clock: MonotonicClock | VirtualClock = MonotonicClock()
    if settings.lockstep:
        clock = VirtualClock()
        engine = StatedEngine(engine, clock, settings.virtual_cost)
    sampler = settings.sampler(opened.defaults)
    policy = ChunkPolicy(contract.interface, engine, opened.aim)
    if opened.aim is not None:
        # to be measured with: chunks wait for one that is stated
        policy.aim(np.zeros(contract.interface.goal_dim))
    usual = usual_prefix(contract)
    timely = TimelyPolicy(policy, sampler, opened.grid, clock, settings.warm_up_passes, usual)
    if settings.lockstep:
        left_s = budget.within_s - contract.tick_ns * 1e-9  # the readings come a tick after the wish
        timely.planner.check_fits(sampler, left_s)
    proposer = Proposer(
        contract,
        Assembler(contract, kinematics_of(contract)),
        timely,
        sampler,
        budget,
        ramp_s=settings.weight_ramp_s,
        resend_after_s=None if settings.lockstep else settings.resend_after_s,
        caution=caution,
        source=digest_of(settings.checkpoint),
    )
    words = detector_in_words(settings.detector, detected)
    return Setup(contract, opened.defaults, opened.grid, proposer, words)


def detector_in_words(is_wanted: bool, detected: Calibrated | None) -> str:
    """Whether a detector watches, for log and status."""
    if detected is None:
        return (
            "no detector: the checkpoint has none, `qgf calibrate` makes it" if is_wanted else "detector off"
        )
    calibration = detected.calibration
    return f"detector with {calibration.false_alarms:g} false alarms an episode in {calibration.task}"
