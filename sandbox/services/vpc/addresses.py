"""Who has which address: private ones of subnets, public ones of regions.

An owner is any text that names who holds an address (an instance id, a host name); freeing by owner is safe to repeat.
"""

from ipaddress import IPv4Address, IPv4Network

from sandbox.api.errors import ApiError
from sandbox.api.store import Store
from sandbox.layout import REGIONS
from sandbox.services.vpc.kinds import SUBNET

PRIVATE = "private_address"
PUBLIC = "public_address"
RESERVED = 3
"""Addresses of a subnet that nobody gets: network, gateway, broadcast."""


def take_private(store: Store, subnet_id: str, owner: str, wanted: str | None = None) -> IPv4Address:
    """An address of a subnet for an owner: the wanted one, else the lowest free from .4 up (.2 and .3 come last).

    Raises ApiError: ResourceInsufficient.Subnet when none is free, LimitExceeded.Address... when the wanted is taken.
    """
    with store.lock:
        subnet = store.get(SUBNET.name, subnet_id)
        network = IPv4Network(subnet["CidrBlock"])
        used = {doc["address"] for doc in private_of(store, subnet_id)}
        address = _wanted(network, used, wanted) if wanted else _lowest(network, used)
        if address is None:
            raise ApiError("ResourceInsufficient.Subnet", f"The subnet `{subnet_id}` ({network}) has no free address.")
        doc = {"subnet": subnet_id, "address": str(address), "owner": owner}
        store.put(PRIVATE, f"{subnet_id}/{address}", doc, SUBNET.region(store, subnet_id))
        return address


def _wanted(network: IPv4Network, used: set[str], wanted: str) -> IPv4Address:
    address = IPv4Address(wanted)
    if address not in network or address in (network[0], network[1], network[-1]):
        text = f"The address `{wanted}` is not one that a resource in {network} can have."
        raise ApiError("InvalidParameterValue.Range", text)
    if wanted in used:
        raise ApiError("ResourceInUse.Address", f"The address `{wanted}` is already in use.")
    return address


def _lowest(network: IPv4Network, used: set[str]) -> IPv4Address | None:
    count = network.num_addresses
    for offset in (*range(4, count - 1), 2, 3):
        if offset < count - 1 and str(network[offset]) not in used:
            return network[offset]
    return None


def private_of(store: Store, subnet_id: str) -> list[dict[str, str]]:
    """The taken addresses of a subnet: {subnet, address, owner}."""
    return [doc for doc in store.list(PRIVATE) if doc["subnet"] == subnet_id]


def free_private(store: Store, owner: str) -> None:
    """Give back every private address of an owner."""
    with store.lock:
        for doc in store.list(PRIVATE):
            if doc["owner"] == owner:
                store.delete(PRIVATE, f"{doc['subnet']}/{doc['address']}")


def take_public(store: Store, region: str, owner: str) -> IPv4Address:
    """The lowest free public address of a region, from the range's fifth on. Raises ApiError ResourceInsufficient."""
    network = REGIONS[region].public
    with store.lock:
        used = {doc["address"] for doc in store.list(PUBLIC, region)}
        for offset in range(5, network.num_addresses - 1):
            if str(network[offset]) not in used:
                doc = {"address": str(network[offset]), "owner": owner}
                store.put(PUBLIC, str(network[offset]), doc, region)
                return network[offset]
    raise ApiError("ResourceInsufficient", f"No public address is free in {region}.")


def free_public(store: Store, owner: str) -> None:
    """Give back every public address of an owner."""
    with store.lock:
        for doc in store.list(PUBLIC):
            if doc["owner"] == owner:
                store.delete(PUBLIC, doc["address"])
