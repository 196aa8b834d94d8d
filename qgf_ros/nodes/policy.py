"""The policy node: readings in, action chunks out when the command node wants one. It moves nothing by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter as RclParameter
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import read
from qgf_ros.contract.schema import Message
from qgf_ros.errors import ObservationRefused, QgfError
from qgf_ros.inference.proposer import Timed
from qgf_ros.nodes import policy_messages, policy_parameters, qos, runtime
from qgf_ros.nodes.convert import chunk_message
from qgf_ros.nodes.diagnostics import Diagnostics
from qgf_ros.nodes.frames import FrameChange, bring, frame_change, in_frame
from qgf_ros.nodes.params import Value, declare, on_change
from qgf_ros.nodes.policy_health import CERTIFICATES, Health
from qgf_ros.nodes.policy_inputs import HeardInputs, listen
from qgf_ros.nodes.policy_messages import State
from qgf_ros.nodes.policy_setup import Setup, make_setup
from qgf_ros.nodes.policy_swap import Swap

WATCH_S = 0.25  # how often an unanswered demand is looked at; every fourth time the diagnostics are renewed
STEADY = Clock(clock_type=ClockType.STEADY_TIME)


class PolicyNode(LifecycleNode):
    """State: the values of the parameters, what it is doing and why, and from configure to cleanup the `Setup`.

    All callbacks run in the executor's one thread.
    """

    def __init__(self, make_setup: Callable[[policy_parameters.PolicySettings], Setup] = make_setup) -> None:
        """Raises UnknownKeys or InvalidSetting where the parameters do not fit the table."""
        super().__init__("policy_node", automatically_declare_parameters_from_overrides=True)
        self._make_setup = make_setup
        self._values: dict[str, Value] = declare(self, policy_parameters.PARAMETERS)
        self._state = State.UNCONFIGURED
        self._reason = ""
        self._setup: Setup | None = None
        self._swap = Swap(make_setup)
        self._frame_change: FrameChange | None = None
        self._subscriptions_made: list[Any] = []
        self._diagnostics = Diagnostics(self)
        self._health = Health(self._diagnostics)
        self._looks = 0
        self._status = self.create_publisher(DiagnosticStatus, "~/status", qos.STATUS)
        self._chunks = self.create_publisher(JointTrajectory, "~/chunk", qos.CHUNK)
        self._reports = self.create_publisher(DiagnosticArray, "~/report", qos.CERTIFICATE)
        self.create_service(Trigger, "~/start", partial(self._switch, State.ACTIVE))
        self.create_service(Trigger, "~/stop", partial(self._switch, State.STOPPED))
        self.create_service(Trigger, "~/reset", self._on_reset)
        self.create_service(Trigger, "~/swap", self._on_swap)
        self._watch = self.create_timer(WATCH_S, self._on_watch, clock=STEADY)
        self.add_on_set_parameters_callback(self._check_change)
        on_change(self, policy_parameters.PARAMETERS, self._on_change)
        self._enter(State.UNCONFIGURED)

    # -- lifecycle -----------------------------------------------------------------------------------------------------

    def on_configure(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Loads, checks, warms up and listens; nothing is sent yet."""
        return runtime.attempt(self, self._configure, self._not_configured)

    def _configure(self) -> None:
        settings = policy_parameters.settings(self._values)
        self._setup = setup = self._make_setup(settings)
        self._swap.use(settings.checkpoint)
        self._health.configured(setup.contract)
        on_input, on_certificate = partial(self._on_input, setup), partial(self._on_certificate, setup)
        on_goal = partial(self._on_goal, setup)
        self._subscriptions_made = listen(self, setup.contract, settings, on_input, on_certificate, on_goal)
        self._heard = HeardInputs(self, setup.contract, settings)
        self._frame_change = frame_change(self)
        words = f"{settings.checkpoint.name} on {setup.cost_in_words}; {setup.detector_in_words}"
        self.get_logger().info(words) if setup.fits else self.get_logger().warning(words)
        self._enter(State.INACTIVE)

    def _not_configured(self, sentence: str) -> None:
        self._release()
        self._health.not_configured(sentence)
        self._enter(State.UNCONFIGURED, sentence)

    def on_activate(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Chunks are sent from now on, beginning with number 0 of `seed`."""
        self._begin_episode(State.ACTIVE)
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """No further chunk; the command node brings the arm to rest by itself."""
        self._enter(State.INACTIVE)
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Gives back networks, subscriptions and memory."""
        self._release()
        self._enter(State.UNCONFIGURED)
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As cleanup, from any state."""
        return self.on_cleanup(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As cleanup."""
        return self.on_cleanup(state)

    def _release(self) -> None:
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        self._swap.use(None)
        self._subscriptions_made, self._setup, self._frame_change = [], None, None

    # -- readings in, chunks out ---------------------------------------------------------------------------------------

    def _on_input(self, setup: Setup, name: str, kind: Message, message: Any) -> None:
        setup.proposer.readings[name] = read(message, kind)
        self._health.arrived(name)
        self._serve(setup)

    def _on_certificate(self, setup: Setup, message: DiagnosticArray) -> None:
        demand = policy_messages.demand(message)
        if demand is None:
            words = "A message without a certificate was ignored."
            self.get_logger().warning(words, throttle_duration_sec=2.0)
            return
        self._health.arrived(CERTIFICATES)
        setup.proposer.demands.note(demand)
        self._serve(setup)

    def _on_goal(self, setup: Setup, message: PoseStamped) -> None:
        """The newest goal counts from the next chunk on."""
        try:
            setup.proposer.tell(in_frame(message, setup.contract.goal_input, self._frame_change))
        except QgfError as error:
            self._fail(str(error))
            return
        self._enter(self._state, self._reason)
        self._serve(setup)

    def _serve(self, setup: Setup) -> None:
        """Tries to make a chunk if one is due. A refusal leaves the demand open: the next message tries again."""
        if self._state is not State.ACTIVE or not setup.proposer.is_due(time.monotonic()):
            return
        try:
            self._heard.check()
            bring(setup.proposer.readings, setup.contract.inputs, self._frame_change)
            timed = setup.proposer.propose(self._now_ns(setup))
        except ObservationRefused as error:
            self._complain(error)
        except QgfError as error:
            self._fail(str(error))
        except Exception as error:  # whatever it is: the robot holds, the user reads a sentence
            self._fail(f"Inference failed with {type(error).__name__}: {' '.join(str(error).split())}")
        else:
            self._send(setup, timed)

    def _send(self, setup: Setup, timed: Timed) -> None:
        proposal, period_ns = timed.attempt.proposal, setup.contract.ticks_per_action * setup.contract.tick_ns
        message = chunk_message(proposal.chunk, period_ns) if proposal is not None else JointTrajectory()
        timed = setup.proposer.release(timed, time.monotonic())
        if timed.attempt.ending.is_sent:
            self._chunks.publish(message)
        self._reports.publish(policy_messages.report(f"{self.get_name()}: chunk", timed))
        self._health.attempted(timed)
        if self._reason:
            self._enter(State.ACTIVE)

    def _now_ns(self, setup: Setup) -> int:
        if self._values["lockstep"]:
            return setup.proposer.newest_ns()
        return int(self.get_clock().now().nanoseconds)

    def _on_watch(self) -> None:
        """Says why an open demand is not answered: a callback that never comes cannot say it."""
        if self._setup is None:
            return
        self._looks += 1
        self._take_over()
        self._heard.look()
        if self._looks % 4 == 0:
            self._health.look(self._setup.proposer, self._now_ns(self._setup), self._state is State.ERROR)
        if self._state is State.ACTIVE:
            overdue = self._setup.proposer.overdue(self._now_ns(self._setup), time.monotonic())
            if overdue is not None:
                self._complain(self._heard.refusal or overdue)

    # -- parameters and services ---------------------------------------------------------------------------------------

    def _check_change(self, changed: Iterable[RclParameter]) -> SetParametersResult:
        grid = self._setup.grid if self._setup is not None else None
        try:
            for parameter in changed:
                policy_parameters.check_change(parameter.name, parameter.value, self._is_active, grid)
        except QgfError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _on_change(self, changed: Mapping[str, Value]) -> None:
        self._values |= changed
        if self._setup is None or changed.keys() <= {"seed", "candidate"}:
            return
        sampler = policy_parameters.settings(self._values).sampler(self._setup.defaults)
        self._setup.proposer.change(sampler)
        self.get_logger().info(policy_parameters.in_words(sampler))
        self._enter(self._state, self._reason)

    def _on_reset(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._is_active:
            self._begin_episode(State.STOPPED if self._state is State.STOPPED else State.ACTIVE)
            response.success, response.message = True, f"seed {self._values['seed']}"
            return response
        return self._switch(State.ACTIVE, _request, response)

    def _switch(
        self, state: State, _request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        if not self._is_active:
            response.success = False
            response.message = f"The policy node is {self._state.value}: activate it first."
            return response
        self._enter(state)
        response.success, response.message = True, state.value
        return response

    def _on_swap(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Warms up the candidate, which takes over when it is ready; ~/status then tells it as `checkpoint`."""
        return runtime.answer(self, response, self._begin_swap)

    def _begin_swap(self) -> str:
        return self._swap.begin(str(self._values["candidate"]), policy_parameters.settings(self._values))

    def _take_over(self) -> None:
        """Goes over to a candidate that is ready: between two chunks, as every callback is."""
        assert self._setup is not None, "callers are configured"
        try:
            made = self._swap.take_over(self._setup)
        except QgfError as error:
            self.get_logger().warning(f"The critic stays as it is. {error}")
            return
        if made is None:
            return
        self._setup = made
        self._values |= {"checkpoint": str(self._swap.checkpoint)}  # a later configure loads it again
        made.proposer.change(policy_parameters.settings(self._values).sampler(made.defaults))  # set meanwhile
        words = f"{self._values['checkpoint']} took over on {made.cost_in_words}; {made.detector_in_words}"
        self.get_logger().info(words)
        self._enter(self._state, self._reason)

    @property
    def _is_active(self) -> bool:
        """In the lifecycle's sense: also when stopped or failed."""
        return self._state not in (State.UNCONFIGURED, State.INACTIVE)

    # -- state ---------------------------------------------------------------------------------------------------------

    def _begin_episode(self, state: State) -> None:
        assert self._setup is not None, "callers are configured"
        self._setup.proposer.reset(int(str(self._values["seed"])))
        self._enter(state)

    def _complain(self, refusal: ObservationRefused) -> None:
        self.get_logger().warning(f"No chunk: {refusal}", throttle_duration_sec=2.0)
        self._health.refused(str(refusal), refusal.reason)
        if self._reason != str(refusal):
            self._enter(State.ACTIVE, str(refusal))

    def _fail(self, sentence: str) -> None:
        self.get_logger().error(sentence)
        self._health.failed(sentence)
        self._enter(State.ERROR, sentence)

    def _enter(self, state: State, reason: str = "") -> None:
        """Notes the state and publishes it."""
        self._state, self._reason = state, reason
        proposer = self._setup.proposer if self._setup is not None else None
        name = f"{self.get_name()}: state"
        self._status.publish(policy_messages.state_status(name, state, reason, self._values, proposer))
