"""All types of TCR that a stack has."""

from tests.sandbox.plugins.provider_run import TAGS, Run


def live(run: Run) -> None:
    """A registry, what is in it, who may pull, and its way into a VPC."""
    clients = {"cidrBlock": "198.19.0.0/16", "description": "d"}
    registry = run.create(
        "Tcr/instance",
        name="sanmen-images",
        instanceType="basic",
        openPublicOperation=True,
        securityPolicies=[clients],
        deleteBucket=True,
        tags=TAGS,
    )
    registry.refresh()
    registry.change(instanceType="standard", securityPolicies=[{"cidrBlock": "198.19.0.0/17"}], tags={"env": "x"})
    space = run.create("Tcr/namespace", instanceId=registry.id, name="sanmen", isAutoScan=True, severity="high")
    space.change(severity="medium", isPublic=True, cveWhitelistItems=[{"cveId": "CVE-2020-1"}])
    image = run.create("Tcr/repository", instanceId=registry.id, namespaceName="sanmen", name="gw", briefDesc="b")
    image.change(description="long")
    pull = {"resource": "sanmen", "actions": ["tcr:PullRepository"]}
    puller = run.create("Tcr/serviceAccount", registryId=registry.id, name="pull", permissions=[pull], duration=30)
    puller.change(description="d", disable=True)
    puller.change(password="Secret-word-1")
    vpc_id, subnet_id = run.network()
    way_in = {"instanceId": registry.id, "vpcId": vpc_id, "subnetId": subnet_id}
    attached = run.create("Tcr/vpcAttachment", enablePublicDomainDns=True, **way_in)
    attached.change(enablePublicDomainDns=False, enableVpcDomainDns=True)
    for made in (attached, puller, image, space, registry):
        made.delete()
