"""A certificate of one's own: uploaded as it is, its key a secret of the certificate alone."""

from typing import Any

import pytest

from infra.settings.stack import SettingsError
from tests.infra.engine import Engine, config, run
from tests.sandbox.certificates import self_signed

CHAIN, KEY = self_signed("api.sanmen.test")


def with_own_certificate(key: str | None) -> Engine:
    """An update of `local` with an uploaded certificate, as a file read from disk gives it."""
    edge: dict[str, Any] = config("local")["edge"]
    edge["certificate"] = {"mode": "upload", "chain_pem": f"{CHAIN}\n"}
    secrets = {"certificate_key": key} if key is not None else {}
    return run("local", preview=False, changed={"edge": edge}, given_secrets=secrets)


def test_it_is_uploaded_without_newlines_at_its_ends_and_listeners_take_it() -> None:
    engine = with_own_certificate(f"{KEY}\n")
    assert engine.of("Ssl/freeCertificate") == []
    (certificate,) = engine.of("Ssl/certificate")
    assert (certificate.inputs["cert"], certificate.inputs["key"]) == (CHAIN, KEY)
    https = [made.inputs["certificateId"] for made in engine.of("Clb/listener:") if made.inputs["port"] == 443]
    assert https == ["local-certificate-id"] * 3


def test_its_key_goes_nowhere_else() -> None:
    body = KEY.splitlines()[1]
    holders = [made.type for made in with_own_certificate(KEY).made if body in repr(made.inputs)]
    assert holders == ["tencentcloud:Ssl/certificate:Certificate"]


def test_a_missing_key_is_asked_for_and_a_wrong_one_is_not_quoted() -> None:
    with pytest.raises(SettingsError, match="sanmen:certificate_key: secret missing"):
        with_own_certificate(None)
    with pytest.raises(SettingsError) as caught:
        with_own_certificate("hunter22")
    assert str(caught.value) == "sanmen:certificate_key: no PEM private key"
