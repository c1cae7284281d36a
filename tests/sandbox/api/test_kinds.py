"""A kind finds, lists and drops its documents within a region, with their tags as they are now."""

from pathlib import Path

import pytest

from sandbox.api import tags
from sandbox.api.actions import Context
from sandbox.api.errors import ApiError
from sandbox.api.kinds import Kind, TagNames
from sandbox.api.store import Store

BOX = Kind(
    name="box",
    key="BoxId",
    noun="box",
    missing="ResourceNotFound.Box",
    tags=TagNames(service="probe", prefix="box", field="Tags", key="TagKey", value="TagValue"),
)


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """Beijing, with one document there and one in Shanghai."""
    context = Context(store=Store(tmp_path / "db"), region="ap-beijing")
    BOX.create(context, {"BoxId": "b-1", "Tags": [{"TagKey": "env", "TagValue": "dev"}]})
    BOX.create(context.within("ap-shanghai"), {"BoxId": "b-2", "Tags": []})
    return context


def test_ids_of_another_region_do_not_exist(ctx: Context) -> None:
    assert BOX.find(ctx, "b-2") is None
    assert BOX.anywhere(ctx.store, "b-2") is not None
    assert [doc["BoxId"] for doc in BOX.list(ctx)] == ["b-1"]
    assert [doc["BoxId"] for doc in BOX.all(ctx.store)] == ["b-1", "b-2"]
    with pytest.raises(ApiError) as refused:
        BOX.need(ctx, "b-2")
    assert (refused.value.code, refused.value.message) == (
        "ResourceNotFound.Box",
        "The box `b-2` does not exist in ap-beijing.",
    )


def test_an_unknown_id_is_refused_or_left_out(ctx: Context) -> None:
    with pytest.raises(ApiError) as refused:
        BOX.select(ctx, ["b-1", "b-9"], "InvalidBox")
    assert refused.value.code == "InvalidBox"
    assert [doc["BoxId"] for doc in BOX.pick(ctx, ["b-1", "b-9"])] == ["b-1"]
    assert [doc["BoxId"] for doc in BOX.select(ctx, None)] == ["b-1"]


def test_tags_are_those_of_the_tag_service_and_go_with_the_document(ctx: Context) -> None:
    assert tags.read(ctx.store, "probe", "box", "ap-beijing", "b-1") == {"env": "dev"}
    tags.write(ctx.store, "probe", "box", "ap-beijing", "b-1", {"env": "prod"})
    assert BOX.list(ctx)[0]["Tags"] == [{"TagKey": "env", "TagValue": "prod"}]
    BOX.drop(ctx, "b-1")
    assert BOX.find(ctx, "b-1") is None
    assert tags.read(ctx.store, "probe", "box", "ap-beijing", "b-1") == {}


def test_a_saved_document_stays_in_its_region(ctx: Context) -> None:
    doc = BOX.need(ctx, "b-1")
    BOX.save(ctx.store, doc | {"Name": "new"})
    assert BOX.region(ctx.store, "b-1") == "ap-beijing"
    assert BOX.need(ctx, "b-1")["Name"] == "new"
