"""One lock per resource, for what brings servers to documents: the store's lock covers documents alone.

with holding("clb.load_balancer", id):
    plane.current().ensure(spec_of(document))
"""

from sandbox.substrate.locks import holding

__all__ = ["holding"]
