"""Sample values: what the stack files of the repository hold where an operator's own data belongs.

A preview works with them. An update refuses: nothing is made in a cloud for a site that nobody runs.
"""

import re
from collections.abc import Collection, Iterator
from ipaddress import IPv4Network

import pulumi

from infra.settings.kinds import Compute
from infra.settings.stack import NAMESPACE, SettingsError, Stack

SAMPLE_DOMAIN = re.compile(r"(^|\.)example(\.(com|net|org|cn))?$")
"""Names that RFC 2606 keeps for examples."""
SAMPLE_NUMBER = re.compile(r"ICP\D*0+号")
SAMPLE_ID = "-00000000"
SAMPLE_DIGEST = "@sha256:" + "0" * 64
SAMPLE_LINES = {"华北": 901, "东北": 902, "华东": 903, "华中": 904, "华南": 905, "西南": 906, "西北": 907}
"""Line name -> the id that the sandbox made up for it."""
SAMPLE_CLIENTS = IPv4Network("203.0.113.0/24")
"""Addresses that RFC 5737 keeps for examples."""
SAMPLE_DETECTORS = (1,)
"""The sandbox's one group of detectors in the mainland."""


def samples(stack: Stack) -> Iterator[tuple[str, str]]:
    """(path, what belongs there) of every sample value in the settings."""
    if SAMPLE_DOMAIN.search(stack.domain):
        yield "domain", "a domain of your own with an ICP filing"
    if SAMPLE_NUMBER.search(stack.licence.icp_number) and not stack.licence.made_up:
        yield "licence", "your filing's number, owner, site name and contact"
    for name, upstream in stack.upstreams.items():
        if SAMPLE_DOMAIN.search(upstream.host):
            yield f"upstreams.{name}", "an upstream you have the right to use"
    failover, alerts = stack.edge.failover, stack.observability.alert_receivers
    if failover.package_id.endswith(SAMPLE_ID):
        yield "edge.failover.package_id", "the IGTM package you bought"
    if stack.env != "local":
        for region, lines in failover.lines.items():
            if lines.items() & SAMPLE_LINES.items():
                yield f"edge.failover.lines.{region.value}", "IGTM's ids of these lines (igtm DescribeDnsLineList)"
        if failover.detector_groups == SAMPLE_DETECTORS:
            yield "edge.failover.detector_groups", "IGTM's groups, more than one (igtm DescribeDetectors)"
    if SAMPLE_CLIENTS in stack.registry.push_from:
        yield "registry.push_from", "the public ranges that your images are pushed from"
    if any(receiver.endswith(SAMPLE_ID) for receiver in alerts):
        yield "observability.alert_receivers", "your notice templates"
    for region, image in stack.cvm.image_ids.items() if stack.cvm is not None else ():
        if image.endswith(SAMPLE_ID):
            yield f"cvm.image_ids.{region.value}", "the gateway's machine image"
    if any(cell.compute is Compute.TKE for cell in stack.regions.values()) and stack.tke is not None:
        for key in ("image", "nginx_exporter_image", "redis_exporter_image"):
            if getattr(stack.tke, key).endswith(SAMPLE_DIGEST):
                yield f"tke.{key}", "an image of your registry, by digest"


def refuse_samples(stack: Stack, only: Collection[str] | None = None) -> None:
    """Warn in a preview, raise SettingsError in an update, with a line per sample value (of the paths `only`)."""
    found = [
        f"stacks/Pulumi.{stack.env}.yaml: {NAMESPACE}:{path}: a sample value stands here; wanted: {wanted}"
        for path, wanted in samples(stack)
        if only is None or path in only
    ]
    if found and not pulumi.runtime.is_dry_run():
        raise SettingsError("\n".join(found))
    if found:
        pulumi.log.warn("preview goes on with these; an update would not:\n" + "\n".join(found))
