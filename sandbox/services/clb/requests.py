"""Requests that the public API has and the official SDK has no models for, with the provider's parameter names."""

from typing import Any

from tencentcloud.common.abstract_model import AbstractModel


def _model(name: str, **types: str) -> type[AbstractModel]:
    """A model with these parameters. The front reads types from `:rtype:`, as in the SDK's own models."""

    def start(self: Any) -> None:
        AbstractModel.__init__(self)
        read(self, {})

    def read(self: Any, params: dict[str, Any]) -> None:
        for each in types:
            setattr(self, f"_{each}", params.get(each))

    def parameter(key: str) -> property:
        return property(lambda self: getattr(self, f"_{key}"), doc=f":rtype: {types[key]}")

    members = {key: parameter(key) for key in types}
    return type(name, (AbstractModel,), {"__init__": start, "_deserialize": read, **members})


AddCustomizedConfigRequest = _model(
    "AddCustomizedConfigRequest", ConfigName="str", ConfigType="str", ConfigContent="str"
)
ModifyCustomizedConfigRequest = _model(
    "ModifyCustomizedConfigRequest", UconfigId="str", ConfigName="str", ConfigContent="str"
)
DeleteCustomizedConfigRequest = _model("DeleteCustomizedConfigRequest", UconfigIdList="list of str")
