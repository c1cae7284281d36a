"""All types of CLS that a stack has."""

from tests.sandbox.plugins.provider_run import TAGS, Run


def live(run: Run) -> None:
    """A logset, a topic and its index."""
    logset = run.create("Cls/logset", logsetName="l", tags=TAGS)
    logset.change(logsetName="m", tags={"a": "b"})
    logset.refresh()
    kept = {"storageType": "hot", "period": 30, "partitionCount": 1, "autoSplit": True, "maxSplitPartitions": 50}
    topic = run.create("Cls/topic", logsetId=logset.id, topicName="t", tags=TAGS, **kept)
    topic.change(period=60, describes="d", tags={"a": "b"})
    topic.refresh()
    text = {"fullText": {"caseSensitive": False, "containZH": True, "tokenizer": "@&?|#()='\",;:<>[]{}/ \n\t\r\\"}}
    keys = {"keyValue": {"caseSensitive": True, "keyValues": [{"key": "age", "value": {"type": "long"}}]}}
    index = run.create("Cls/index", topicId=topic.id, status=True, rule=text)
    index.change(rule={**text, **keys, "dynamicIndex": {"status": True}})
    index.refresh()
    for made in (index, topic, logset):
        made.delete()
