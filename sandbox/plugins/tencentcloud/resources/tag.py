"""Tags as resources of their own. Source: docs/sources.md, keys and identity."""

from sandbox.plugins.tencentcloud.handler import Cloud, CloudError, Created, Handler, Partial, Props, resource


@resource("tencentcloud:Tag/instance:Instance")
class Tag(Handler):
    """Id: `<key>#<value>`."""

    def create(self, cloud: Cloud, props: Props, partial: Partial) -> Created:
        request = {"TagKey": props["tagKey"], "TagValue": props["tagValue"]}
        # A tag that exists (ResourceInUse.TagDuplicate) is an error at once.
        cloud.call("tag", "CreateTag", request, retry_s=0)
        id = f"{props['tagKey']}#{props['tagValue']}"
        partial.id(id)
        return Created(id)

    def read(self, cloud: Cloud, id: str, props: Props) -> Props | None:
        key, _, value = id.partition("#")
        found = cloud.call("tag", "DescribeTags", {"TagKey": key, "TagValue": value})["Tags"]
        return {"tagKey": key, "tagValue": value} if found else None

    def delete(self, cloud: Cloud, id: str, props: Props) -> None:
        key, _, value = id.partition("#")
        try:
            cloud.call("tag", "DeleteTag", {"TagKey": key, "TagValue": value})
        except CloudError as error:
            if not error.matches("ResourceNotFound"):
                raise
