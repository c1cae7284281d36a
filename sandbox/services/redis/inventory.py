"""What the documents of Redis mean for the data plane: nodes with addresses, their hosts, and their servers."""

import re
from ipaddress import IPv4Address
from typing import Any

from sandbox.api import restoring
from sandbox.api.actions import Context, Order, restores
from sandbox.api.errors import ApiError
from sandbox.api.locks import holding
from sandbox.api.store import Doc, Store
from sandbox.services import plane
from sandbox.services.params import character_classes
from sandbox.services.redis.kinds import INSTANCES, ONLINE, RUNNING
from sandbox.services.vpc import addresses, hosts
from sandbox.substrate import specs


def check_password(password: str) -> None:
    """8 to 64 characters, two of four classes, no leading slash, nothing outside printable ASCII."""
    fits = 8 <= len(password) <= 64 and character_classes(password) >= 2
    if not fits or password.startswith("/") or not re.fullmatch(r"[!-~]+", password):
        message = (
            "The password must have 8 to 64 characters of at least two of: lower case, upper case, digits, others; "
            "and must not begin with `/`."
        )
        raise ApiError("InvalidParameterValue.PasswordRuleError", message)


def place_nodes(store: Store, doc: Doc) -> None:
    """Give every node of NodeSet a host with an address in the instance's subnet; put the change into the document.

    The hosts of nodes that are no more go to `_gone`: they keep their addresses until they are down.
    """
    nodes: list[dict[str, Any]] = sorted(doc["NodeSet"], key=lambda node: node["NodeType"])
    standing = {node["id"]: node for node in doc["_nodes"]}
    gone = [node["host"] for node in doc["_nodes"] if node["id"] not in {each["NodeId"] for each in nodes}]
    doc["_gone"] = [*doc["_gone"], *gone]
    taken = {node["host"] for node in doc["_nodes"]} | set(doc["_gone"])
    free = (host for number in range(100) if (host := f"{doc['InstanceId']}-{number}") not in taken)
    doc["_nodes"] = [standing.get(node["NodeId"]) or _placed(store, doc, node, next(free)) for node in nodes]


def _placed(store: Store, doc: Doc, node: dict[str, Any], host: str) -> dict[str, Any]:
    private = addresses.take_private(store, doc["UniqSubnetId"], host)
    return {"id": node["NodeId"], "host": host, "private": str(private)}


def bring_up(store: Store, instance_id: str) -> None:
    """Hosts, servers and the moving address as the document says; nothing in the recycle bin. Raises SubstrateError."""
    with holding(INSTANCES.name, instance_id):
        doc = INSTANCES.anywhere(store, instance_id)
        if doc is None or doc["Status"] not in (RUNNING, ONLINE):
            return
        for node in doc["_nodes"]:
            hosts.connect(
                store,
                hosts.Connection(
                    name=node["host"],
                    kind="Redis",
                    owner=instance_id,
                    region=doc["_region"],
                    vpc_id=doc["UniqVpcId"],
                    subnet_id=doc["UniqSubnetId"],
                    private=node["private"],
                    groups=tuple(doc["_groups"]),
                    open=True,
                    trusts_peers=True,
                ),
            )
        plane.current().ensure(
            specs.Cache(
                name=instance_id,
                hosts=tuple(node["host"] for node in doc["_nodes"]),
                subnet=doc["UniqSubnetId"],
                address=IPv4Address(doc["_vip"]),
                port=doc["Port"],
                password=None if doc["NoAuth"] else doc["_password"],
                max_memory_bytes=int(doc["RedisShardSize"]) * int(doc["RedisShardNum"]) * 1024 * 1024,
                parameters=doc["_parameters"],
            )
        )
        _forget(store, instance_id, doc["_gone"])


def _forget(store: Store, instance_id: str, gone: list[str]) -> None:
    """Take down the hosts of former nodes, and give their addresses back."""
    for name in gone:
        hosts.disconnect(store, name)
        addresses.free_private(store, name)
    with store.lock:
        doc = INSTANCES.anywhere(store, instance_id)
        if doc is not None:
            INSTANCES.save(store, {**doc, "_gone": [name for name in doc["_gone"] if name not in gone]})


def stop(instance_id: str) -> None:
    """Servers down; hosts and addresses stay."""
    with holding(INSTANCES.name, instance_id):
        plane.current().remove(specs.Cache, instance_id)


def take_down(store: Store, doc: Doc) -> None:
    """Servers and hosts gone, addresses free."""
    with holding(INSTANCES.name, doc["InstanceId"]):
        plane.current().remove(specs.Cache, doc["InstanceId"])
        for name in [*(node["host"] for node in doc["_nodes"]), *doc["_gone"]]:
            hosts.disconnect(store, name)
            addresses.free_private(store, name)
        addresses.free_private(store, doc["InstanceId"])


@restores(Order.SERVERS)
def stand_again(ctx: Context) -> None:
    """The servers of all that is not in the recycle bin. What is just being made has a task that does it."""
    restoring.each(ctx, INSTANCES, lambda _ctx, doc: bring_up(ctx.store, doc["InstanceId"]))
