"""Training: one gradient step, and the loops around it."""
