"""A cell's logs: one CLS log set with a topic for load balancer access, VPC flows and cluster audit.

CLB has log sets of its own kind, but there is one per account and region and it keeps 90 days at most, below the six
months of the law; so the load balancer is given a topic of this log set (docs/adr/0004).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from tencentcloud_iac_pulumi import cls, vpc

from infra.context import CellContext, keeps_data


@dataclass(frozen=True, kw_only=True)
class LogsArgs:
    """`kinds`: topics to make (access, flow, audit)."""

    cell: CellContext
    kinds: Sequence[str]


class Logs(pulumi.ComponentResource):
    """Log set of a cell. log_set_id; topic_ids: kind -> id."""

    log_set_id: pulumi.Output[str]
    topic_ids: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: LogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sanmen:region:Logs", name, None, opts)
        self._cell = cell = args.cell
        log_set = cls.Logset(
            cell.name("logs"), logset_name=cell.name("logs"), tags=cell.tags, opts=keeps_data(cell.stack, self)
        )
        self.log_set_id = log_set.id
        self.topic_ids = {kind: self._topic(kind) for kind in args.kinds}
        self.register_outputs({"log_set_id": self.log_set_id, "topic_ids": self.topic_ids})

    def _topic(self, kind: str) -> pulumi.Output[str]:
        cell, name = self._cell, self._cell.name(f"logs-{kind}")
        topic = cls.Topic(
            name,
            logset_id=self.log_set_id,
            topic_name=name,
            storage_type="hot",
            period=cell.stack.observability.log_days,
            partition_count=cell.size.log_partitions,
            auto_split=True,
            max_split_partitions=50,
            tags=cell.tags,
            # The count is where it begins: CLS splits busy partitions, and a split one is never merged.
            opts=keeps_data(cell.stack, self, replace=("logsetId", "storageType"), ignore=("partitionCount",)),
        )
        cls.Index(
            f"{name}-index",
            topic_id=topic.id,
            status=True,
            rule=cls.IndexRuleArgs(
                full_text=cls.IndexRuleFullTextArgs(
                    case_sensitive=False, contain_zh=True, tokenizer="@&?|#()='\",;:<>[]{}/ \n\t\r\\"
                )
            ),
            opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["topicId"]),
        )
        return topic.id


@dataclass(frozen=True, kw_only=True)
class FlowLogArgs:
    """Every connection of `vpc_id` goes to the CLS topic `topic_id`."""

    cell: CellContext
    vpc_id: pulumi.Input[str]
    topic_id: pulumi.Input[str]


def flow_log(args: FlowLogArgs, parent: pulumi.Resource) -> vpc.FlowLog:
    """The flow log of a VPC. All but its name and description is fixed at creation."""
    return vpc.FlowLog(
        args.cell.name("flows"),
        flow_log_name=args.cell.name("flows"),
        flow_log_description="connections of the VPC",
        resource_type="VPC",
        resource_id=args.vpc_id,
        vpc_id=args.vpc_id,
        traffic_type="ALL",
        storage_type="cls",
        cloud_log_id=args.topic_id,
        cloud_log_region=args.cell.region.value,
        tags=args.cell.tags,
        opts=pulumi.ResourceOptions(
            parent=parent,
            replace_on_changes=[
                "resourceType",
                "resourceId",
                "vpcId",
                "trafficType",
                "storageType",
                "cloudLogId",
                "cloudLogRegion",
                "flowLogStorage",
            ],
        ),
    )
