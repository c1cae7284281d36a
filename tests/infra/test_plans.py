"""Plans are pinned: what each stack creates, by type and by the values that matter."""

import difflib

import pytest

from tests.infra.engine import STACKS
from tests.infra.plans import GOLDEN, RENEW, text


@pytest.mark.parametrize("stack", STACKS)
def test_the_plan_of_a_stack_is_the_pinned_one(stack: str) -> None:
    pinned, planned = (GOLDEN / f"{stack}.json").read_text(), text(stack)
    difference = "\n".join(difflib.unified_diff(pinned.splitlines(), planned.splitlines(), "pinned", "planned", n=2))
    assert pinned == planned, f"{RENEW}\n{difference}"
