"""Parameter templates and what they mean to the server. Source: docs/sources.md, Redis."""

from dataclasses import dataclass
from typing import Any

from tencentcloud.redis.v20180412 import models

from sandbox.api.actions import Context, action
from sandbox.api.errors import ApiError
from sandbox.api.store import Doc
from sandbox.services.params import Params, check_name, given, public
from sandbox.services.redis.kinds import INSTANCES, ONLINE, TEMPLATES, online, process
from sandbox.services.redis.offers import TYPES


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter that may be changed, a redis.conf directive of the same name: `choices`, or `low` to `high`."""

    default: str
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0


_YES_NO = ("yes", "no")
PARAMETERS: dict[str, Parameter] = {
    "maxmemory-policy": Parameter(
        default="noeviction",
        choices=(
            "noeviction",
            "allkeys-lru",
            "volatile-lru",
            "allkeys-random",
            "volatile-random",
            "volatile-ttl",
            "allkeys-lfu",
            "volatile-lfu",
        ),
    ),
    "timeout": Parameter(default="31536000", low=0, high=31536000),
    "slowlog-log-slower-than": Parameter(default="10000", low=0, high=100000000),
    "hash-max-ziplist-entries": Parameter(default="512", low=1, high=10000),
    "hash-max-ziplist-value": Parameter(default="64", low=1, high=10000),
    "zset-max-ziplist-entries": Parameter(default="128", low=1, high=10000),
    "zset-max-ziplist-value": Parameter(default="64", low=1, high=10000),
    "set-max-intset-entries": Parameter(default="512", low=1, high=10000),
    "lazyfree-lazy-eviction": Parameter(default="no", choices=_YES_NO),
    "lazyfree-lazy-expire": Parameter(default="no", choices=_YES_NO),
    "notify-keyspace-events": Parameter(default=""),
}


def check(given_values: dict[str, str]) -> None:
    """Raise ApiError for an unknown parameter or a value outside what it takes."""
    for name, value in given_values.items():
        known = PARAMETERS.get(name)
        if known is None:
            raise ApiError("InvalidParameterValue", f"There is no parameter `{name}`.")
        if known.choices and value not in known.choices:
            raise ApiError("InvalidParameterValue", f"`{name}` {value} must be one of {', '.join(known.choices)}.")
        if known.high and not (value.isdigit() and known.low <= int(value) <= known.high):
            raise ApiError("InvalidParameterValue", f"`{name}` {value} must be {known.low} to {known.high}.")


def of_template(ctx: Context, template_id: str | None) -> dict[str, str]:
    """The values of a template that differ from the defaults; none without a template."""
    if not template_id:
        return {}
    return TEMPLATES.need(ctx, template_id)["_values"]


def _values(asked: Params, name: str = "ParamList") -> dict[str, str]:
    values = {each["Key"]: str(each["Value"]) for each in asked.get(name, [])}
    check(values)
    return values


@action
def create_param_template(ctx: Context, request: models.CreateParamTemplateRequest) -> dict[str, Any]:
    """A template for a product type, or from another template."""
    asked = given(request)
    check_name("Name", asked["Name"])
    with ctx.store.lock:
        source = TEMPLATES.need(ctx, asked["TemplateId"]) if asked.get("TemplateId") else None
        if source is None and asked.get("ProductType") not in TYPES:
            message = f"`ProductType` {asked.get('ProductType')} is not one of {sorted(TYPES)}."
            raise ApiError("InvalidParameterValue", message)
        template_id = ctx.store.new_id("crs-cfg")
        doc: Doc = {
            "TemplateId": template_id,
            "Name": asked["Name"],
            "Description": asked.get("Description", ""),
            "ProductType": source["ProductType"] if source else asked["ProductType"],
            "_values": {**(source["_values"] if source else {}), **_values(asked)},
        }
        TEMPLATES.create(ctx, doc)
    return {"TemplateId": template_id}


@action
def describe_param_template_info(ctx: Context, request: models.DescribeParamTemplateInfoRequest) -> dict[str, Any]:
    """A template with every parameter and its value."""
    doc = TEMPLATES.need(ctx, given(request)["TemplateId"])
    items = [
        {
            "Name": name,
            "ParamType": "enum" if known.choices else "integer" if known.high else "text",
            "Default": known.default,
            "Description": "",
            "CurrentValue": doc["_values"].get(name, known.default),
            "NeedReboot": 0,
            "Max": str(known.high) if known.high else "",
            "Min": str(known.low) if known.high else "",
            "EnumValue": list(known.choices),
        }
        for name, known in PARAMETERS.items()
    ]
    return {**public(doc), "TotalCount": len(items), "Items": items}


@action
def modify_param_template(ctx: Context, request: models.ModifyParamTemplateRequest) -> None:
    """Name, description, values; values that are not given stay."""
    asked = given(request)
    with ctx.store.lock:
        doc = TEMPLATES.need(ctx, asked["TemplateId"])
        if "Name" in asked:
            check_name("Name", asked["Name"])
        doc |= {key: asked[key] for key in ("Name", "Description") if key in asked}
        doc["_values"] = {**doc["_values"], **_values(asked)}
        TEMPLATES.save(ctx.store, doc)


@action
def delete_param_template(ctx: Context, request: models.DeleteParamTemplateRequest) -> None:
    """Remove a template; instances keep the values they got from it."""
    with ctx.store.lock:
        TEMPLATES.drop(ctx, TEMPLATES.need(ctx, given(request)["TemplateId"])["TemplateId"])


def _set(ctx: Context, instance_id: str, values: dict[str, str]) -> int:
    doc = online(ctx, instance_id, "ResourceUnavailable.InstanceLockedError")
    doc = {**doc, "_parameters": {**doc["_parameters"], **values}}
    return process(ctx, doc, "060_parameters", 0.1, status=ONLINE)


@action
def apply_params_template(ctx: Context, request: models.ApplyParamsTemplateRequest) -> dict[str, Any]:
    """A template's values for instances."""
    asked = given(request)
    with ctx.store.lock:
        values = of_template(ctx, asked["TemplateId"])
        return {"TaskIds": [_set(ctx, each, values) for each in asked["InstanceIds"]]}


