"""The secrets agent: its signature is the official SDK's, its files are whole, private and named plainly."""

import hashlib
import importlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.image.agent import AgentError, Keys, Settings, authorization, parse, store

KEYS = Keys(secret_id="AKIDexample", secret_key="example-secret", token="example-token")


def test_the_signature_is_the_one_the_official_sdk_makes() -> None:
    body = json.dumps({"SecretName": "local-bj-gateway"}).encode()
    host, timestamp = "ssm.internal.tencentcloudapi.com", 1_790_000_000
    given = authorization(KEYS, "ssm", host, body, timestamp)
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{digest}"
    day = given.split("Credential=AKIDexample/")[1].split("/")[0]
    text = f"TC3-HMAC-SHA256\n{timestamp}\n{day}/ssm/tc3_request\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signer: Any = importlib.import_module("tencentcloud.common.sign").Sign  # has no annotations
    official = signer.sign_tc3(KEYS.secret_key, day, "ssm", text)
    assert given.endswith(f"Signature={official}")


def test_files_are_whole_private_and_written_only_when_they_differ(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    assert store(directory, {"tenants.json": "{}", "redis-password": "x"}) == ["tenants.json", "redis-password"]
    assert store(directory, {"tenants.json": "{}", "redis-password": "y"}) == ["redis-password"]
    assert (directory / "redis-password").read_text() == "y"
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert len(list(directory.iterdir())) == 2


@pytest.mark.parametrize(
    "text", ["no json sk-secret", "[]", '{"../x": "sk-secret"}', '{"a": 3}', '{".x": "sk-secret"}']
)
def test_a_value_that_is_no_set_of_files_is_refused_unquoted(text: str) -> None:
    with pytest.raises(AgentError) as refused:
        parse(text)
    assert "sk-secret" not in str(refused.value)


def test_settings_name_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    path.write_text('{"secret_name": "a", "regoin": "ap-beijing"}')
    with pytest.raises(AgentError, match="regoin"):
        Settings.load(path)
