"""Proves from a recording that nothing unsafe left the command node. Shares no code with `control`: what that computes, this recomputes."""
