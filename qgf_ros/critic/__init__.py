"""Implicit Q-learning on action chunks: the critic's target, the losses and the target network."""
