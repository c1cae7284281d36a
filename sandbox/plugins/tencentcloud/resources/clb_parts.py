"""Health checks and certificates, which listeners and rules of load balancers have in common."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Props, ProviderError, given
from sandbox.plugins.tencentcloud.resources.clb_calls import in_range, nonzero, one_of

LAYER_7 = ("HTTP", "HTTPS")
_HEALTH = {
    "healthCheckTimeOut": "TimeOut",
    "healthCheckIntervalTime": "IntervalTime",
    "healthCheckHealthNum": "HealthNum",
    "healthCheckUnhealthNum": "UnHealthNum",
    "healthCheckPort": "CheckPort",
    "healthSourceIpType": "SourceIpType",
}
"""Sent when they are given, even 0."""
_OF_HTTP = {
    "healthCheckHttpCode": "HttpCode",
    "healthCheckHttpPath": "HttpCheckPath",
    "healthCheckHttpDomain": "HttpCheckDomain",
    "healthCheckHttpMethod": "HttpCheckMethod",
}
_OF_HTTP_IN_TCP = {"healthCheckHttpVersion": "HttpVersion"}
_OF_CUSTOM = {
    "healthCheckContextType": "ContextType",
    "healthCheckSendContext": "SendContext",
    "healthCheckRecvContext": "RecvContext",
}
_ALL = {**_HEALTH, **_OF_HTTP, **_OF_HTTP_IN_TCP, **_OF_CUSTOM, "healthCheckType": "CheckType"}


def check_health(props: Props) -> dict[str, str]:
    """Preview-time reasons about the health check and session of a listener or rule."""
    reasons = in_range(props, "healthCheckTimeOut", 2, 60) | in_range(props, "healthCheckIntervalTime", 2, 300)
    reasons |= in_range(props, "healthCheckHealthNum", 2, 10) | in_range(props, "healthCheckUnhealthNum", 2, 10)
    reasons |= in_range(props, "healthCheckHttpCode", 1, 31) | in_range(props, "healthSourceIpType", 0, 1)
    reasons |= one_of(props, "healthCheckHttpMethod", "HEAD", "GET")
    reasons |= one_of(props, "healthCheckType", "CUSTOM", "PING", "TCP", "HTTP", "HTTPS", "GRPC", "GRPCS")
    return reasons | in_range(props, "sessionExpireTime", 30, 3600)


def health(props: Props, protocol: str, *, of_rule: bool) -> dict[str, Any] | None:
    """The health block: nothing while the switch is unset, the switch alone while it is off.

    Raises ProviderError for what the protocol, or its kind of check, has not.
    """
    if props.get("healthCheckSwitch") is None:
        return None
    if not props["healthCheckSwitch"]:
        return {"HealthSwitch": 0}
    kind = props.get("healthCheckType")
    over_http = protocol in LAYER_7 or (protocol == "TCP" and kind == "HTTP")
    for names, allowed, where in (
        (_OF_HTTP, over_http, "protocol HTTP/HTTPS or HTTP of TCP"),
        (_OF_HTTP_IN_TCP, protocol == "TCP" and kind == "HTTP", "protocol HTTP of TCP"),
        (_OF_CUSTOM, protocol in ("TCP", "UDP") and kind == "CUSTOM", "protocol CUSTOM of TCP/UDP"),
    ):
        for name in names:
            if props.get(name) and not allowed:
                raise ProviderError(f"{name} can only be set with {where}")
    if (protocol in LAYER_7) != of_rule:
        raise ProviderError("health para can only be set with TCP/UDP/TCP_SSL listener or rule of HTTP/HTTPS listener")
    block = {"HealthSwitch": 1, **given(props, _HEALTH), **nonzero(props, _ALL)}
    if protocol == "TCP":
        block = {"CheckPort": -1, "HttpCheckPath": "", **({"HttpCheckDomain": ""} if kind == "HTTP" else {}), **block}
    return block


def read_health(check: dict[str, Any] | None) -> Props:
    """Outputs from models.HealthCheck."""
    if not check:
        return {}
    answer: Props = {name: check[key] for name, key in _ALL.items() if check.get(key) is not None}
    return answer | {"healthCheckSwitch": check["HealthSwitch"] == 1}


def certificate(cloud: Cloud, props: Props) -> dict[str, Any]:
    """The certificate part of a request; the type of each is asked for first, without a retry."""
    names = {"certificateSslMode": "SSLMode", "certificateId": "CertId", "certificateCaId": "CertCaId"}
    one = nonzero(props, names)
    if one and "CertId" not in one:
        raise ProviderError("certificated Id is null")
    if one.get("SSLMode") == "MUTUAL" and "CertCaId" not in one:
        raise ProviderError("certificate_ca_key is null and the ssl mode is 'MUTUAL' ")
    for key, kind in (("CertCaId", "CA"), ("CertId", "SVR")):
        if key in one:
            _expect_type(cloud, one[key], kind)
    request: dict[str, Any] = {"Certificate": one} if one else {}
    several = props.get("multiCertInfo")
    if several:
        ids: list[dict[str, str]] = [{"CertId": id} for id in several["certIdLists"]]
        request["MultiCertInfo"] = {"SSLMode": several["sslMode"], "CertList": ids}
    return request


def _expect_type(cloud: Cloud, id: str, wanted: str) -> None:
    found = cloud.call("ssl", "DescribeCertificateDetail", {"CertificateId": id}, retry_s=0)
    if found["CertificateType"] != wanted:
        raise ProviderError(f"certificated {id} check error cert type is not `{wanted}`")


def read_certificate(found: dict[str, Any] | None) -> Props:
    """Outputs from models.CertificateOutput: several certificates, or one."""
    if not found:
        return {}
    more: list[str] = found.get("ExtCertIds") or []
    if more:
        return {"multiCertInfo": {"sslMode": found["SSLMode"], "certIdLists": [found["CertId"], *more]}}
    names = {"certificateSslMode": "SSLMode", "certificateId": "CertId", "certificateCaId": "CertCaId"}
    return given(found, {key: name for name, key in names.items()})
