"""A wrong upstream credential shows at the end of `make up`, also that of an upstream which is asked second."""

import json

from sandbox.commands import internet
from tests.end_to_end.conftest import Sandbox, run

DOMAIN = "beta.upstream.test"


def test_up_names_the_upstream_that_refuses_its_credential_and_the_setting(sandbox: Sandbox) -> None:
    settings = internet.settings_file(DOMAIN)
    good = settings.read_text()
    (credential,) = json.loads(good)["credentials"]
    try:
        settings.write_text(json.dumps({**json.loads(good), "credentials": ["another"]}))
        refused = run("make", "up")
    finally:
        settings.write_text(good)
    assert refused.returncode != 0
    assert f"the upstream {DOMAIN} refuses the gateways' credential" in refused.stderr
    assert "SANMEN_SECRET_UPSTREAM_BETA" in refused.stderr
    assert str(settings) in refused.stderr
    assert "alpha" not in refused.stderr
    assert credential not in refused.stdout + refused.stderr
    assert run("make", "up").returncode == 0
