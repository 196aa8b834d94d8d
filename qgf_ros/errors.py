"""One class for each mistake a user can make. The constructor takes facts and writes the sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


class QgfError(Exception):
    """Base of every error that a user of qgf_ros can cause.

    Its text is one sentence for the user: what was wrong, what was found, what would be accepted. A command line or a node
    catches this class, prints the sentence and stops safely; any other exception is a bug of ours.
    """

    def __init__(self, sentence: str) -> None:
        """Keeps the sentence to one line of printable characters: parts of it may come out of a hostile file."""
        super().__init__(_one_line(sentence))

    def __reduce__(self) -> tuple[object, ...]:
        """Crosses process borders whole: the default would call the constructor with the sentence in place of the facts."""
        return _restored, (type(self), self.args), dict(self.__dict__)


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


class DatasetTooShort(QgfError):
    """A data set holds fewer transitions than one chunk needs."""

    def __init__(self, transitions: int, horizon: int) -> None:
        self.transitions = transitions
        self.horizon = horizon
        super().__init__(
            f"The data set holds {transitions} transitions, but a chunk of horizon {horizon} needs at least {horizon}."
        )


class MissingFileError(QgfError):
    """A file that a command or parameter names does not exist."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no file {path}: give the path of an existing file.")


class UnreadableFileError(QgfError):
    """A file exists but is not what it should be."""

    def __init__(self, path: Path, expected: str, found: str) -> None:
        super().__init__(f"{path} is not {expected}: {found}.")


class FileTooLarge(QgfError):
    """A file is longer than any honest one of its kind."""

    def __init__(self, path: Path, found: int, most: int) -> None:
        super().__init__(
            f"{path} has {found} bytes or more, and at most {most} are read: is it the file that you meant?"
        )


class ContractError(QgfError):
    """A contract whose parts do not fit together."""

    def __init__(self, path: Path, problem: str, accepted: str) -> None:
        super().__init__(f"Contract {path.name}: {problem}; {accepted}.")


class InterfaceMismatchError(QgfError):
    """Contract and checkpoint (or data set) speak different languages."""

    def __init__(self, what: str, expected: str, found: str, differences: Sequence[str]) -> None:
        listed = "; ".join(differences) or "no readable difference"
        super().__init__(
            f"{what} was made for interface {found[:12]}, the contract has {expected[:12]}: {listed}. "
            "Use the contract it was made with, or train again."
        )


class ObservationRefused(QgfError):
    """An observation cannot be assembled now. `reason` is a stable code for diagnostics; the robot holds meanwhile."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class ChunkRefused(QgfError):
    """An action chunk that the command gate will not play. `reason` is a stable code for diagnostics."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class UnknownTaskError(QgfError):
    """A simulation task that does not exist."""

    def __init__(self, name: str, available: Sequence[str]) -> None:
        super().__init__(f"There is no task '{name}': available are {', '.join(available)}.")


class CheckpointError(QgfError):
    """A checkpoint that cannot be used."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(f"Checkpoint {folder} cannot be loaded: {problem}.")


class MissingRosError(QgfError):
    """rclpy cannot be imported."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"rclpy cannot be imported ({cause}): source a ROS 2 installation, or install the wheels with pip install 'qgf_ros[ros]'."
        )


class DoubledRosError(QgfError):
    """rclpy comes from a pip wheel and from a ROS installation at once."""

    def __init__(self, wheel: Path, other: Path) -> None:
        super().__init__(
            f"rclpy is found twice, as a pip wheel in {wheel} and as part of a ROS installation in {other}; mixing them crashes: "
            "open a shell in which ROS is not sourced, or an environment without the wheels."
        )


class MotionRefused(QgfError):
    """Chunks may not be played from where the robot stands. `reason` is a stable code for diagnostics."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class LimiterError(QgfError):
    """Limits under which not even a stop can be planned."""

    def __init__(self, joints: Sequence[str], found: str) -> None:
        first = found.strip().splitlines()[0] if found.strip() else "no reason given"
        super().__init__(
            f"No stop can be planned for {', '.join(joints)} ({first}): "
            "the limits in deployment.limits must be those of a real arm."
        )


class MissingGpuError(QgfError):
    """CUDA is asked for and there is none."""

    def __init__(self, torch_version: str, setting: str = "device", value: str = "cuda") -> None:
        super().__init__(
            f"Parameter {setting} is {value}, but PyTorch {torch_version} sees no NVIDIA GPU here: "
            f"set {setting} to cpu or auto, or install the driver and a CUDA build of PyTorch."
        )


class ProposalNotFinite(QgfError):
    """A policy's answer holds values that are no numbers."""

    def __init__(self, index: int) -> None:
        super().__init__(
            f"Chunk {index} of the episode holds values that are not finite; it was not sent: check the checkpoint and its training."
        )


