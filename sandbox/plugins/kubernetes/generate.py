"""Rewrite `fields.json` from the installed `pulumi_kubernetes`: `python -m sandbox.plugins.kubernetes.generate`.

The package's input classes are read as source, not imported (core/v1 alone has 2.5 MB), and only what the kinds in
`KINDS` reach is kept. Run it after changing the package's version; a test compares.
"""

import ast
import importlib.util
import json
from functools import cache
from pathlib import Path

from sandbox.plugins.kubernetes.fields import FIELDS_FILE

KINDS = {
    "apps/v1": ("Deployment", "StatefulSet", "DaemonSet"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "core/v1": ("ConfigMap", "Namespace", "Pod", "Secret", "Service", "ServiceAccount"),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
}
"""API group and version as in a type token -> kinds whose fields are checked."""

PRIMITIVES = {"_builtins.str": "string", "_builtins.int": "int", "_builtins.bool": "bool", "_builtins.float": "number"}


def module_of(group: str) -> str:
    """`rbac.authorization.k8s.io/v1` -> `rbac.v1`, the package's module."""
    name, version = group.split("/")
    return f"{name.split('.')[0]}.{version}"


@cache
def classes(module: str) -> dict[str, ast.ClassDef]:
    """The input classes of a module of the package, by name."""
    spec = importlib.util.find_spec("pulumi_kubernetes")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("pulumi_kubernetes is not installed")
    source = Path(spec.submodule_search_locations[0], *module.split("."), "_inputs.py").read_text(encoding="utf-8")
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def type_text(node: ast.expr, module: str) -> str:
    """An annotation in the notation of `fields.py`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = node.value.removesuffix("Args").lstrip("_")
        return name if "." in name else f"{module}.{name}"
    text = ast.unparse(node)
    if text in PRIMITIVES:
        return PRIMITIVES[text]
    if not isinstance(node, ast.Subscript):
        return "any"
    outer, inner = ast.unparse(node.value), node.slice
    if outer in ("pulumi.Input", "Optional"):
        return type_text(inner, module)
    if outer == "Sequence":
        return "[" + type_text(inner, module)
    if outer == "Mapping" and isinstance(inner, ast.Tuple):
        return "{" + type_text(inner.elts[1], module)
    return "string" if outer == "Literal" else "any"


def fields_of(definition: ast.ClassDef, module: str) -> dict[str, str]:
    """Property name, as the API spells it -> type; "!" before a required one's."""
    functions = [node for node in definition.body if isinstance(node, ast.FunctionDef)]
    init = next(function for function in functions if function.name == "__init__")
    required = {
        argument.arg
        for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)
        if default is None
    }
    found: dict[str, str] = {}
    for function in functions:
        getters = [decorator for decorator in function.decorator_list if "pulumi.getter" in ast.unparse(decorator)]
        if not getters or function.returns is None:
            continue
        getter = getters[0]
        name = function.name
        if isinstance(getter, ast.Call):
            name = str(ast.literal_eval(getter.keywords[0].value))
        found[name] = ("!" if function.name in required else "") + type_text(function.returns, module)
    return found


def generate() -> str:
    """The text of `fields.json`."""
    roots = {
        f"kubernetes:{group}:{kind}": f"{module_of(group)}.{kind}" for group, kinds in KINDS.items() for kind in kinds
    }
    types: dict[str, dict[str, str]] = {}
    waiting = sorted(roots.values())
    while waiting:
        name = waiting.pop()
        if name in types:
            continue
        module, _, kind = name.rpartition(".")
        definition = classes(module).get(f"{kind}Args")
        if definition is None:
            raise KeyError(f"pulumi_kubernetes has no {name}")
        fields = fields_of(definition, module)
        if name in roots.values():
            fields.pop("status", None)
        types[name] = fields
        waiting += [word for text in fields.values() if "." in (word := text.lstrip("![{"))]
    lines = [f"{json.dumps(name)}:{json.dumps(types[name], separators=(',', ':'))}" for name in sorted(types)]
    return '{"roots":' + json.dumps(roots, separators=(",", ":")) + ',\n"types":{\n' + ",\n".join(lines) + "\n}}\n"


if __name__ == "__main__":
    FIELDS_FILE.write_text(generate(), encoding="utf-8")
