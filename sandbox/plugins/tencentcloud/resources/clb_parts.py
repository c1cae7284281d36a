"""Health checks and certificates, which listeners and rules of load balancers have in common."""

from typing import Any

from sandbox.plugins.tencentcloud.handler import Cloud, Props, ProviderError
from sandbox.plugins.tencentcloud.resources.clb import in_range, one_of

LAYER_7 = ("HTTP", "HTTPS")
_HEALTH = {
    "healthCheckTimeOut": "TimeOut",
    "healthCheckIntervalTime": "IntervalTime",
    "healthCheckHealthNum": "HealthNum",
    "healthCheckUnhealthNum": "UnHealthNum",
    "healthCheckHttpCode": "HttpCode",
    "healthCheckHttpPath": "HttpCheckPath",
    "healthCheckHttpDomain": "HttpCheckDomain",
    "healthCheckHttpMethod": "HttpCheckMethod",
    "healthCheckPort": "CheckPort",
    "healthCheckContextType": "ContextType",
    "healthCheckSendContext": "SendContext",
    "healthCheckRecvContext": "RecvContext",
    "healthCheckType": "CheckType",
    "healthCheckHttpVersion": "HttpVersion",
    "healthSourceIpType": "SourceIpType",
}


def check_health(props: Props) -> dict[str, str]:
    """Preview-time reasons about the health check and session of a listener or rule."""
    reasons = in_range(props, "healthCheckTimeOut", 2, 60) | in_range(props, "healthCheckIntervalTime", 2, 300)
    reasons |= in_range(props, "healthCheckHealthNum", 2, 10) | in_range(props, "healthCheckUnhealthNum", 2, 10)
    reasons |= in_range(props, "healthCheckHttpCode", 1, 31) | in_range(props, "healthSourceIpType", 0, 1)
    reasons |= one_of(props, "healthCheckHttpMethod", "HEAD", "GET")
    reasons |= one_of(props, "healthCheckType", "CUSTOM", "PING", "TCP", "HTTP", "HTTPS", "GRPC", "GRPCS")
    return reasons | in_range(props, "sessionExpireTime", 30, 3600)


def health(props: Props) -> dict[str, Any] | None:
    """The provider's health block: with the switch off (or unset) nothing but the switch is sent."""
    switch = bool(props.get("healthCheckSwitch"))
    if not switch and not any(props.get(name) is not None for name in ("healthCheckSwitch", *_HEALTH)):
        return None
    block: dict[str, Any] = {"HealthSwitch": 1 if switch else 0}
    if switch:
        block |= {key: props[name] for name, key in _HEALTH.items() if props.get(name) is not None}
    return block


def read_health(check: dict[str, Any] | None) -> Props:
    """Outputs from models.HealthCheck."""
    if not check:
        return {}
    answer: Props = {name: check[key] for name, key in _HEALTH.items() if check.get(key) is not None}
    return answer | {"healthCheckSwitch": check.get("HealthSwitch") == 1}


def certificate(cloud: Cloud, props: Props) -> dict[str, Any]:
    """The certificate part of a request, checked as the provider does: types by a describe."""
    several = props.get("multiCertInfo")
    if several:
        ids: list[dict[str, str]] = [{"CertId": id} for id in several["certIdLists"]]
        return {"MultiCertInfo": {"SSLMode": several["sslMode"], "CertList": ids}}
    mode, id, ca = (props.get(name) for name in ("certificateSslMode", "certificateId", "certificateCaId"))
    if not (mode or id or ca):
        return {}
    if not id:
        raise ProviderError("certificateId is needed whenever certificateSslMode or certificateCaId is set")
    if mode == "MUTUAL" and not ca:
        raise ProviderError("certificateCaId is needed with certificateSslMode MUTUAL")
    _expect_type(cloud, id, "SVR")
    if ca:
        _expect_type(cloud, ca, "CA")
    return {"Certificate": {"SSLMode": mode or "UNIDIRECTIONAL", "CertId": id, "CertCaId": ca}}


def _expect_type(cloud: Cloud, id: str, wanted: str) -> None:
    found = cloud.call("ssl", "DescribeCertificateDetail", {"CertificateId": id})
    if found["CertificateType"] != wanted:
        raise ProviderError(f"certificate {id}: cert type is not {wanted}")


def read_certificate(found: dict[str, Any] | None, props: Props) -> Props:
    """Outputs from models.CertificateOutput, in the form the program uses."""
    if not found or not found.get("CertId"):
        return {}
    if props.get("multiCertInfo"):
        more: list[str] = found.get("ExtCertIds") or []
        ids = [str(found["CertId"]), *more]
        return {"multiCertInfo": {"sslMode": found["SSLMode"], "certIdLists": ids}}
    answer = {"certificateSslMode": found["SSLMode"], "certificateId": found["CertId"]}
    return answer | ({"certificateCaId": found["CertCaId"]} if found.get("CertCaId") else {})
