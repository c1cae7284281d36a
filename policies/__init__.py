"""The policy pack: what a stack must never be, checked at every preview and `up` (`--policy-pack policies`).

A file per concern, each with pure rules; `pack.py` makes policies of them. What preview cannot know ends a rule for
that resource with an advisory note of the engine's; the same rule speaks at `up`.
"""
