"""Settings: strict, every mistake at once, in the user's words."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from infra.settings import schema
from infra.settings.kinds import Region, numeric_zone_id
from infra.settings.stack import SettingsError, parse
from tests.infra.engine import ROOT, STACKS, as_given, config


def lines_of(env: str, given: dict[str, Any]) -> list[str]:
    """The lines of the error that these settings give."""
    with pytest.raises(SettingsError) as caught:
        parse(env, as_given(given))
    return str(caught.value).splitlines()


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_file_is_valid(stack: str) -> None:
    assert parse(stack, as_given(config(stack))).env == stack


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_file_fits_the_schema_that_editors_read(stack: str) -> None:
    document = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    validator: Any = jsonschema.Draft202012Validator(json.loads(schema.PATH.read_text()))
    assert [error.message for error in validator.iter_errors(document)] == []


def test_the_schema_for_editors_is_the_one_the_models_give() -> None:
    assert schema.PATH.read_text() == schema.text(), "renew with: python -m infra.settings.schema"


def test_every_setting_is_declared_with_a_description_in_the_project_file() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    for key in config("local"):
        if key != "cvm":  # each flavour is needed only where a region uses it
            assert declared[f"sanmen:{key}"]["description"], key


def test_no_stack_file_leaves_a_default_provider() -> None:
    for stack in STACKS:
        document = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
        assert document["config"]["pulumi:disable-default-providers"] == ["*"]


def test_every_field_of_every_setting_is_explained() -> None:
    document = schema.document()
    for name, definition in document["$defs"].items():
        for key, field in definition.get("properties", {}).items():
            assert field.get("description") or "$ref" in field, f"{name}.{key}"


def test_a_wrong_zone_names_the_zone_and_those_allowed() -> None:
    given = config("local")
    given["regions"]["ap-beijing"]["zones"] = ["ap-beijing-1", "ap-beijing-3"]
    assert lines_of("local", given) == [
        "stacks/Pulumi.local.yaml: sanmen:regions.ap-beijing.zones: no zone 'ap-beijing-1' on sale: one of "
        "ap-beijing-2, ap-beijing-3, ap-beijing-4, ap-beijing-5, ap-beijing-6, ap-beijing-7"
    ]


def test_overlapping_ranges_name_both() -> None:
    given = config("local")
    given["regions"]["ap-shanghai"]["cidr"] = "10.10.0.0/17"
    assert lines_of("local", given) == [
        "stacks/Pulumi.local.yaml: sanmen:regions.ap-shanghai.cidr: "
        "10.10.0.0/17 overlaps 10.10.0.0/16 of another region"
    ]


@pytest.mark.parametrize(
    ("cidr", "said"),
    [
        ("192.168.0.0/16", "lies outside 10.0.0.0/8"),
        ("10.10.0.0/24", "prefix 24: 16 to 18 wanted"),
        ("10.10.0.1/16", "is no network address like 10.20.0.0/16"),
        ("ten", "is no network address like 10.20.0.0/16"),
    ],
)
def test_an_unusable_range_says_why(cidr: str, said: str) -> None:
    given = config("local")
    given["regions"]["ap-beijing"]["cidr"] = cidr
    (line,) = lines_of("local", given)
    assert line.startswith("stacks/Pulumi.local.yaml: sanmen:regions.ap-beijing.cidr: ")
    assert said in line


@pytest.mark.parametrize("key", ["licence", "upstreams", "domain", "load", "regions"])
def test_what_only_the_operator_can_know_has_no_default(key: str) -> None:
    given = config("local")
    del given[key]
    assert f"stacks/Pulumi.local.yaml: sanmen:{key}: missing; it has no default" in lines_of("local", given)


def test_every_mistake_comes_at_once() -> None:
    given = config("prod")
    del given["licence"]
    given["load"]["tenants"] = 0
    given["regions"]["ap-beijing"]["zones"] = ["ap-beijing-9", "ap-beijing-3"]
    given["regions"]["ap-shanghai"]["compute"] = "lambda"
    given["regions"]["ap-guangzhou"]["cidr"] = "10.128.0.0/16"
    given["gatewy"] = {}
    text = "\n".join(lines_of("prod", given))
    for part in (
        "sanmen:licence: missing",
        "sanmen:load.tenants: ",
        "sanmen:regions.ap-beijing.zones: no zone 'ap-beijing-9'",
        "sanmen:regions.ap-shanghai.compute: ",
        '(given "lambda")',
        "sanmen:regions.ap-guangzhou.cidr: 10.128.0.0/16 overlaps",
        "sanmen:gatewy: unknown setting",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("section", "key", "given", "said"),
    [
        ("licence", "icp_number", 123, "text is wanted (given 123)"),
        ("protection", "deletion", 1, "true or false is wanted (given 1)"),
        ("load", "tenants", "7", "a whole number is wanted"),
        ("load", "tenants", True, "a whole number is wanted (given true)"),
        ("registry", "push_from", "198.18.0.0/15", "a list is wanted"),
        ("edge", "dns", "free", "a mapping is wanted"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_what_is_wanted(section: str, key: str, given: object, said: str) -> None:
    """Text stays unquoted: it may be a secret in the wrong place."""
    changed = config("local")
    changed[section][key] = given
    assert lines_of("local", changed) == [f"stacks/Pulumi.local.yaml: sanmen:{section}.{key}: {said}"]


def test_a_cluster_that_no_registry_reaches_is_refused() -> None:
    given = config("prod")
    given["registry"]["tier"] = "standard"
    assert lines_of("prod", given) == [
        "stacks/Pulumi.prod.yaml: sanmen:registry.tier: standard has no replica in ap-shanghai, where clusters pull "
        "images: premium wanted, or clusters in the registry's region alone"
    ]
    given["regions"]["ap-shanghai"] |= {"compute": "cvm", "service_cidr": None}
    given["cvm"]["image_ids"]["ap-shanghai"] = "img-00000000"
    parse("prod", as_given(given))


def test_made_up_licence_data_is_for_local_alone() -> None:
    given = config("staging")
    given["licence"]["made_up"] = True
    assert lines_of("staging", given) == [
        "stacks/Pulumi.staging.yaml: sanmen:licence.made_up: "
        "made-up licence data is allowed in local alone, not in staging"
    ]


@pytest.mark.parametrize("number", ["ICP备11018762号", "京ICP备1号", "XICP备11018762号", "京ICP备11018762"])
def test_an_icp_number_in_no_published_form_is_refused(number: str) -> None:
    given = config("local")
    given["licence"]["icp_number"] = number
    (line,) = lines_of("local", given)
    assert "is no ICP number" in line


@pytest.mark.parametrize("number", ["京ICP备11018762号", "粤ICP备11018762号-3", "京ICP证150476号", "粤B2-20090059"])
def test_published_forms_of_icp_numbers_pass(number: str) -> None:
    given = config("local")
    given["licence"]["icp_number"] = number
    assert parse("local", as_given(given)).licence.icp_number == number


def test_a_misspelt_key_is_named_and_its_value_stays_unquoted() -> None:
    given = config("local")
    given["redis"]["pasword"] = "hunter2-hunter2"
    (line,) = lines_of("local", given)
    assert line == "stacks/Pulumi.local.yaml: sanmen:redis.pasword: unknown setting"


def test_a_failover_that_breaks_its_promise_is_refused() -> None:
    given = config("local")
    given["edge"]["failover"]["retries"] = 2
    (line,) = lines_of("local", given)
    assert "takes 107 s" in line
    assert "above failover.window_s 92" in line


def test_a_ttl_below_the_plan_is_refused() -> None:
    given = config("local")
    given["edge"]["dns"] |= {"plan": "free"}
    assert any("below what plan free allows: 600 or more" in line for line in lines_of("local", given))


def test_a_drain_that_cuts_answers_is_refused() -> None:
    given = config("local")
    given["gateway"]["drain_s"] = 60
    (line,) = lines_of("local", given)
    assert "sanmen:gateway.drain_s: 60 is below load.longest_stream_s 300" in line


def test_shares_that_do_not_make_a_whole_are_refused() -> None:
    given = config("local")
    given["regions"]["ap-beijing"]["share_percent"] = 50
    (line,) = lines_of("local", given)
    assert "makes 116, 100 wanted" in line


def test_a_flavour_without_its_settings_is_refused() -> None:
    given = config("prod")
    del given["tke"]
    assert any("sanmen:tke: missing, though ap-beijing, ap-shanghai asks" in line for line in lines_of("prod", given))


def test_numeric_zone_ids_follow_the_catalogue() -> None:
    assert numeric_zone_id(Region.BEIJING, "ap-beijing-3") == 800003
    assert numeric_zone_id(Region.SHANGHAI, "ap-shanghai-8") == 200008
    assert numeric_zone_id(Region.GUANGZHOU, "ap-guangzhou-6") == 100006
