"""What every rival promises: it learns and acts the same twice, inside the box, at the stated cost, in the closed loop's policy too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from qgf_ros.datatypes import Observation
from qgf_ros.errors import InvalidSetting, ShapeMismatch
from qgf_ros.flow.committed import make_committed
from qgf_ros.flow.prefix import PrefixMethod, make_prefix
from qgf_ros.inference.engines.engine import Question
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.rivals.engine import player
from qgf_ros.rivals.registry import RIVALS, rival_by_name
from qgf_ros.rivals.training import Taught
from test.rivals.world import STEPS, Parent, counted, questions, steep

LEARNERS = [name for name, rival in RIVALS.items() if isinstance(rival, Taught)]
OWN_ENGINE = {
    *("qgf_regularised", "qgf_smoothed", "qgf_chain", "bptt", "grad_step", "robust_q", "cfgrl", "fql")
}  # no other engine acts as they do
names = pytest.mark.parametrize("name", RIVALS)
learners = pytest.mark.parametrize("name", LEARNERS)


@names
def test_it_acts_finitely_within_the_box(name: str, parent: Parent) -> None:
    rival, checkpoint = RIVALS[name], steep(parent)
    extra = rival.train(checkpoint, parent.training, parent.config)
    action = rival.act(checkpoint, extra, *questions(checkpoint, rival.candidates))
    assert action.shape == (3, checkpoint.networks.config.vector_dim)
    assert torch.isfinite(action).all()
    assert action.abs().max() <= 1.0


@names
def test_the_same_seed_learns_and_acts_the_same(name: str, parent: Parent) -> None:
    rival, checkpoint = RIVALS[name], steep(parent)
    actions = [
        rival.act(
            checkpoint,
            rival.train(checkpoint, parent.training, parent.config),
            *questions(checkpoint, rival.candidates),
        )
        for _ in range(2)
    ]
    assert torch.equal(*actions)


@learners
def test_another_seed_learns_something_else(name: str, parent: Parent) -> None:
    rival = RIVALS[name]
    one = rival.train(parent.checkpoint, parent.training, parent.config)
    other = rival.train(parent.checkpoint, parent.training, replace(parent.config, seed=1))
    assert one is not None
    assert other is not None
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert not all(torch.equal(ours, theirs) for ours, theirs in pairs)


@learners
def test_training_leaves_the_parent_as_it_is(name: str, parent: Parent) -> None:
    before = {key: value.clone() for key, value in parent.checkpoint.networks.state_dict().items()}
    RIVALS[name].train(parent.checkpoint, parent.training, parent.config, together=True)
    RIVALS[name].train(parent.checkpoint, parent.training, parent.config)
    after = parent.checkpoint.networks.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


@learners
def test_training_moves_its_blank(name: str, parent: Parent) -> None:
    rival = RIVALS[name]
    extra = rival.train(parent.checkpoint, parent.training, parent.config)
    blank = rival.blank(parent.checkpoint, parent.config.seed)
    assert extra is not None
    assert blank is not None
    pairs = list(zip(extra.named_parameters(), blank.named_parameters(), strict=True))
    assert all(ours[0] == theirs[0] and ours[1].shape == theirs[1].shape for ours, theirs in pairs)
    assert any(not torch.equal(ours[1], theirs[1]) for ours, theirs in pairs)


@pytest.mark.parametrize("name", [name for name in RIVALS if name not in LEARNERS])
def test_what_learns_nothing_needs_nothing(name: str, parent: Parent) -> None:
    assert RIVALS[name].train(parent.checkpoint, parent.training, parent.config) is None
    assert RIVALS[name].blank(parent.checkpoint, 0) is None


@names
def test_its_cost_is_what_it_says(name: str, parent: Parent) -> None:
    rival, checkpoint = RIVALS[name], steep(parent)
    extra = rival.train(checkpoint, parent.training, replace(parent.config, steps=1))
    question = questions(checkpoint, rival.candidates, rows=1)
    with counted() as seen:
        rival.act(checkpoint, extra, *question)
    stated = {key: count for key, count in rival.passes(STEPS)._asdict().items() if count}
    assert dict(seen) == stated


@names
def test_the_policy_of_the_closed_loop_plays_it(name: str, parent: Parent) -> None:
    rival, checkpoint = RIVALS[name], parent.checkpoint
    extra = rival.train(checkpoint, parent.training, parent.config)
    policy, sampler = player(rival, checkpoint, extra)
    values = np.linspace(-0.5, 0.5, policy.observation_dim, dtype=np.float32)
    proposal = policy.propose(Observation(values, 0), sampler.walk(), seed=3, index=0)
    assert np.isfinite(proposal.chunk.actions).all()
    again = policy.propose(Observation(values, 0), sampler.walk(), seed=3, index=0)
    np.testing.assert_array_equal(proposal.chunk.actions, again.chunk.actions)


@names
def test_walks_begin_at_the_noise_of_training_whatever_the_checkpoints_default_is(
    name: str, parent: Parent
) -> None:
    """The sources know no other: a default of ours must not be theirs."""
    ours = replace(parent.checkpoint, defaults=replace(parent.checkpoint.defaults, noise_scale=0.3))
    rival = RIVALS[name]
    extra = rival.train(ours, parent.training, parent.config)
    assert player(rival, ours, extra).sampler.walk().noise == 1.0


@pytest.mark.parametrize("name", [name for name in RIVALS if name not in OWN_ENGINE])
def test_engines_that_play_it_act_as_it_does(name: str, parent: Parent) -> None:
    rival, checkpoint = RIVALS[name], steep(parent)
    extra = rival.train(checkpoint, parent.training, parent.config)
    native = rival.native(checkpoint, extra)
    assert native is not None
    observation, noise = questions(checkpoint, rival.candidates, rows=1)
    engine = ReferenceEngine(native.checkpoint, torch.device("cpu"))
    sample = engine.sample(Question(observation[0].numpy(), noise.numpy(), native.sampler.walk()))
    ours = rival.act(checkpoint, extra, observation, noise)
    np.testing.assert_allclose(sample.actions[sample.best], ours[0].numpy(), atol=1e-5)


@names
def test_committed_actions_are_kept(name: str, parent: Parent) -> None:
    rival, checkpoint = RIVALS[name], steep(parent)
    extra = rival.train(checkpoint, parent.training, parent.config)
    rest = np.full((3, 2), 0.25, np.float32)
    prefix = make_prefix(rest, horizon=3, delay=1, execution_horizon=1)
    assert prefix is not None
    committed = make_committed(PrefixMethod.OVERWRITING, prefix, torch.device("cpu"))
    action = rival.act(checkpoint, extra, *questions(checkpoint, rival.candidates), committed)
    assert torch.equal(action[:, :2], torch.full((3, 2), 0.25))
    assert action.abs().max() <= 1.0


@names
def test_it_names_its_source_and_has_as_many_values_to_try_as_the_others(name: str) -> None:
    rival = RIVALS[name]
    assert rival.name == name
    assert "arXiv" in rival.source
    if rival.knob is None:
        with pytest.raises(InvalidSetting, match="nothing to tune"):
            rival.tuned(1.0)
        return
    assert len(set(rival.knob.values)) == 5
    fields: Mapping[str, object] = vars(rival.tuned(rival.knob.values[0]))
    assert fields[rival.knob.name] == rival.knob.values[0]


@names
def test_noise_of_other_rows_is_refused(name: str, parent: Parent) -> None:
    rival, checkpoint = RIVALS[name], parent.checkpoint
    extra = rival.train(checkpoint, parent.training, replace(parent.config, steps=1))
    observation, noise = questions(checkpoint, rival.candidates)
    with pytest.raises(ShapeMismatch, match="candidates"):
        rival.act(checkpoint, extra, observation, noise[1:])


@learners
def test_it_does_not_act_without_what_it_learns(name: str, parent: Parent) -> None:
    rival = RIVALS[name]
    with pytest.raises(InvalidSetting, match="extra"):
        rival.act(parent.checkpoint, None, *questions(parent.checkpoint, rival.candidates))


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidSetting, match="bptt"):
        rival_by_name("nobody")


def test_a_rival_of_no_candidates_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="positive"):
        replace(RIVALS["bptt"], candidates=0)
