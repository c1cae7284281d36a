"""From what the cloud has to what a program would have written: inputs after a refresh or an import."""

from typing import Any

from sandbox.plugins.protocol.values import Secret, Values, has_secret, is_list, is_mapping, plain
from sandbox.plugins.tencentcloud.diff import same, unset
from sandbox.plugins.tencentcloud.schema import Field, Fields


def refreshed_inputs(fields: Fields, inputs: Values, outputs: Values) -> Values:
    """The stored inputs with the cloud's values: the difference is the drift.

    Only keys that were inputs; a value that still means what the program wrote keeps its spelling. Secrets stay secret.
    """
    result: Values = {}
    for name, old in inputs.items():
        spec = fields.get(name)
        if spec is None or name not in outputs:
            result[name] = old
            continue
        value = _project(spec, plain(old), outputs[name])
        if value is not None:
            result[name] = Secret(value) if has_secret(old) or spec.sensitive else value
    return result


def imported_inputs(fields: Fields, outputs: Values) -> Values:
    """Inputs for a resource that had none: what can be an argument and is set."""
    result: Values = {}
    for name, spec in fields.items():
        value = outputs.get(name)
        if (spec.required or not spec.computed) and not unset(value):
            found = _arguments(spec, value)
            result[name] = Secret(found) if spec.sensitive else found
    return result


def marked(fields: Fields, values: Values) -> Values:
    """`values` with everything the schema calls sensitive wrapped as a secret, at any depth."""
    return {name: _mark(fields[name], value) if name in fields else value for name, value in values.items()}


def _mark(spec: Field, value: Any) -> Any:
    if isinstance(value, Secret) or value is None:
        return value
    if spec.sensitive:
        return Secret(value)
    if spec.fields is not None and is_mapping(value):
        return marked(spec.fields, dict(value))
    if spec.fields is not None and is_list(value):
        return [marked(spec.fields, dict(item)) if is_mapping(item) else item for item in value]
    return value


def _project(spec: Field, old: Any, new: Any) -> Any:
    if same(spec, new, old):
        return old
    if spec.type == "set" and is_list(old) and is_list(new):
        return [_written(spec, old, item) for item in new]
    if spec.type == "list" and is_list(old) and is_list(new):
        item = _item(spec)
        return [
            _project(item, old[at], value) if at < len(old) else _arguments(item, value) for at, value in enumerate(new)
        ]
    if spec.fields is not None and is_mapping(old) and is_mapping(new):
        return _project_block(spec.fields, dict(old), dict(new))
    return new


def _project_block(fields: Fields, old: Values, new: Values) -> Values:
    result: Values = {}
    for name, spec in fields.items():
        value = new.get(name)
        if name in old:
            value = _project(spec, old[name], value) if name in new else old[name]
        elif spec.computed or unset(value):
            continue
        if value is not None:
            result[name] = value
    return result


def _written(spec: Field, old: Any, member: Any) -> Any:
    """A set's member as the program wrote it, if one of its members means the same."""
    item = _item(spec)
    return next((wrote for wrote in old if same(item, member, wrote)), _arguments(item, member))


def _item(spec: Field) -> Field:
    return Field(type="object" if spec.fields is not None else spec.elem or "string", fields=spec.fields)


def _arguments(spec: Field, value: Any) -> Any:
    """Without what only the cloud sets."""
    if spec.fields is not None and is_mapping(value):
        fields = spec.fields
        return {
            name: _arguments(fields[name], item)
            for name, item in value.items()
            if name in fields and (fields[name].required or not fields[name].computed) and not unset(item)
        }
    if spec.fields is not None and is_list(value):
        return [_arguments(_item(spec), item) for item in value]
    return value
