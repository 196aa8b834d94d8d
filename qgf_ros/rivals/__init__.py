"""Rivals of guided sampling: other ways to act well with one data set, one cloned policy and one critic.

What all of them share, so that a difference between two is one of method: the data and batches, the networks and their sizes, and the
critic. Wherever a source takes a gradient or a value of Q, a rival here takes those of the aggregated target critic (equation (17) of
docs/algorithm.md), which implicit Q-learning trained; where the source trains its critic otherwise, the rival's module says so. Actions
are action vectors (B, D) in [-1, 1], time runs from 0 (noise) to 1 (action). Docstrings cite papers by arXiv number; "the QGF authors'
code" is that of arXiv 2606.11087. docs/adr/0033 has the reasons.
"""
