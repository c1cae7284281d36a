"""What the program registers, in all four stacks, passes the plugins' checks with everything known.

A preview cannot show this: unknown values pass, and with an unknown kubeconfig the engine asks no kubernetes plugin.
That plugin leaves an object's fields to the cluster, so they are held against the schema that it carries.
"""

import pytest

from sandbox.plugins.protocol.values import decode, encode
from sandbox.plugins.tencentcloud import resources
from sandbox.plugins.tencentcloud.check import Failures, auto_name, check
from sandbox.plugins.tencentcloud.schema import schema
from tests.infra.engine import STACKS, real, run
from tests.sandbox.plugins.kubernetes_schema import Schema


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_of_the_program_is_accepted(stack: str, kubernetes_schema: Schema) -> None:
    resources.load()
    found: dict[str, str] = {}
    made = run(stack, preview=False, changed=real(stack)).made
    for each in made:
        failures, given = Failures(), decode(encode(each.inputs))  # as on the wire
        if each.type.startswith("tencentcloud:"):
            inputs = auto_name(each.type, each.name, given, {}, b"", None)
            check(each.type, schema()[each.type], inputs, failures)
        elif each.type.startswith("kubernetes:"):
            failures = Failures(kubernetes_schema.faults(each.type, given))
        found |= {f"{each.name} ({each.type}) {path}": reason for path, reason in failures.items()}
    assert len(made) > 50
    assert found == {}
