"""VPC 2017-03-12: networks, subnets, routes, security groups, NAT, elastic addresses, flow logs."""

from sandbox.services.vpc import eips, flow_logs, groups, nats, networks, policies, routes, standing, subnets

__all__ = ["eips", "flow_logs", "groups", "nats", "networks", "policies", "routes", "standing", "subnets"]
