"""Checks of the machine that the graph runs on: what was found, whether it will do, and what to change.

Each check is a function of facts; `examine.py` gathers these on the machine at hand.
"""
