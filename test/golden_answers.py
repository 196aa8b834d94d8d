"""What our code answers for each array of a golden set, under the name that the array has in its file.

`given` holds inputs: an array that nothing computes, with the shape it must have. Dimensions, weights, modes and counts are
read from the files, so that another set of the same layout can be checked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from golden_weights import NETWORKS, load_networks, parameter_name
from torch import Tensor, nn

from qgf_ros.data.batch import to_batch
from qgf_ros.data.chunks import Transitions, Windows, cut_windows
from qgf_ros.flow.denoise import (
    SamplerConfig,
    condition_q,
    condition_velocity,
    denoise,
    finish,
    gradient_ascent,
    sample,
)
from qgf_ros.flow.guidance import Guide, evaluate_guided
from qgf_ros.flow.sampler import Estimator, uniform_times
from qgf_ros.layers import LAYER_NORM_EPS, TIME_EMBEDDING_DIM, TimeEmbedding
from qgf_ros.networks import Aggregation, Networks, aggregate
from qgf_ros.train.update import TrainState, UpdateConfig, update

ESTIMATORS = {
    "bc": Estimator.ONE_STEP,
    "qgf": Estimator.ONE_STEP,
    "jac": Estimator.ONE_STEP_JACOBIAN,
    "qfql": Estimator.NOISY,
}
Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass
class Answers:
    """What one file should hold: `computed` by our code, and `given` inputs with their shapes."""

    computed: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    given: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, name: str, value: Tensor | float) -> None:
        """Note a computed array."""
        self.computed[name] = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)


def golden_directory() -> Path:
    """Return QGF_GOLDEN_DIR, or the set that lies beside this file."""
    return Path(os.environ.get("QGF_GOLDEN_DIR", Path(__file__).parent / "golden"))


@cache
def load(name: str) -> Arrays:
    """Return all arrays of a golden file, e.g. `q2min_chunk_weights`."""
    with np.load(golden_directory() / f"{name}.npz") as archive:
        return dict(archive)


@cache
def answers(name: str) -> Answers:
    """Return our answers for the golden file `name`."""
    if name == "sampler":
        return _sampler()
    prefix, kind = name.rsplit("_", 1)
    return {"weights": _weights, "inference": _inference, "training": _training}[kind](prefix)


def _update_config(weights: Arrays) -> UpdateConfig:
    return UpdateConfig(
        discount=float(weights["meta/discount"]),
        expectile=float(weights["meta/expectile"]),
        tau=float(weights["meta/tau"]),
        learning_rate=float(weights["meta/learning_rate"]),
        denoise_steps=int(weights["meta/denoise_steps"]),
    )


def _weights(prefix: str) -> Answers:
    weights = load(f"{prefix}_weights")
    networks, update_config = load_networks(weights), _update_config(weights)
    config = networks.config
    found = Answers()
    parameters = dict(networks.named_parameters())
    for name in weights:
        if name.split("/")[0] in NETWORKS:
            found.add(name, parameters[parameter_name(name)])
    for name, value in {
        "obs_dim": config.observation_dim,
        "action_dim": config.action_dim,
        "horizon": config.horizon,
        "full_action_dim": config.vector_dim,
        "action_chunking": int(config.chunked),
        "num_qs": config.num_critics,
        "q_aggregation_is_mean": int(config.aggregation is Aggregation.MEAN),
        "denoise_steps": update_config.denoise_steps,
        "discount": update_config.discount,
        "expectile": update_config.expectile,
        "tau": update_config.tau,
        "learning_rate": update_config.learning_rate,
        "layer_norm_eps": LAYER_NORM_EPS,
    }.items():
        found.add(f"meta/{name}", value)
    return found


def _inference(prefix: str) -> Answers:
    weights, golden = load(f"{prefix}_weights"), load(f"{prefix}_inference")
    networks, steps = load_networks(weights), int(weights["meta/denoise_steps"])
    count, dim = golden["obs"].shape[0], networks.config.vector_dim
    found = Answers()
    found.given |= {"obs": (count, networks.config.observation_dim), "noise": (count, dim)}
    _probe(found, networks, golden, count, dim)
    for mode in _groups(golden, r"([a-z]+)_w[0-9.]+/weight"):
        _walk(found, networks, golden, mode, steps)
    for mode in _groups(golden, r"(bestof\d+)_w[0-9.]+/actions"):
        _best_of(found, networks, golden, mode, steps)
    for mode in _groups(golden, r"(gradstep)\d+_[0-9.]+/actions"):
        _gradient_steps(found, networks, golden, mode, steps)
    _single(found, networks, golden, dim, steps)
    return found


def _probe(found: Answers, networks: Networks, golden: Arrays, count: int, dim: int) -> None:
    found.given |= {"probe/t": (count,), "probe/actions": (count, dim)}
    obs, action, time = (torch.tensor(golden[name]) for name in ("obs", "probe/actions", "probe/t"))
    assert golden["probe/time_embedding"].shape[-1] == TIME_EMBEDDING_DIM
    target_q = networks.target_critic.q(networks.target_critic.encode(obs), action)
    found.add("probe/time_embedding", TimeEmbedding()(time))
    found.add("probe/velocity", networks.policy.velocity(networks.policy.encode(obs), action, time))
    found.add("probe/critic_q", networks.critic.q(networks.critic.encode(obs), action))
    found.add("probe/target_q", target_q)
    found.add("probe/target_q_aggregated", aggregate(target_q, networks.config.aggregation))
    found.add("probe/value", networks.value.v(obs))


def _walk(found: Answers, networks: Networks, golden: Arrays, mode: str, steps: int) -> None:
    """Answer a sampler mode: the walk's intermediate values and the final action. Weight 0 must not need the critic."""
    obs, noise = torch.tensor(golden["obs"]), torch.tensor(golden["noise"])
    weight, estimator = float(mode.split("_w")[1]), ESTIMATORS[mode.split("_w")[0]]
    with torch.no_grad():
        velocity_of, q = condition_velocity(networks.policy, obs), condition_q(networks.target_critic, obs)
    walk = list(denoise(velocity_of, noise, uniform_times(steps), Guide(q, weight, estimator)))
    fields = [
        step.guided or evaluate_guided(velocity_of, q, step.action, torch.tensor(step.time), estimator)
        for step in walk
    ]
    assert all((step.guided is None) == (weight == 0.0) for step in walk)
    final = finish(iter(walk))
    found.add(f"{mode}/weight", weight)
    found.add(f"{mode}/actions", final)
    found.add(f"{mode}/actions_eager", final)
    found.add(f"{mode}/a_t", torch.stack([*(step.action for step in walk), walk[-1].next_action]))
    found.add(f"{mode}/v_bc", torch.stack([step.velocity for step in walk]))
    found.add(f"{mode}/qgrad_clean", torch.stack([guided.gradient for guided in fields]))
    found.add(f"{mode}/qgrad", torch.stack([guided.guidance for guided in fields]))