class MissingShareError(QgfError):
    """A file of the package itself is not installed."""

    def __init__(self, relative: str, looked_in: Sequence[Path]) -> None:
        super().__init__(
            f"{relative} of qgf_ros is not installed: looked in {', '.join(map(str, looked_in))}. "
            "Install the package again, or call this from a clone."
        )


class MissingPathError(QgfError):
    """An argument names a file or folder that does not exist."""

    def __init__(self, argument: str, path: Path) -> None:
        super().__init__(
            f"{argument} is {path}, but there is no such file or folder: give the path of an existing one."
        )


class NodeDiedError(QgfError):
    """A node that `qgf run` started has ended by itself."""

    def __init__(self, name: str, code: int, last_line: str) -> None:
        self.name = name
        self.code = code
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        said = f"its last words: {last_line}" if last_line else "it said nothing"
        super().__init__(f"{name} {how}, so the others were stopped; {said}")


class NotReadyError(QgfError):
    """A service was called when its node could not serve it. The caller says what is missing."""


LONGEST_SENTENCE = 4000  # characters: what a list of many names may take


def _one_line(sentence: str) -> str:
    """Without what a terminal would obey, and not longer than a person reads."""
    if len(sentence) > LONGEST_SENTENCE:
        sentence = f"{sentence[: LONGEST_SENTENCE // 2]} [...] {sentence[-LONGEST_SENTENCE // 2 :]}"
    words = sentence.replace("\n", " ")
    return words if words.isprintable() else words.encode("unicode_escape").decode("ascii")


def _restored(cls: type[QgfError], arguments: tuple[object, ...]) -> QgfError:
    return cls.__new__(cls, *arguments)


class MissingMessagesError(QgfError):
    """A contract's output needs a message package that is not installed."""

    def __init__(self, topic: str, kind: str, package: str, others: str) -> None:
        super().__init__(
            f"The output '{topic}' is of kind {kind}, which needs the ROS package {package}, but it is not installed: "
            f"install it, or use one of the kinds {others}."
        )


class NodeSilentError(QgfError):
    """A node of the graph did not do in time what an episode needs."""

    def __init__(self, node: str, what: str, timeout_s: float, last_words: str) -> None:
        super().__init__(
            f"Waited {timeout_s:g} s for {what} from {node} in vain; last words: {last_words or 'none'}."
        )


class NodeRefusedError(QgfError):
    """A node of the graph refused a call."""

    def __init__(self, node: str, call: str, reason: str) -> None:
        super().__init__(f"{node} refused {call}: {reason or 'no reason given'}")


class LostMessagesError(QgfError):
    """The record of an episode has holes."""

    def __init__(self, certified: int, ticks: int, executed: int) -> None:
        super().__init__(
            f"The record has holes: {certified} certificates and {executed} commands arrived for {ticks} ticks; "
            "the computer or the network is too busy to record every tick."
        )


class OffGridError(QgfError):
    """A policy is asked to be stepped at times that it was not trained on."""

    def __init__(self, denoise_steps: int, grid_steps: int) -> None:
        accepted = ", ".join(str(n) for n in range(1, grid_steps + 1) if grid_steps % n == 0)
        super().__init__(
            f"{denoise_steps} denoising steps leave the times k/{grid_steps} that this policy was trained on: accepted are "
            f"{accepted}, or any number for a policy trained with time_sampling: continuous."
        )


class NoPlanError(QgfError):
    """In lockstep, by the costs that are stated, not even the cheapest walk fits the deadline."""

    def __init__(self, cheapest_s: float, left_s: float) -> None:
        super().__init__(
            f"By the stated virtual costs the cheapest walk takes {cheapest_s * 1e3:.3g} ms, and {left_s * 1e3:.3g} ms are left "
            "to it: state lower costs, or a longer deadline_s."
        )


class MissingKernelError(QgfError):
    """The compiled library of engine `cpu` is not there."""

    def __init__(self, folder: object, found: str) -> None:
        super().__init__(
            f"Engine cpu needs its compiled library in {folder}, but {found}: install a C++ compiler (g++) and install qgf_ros "
            "again (in a clone: python setup.py build_ext --inplace), or choose engine torch or onnx."
        )


class FolderExistsError(QgfError):
    """A recording shall go where something is already."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} exists already, and a recording is never written over: give the name of a new folder."
        )


class CannotWriteError(QgfError):
    """A recording cannot be begun where it shall go."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"{folder} cannot be written ({error.strerror}): give a folder on a disk with room that this user may write to."
        )


class MissingDefinitionError(QgfError):
    """The definition of a message type cannot be found."""

    def __init__(self, name: str, places: Sequence[Path]) -> None:
        package, _, kind = name.partition("/")
        looked_in = ", ".join(map(str, places)) or "no place"
        super().__init__(
            f"share/{package}/msg/{kind}.msg was found in none of {looked_in}: install the package {package}, or source the "
            "workspace that has it."
        )


