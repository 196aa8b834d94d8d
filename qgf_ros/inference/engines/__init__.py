"""Ways to compute one and the same chunk: the readable specification, and compiled engines that must match it."""