def _best_of(found: Answers, networks: Networks, golden: Arrays, mode: str, steps: int) -> None:
    """Answer a best-of-N mode; all weights of one N share the one noise array."""
    family, weight = mode.split("_w")
    (noise_name,) = (name for name in golden if name.startswith(f"{family}_w") and name.endswith("/noise"))
    noise, candidates = torch.tensor(golden[noise_name]), int(family.removeprefix("bestof"))
    obs = torch.tensor(golden["obs"])
    found.given[noise_name] = (obs.shape[0] * candidates, networks.config.vector_dim)
    config = SamplerConfig(steps, float(weight), Estimator.ONE_STEP, candidates)
    found.add(f"{mode}/actions", sample(networks.policy, networks.target_critic, obs, noise, config))


def _gradient_steps(found: Answers, networks: Networks, golden: Arrays, mode: str, steps: int) -> None:
    count, step_size = mode.removeprefix("gradstep").split("_")
    obs, noise = torch.tensor(golden["obs"]), torch.tensor(golden["noise"])
    start = sample(networks.policy, networks.target_critic, obs, noise, SamplerConfig(steps))
    with torch.no_grad():
        q = condition_q(networks.target_critic, obs)
    found.add(f"{mode}/actions", gradient_ascent(q, start, float(step_size), int(count)))