class MissingExtraError(QgfError):
    """Something needs a package that is only installed with an extra."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package {package}, which is not installed: pip install 'qgf_ros[{extra}]'."
        )


class MissingProviderError(QgfError):
    """This ONNX Runtime cannot compute on what is asked for."""

    def __init__(self, wanted: str, offered: Sequence[str]) -> None:
        super().__init__(
            f"Device {wanted} is asked for, but the installed ONNX Runtime only offers {', '.join(offered)}: install a build of "
            "it for that device, or set device to cpu or auto."
        )


class ExportDiffersError(QgfError):
    """An exported policy does not answer as its checkpoint does."""

    def __init__(self, path: Path, error: float, tolerance: float) -> None:
        super().__init__(
            f"{path} was not written: in ONNX Runtime its actions differ by {error:.1e} from the checkpoint's, where at most "
            f"{tolerance:.0e} is accepted; another version of onnxruntime may compute it right."
        )


class MissingTorchError(QgfError):
    """A checkpoint's folder is opened where PyTorch is not installed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"Checkpoint {folder} needs PyTorch, which is not installed here: install torch, or name a file that "
            "`qgf export` wrote where it is."
        )


class GpuMemoryError(QgfError):
    """The GPU has no memory left for the policy."""

    def __init__(self, told: str) -> None:
        first = " ".join(told.split()).split(". ")[0].rstrip(".")
        super().__init__(
            f"The GPU has no memory left for the policy ({first}): end what else uses it, raise gpu_memory_share, or sample "
            "fewer candidates."
        )


class BenchFailed(QgfError):
    """A measurement that ended without figures."""

    def __init__(self, program: str, status: int) -> None:
        super().__init__(
            f"The measurement {program} ended with status {status} and wrote no figures: the reason stands above; status 0 is "
            "expected."
        )


class UnreadableCertificate(QgfError):
    """A certificate that is not one of this version."""

    def __init__(self, keys: Sequence[str], problem: str) -> None:
        super().__init__(f"The certificate's {', '.join(keys)}: {problem}; was it written by this version?")


class DisjointLimitsError(QgfError):
    """Two sources of limits that nothing fits at once."""

    def __init__(self, what: str, ours: tuple[float, float], theirs: tuple[float, float]) -> None:
        super().__init__(
            f"The limits leave {what} no place: {ours[0]:g} to {ours[1]:g} by one source, {theirs[0]:g} to {theirs[1]:g} by "
            "the other; ranges that meet are needed. Is it the same robot, and the same zero of its joints?"
        )


class MissingBaselineError(QgfError):
    """A contract whose limits have nothing to be compared with."""

    def __init__(self, interface: str, contract: Path, places: Sequence[Path]) -> None:
        super().__init__(
            f"There is no baseline '{interface}.yaml' in {', '.join(map(str, places))}: without one nobody would notice weakened "
            f"limits. Write it with `qgf limits {contract} --write-baseline`, read it, and commit it."
        )


class WeakerThanBaselineError(QgfError):
    """Limits or checks weaker than the committed ones."""

    def __init__(self, baseline: Path, weaker: Sequence[str]) -> None:
        super().__init__(
            f"Weaker than the baseline {baseline}: {'; '.join(weaker)}. Tighten the contract or the parameters, or change the "
            "baseline on purpose with `qgf limits CONTRACT --write-baseline`."
        )


class RobotDescriptionError(QgfError):
    """A robot_description whose limits cannot be read, or that is another robot's."""

    def __init__(self, problem: str, accepted: str) -> None:
        super().__init__(
            f"robot_description cannot be used: {problem}; expected: {accepted}. Its limits would tighten the contract's."
        )


class UnknownFaultError(QgfError):
    """A name that is in no fault of the table."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"No fault is called '{name}': there are {', '.join(known)}.")


class PhaseNotReachedError(QgfError):
    """An episode that never came to the phase in which a fault was to strike."""

    def __init__(self, phase: str, ticks: int) -> None:
        super().__init__(
            f"In {ticks} ticks the arm never came to the phase '{phase}': does the policy still solve the task that it was "
            "trained for?"
        )


class NoContractError(QgfError):
    """A recording without the contract that it was made under."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The recording brings no contract along: {problem}. Name the one that was in force: `--contract FILE`."
        )


class NotVerifiableError(QgfError):
    """A recording in which there is nothing to verify."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(f"{folder} cannot be verified: {problem}.")


class UnreadableMessage(QgfError):
    """A recorded message whose bytes are not what its type says."""

    def __init__(self, topic: str, type_name: str, problem: str) -> None:
        super().__init__(f"A message on {topic} is no {type_name}: {problem}.")


class RosArgumentsError(QgfError):
    """Arguments after `--ros-args` that ROS does not take."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"ROS could not be started with these arguments ({problem.splitlines()[0] if problem else 'no reason given'}): "
            "`-p NAME:=VALUE` sets a parameter, with '' for an empty text."
        )
