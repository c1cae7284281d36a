"""Certificates: uploads that are really read, and free ones that are issued when the name server says so."""

from collections.abc import Generator
from pathlib import Path

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from sandbox.plugins.tencentcloud.errors import CloudError
from sandbox.plugins.tencentcloud.handler import HANDLERS
from tests.sandbox.certificates import self_signed
from tests.sandbox.world import World, world

UPLOADED, FREE = "tencentcloud:Ssl/certificate:Certificate", "tencentcloud:Ssl/freeCertificate:FreeCertificate"


@pytest.fixture
def edge(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


def test_an_upload_goes_up_without_differences_and_down(edge: World) -> None:
    chain, key = self_signed("api.sanmen.test")
    id, outputs = edge.up(UPLOADED, name="c", type="SVR", cert=chain, key=key, tags={"env": "local"})
    assert len(id) == 8
    assert outputs["domain"] == "api.sanmen.test"
    assert outputs["subjectNames"] == ["api.sanmen.test"]
    for asked, found in (({"SearchKey": "api."}, 1), ({"CertificateType": "CA"}, 0), ({"CertIds": [id]}, 1)):
        listed = edge.call("ssl", "DescribeCertificates", **asked)
        assert listed["TotalCount"] == len(listed["Certificates"]) == found
        assert all("CertificatePrivateKey" not in each for each in listed["Certificates"])
    edge.down(UPLOADED, id, outputs)
    assert HANDLERS[UPLOADED].read(edge.cloud, id, {}) is None


def test_a_foreign_key_and_an_expired_certificate_are_refused(edge: World) -> None:
    chain, _ = self_signed("api.sanmen.test")
    _, other = self_signed("api.sanmen.test")
    with pytest.raises(CloudError, match="does not belong"):
        edge.up(UPLOADED, type="SVR", cert=chain, key=other)
    chain, key = self_signed("api.sanmen.test", days=-1)
    with pytest.raises(CloudError, match="expired"):
        edge.up(UPLOADED, type="SVR", cert=chain, key=key)
    with pytest.raises(CloudError, match="not readable PEM"):
        edge.up(UPLOADED, type="SVR", cert="nonsense", key=key)


def test_a_newline_at_an_end_fails_at_preview() -> None:
    assert HANDLERS[UPLOADED].check({"cert": "x\n", "key": "y"}) == {"cert": "cert can't have \\n prefix or suffix"}


def test_dns_auto_writes_the_record_and_the_certificate_is_issued(edge: World) -> None:
    edge.call("dnspod", "CreateDomain", Domain="sanmen.test")
    id, outputs = edge.up(FREE, domain="api.sanmen.test", dvAuthMethod="DNS_AUTO", packageType="83", validityPeriod="3")
    assert outputs["dvAuths"][0]["dvAuthKey"] == "_dnsauth.api.sanmen.test"

    def status() -> int:
        return int(edge.call("ssl", "DescribeCertificateDetail", CertificateId=id)["Status"])

    edge.api.until(lambda: status() == 1, "the certificate is issued")
    found = edge.call("ssl", "DescribeCertificateDetail", CertificateId=id)
    assert found["CertificatePublicKey"].startswith("-----BEGIN CERTIFICATE")
    assert (found["ValidityPeriod"], found["SubjectAltName"]) == ("3", ["api.sanmen.test"])
    assert edge.call("ssl", "DownloadCertificate", CertificateId=id)["ContentType"] == "application/zip"


def test_without_the_record_nothing_is_issued_and_the_check_says_why(edge: World) -> None:
    edge.call("dnspod", "CreateDomain", Domain="sanmen.test")
    id = edge.call("ssl", "ApplyCertificate", DvAuthMethod="DNS", DomainName="api.sanmen.test")["CertificateId"]
    with pytest.raises(TencentCloudSDKException, match="no TXT record `_dnsauth"):
        edge.call("ssl", "CompleteCertificate", CertificateId=id)
    (result,) = edge.call("ssl", "CheckCertificateDomainVerification", CertificateId=id)["VerificationResults"]
    assert (result["LocalCheck"], result["Issued"]) == (-1, False)
    with pytest.raises(TencentCloudSDKException, match="cancel its order"):
        edge.call("ssl", "DeleteCertificate", CertificateId=id)
    auth = edge.call("ssl", "DescribeCertificate", CertificateId=id)["DvAuthDetail"]["DvAuths"][0]
    edge.call(
        "dnspod",
        "CreateRecord",
        Domain="sanmen.test",
        SubDomain=auth["DvAuthSubDomain"],
        RecordType="TXT",
        RecordLine="默认",
        Value=auth["DvAuthValue"],
    )
    edge.api.until(
        lambda: edge.call("ssl", "DescribeCertificate", CertificateId=id)["Status"] == 1, "the authority looks again"
    )


def test_an_order_can_be_cancelled_and_then_deleted(edge: World) -> None:
    id = edge.call("ssl", "ApplyCertificate", DvAuthMethod="DNS", DomainName="a.nowhere.test")["CertificateId"]
    edge.call("ssl", "CancelCertificateOrder", CertificateId=id)
    edge.call("ssl", "DeleteCertificate", CertificateId=id)
    with pytest.raises(TencentCloudSDKException, match="CertificateNotFound"):
        edge.call("ssl", "DescribeCertificate", CertificateId=id)
