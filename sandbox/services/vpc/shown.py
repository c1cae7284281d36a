"""What `status` does not show of networks."""

from sandbox.services.vpc import addresses
from sandbox.services.vpc.kinds import HOST, TASK

BOOKKEEPING = (HOST.name, TASK.name, addresses.PRIVATE, addresses.PUBLIC)
