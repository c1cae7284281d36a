"""What `status` does not show of networks."""

from sandbox.services.vpc import addresses
from sandbox.services.vpc.kinds import EIP_TASK, HOST

BOOKKEEPING = (EIP_TASK.name, HOST.name, addresses.PRIVATE, addresses.PUBLIC)
