"""The simulator's node: publishes and takes what a robot under ros2_control would, in real time or in lockstep."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from qgf_sim import messages
from qgf_sim.controllers import (
    CommandRejected,
    ForwardPositionController,
    JointTrajectoryController,
    make_controller,
)
from qgf_sim.fault_line import FaultError, FaultLine, read_line, read_script
from qgf_sim.goals import Goals
from qgf_sim.hand import Hand, hand_for
from qgf_sim.pacing import Lockstep, Pace
from qgf_sim.person import ScriptedPerson
from qgf_sim.plant_faults import FaultySimulation
from qgf_sim.priority import prefer_this_process
from qgf_sim.registry import load
from qgf_sim.sensors import RELIABLE, Offer, Sensors
from qgf_sim.settings import Settings, declare
from qgf_sim.simulation import Simulation
from qgf_sim.stand import Stand

STATE = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
STEADY = Clock(clock_type=ClockType.STEADY_TIME)
CHECK_S = 0.5  # how often lockstep looks for a missing answer
MOST_CATCH_UP = 5  # ticks: after a longer standstill the simulation falls behind the wall clock


class RobotNode(Node):
    """One simulated robot. All callbacks run in the executor's one thread."""

    def __init__(self) -> None:
        """Raises ValueError with a sentence where a parameter does not fit."""
        super().__init__("sim_node", automatically_declare_parameters_from_overrides=True)
        self._settings = settings = declare(self)
        self._line = FaultLine(read_script(Path(settings.faults)) if settings.faults else (), settings.seed)
        simulation = FaultySimulation(robot := load(settings.task), self._line)
        controllers = [make_controller(entry, simulation.joints) for entry in settings.controllers]
        self._stand = Stand(simulation, controllers, settings.tick_ns)
        self._base_ns = settings.tick_ns  # stamps never fall back, nor begin at zero
        self._paused = settings.paused
        self._rejections = 0
        self._note = ""
        self._pace = Pace(settings.tick_ns)
        self._lockstep = Lockstep(round(settings.timeout_s * 1e9))
        self._person = ScriptedPerson(self, _hand(robot, settings)) if settings.person else None
        self._restart(settings.seed)
        self._advertise()
        self._subscribe(controllers)
        self._steps = self.create_timer(
            CHECK_S if settings.lockstep else settings.tick_ns * 1e-9, self._on_timer, clock=STEADY
        )
        if not settings.lockstep:
            prefer_this_process(settings.realtime_priority)
        self._publish_sensors()
        self._publish_status()
        self._ask()

    def _advertise(self) -> None:
        settings = self._settings
        offer = Offer(self._has_sim_stamps, settings.shuffle_joints, settings.best_effort, settings.seed)
        self._sensors = Sensors(self, self._stand.simulation, self._line, offer)
        self._goals = Goals(self, self._stand.simulation, self._stamp_ns)
        self._goals.publish()
        self._status = self.create_publisher(DiagnosticStatus, "~/status", STATE)
        self._offered = [
            self.create_service(Trigger, "~/reset", self._on_reset),
            self.create_service(SetBool, "~/pause", self._on_pause),
            self.create_service(Trigger, "~/inject", self._on_inject),
            self.create_service(Trigger, "~/clear_faults", self._on_clear_faults),
        ]
        if self._person is not None:
            self._offered.append(self.create_service(SetBool, "~/operate", self._on_operate))

    def _subscribe(self, controllers: list[ForwardPositionController | JointTrajectoryController]) -> None:
        for controller in controllers:
            if isinstance(controller, ForwardPositionController):
                on_values = partial(self._on_values, controller)
                self.create_subscription(
                    Float64MultiArray, f"{controller.name}/commands", on_values, RELIABLE
                )
            else:
                on_trajectory = partial(self._on_trajectory, controller)
                self.create_subscription(
                    JointTrajectory, f"{controller.name}/joint_trajectory", on_trajectory, RELIABLE
                )
        if self._settings.lockstep:
            self.create_subscription(
                DiagnosticArray, self._settings.certificate_topic, self._on_certificate, RELIABLE
            )

    @property
    def _has_sim_stamps(self) -> bool:
        return self._settings.lockstep or self._settings.publish_clock

    @property
    def _sim_ns(self) -> int:
        return self._base_ns + self._stand.simulation.time_ns

    # -- commands in ---------------------------------------------------------------------------------------------------

    def _on_values(self, controller: ForwardPositionController, message: Float64MultiArray) -> None:
        self._take(partial(controller.command, message.data))

    def _on_trajectory(self, controller: JointTrajectoryController, message: JointTrajectory) -> None:
        taken = messages.trajectory(message)
        sim_ns = self._stand.simulation.time_ns  # controllers count from the reset
        if taken.stamp_ns:
            taken = messages.shifted(taken, sim_ns - self._stamp_ns())
        self._take(partial(controller.command, taken, sim_ns))

    def _take(self, command: Callable[[], None]) -> None:
        try:
            command()
        except CommandRejected as error:
            self._rejections += 1
            self.get_logger().warning(str(error), throttle_duration_sec=1.0)
        self._lockstep.count_command()
        self._step_if_answered()

    def _on_certificate(self, message: DiagnosticArray) -> None:
        self._lockstep.certify(
            messages.from_stamp(message.header.stamp), messages.commands(message.status[0])
        )
        self._step_if_answered()

    # -- time ----------------------------------------------------------------------------------------------------------

    def _on_timer(self) -> None:
        if self._settings.lockstep:
            self._check_answers()
            self._repeat()
            return
        due = self._pace.due(time.monotonic_ns() + (self._steps.time_until_next_call() or 0))
        for _ in range(min(due, MOST_CATCH_UP)):
            if not (self._paused or self._is_over):
                self._step()
        self._publish_sensors()
        self._publish_clock()

    def _restart(self, seed: int) -> None:
        self._line.reset()
        self._line.advance(0)
        self._stand.reset(seed)
        if self._person is not None:
            self._person.hold(False)

    def _step(self) -> None:
        self._line.advance(self._stand.simulation.time_ns)
        if self._stand.step():
            self._publish_status()
            if self._person is not None:
                self._person.speak(self._stamp_ns())

    @property
    def _is_over(self) -> bool:
        return self._settings.end_at_success and self._stand.episode.done

    def _ask(self) -> None:
        """Lockstep: announces a tick and waits for its answer, which is then played even if a pause comes between."""
        if not self._settings.lockstep or self._paused or self._is_over or self._lockstep.is_waiting:
            return
        self._lockstep.ask(self._sim_ns, time.monotonic_ns())
        self._publish_sensors()
        self._publish_clock()

    def _step_if_answered(self) -> None:
        if self._settings.lockstep and self._lockstep.is_answered:
            self._lockstep.clear()
            self._step()
            self._ask()

    def _repeat(self) -> None:
        """Lockstep: says again what still holds, for those who came late; the stamps tell that nothing is new."""
        self._publish_sensors()
        if self._lockstep.is_waiting:
            self._publish_clock()

    def _check_answers(self) -> None:
        missing = self._lockstep.missing(time.monotonic_ns())
        if missing and not self._paused:
            self._paused, self._note = True, missing
            self.get_logger().error(f"Lockstep tick {self._sim_ns} ns: {missing}; paused.")
            self._publish_status()

    # -- services ------------------------------------------------------------------------------------------------------

    def _on_reset(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        seed = self.get_parameter("seed").value
        self._base_ns = self._sim_ns + self._settings.tick_ns
        self._lockstep.clear()
        self._restart(seed)
        self._note = ""
        self.set_parameters([Parameter("seed", value=seed + 1)])
        self._goals.publish()
        self._publish_sensors()
        self._publish_status()
        self._ask()
        response.success, response.message = True, f"seed {seed}"
        return response

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if self._note:
            self._lockstep.clear()  # what was missing is asked for again
        self._paused, self._note = request.data, ""
        self._ask()
        self._publish_status()
        response.success, response.message = True, "paused" if self._paused else "running"
        return response

    def _on_operate(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        assert self._person is not None, "the service is offered where there is one"
        self._person.hold(request.data)
        response.success, response.message = True, "holds" if request.data else "has let go"
        return response

    def _on_inject(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self._line.inject(read_line(self.get_parameter("fault").value, self._stand.simulation.time_ns))
        except FaultError as error:
            response.success, response.message = False, str(error)
            return response
        return self._answer_with_faults(response)

    def _on_clear_faults(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._line.clear()
        return self._answer_with_faults(response)

    def _answer_with_faults(self, response: Trigger.Response) -> Trigger.Response:
        self._line.advance(self._stand.simulation.time_ns)
        self._publish_status()
        response.success, response.message = True, " ".join(self._line.active)
        return response

    # -- out -----------------------------------------------------------------------------------------------------------

    def _stamp_ns(self) -> int:
        return self._sim_ns if self._has_sim_stamps else self.get_clock().now().nanoseconds

    def _publish_sensors(self) -> None:
        self._line.advance(self._stand.simulation.time_ns)
        self._sensors.publish(self._stamp_ns())

    def _publish_clock(self) -> None:
        self._sensors.publish_clock(self._sim_ns)

    def _publish_status(self) -> None:
        counts = {"paused": self._paused, "missed": self._pace.missed, "rejected": self._rejections}
        found = {**counts, "faults": " ".join(self._line.active)}
        self._status.publish(messages.status(self._stand.episode, found, self._note))


def _hand(robot: Simulation, settings: Settings) -> Hand:
    try:
        return hand_for(robot, settings.person_slowness, settings.person_noise)
    except ValueError as error:
        raise ValueError(f"Parameter person is true, but: {error}") from error
