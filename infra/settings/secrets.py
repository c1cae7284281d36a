"""Secrets of the program: never in settings, never in messages, an Output to the end."""

import os
from collections.abc import Callable, Iterable, Mapping

import pulumi

from gateway.config import TenantRegistry
from infra.settings.stack import NAMESPACE, SettingsError

LIMIT_BYTES = 32 * 1024
"""What one SSM secret holds. Source: docs/sources.md, keys and identity."""


def variable(name: str) -> str:
    """The environment variable that may carry a secret: `redis_password` -> SANMEN_SECRET_REDIS_PASSWORD."""
    return f"SANMEN_SECRET_{name.upper()}"


def read(
    env: str, names: Iterable[str], stored: Callable[[Mapping[str, str]], str]
) -> Mapping[str, pulumi.Output[str]]:
    """Secret name -> its value as a secret Output. Pulumi's config wins over the environment.

    A preview goes on without them (they are unknown then, and a warning says which), so that it needs no credentials.
    An update raises SettingsError with a line per missing or plainly stored one, before any resource exists.
    stored: makes the value of a region's SSM secret of them; one that is too large is an error in a preview too.
    """
    config = pulumi.Config(NAMESPACE)
    names, texts = tuple(names), dict[str, str]()
    found: dict[str, pulumi.Output[str]] = {}
    missing: list[str] = []
    wrong: list[str] = []
    for name in names:
        text = config.get(name)
        if text is not None and not pulumi.runtime.is_config_secret(f"{NAMESPACE}:{name}"):
            wrong.append(f"stacks/Pulumi.{env}.yaml: {NAMESPACE}:{name}: stored as plain text: set it with --secret")
            continue
        text = text if text is not None else os.environ.get(variable(name))
        if text is None:
            missing.append(
                f"{NAMESPACE}:{name}: secret missing: `pulumi config set --secret {NAMESPACE}:{name}` "
                f"or the environment variable {variable(name)}"
            )
            found[name] = _unknown()
            continue
        wrong.extend(f"{NAMESPACE}:{name}: {problem}" for problem in _problems(name, text))
        found[name], texts[name] = pulumi.Output.secret(text), text
    size = len(stored(dict.fromkeys(names, "") | texts).encode())
    if size > LIMIT_BYTES:
        largest = max(texts, key=lambda name: len(texts[name]))
        wrong.append(
            f"{NAMESPACE}: SSM secret {env}-<region>-gateway: {size} bytes, {LIMIT_BYTES} allowed; "
            f"the largest part is {NAMESPACE}:{largest}"
        )
    if missing and not pulumi.runtime.is_dry_run():
        wrong.extend(missing)
    if wrong:
        raise SettingsError("\n".join(wrong))
    if missing:
        pulumi.log.warn("preview goes on without these; an update would not:\n" + "\n".join(missing))
    return found


def _unknown() -> pulumi.Output[str]:
    return pulumi.Output.secret(pulumi.UNKNOWN)  # pyright: ignore[reportReturnType] UNKNOWN stands for any type


def _problems(name: str, text: str) -> Iterable[str]:
    """What is wrong with a secret, never quoting it."""
    if name == "redis_password":
        classes = sum(any(test(c) for c in text) for test in (str.islower, str.isupper, str.isdigit))
        classes += any(c in "_+-&=!@#$%^*()" for c in text)
        if not 8 <= len(text) <= 64 or classes < 2 or text.startswith("/"):
            yield "8 to 64 characters of at least two kinds (letters, digits, _+-&=!@#$%^*()), not starting with /"
    elif name == "tenants":
        try:
            TenantRegistry.model_validate_json(text)
        except ValueError:
            yield "no valid tenant registry (gateway/config.py: TenantRegistry)"
    elif name == "certificate_key":
        if not text.strip().startswith("-----BEGIN "):
            yield "no PEM private key"
    elif not text.strip():
        yield "empty"
