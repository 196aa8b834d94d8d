"""What the networks promise: the hoisted first layer, independent members, the reference's initialisation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from qgf_ros.errors import InvalidSetting
from qgf_ros.layers import TimeEmbedding
from qgf_ros.networks import Aggregation, NetworkConfig, Networks, aggregate

CONFIG = NetworkConfig(observation_dim=5, action_dim=2, horizon=3, hidden=(16, 24), num_critics=3)
ROUNDING = 1e-5


def create(config: NetworkConfig = CONFIG, seed: int = 0) -> Networks:
    return Networks.create(config, torch.Generator().manual_seed(seed))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_policy_equals_the_plain_network_on_the_concatenated_input() -> None:
    policy, obs, action, time = (
        create().policy,
        normal(4, 5),
        normal(4, 6, seed=1),
        torch.tensor([0, 0.1, 0.5, 1]),
    )
    hidden, norm, out = policy.layers.hidden, policy.layers.norm, policy.layers.out
    x = torch.cat([obs, action, TimeEmbedding()(time)], dim=-1)
    x = functional.layer_norm(x @ hidden[0].kernel + hidden[0].bias, (16,), norm[0].scale, norm[0].bias, 1e-6)
    x = functional.gelu(
        functional.gelu(x, approximate="tanh") @ hidden[1].kernel + hidden[1].bias, approximate="tanh"
    )
    expected = x @ out.kernel + out.bias
    torch.testing.assert_close(
        policy.velocity(policy.encode(obs), action, time), expected, atol=ROUNDING, rtol=ROUNDING
    )


def test_one_time_for_all_rows_is_the_same_as_that_time_in_each_row() -> None:
    policy, obs, action = create().policy, normal(4, 5), normal(4, 6, seed=1)
    features = policy.encode(obs)
    shared = policy.velocity(features, action, torch.tensor(0.3))
    torch.testing.assert_close(
        shared, policy.velocity(features, action, torch.full((4,), 0.3)), atol=ROUNDING, rtol=ROUNDING
    )


def test_a_member_of_the_ensemble_answers_as_it_would_alone() -> None:
    critic, obs, action = create().critic, normal(4, 5), normal(4, 6, seed=1)
    hidden, norm, out = critic.layers.hidden, critic.layers.norm, critic.layers.out
    x = torch.cat([obs, action], dim=-1)
    for index in range(2):
        x = x @ hidden[index].kernel[1] + hidden[index].bias[1]
        x = functional.layer_norm(x, x.shape[-1:], norm[index].scale[1], norm[index].bias[1], 1e-6)
        x = functional.gelu(x, approximate="tanh")
    expected = (x @ out.kernel[1] + out.bias[1]).squeeze(-1)
    torch.testing.assert_close(
        critic.q(critic.encode(obs), action)[1], expected, atol=ROUNDING, rtol=ROUNDING
    )


def test_the_policy_has_no_norm_on_its_last_hidden_layer_and_the_others_have_it_everywhere() -> None:
    nets = create()
    assert len(nets.policy.layers.norm) == 1
    assert len(nets.critic.layers.norm) == len(nets.value.layers.norm) == 2


def test_members_differ_and_the_target_starts_as_a_copy() -> None:
    nets = create()
    assert not torch.equal(nets.critic.layers.first.kernel[0], nets.critic.layers.first.kernel[1])
    for online, target in zip(nets.critic.parameters(), nets.target_critic.parameters(), strict=True):
        assert torch.equal(online, target)
        assert not target.requires_grad


def test_the_same_seed_gives_the_same_weights() -> None:
    once, again, other = create().state_dict(), create().state_dict(), create(seed=1).state_dict()
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert not torch.equal(once["policy.layers.out.kernel"], other["policy.layers.out.kernel"])


def test_hidden_layers_and_critic_heads_are_xavier_uniform_and_biases_zero() -> None:
    nets = create(NetworkConfig(30, 5, 5, (256, 256)))
    for network in (nets.policy, nets.critic, nets.value):
        kernel = network.layers.hidden[1].kernel
        limit = math.sqrt(6 / 512)
        assert kernel.abs().max() <= limit
        # A uniform's deviation is limit / sqrt(3); 65536 draws put the estimate within 1 %.
        assert kernel.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.01)
        assert not any(bias.any() for name, bias in network.named_parameters() if name.endswith("bias"))
    assert nets.critic.layers.out.kernel.abs().max() <= math.sqrt(6 / 257)


def test_the_policy_head_is_lecun_normal() -> None:
    kernel = create(NetworkConfig(30, 50, 5, (256,))).policy.layers.out.kernel
    # 64000 draws put the deviation within 1 % of 1 / sqrt(256); the cut is at 2 deviations of the uncut normal.
    assert kernel.std().item() == pytest.approx(1 / 16, rel=0.01)
    assert kernel.abs().max().item() <= 2 / 16 / 0.8796 + ROUNDING


def test_time_is_embedded_in_float32_whatever_it_arrives_in() -> None:
    embedding, time = TimeEmbedding(), torch.tensor([0.1, 0.7], dtype=torch.float64)
    assert torch.equal(embedding(time), embedding(time.float()))
    assert embedding(time).dtype is torch.float32


def test_aggregation_is_over_members() -> None:
    q = torch.tensor([[1.0, 5.0], [3.0, 2.0]])
    assert aggregate(q, Aggregation.MIN).tolist() == [1.0, 2.0]
    assert aggregate(q, Aggregation.MEAN).tolist() == [2.0, 3.5]


def test_without_chunking_the_networks_see_one_action() -> None:
    config = NetworkConfig(5, 2, 3, (8,), chunked=False)
    assert (config.vector_dim, CONFIG.vector_dim) == (2, 6)


@pytest.mark.parametrize("change", [{"horizon": 0}, {"hidden": ()}, {"hidden": (8, 0)}, {"num_critics": 1.5}])
def test_a_network_that_cannot_exist_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(change))):
        NetworkConfig(**({"observation_dim": 5, "action_dim": 2} | change))  # type: ignore[arg-type]


def test_a_config_survives_as_plain_values() -> None:
    values = CONFIG.as_mapping()
    assert values["hidden"] == [16, 24]
    assert values["aggregation"] == "min"
    restored = values | {"hidden": tuple(values["hidden"]), "aggregation": Aggregation(values["aggregation"])}
    assert NetworkConfig(**restored) == CONFIG
