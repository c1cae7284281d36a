"""Requests that the public API has and the official SDK has no models for.

AddCustomizedConfig, ModifyCustomizedConfig and DeleteCustomizedConfig: parameter names as the provider sends them.
The front reads types from `:rtype:`, as in the SDK's own models.
"""

from typing import Any

from tencentcloud.common.abstract_model import AbstractModel


class _Request(AbstractModel):
    _fields: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        for field in self._fields:
            setattr(self, f"_{field}", None)

    def _deserialize(self, params: dict[str, Any]) -> None:
        for field in self._fields:
            setattr(self, f"_{field}", params.get(field))


class AddCustomizedConfigRequest(_Request):
    """A new configuration."""

    _fields = ("ConfigName", "ConfigType", "ConfigContent")

    @property
    def ConfigName(self) -> Any:
        """1 to 60 characters.
        :rtype: str
        """
        return getattr(self, "_ConfigName", None)

    @property
    def ConfigType(self) -> Any:
        """CLB, SERVER or LOCATION.
        :rtype: str
        """
        return getattr(self, "_ConfigType", None)

    @property
    def ConfigContent(self) -> Any:
        """The directives.
        :rtype: str
        """
        return getattr(self, "_ConfigContent", None)


class ModifyCustomizedConfigRequest(_Request):
    """Another name or text."""

    _fields = ("ConfigName", "UconfigId", "ConfigContent")

    @property
    def ConfigName(self) -> Any:
        """1 to 60 characters.
        :rtype: str
        """
        return getattr(self, "_ConfigName", None)

    @property
    def UconfigId(self) -> Any:
        """`pz-…`.
        :rtype: str
        """
        return getattr(self, "_UconfigId", None)

    @property
    def ConfigContent(self) -> Any:
        """The directives.
        :rtype: str
        """
        return getattr(self, "_ConfigContent", None)


class DeleteCustomizedConfigRequest(_Request):
    """Configurations to delete."""

    _fields = ("UconfigIdList",)

    @property
    def UconfigIdList(self) -> Any:
        """Ids.
        :rtype: list of str
        """
        return getattr(self, "_UconfigIdList", None)