def _single(found: Answers, networks: Networks, golden: Arrays, dim: int, steps: int) -> None:
    found.given["single/noise"] = (1, dim)
    obs, noise = torch.tensor(golden["obs"][:1]), torch.tensor(golden["single/noise"])
    for name in golden:
        if match := re.fullmatch(r"single/actions_w([0-9.]+)", name):
            config = SamplerConfig(steps, float(match[1]))
            found.add(name, sample(networks.policy, networks.target_critic, obs, noise, config)[0])


def _training(prefix: str) -> Answers:
    weights, golden = load(f"{prefix}_weights"), load(f"{prefix}_training")
    state = TrainState.create(load_networks(weights), _update_config(weights))
    found = Answers()
    for number, step in enumerate(_groups(golden, r"(step\d+)/t"), start=1):
        windows = _windows(number)
        for name, array in windows.__dict__.items():
            found.computed[f"{step}/batch/{name}"] = array
        _training_step(found, state, windows, golden, step)
    return found


def _training_step(found: Answers, state: TrainState, windows: Windows, golden: Arrays, step: str) -> None:
    count, index = windows.observations.shape[0], golden[f"{step}/t_index"]
    found.given |= {f"{step}/eps": (count, state.networks.config.vector_dim), f"{step}/t_index": (count,)}
    assert set(index) <= set(range(state.config.denoise_steps + 1))
    time = torch.tensor(index) / state.config.denoise_steps
    found.add(f"{step}/t", time)
    batch = to_batch(windows, torch.device("cpu"))
    metrics = update(state, batch, torch.tensor(golden[f"{step}/eps"]), time)
    networks = state.networks
    trained = {"bc": networks.policy, "critic": networks.critic, "value": networks.value}
    for name, network in trained.items():
        found.add(f"{step}/{name}_loss", metrics.as_floats()[f"{name}_loss"])
        found.add(f"{step}/{name}_grad_global_norm", _gradient_norm(network))
    parameters = dict(networks.named_parameters())
    for name in golden:
        if match := re.fullmatch(rf"{step}/(grad|after)/(.*)", name):
            parameter = parameters[parameter_name(match[2])]
            value = parameter.grad if match[1] == "grad" else parameter
            assert value is not None, f"{name} has no gradient"
            found.add(name, value.clone())


def _sampler() -> Answers:
    golden = load("sampler")
    transitions = _transitions()
    found = Answers()
    for name, array in transitions.__dict__.items():
        found.given[f"dataset/{name}"] = (transitions.size, *array.shape[1:])
    found.given |= {"meta/horizon": (), "meta/discount": ()}
    for batch in _groups(golden, r"(batch\d+)/idxs"):
        found.given[f"{batch}/idxs"] = golden[f"{batch}/idxs"].shape[:1]
        for name, array in _windows(int(batch.removeprefix("batch"))).__dict__.items():
            found.computed[f"{batch}/{name}"] = array
    return found


def _transitions() -> Transitions:
    golden = load("sampler")
    return Transitions(**{name: golden[f"dataset/{name}"] for name in Transitions.__dataclass_fields__})


def _windows(batch: int) -> Windows:
    golden = load("sampler")
    horizon, discount = int(golden["meta/horizon"]), float(golden["meta/discount"])
    return cut_windows(_transitions(), golden[f"batch{batch}/idxs"], horizon, discount)


def _groups(golden: Arrays, pattern: str) -> Iterator[str]:
    """Yield, in file order, the group (text before the slash) of each array whose name matches `pattern`."""
    return (name.rsplit("/", 1)[0] for name in golden if re.fullmatch(pattern, name))


def _gradient_norm(network: nn.Module) -> Tensor:
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    return torch.linalg.vector_norm(torch.cat([gradient.flatten() for gradient in gradients]))
