"""Keys, secrets, and who may read them: all types of KMS, SSM and CAM that a stack has."""

import json

from tests.sandbox.plugins.provider_run import TAGS, Run


def live(run: Run) -> None:
    """A key, a secret with a version, a role with a policy."""
    key = run.create("Kms/key", alias="k", isEnabled=True, keyRotationEnabled=True, tags=TAGS)
    key.refresh()
    key.change("keyRotationEnabled", "tags", alias="l", isEnabled=False, description="d")
    secret = run.create("Ssm/secret", secretName="s", isEnabled=True, tags=TAGS)
    secret.refresh()
    secret.change(description="d", tags={"a": "b"})
    version = run.create("Ssm/secretVersion", secretName="s", versionId="v1", secretString="one")
    version.refresh()
    version.change(secretString="two")
    version.delete()
    secret.change(isEnabled=False)
    secret.delete()
    key.delete()
    _identity(run)


def _identity(run: Run) -> None:
    machines = {"service": ["cvm.qcloud.com"]}
    trust = {"effect": "allow", "action": "sts:AssumeRole", "principal": machines}
    text = json.dumps({"version": "2.0", "statement": [trust]})
    role = run.create("Cam/role", name="r", document=text, description="d", consoleLogin=False, tags=TAGS)
    role.refresh()
    role.change(document=text.replace("cvm", "scf"), consoleLogin=True, sessionDuration=3600, tags={"env": "x"})
    reads = {"effect": "allow", "action": ["ssm:*"], "resource": ["*"]}
    text = json.dumps({"version": "2.0", "statement": [reads]})
    policy = run.create("Cam/policy", name="p", document=text)
    policy.refresh()
    policy.change(document=text.replace("ssm:*", "ssm:Get*"), description="d")
    attachment = run.create("Cam/rolePolicyAttachment", roleId=role.id, policyId=policy.id)
    attachment.refresh()
    for made in (attachment, policy, role):
        made.delete()
