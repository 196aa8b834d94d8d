"""The policy node's parameters and what they make of a checkpoint's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import Estimator, SamplerConfig, SamplerDefaults
from qgf_ros.inference.cost import WalkCost
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import EngineConfig, EngineName, Precision
from qgf_ros.nodes.params import Parameter, Value

T = TypeVar("T", bool, int, float, str)

OF_CHECKPOINT = "checkpoint"
ESTIMATORS = (OF_CHECKPOINT, *(estimator.value for estimator in Estimator))
DEVICES = tuple(device.value for device in Device)
ENGINES = tuple(engine.value for engine in EngineName)
PRECISIONS = tuple(precision.value for precision in Precision)
WHILE_INACTIVE = (
    "estimator",
    "denoise_steps",
    "candidates",
)  # they change what a chunk costs: not while the robot moves

PARAMETERS = (
    Parameter("contract", "", "contract YAML of this robot and task"),
    Parameter(
        "checkpoint", "", "of this interface: a folder that `qgf train`, or a file that `qgf export` wrote"
    ),
    Parameter("autostart", False, "true: configure and activate by itself at start"),
    Parameter(
        "lockstep", False, "true: reliable sensors, ages from stamps alone, so that every run is the same"
    ),
    Parameter(
        "device",
        Device.AUTO.value,
        "what to compute on; auto: a GPU for engines that run on one; tensorrt is for exported files",
        choices=DEVICES,
    ),
    Parameter("threads", 1, "CPU threads of the engine; with 1 the other nodes keep a core of two", 1, 64),
    Parameter("gpu_memory_share", 0.5, "of a GPU's memory: PyTorch takes no more in this process", 0.01, 1.0),
    Parameter(
        "engine",
        EngineName.AUTO.value,
        "what samples; auto: cpu, with device cuda cuda_graph, for an exported file onnx",
        choices=ENGINES,
    ),
    Parameter(
        "precision", Precision.FP32.value, "of the weights; bf16 where the engine has it", choices=PRECISIONS
    ),
    Parameter(
        "warm_up_passes", 5, "walks of each kind timed at configure: from them each chunk is planned", 1, 100
    ),
    Parameter(
        "deadline_s",
        0.0,
        "from a wish to its chunk; 0 is the contract's delay, or a control period",
        0.0,
        10.0,
    ),
    Parameter(
        "deadline_margin_s", 0.005, "kept of the deadline for the chunk's way to the command node", 0.0, 1.0
    ),
    Parameter(
        "detector",
        True,
        "guidance fades and chunks slow down where the checkpoint's detector does not know what it sees; false: off",
    ),
    Parameter("virtual_fixed_s", 0.0, "lockstep: a walk is stated to take this, beside its steps", 0.0, 10.0),
    Parameter("virtual_step_s", 0.0, "lockstep: and this for each unguided step", 0.0, 10.0),
    Parameter("virtual_guided_step_s", 0.0, "lockstep: and this for each guided step", 0.0, 10.0),
    Parameter(
        "certificate_topic", "command_node/certificate", "where the command node says that it wants a chunk"
    ),
    Parameter(
        "resend_after_s", 0.25, "a chunk that the command node has not taken by then is replaced", 0.01, 10.0
    ),
    Parameter("weight_ramp_s", 1.0, "time over which a changed guidance weight comes into force", 0.0, 60.0),
    Parameter(
        "guidance_weight",
        -1.0,
        "action^2 / Q; 0 is unguided, -1 the checkpoint's default",
        -1.0,
        1000.0,
        dynamic=True,
    ),
    Parameter(
        "estimator",
        OF_CHECKPOINT,
        "where the critic is asked; inactive only",
        choices=ESTIMATORS,
        dynamic=True,
    ),
    Parameter(
        "denoise_steps", 0, "Euler steps; 0 is the checkpoint's default; inactive only", 0, 1000, dynamic=True
    ),
    Parameter(
        "candidates", 0, "best of N; 0 is the checkpoint's default; inactive only", 0, 256, dynamic=True
    ),
    Parameter(
        "candidate", "", "checkpoint with the same flow policy, whose critic ~/swap takes", dynamic=True
    ),
    Parameter(
        "seed", 0, "of the next episode's noise; taken at ~/reset and activation", 0, 2**31 - 1, dynamic=True
    ),
)


@dataclass(frozen=True)
class PolicySettings:
    """The parameters' values, typed. `guidance_weight` below 0, and counts of 0, mean the checkpoint's default."""

    contract: Path
    checkpoint: Path
    lockstep: bool
    device: Device
    engine: EngineConfig
    warm_up_passes: int
    deadline_s: float
    deadline_margin_s: float
    detector: bool
    virtual_cost: WalkCost
    certificate_topic: str
    resend_after_s: float
    weight_ramp_s: float
    guidance_weight: float
    estimator: Estimator | None
    denoise_steps: int
    candidates: int
    seed: int

    def sampler(self, defaults: SamplerDefaults) -> SamplerConfig:
        """How chunks are sampled with a checkpoint of these defaults."""
        return SamplerConfig(
            denoise_steps=self.denoise_steps or defaults.denoise_steps,
            weight=defaults.guidance_weight if self.guidance_weight < 0.0 else self.guidance_weight,
            estimator=self.estimator or defaults.estimator,
            candidates=self.candidates or defaults.candidates,
            noise_scale=defaults.noise_scale,
        )


def settings(values: Mapping[str, Value]) -> PolicySettings:
    """The values of the table as settings.

    Raises:
        InvalidSetting: no contract or checkpoint is named, or a guidance weight between -1 and 0.
    """
    estimator = _take(values, "estimator", str)
    check_change("guidance_weight", values["guidance_weight"], is_active=False)
    return PolicySettings(
        contract=_path(values, "contract", "the path of a contract YAML"),
        checkpoint=_path(values, "checkpoint", "the path of a checkpoint's folder or exported file"),
        lockstep=_take(values, "lockstep", bool),
        device=Device(_take(values, "device", str)),
        engine=EngineConfig(
            EngineName(_take(values, "engine", str)),
            Precision(_take(values, "precision", str)),
            _take(values, "threads", int),
            _take(values, "gpu_memory_share", float),
        ),
        warm_up_passes=_take(values, "warm_up_passes", int),
        deadline_s=_take(values, "deadline_s", float),
        deadline_margin_s=_take(values, "deadline_margin_s", float),
        detector=_take(values, "detector", bool),
        virtual_cost=WalkCost(
            fixed_s=_take(values, "virtual_fixed_s", float),
            critic_s=0.0,
            step_s=_take(values, "virtual_step_s", float),
            guided_s=_take(values, "virtual_guided_step_s", float),
        ),
        certificate_topic=_take(values, "certificate_topic", str),
        resend_after_s=_take(values, "resend_after_s", float),
        weight_ramp_s=_take(values, "weight_ramp_s", float),
        guidance_weight=_take(values, "guidance_weight", float),
        estimator=None if estimator == OF_CHECKPOINT else Estimator(estimator),
        denoise_steps=_take(values, "denoise_steps", int),
        candidates=_take(values, "candidates", int),
        seed=_take(values, "seed", int),
    )


def in_words(sampler: SamplerConfig) -> str:
    """How chunks are sampled, for the log."""
    steps, chosen = f"{sampler.denoise_steps} steps", f"best of {sampler.candidates}"
    return f"guidance weight {sampler.weight}, estimator {sampler.estimator.value}, {steps}, {chosen}"


def check_change(name: str, value: object, is_active: bool, grid: TimeGrid | None = None) -> None:
    """Checks what the table cannot: `grid` is that of the checkpoint, once there is one.

    Raises:
        InvalidSetting: it may not change while active; a guidance weight lies between -1 and 0.
        OffGridError: a number of steps that the checkpoint was not trained for.
    """
    if is_active and name in WHILE_INACTIVE:
        raise InvalidSetting(f"Parameter {name}", value, "changed only while the node is inactive")
    if name == "guidance_weight" and isinstance(value, float) and -1.0 < value < 0.0:
        raise InvalidSetting(f"Parameter {name}", value, "at least 0, or -1 for the checkpoint's default")
    if name == "denoise_steps" and isinstance(value, int) and value > 0 and grid is not None:
        grid.check_equal(value)


def _take(values: Mapping[str, Value], name: str, kind: type[T]) -> T:
    value = values[name]
    assert isinstance(value, kind), "params.declare keeps each row's type"
    return value


def _path(values: Mapping[str, Value], name: str, accepted: str) -> Path:
    text = _take(values, name, str)
    if not text:
        raise InvalidSetting(f"Parameter {name}", text, accepted)
    return Path(text).expanduser()
