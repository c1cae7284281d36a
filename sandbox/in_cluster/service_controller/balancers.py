"""Which load balancers a cluster may use, and the mark that says that it does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.in_cluster.service_controller.cloud import PAGE, Cloud
from sandbox.in_cluster.service_controller.wishes import Refused

CLUSTER_TAG = "tke-clusterId"
CREATED_TAG = "tke-createdBy-flag"
"""On balancers that TKE made itself; they go with their Service."""


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """A load balancer as the cloud describes it. Clients reach it by its domain, or by its addresses."""

    id: str
    vpc_id: str
    ready: bool
    domain: str
    addresses: tuple[str, ...]
    tags: dict[str, str]
    passes_to_targets: bool


@dataclass(frozen=True)
class Marks:
    """The tags by which a cluster says that a load balancer is its own."""

    cloud: Cloud
    cluster_id: str
    vpc_id: str

    def used(self) -> list[str]:
        """The load balancers that carry the cluster's tag, in its region."""
        asked = {"TagFilters": [{"TagKey": CLUSTER_TAG, "TagValue": [self.cluster_id]}]}
        named: list[dict[str, Any]] = self.cloud.read("tag", "GetResources", asked)["ResourceTagMappingList"]
        # qcs::clb:<region>:uin/<account>:clb/<id>
        resources = [str(each["Resource"]).split(":") for each in named]
        here = ("clb", self.cloud.region)
        return [name.partition("/")[2] for _, _, service, region, _, name in resources if (service, region) == here]

    def describe(self, ids: Iterable[str]) -> dict[str, Balancer]:
        """The load balancers of these ids that exist."""
        wanted = sorted(set(ids))
        found: dict[str, Balancer] = {}
        for start in range(0, len(wanted), PAGE):
            asked = {"LoadBalancerIds": wanted[start : start + PAGE], "Limit": PAGE}
            answer = self.cloud.read("clb", "DescribeLoadBalancers", asked)
            found |= {doc["LoadBalancerId"]: _balancer(doc) for doc in answer["LoadBalancerSet"]}
        return found

    def check(self, balancer: Balancer | None, id: str) -> Balancer:
        """The balancer, if the cluster may use it. Raises Refused."""
        if balancer is None:
            raise Refused("LoadBalancerNotFound", f"there is no load balancer {id} in {self.cloud.region}")
        if balancer.vpc_id != self.vpc_id:
            message = f"load balancer {id} is in {balancer.vpc_id}, the cluster in {self.vpc_id}"
            raise Refused("LoadBalancerInOtherVpc", message)
        owner = balancer.tags.get(CLUSTER_TAG, self.cluster_id)
        if owner != self.cluster_id:
            message = f"load balancer {id} is used by cluster {owner}; its tag {CLUSTER_TAG} must go first"
            raise Refused("LoadBalancerInUse", message)
        if CREATED_TAG in balancer.tags:
            raise Refused("LoadBalancerNotYours", f"load balancer {id} belongs to another Service that made it")
        if not balancer.ready:
            raise Refused("LoadBalancerNotReady", f"load balancer {id} is not ready yet")
        return balancer

    def put(self, balancer: Balancer) -> None:
        """Mark a load balancer as used by the cluster."""
        if CLUSTER_TAG not in balancer.tags:
            tag = {"TagKey": CLUSTER_TAG, "TagValue": self.cluster_id}
            self._modify(balancer.id, {"ReplaceTags": [tag]})

    def take_off(self, id: str) -> None:
        """Nobody of the cluster uses it any more."""
        self._modify(id, {"DeleteTags": [{"TagKey": CLUSTER_TAG}]})

    def _modify(self, id: str, change: dict[str, Any]) -> None:
        resource = f"qcs::clb:{self.cloud.region}:uin/:clb/{id}"
        self.cloud.read("tag", "ModifyResourceTags", {"Resource": resource, **change})


def _balancer(doc: dict[str, Any]) -> Balancer:
    tags: Sequence[dict[str, str]] = doc.get("Tags") or ()
    return Balancer(
        id=doc["LoadBalancerId"],
        vpc_id=doc["VpcId"],
        ready=doc["Status"] == 1,
        domain=doc.get("LoadBalancerDomain") or "",
        addresses=tuple(doc.get("LoadBalancerVips") or ()),
        tags={tag["TagKey"]: tag["TagValue"] for tag in tags},
        passes_to_targets=bool(doc.get("LoadBalancerPassToTarget")),
    )
