"""The documents of load balancers. Other services read them through these.

Private keys: `_lb` of a listener or rule is its balancer, `_targets` is described in targets.py; a balancer has `_vip`
(public address), `_private` (its leg in the VPC), `_subnet` (that leg's subnet in the substrate), `_region` and `_task`
(the running one); a configuration has `_bindings` (models.BindItem).
"""

from sandbox.api.kinds import Kind, TagNames

LOAD_BALANCER = Kind(
    name="clb.load_balancer",
    key="LoadBalancerId",
    noun="load balancer",
    missing="InvalidParameter.LBIdNotFound",
    tags=TagNames(service="clb", prefix="clb", field="Tags", key="TagKey", value="TagValue"),
)
"""models.LoadBalancer."""
LISTENER = Kind(name="clb.listener", key="ListenerId", noun="listener", missing="InvalidParameter.ListenerIdNotFound")
"""models.Listener without Rules."""
RULE = Kind(name="clb.rule", key="LocationId", noun="rule", missing="InvalidParameter.LocationNotFound")
"""models.RuleOutput."""
CONFIGURATION = Kind(name="clb.config", key="UconfigId", noun="custom configuration", missing="InvalidParameterValue")
"""models.ConfigListItem."""
TASK = Kind(name="clb.task", key="_id", noun="task", missing="InvalidParameter")
"""models.DescribeTaskStatusResponse by request id, and `_left`: the balancers that it has not ended for."""
