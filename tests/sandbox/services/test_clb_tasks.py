"""Tasks of load balancers: each balancer ends for itself, and what stood stands again after a restart."""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sandbox.api.actions import Context
from sandbox.api.store import Store
from sandbox.services import plane
from sandbox.services.clb import tasks
from sandbox.services.clb.kinds import LOAD_BALANCER
from sandbox.substrate import specs
from sandbox.substrate.errors import SubstrateError
from tests.sandbox.recording import Recording
from tests.sandbox.world import REGION, World, world


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


def begun(edge: World, action: str, **params: Any) -> dict[str, Any]:
    """The answer of DescribeTaskStatus once the action's task has ended, well or not."""
    task = edge.call("clb", action, **params)["RequestId"]

    def state() -> dict[str, Any]:
        return edge.call("clb", "DescribeTaskStatus", TaskId=task)

    edge.api.until(lambda: state()["Status"] != tasks.RUNNING, f"the task of {action}")
    return state()


def named(edge: World) -> dict[str, int]:
    """Balancer -> status."""
    found = edge.call("clb", "DescribeLoadBalancers")["LoadBalancerSet"]
    return {doc["LoadBalancerId"]: doc["Status"] for doc in found}


def refuse_first(edge: World) -> list[str]:
    """Let no server of the balancer that comes first be made. Returns that balancer, once it is known."""
    first: list[str] = []

    def refuses(spec: object) -> str | None:
        if isinstance(spec, specs.Balancer):
            first[:] = first or [spec.name]
            return "no room" if spec.name == first[0] else None
        return None

    edge.plane.refuses = refuses
    return first


def test_one_that_fails_fails_the_task_and_leaves_the_other_ready(edge: World) -> None:
    vpc_id, _ = edge.network()
    first = refuse_first(edge)
    ended = begun(edge, "CreateLoadBalancer", LoadBalancerType="OPEN", LoadBalancerName="two", VpcId=vpc_id, Number=2)
    assert ended["Status"] == tasks.FAILED
    assert len(ended["LoadBalancerIds"]) == 2
    assert named(edge) == {id: int(id != first[0]) for id in ended["LoadBalancerIds"]}
    assert edge.plane.balancers.keys() == set(ended["LoadBalancerIds"]) - set(first)


def test_one_that_failed_is_idle_and_can_be_deleted(edge: World) -> None:
    vpc_id, _ = edge.network()
    refuse_first(edge)
    ended = begun(edge, "CreateLoadBalancer", LoadBalancerType="OPEN", LoadBalancerName="one", VpcId=vpc_id)
    assert begun(edge, "DeleteLoadBalancer", LoadBalancerIds=ended["LoadBalancerIds"])["Status"] == tasks.SUCCESS
    assert named(edge) == {}
    assert edge.plane.hosts == {}


def test_a_name_that_cannot_be_published_fails_the_task_and_not_the_worker(edge: World) -> None:
    class Silent(Recording):
        def apply_zones(self, zones: Any) -> None:
            raise SubstrateError("the name server is gone")

    vpc_id, _ = edge.network()
    with plane.use(Silent()):
        ended = begun(edge, "CreateLoadBalancer", LoadBalancerType="OPEN", LoadBalancerName="one", VpcId=vpc_id)
    assert (ended["Status"], ended["Message"]) == (tasks.FAILED, "the name server is gone")
    edge.clb("ModifyLoadBalancerAttributes", LoadBalancerId=ended["LoadBalancerIds"][0], LoadBalancerName="again")


class Slow(Recording):
    """Lets nothing become of balancers and names until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.in_time = True
        """That who waits for nobody came to say so before patience ended."""

    def ensure(self, spec: Any) -> None:
        if isinstance(spec, specs.Balancer):
            self._wait()
        super().ensure(spec)

    def apply_zones(self, zones: Any) -> None:
        self._wait()
        super().apply_zones(zones)

    def _wait(self) -> None:
        self.reached.set()
        self.in_time &= self.go_on.wait(10)


def test_the_api_answers_and_takes_other_changes_while_servers_are_slow(edge: World) -> None:
    vpc_id, _ = edge.network()
    wanted: dict[str, Any] = {"LoadBalancerType": "OPEN", "LoadBalancerName": "slow", "VpcId": vpc_id}
    slow = Slow()
    with plane.use(slow):
        first = edge.call("clb", "CreateLoadBalancer", **wanted)
        assert slow.reached.wait(30)
        second = edge.call("clb", "CreateLoadBalancer", **wanted)
        assert sorted(named(edge).values()) == [0, 0]
        slow.go_on.set()
        for each in (first, second):
            task = each["RequestId"]
            edge.api.until(
                lambda task=task: edge.call("clb", "DescribeTaskStatus", TaskId=task)["Status"] == tasks.SUCCESS, task
            )
    assert slow.in_time


def test_an_order_of_a_certificate_holds_nobody_up_while_its_record_is_published(edge: World) -> None:
    edge.call("dnspod", "CreateDomain", Domain="sanmen.test")
    order = {"DvAuthMethod": "DNS_AUTO", "DomainName": "api.sanmen.test"}
    slow = Slow()
    with plane.use(slow), ThreadPoolExecutor(1) as other:
        ordered = other.submit(edge.call, "ssl", "ApplyCertificate", **order)
        assert slow.reached.wait(30)
        edge.call("ssl", "DescribeCertificates")
        edge.network()
        slow.go_on.set()
        assert ordered.result()["CertificateId"]
    assert slow.in_time


def test_a_balancer_that_goes_takes_its_bindings_along(edge: World) -> None:
    vpc_id, _ = edge.network()
    ready = begun(edge, "CreateLoadBalancer", LoadBalancerType="OPEN", LoadBalancerName="a", VpcId=vpc_id)
    text = "proxy_read_timeout 600s;"
    config = edge.clb("AddCustomizedConfig", ConfigName="c", ConfigType="CLB", ConfigContent=text)["ConfigId"]
    bind = {"LoadBalancerId": ready["LoadBalancerIds"][0]}
    edge.clb("AssociateCustomizedConfig", UconfigId=config, BindList=[bind])
    begun(edge, "DeleteLoadBalancer", LoadBalancerIds=ready["LoadBalancerIds"])
    assert edge.call("clb", "DescribeCustomizedConfigAssociateList", UconfigId=config)["BindList"] == []
    edge.clb("DeleteCustomizedConfig", UconfigIdList=[config])


def test_what_was_ready_stands_again_after_a_restart_and_what_never_was_does_not(edge: World) -> None:
    vpc_id, _ = edge.network()
    ready = begun(edge, "CreateLoadBalancer", LoadBalancerType="OPEN", LoadBalancerName="a", VpcId=vpc_id)
    listener: dict[str, Any] = {"Ports": [80], "Protocol": "HTTP"}
    begun(edge, "CreateListener", LoadBalancerId=ready["LoadBalancerIds"][0], **listener)
    before = dict(edge.plane.balancers)
    refuse_first(edge)
    begun(edge, "CreateLoadBalancer", LoadBalancerType="OPEN", LoadBalancerName="b", VpcId=vpc_id)
    store: Store = edge.api.store
    assert len(LOAD_BALANCER.all(store)) == 2
    nothing = Recording()
    with plane.use(nothing):
        tasks.restore(Context(store=store))
    assert nothing.balancers == before
    assert nothing.hosts.keys() == before.keys()
    assert nothing.hosts[ready["LoadBalancerIds"][0]].region == REGION
