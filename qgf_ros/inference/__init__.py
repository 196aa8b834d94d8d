"""From an observation to an action chunk: the guided policy as a robot runs it."""
