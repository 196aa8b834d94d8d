"""The command node: the only process that may move the robot. Without torch; wiring around `control.session`."""

from __future__ import annotations

import time
from functools import partial

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rosgraph_msgs.msg import Clock as ClockMessage
from std_srvs.srv import Trigger

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.control.session import CommandSession
from qgf_ros.errors import NotReadyError
from qgf_ros.nodes import qos
from qgf_ros.nodes.braking import brake_to_rest
from qgf_ros.nodes.command_changes import Changes
from qgf_ros.nodes.command_health import CommandHealth
from qgf_ros.nodes.command_inputs import CommandInputs
from qgf_ros.nodes.command_setup import prepare
from qgf_ros.nodes.commander import Commander
from qgf_ros.nodes.emergency import EmergencyStop
from qgf_ros.nodes.hand_over import chunk_topics, offer_hand_over
from qgf_ros.nodes.metronome import Metronome
from qgf_ros.nodes.pace import DueTick
from qgf_ros.nodes.process import ProcessSetup
from qgf_ros.nodes.publishers import PERIOD_S
from qgf_ros.nodes.rest import Rest
from qgf_ros.nodes.runtime import answer, attempt

STEADY = Clock(clock_type=ClockType.STEADY_TIME)


class CommandNode(LifecycleNode):
    """Callbacks and ticks run in one thread, which calls `turn` again and again."""

    def __init__(self) -> None:
        """Raises QgfError where a parameter is unknown or does not fit."""
        super().__init__("command_node", automatically_declare_parameters_from_overrides=True)
        self._changes = Changes(self)
        self._lockstep: bool = self.get_parameter("lockstep").value
        self._commander: Commander | None = None
        self._ended: CommandSession | None = None  # the last one: its latched stop stays
        self._is_ticking = self._is_ending = False
        self._due = DueTick(self.get_parameter("timeout_s").value)
        self._rest = Rest()
        self._metronome = Metronome(self._on_tick)
        self._process = ProcessSetup(self, is_real_time=not self._lockstep)
        self._health = CommandHealth(self, self._process)
        self._emergency = EmergencyStop(self, is_polled=not self._lockstep)
        self.create_service(Trigger, "~/start", lambda _, response: answer(self, response, self._start))
        self.create_service(Trigger, "~/stop", lambda _, response: answer(self, response, self._stop))
        offer_hand_over(self, lambda: self._active().session)
        self.create_service(Trigger, "~/emergency_stop", self._emergency.serve)
        at_once = (
            ReentrantCallbackGroup()
        )  # each notes when it was asked for, and while it waits the others go on
        self.create_service(Trigger, "~/reset", self._on_reset, callback_group=at_once)
        self.create_timer(1.0, self._report, clock=STEADY)
        self.create_timer(PERIOD_S, self._look_around, clock=STEADY)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Loads the contract, makes kinematics, limiter and outputs; nothing moves."""
        return attempt(self, self._configure, self._health.fail)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begins to send: holds at the measured pose, once joint states that can be trusted have come. Fails while the arm moves."""
        made = attempt(self, self._activate, self._health.fail)
        return super().on_activate(state) if made is TransitionCallbackReturn.SUCCESS else made

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Returns at once; commands go on until the arm is at rest, then there is silence."""
        self._configured().session.stop("deactivated")
        self._is_ending = True
        self._health.say("inactive")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Waits until the arm is at rest, then releases everything."""
        self._release()
        self._health.say("unconfigured")
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As cleanup, from any state."""
        self._release()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As cleanup."""
        self._release()
        return super().on_error(state)

    def _configure(self) -> None:
        values = self._changes.values
        setup = prepare(values, self._changes.description)
        commander = Commander(self, setup, time.monotonic_ns())
        if not self._lockstep:
            send_after_ns = round(float(str(values["send_after_s"])) * 1e9)
            commander.before_sending = partial(self._metronome.settle, send_after_ns)
        self._inputs = CommandInputs(
            self,
            commander,
            self._emergency,
            chunk_topics(values),
            self._lockstep,
            partial(self._now_ns, commander),
            partial(self._serve_due, commander),
        )
        if self._lockstep:
            self._inputs.subscribe(ClockMessage, "clock", self._on_clock, qos.LOCKSTEP_SENSOR)
        if self._ended is not None:
            commander.session.take_latch_of(self._ended)
        self._inputs.guard()
        self._changes.concern(commander)
        self._commander = commander
        self._process.begin()
        self.get_logger().info("\n  ".join(setup.lines()))
        self._health.say("inactive")

    def _activate(self) -> None:
        commander = self._configured()
        self._finish_stop(commander)
        if not commander.session.is_at_rest:
            raise NotReadyError(
                "The arm still moves, so its command cannot be placed anew: activate once it rests."
            )
        commander.activate()
        self._is_ticking, self._is_ending = True, False
        if not self._lockstep:
            self._metronome.start(commander.contract.tick_ns)
        self._health.say("active")

    def _configured(self) -> Commander:
        if self._commander is None:
            raise NotReadyError("The command node is not configured: configure and activate it first.")
        return self._commander

    def _release(self) -> None:
        if self._commander is None:
            return
        self._finish_stop(self._commander)
        self._is_ticking = False
        self._due.clear()
        self._rest.give_up()
        self._metronome.stop()
        self._inputs.close()
        self._process.end()
        self._changes.concern(None)
        self._commander.close()
        self._ended, self._commander = self._commander.session, None

    def _finish_stop(self, commander: Commander) -> None:
        """Real time: serves ticks here until the arm is at rest. In lockstep nothing moves without the clock."""
        commander.session.stop("stopped")
        if self._is_ticking and not self._lockstep:
            brake_to_rest(commander, self._metronome, self.get_logger())

    def _now_ns(self, commander: Commander) -> int:
        return commander.monitor.newest_ns if self._lockstep else int(self.get_clock().now().nanoseconds)

    def _on_clock(self, message: ClockMessage) -> None:
        if self._commander is not None and self._is_ticking:
            self._due.announce(stamp_ns(message.clock), time.monotonic_ns())
            self._serve_due(self._commander)

    def _serve_due(self, commander: Commander) -> None:
        if self._due.stamp_ns is not None and not commander.missing(self._due.stamp_ns):
            self._tick(commander, self._due.take())

    def turn(self, executor: SingleThreadedExecutor) -> None:
        """Serves callbacks for a while; in real time, until a tick is due, and that tick."""
        try:
            self._metronome.turn(executor.spin_once)
        except Exception as error:  # the process will end: the arm is braked first, and this recorded
            if self._commander is not None:
                self._commander.session.fail(f"{type(error).__name__}: {error}")
            raise
        if self._commander is not None:
            self._check_timeout(self._commander)
            self._process.rest(self._metronome.left_ns, self._commander.session.is_at_rest)

    def _on_tick(self) -> None:
        commander = self._configured()
        self._inputs.take()
        if commander.keep_pace(self._metronome.next_ns):
            self.get_logger().warning("Command ticks were missed: busy computer.", throttle_duration_sec=1.0)
        self._tick(commander, self._now_ns(commander))

    def _check_timeout(self, commander: Commander) -> None:
        if self._due.is_overdue(time.monotonic_ns()):
            stamp = self._due.take()
            missing = commander.missing(stamp)
            self.get_logger().error(f"Tick {stamp} ns: {missing} did not come in time; the arm holds.")
            commander.session.stop(f"timeout: {missing}")
            self._tick(commander, stamp)

    def _tick(self, commander: Commander, stamp: int) -> None:
        if commander.tick(stamp, None if self._lockstep else time.monotonic_ns()):
            self._report()
        if not commander.session.is_at_rest:
            return
        self._rest.reach()
        if self._is_ending:
            self._is_ticking = self._is_ending = False
            self._metronome.stop()

    def _active(self) -> Commander:
        if not self._is_ticking or self._is_ending:
            raise NotReadyError("The command node is not active: configure and activate it first.")
        return self._configured()

    def _start(self) -> str:
        commander = self._active()
        self._rest.check_not_awaited()
        self._changes.check_description(commander)
        self._emergency.check_ready()
        commander.start(self._now_ns(commander))
        return "started"

    def _stop(self) -> str:
        self._active().session.stop("stopped")
        return "stopping within the limits"

    async def _on_reset(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        commander = self._commander
        stops = None if commander is None else commander.session.stops
        if commander is not None and self._is_ticking and not self._lockstep:
            commander.session.stop("reset")
            await self._rest.wait(self.executor)  # joint states are read meanwhile
        return answer(self, response, lambda: self._reset(stops))

    def _reset(self, stops: int | None) -> str:
        commander = self._active()
        self._changes.check_description(commander)
        command = commander.begin(self._now_ns(commander), stops)
        self._due.clear(not_before_ns=command.stamp_ns)
        return "at rest at the measured pose"

    def _report(self) -> None:
        if self._commander is not None:
            self._health.report(self._commander, self._emergency.is_pressed)

    def _look_around(self) -> None:
        self._emergency.look()
        if self._commander is not None:
            self._health.worst_look_ms = self._inputs.look_around()