@action
def modify_instance_params(ctx: Context, request: models.ModifyInstanceParamsRequest) -> dict[str, Any]:
    """Values for one instance."""
    asked = given(request)
    with ctx.store.lock:
        number = _set(ctx, asked["InstanceId"], _values(asked, "InstanceParams"))
    return {"Changed": True, "TaskId": number}


@action
def describe_instance_params(ctx: Context, request: models.DescribeInstanceParamsRequest) -> dict[str, Any]:
    """The values of one instance."""
    doc = INSTANCES.need(ctx, given(request)["InstanceId"])
    answer: dict[str, list[dict[str, Any]]] = {
        "InstanceEnumParam": [],
        "InstanceIntegerParam": [],
        "InstanceTextParam": [],
        "InstanceMultiParam": [],
    }
    for name, known in PARAMETERS.items():
        shown = {
            "ParamName": name,
            "NeedRestart": "false",
            "DefaultValue": known.default,
            "CurrentValue": doc["_parameters"].get(name, known.default),
            "Tips": "",
            "Status": 1,
        }
        if known.choices:
            shown |= {"ValueType": "enum", "EnumValue": list(known.choices)}
            answer["InstanceEnumParam"].append(shown)
        elif known.high:
            shown |= {"ValueType": "integer", "Min": str(known.low), "Max": str(known.high)}
            answer["InstanceIntegerParam"].append(shown)
        else:
            answer["InstanceTextParam"].append({**shown, "ValueType": "text"})
    return {"TotalCount": len(PARAMETERS), **answer}
