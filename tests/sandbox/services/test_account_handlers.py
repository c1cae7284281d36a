"""The plugin's handlers for CLS against the running API: what a program does with them.

After each create and update the outputs must agree with the inputs, or the next preview would show a change.
"""

from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.plugins.tencentcloud.errors import ProviderError
from sandbox.plugins.tencentcloud.handler import Props
from tests.sandbox.world import World, world

TAGS = {"env": "local", "cell": "bj"}
RULE = {
    "fullText": {"caseSensitive": False, "containZH": True, "tokenizer": ",;"},
    "keyValue": {
        "caseSensitive": True,
        "keyValues": [{"key": "status", "value": {"type": "long", "sqlFlag": True, "containZH": False}}],
    },
}


@pytest.fixture
def program(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


CASES: dict[str, tuple[Props, Props]] = {
    "tencentcloud:Cls/logset:Logset": ({"logsetName": "l", "tags": TAGS}, {"logsetName": "m", "tags": {"a": "b"}}),
}


@pytest.mark.parametrize("token", CASES)
def test_a_resource_is_made_changed_repaired_and_deleted(program: World, token: str) -> None:
    first, second = CASES[token]
    id, outputs = program.up(token, first)
    program.repair(token, id, outputs, first)
    outputs = program.change(token, id, outputs, second)
    program.down(token, id, outputs)
    with pytest.raises(ProviderError, match="does not exist"):
        program.read(token, id, second)


def test_a_topic_with_its_index(program: World) -> None:
    topic_token, index_token = "tencentcloud:Cls/topic:Topic", "tencentcloud:Cls/index:Index"
    logset, _ = program.up("tencentcloud:Cls/logset:Logset", {"logsetName": "l"})
    inputs = {"logsetId": logset, "topicName": "t", "period": 180, "partitionCount": 2, "autoSplit": True, "tags": TAGS}
    topic, outputs = program.up(topic_token, inputs)
    index, index_outputs = program.up(index_token, {"topicId": topic, "rule": RULE, "status": True})
    assert index == topic
    rule = {**RULE, "fullText": {"caseSensitive": True, "containZH": True, "tokenizer": ",;"}}
    index_outputs = program.change(index_token, index, index_outputs, {"topicId": topic, "rule": rule, "status": True})
    outputs = program.change(topic_token, topic, outputs, {**inputs, "period": 30, "tags": {"a": "b"}})
    program.down(index_token, index, index_outputs)
    program.down(topic_token, topic, outputs)
    with pytest.raises(ProviderError, match="tencentcloud_cls_topic"):
        program.read(topic_token, topic, inputs)
