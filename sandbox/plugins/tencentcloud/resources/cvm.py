"""Cvm/launchTemplate. Source: docs/sources.md, machines."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Created, Handler, Partial, Props, resource, tag_list
from sandbox.plugins.tencentcloud.resources import shapes


@resource("tencentcloud:Cvm/launchTemplate:LaunchTemplate")
class LaunchTemplate(Handler):
    """A launch template: every change replaces it."""

    write_only = ("tags", "dryRun", "clientToken")

    def check(self, props: Props) -> dict[str, str]:
        """Name length."""
        return shapes.faults(props, {"launchTemplateName": shapes.length(1, 128)})

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        """CreateLaunchTemplate."""
        params: dict[str, Any] = shapes.pascal({key: value for key, value in props.items() if key != "tags"})
        params["TagSpecification"] = params.pop("TagSpecifications", None)
        if props.get("tags"):
            own = {"ResourceType": "launch-template", "Tags": tag_list(props["tags"])}
            params["LaunchTemplateTagSpecification"] = [own]
        template_id: str = cloud.call("cvm", "CreateLaunchTemplate", params)["LaunchTemplateId"]
        partial.id(template_id)
        return Created(template_id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        """DescribeLaunchTemplates and its default version; what was not set stays as written."""
        doc = shapes.one(cloud, "cvm", "DescribeLaunchTemplates", {"LaunchTemplateIds": [id]}, "LaunchTemplateSet")
        if doc is None:
            return None
        versions = {"LaunchTemplateId": id, "LaunchTemplateVersions": [doc["DefaultVersionNumber"]]}
        found = shapes.one(cloud, "cvm", "DescribeLaunchTemplateVersions", versions, "LaunchTemplateVersionSet")
        data: dict[str, Any] = (found or {}).get("LaunchTemplateVersionData") or {}
        plain = ("imageId", "instanceType", "instanceName", "instanceChargeType", "hostName", "camRoleName", "userData")
        shown = {name: data[api] for name in plain if (api := name[:1].upper() + name[1:]) in data}
        return shown | {"launchTemplateName": doc["LaunchTemplateName"]}

    def update(self, cloud: Cloud, id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        """Everything replaces."""

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        """DeleteLaunchTemplate."""
        shapes.delete(cloud, "cvm", "DeleteLaunchTemplate", {"LaunchTemplateId": id})
