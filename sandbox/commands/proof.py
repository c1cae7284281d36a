"""The request through the whole chain that `up` ends with, and one to each upstream, whose credential it shows."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import layout
from sandbox.commands import internet, secret_file
from sandbox.commands.ownership import CommandError
from sandbox.upstream.server import ONLY, REPORT_PATH

TRIES = 60
"""A second apart. Names may need a moment after the first `up`."""
_LIMIT_S = 10
_END = "\x1e"
"""Between two answers. No JSON has it."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one request got. `status` 0: none. `body`: JSON, or the text as it came."""

    status: int
    body: Any


def prove(endpoint: str) -> dict[str, Any]:
    """Ask as a tenant out on the internet, until there is an answer. Returns the API's answer.

    Raises CommandError with the last thing that went wrong; an upstream that refuses its credential is named with the
    setting.
    """
    last = ""
    for _ in range(TRIES):
        said, complaint = _ask(endpoint)
        if refusing := refused(said):
            raise CommandError("\n".join(wrong_credential(domain) for domain in refusing))
        demo = said["demo"]
        if demo.status == 200:
            return demo.body
        last = complaint or (demo.body if isinstance(demo.body, str) else json.dumps(demo.body, ensure_ascii=False))
        time.sleep(1)
    raise CommandError(f"the gateway at {endpoint} does not answer: {last}")


def refused(said: Mapping[str, Answer]) -> list[str]:
    """The upstreams that refused a credential between their two reports, `before <domain>` and `after <domain>`."""

    def count(when: str, domain: str) -> int:
        report = said[f"{when} {domain}"]
        return int(report.body["refused"]) if report.status == 200 else 0

    return [domain for domain in layout.UPSTREAMS if count("after", domain) > count("before", domain)]


def wrong_credential(domain: str) -> str:
    """What is wrong, with the setting, and what to do."""
    name = f"upstream_{internet.short_name(domain)}"
    stack_file = layout.CHECKOUT / "stacks" / "Pulumi.local.yaml"
    if f"sanmen:{name}:" in stack_file.read_text():
        return (
            f"the upstream {domain} refuses the credential that 'sanmen:{name}' in stacks/Pulumi.local.yaml gives the "
            f"gateways.\n  The sandbox has one that it accepts. Take yours out, then 'make up': "
            f"'. .sanmen/env; pulumi config rm --stack local sanmen:{name}'"
        )
    return (
        f"the upstream {domain} refuses the gateways' credential, the sandbox's own (SANMEN_SECRET_{name.upper()} in "
        f".sanmen/env).\n  It accepts what stands under 'credentials' in {internet.settings_file(domain)}: "
        f"add it there, then 'make up'."
    )


def _ask(endpoint: str) -> tuple[dict[str, Answer], str]:
    """Every answer by the name of its request, and what curl complained about."""
    requests = dict(_requests(endpoint))
    # By standard input, as arguments are for all to see, and there is a key among them.
    argv = [sys.executable, "-m", "sandbox", "exec", "--", "curl", "--config", "-"]
    config = "next\n".join(requests.values())
    done = subprocess.run(argv, cwd=layout.CHECKOUT, input=config, capture_output=True, text=True, check=False)
    told = done.stdout.split(_END)[: len(requests)]
    answers = {name: _answer(text) for name, text in zip(requests, told, strict=False)}
    return dict.fromkeys(requests, Answer(status=0, body="")) | answers, done.stderr.strip()


def _requests(endpoint: str) -> Iterator[tuple[str, str]]:
    """Name -> curl's configuration: reports of the upstreams, the request, one to each upstream, reports again."""
    for domain in layout.UPSTREAMS:
        yield f"before {domain}", _request(f"https://{domain}{REPORT_PATH}")
    yield "demo", _request(f"{endpoint}/v1/messages", "demo")
    for domain in layout.UPSTREAMS:
        yield f"only {domain}", _request(f"{endpoint}/v1/messages", ONLY + internet.short_name(domain))
    for domain in layout.UPSTREAMS:
        yield f"after {domain}", _request(f"https://{domain}{REPORT_PATH}")


def _request(url: str, model: str | None = None) -> str:
    """One request in curl's configuration language; with a model, as the tenant `demo`."""
    options = {"url": url, "max-time": str(_LIMIT_S), "write-out": f"\n%{{http_code}}{_END}"}
    lines = [f"{name} = {_quoted(value)}" for name, value in options.items()] + ["silent", "show-error"]
    if model is not None:
        body = {"model": model, "max_tokens": 16, "messages": [{"role": "user", "content": "你好"}]}
        key = secret_file.ensure()["demo_key"]
        for header in (f"x-api-key: {key}", "content-type: application/json", "anthropic-version: 2023-06-01"):
            lines.append(f"header = {_quoted(header)}")
        lines.append(f"data = {_quoted(json.dumps(body))}")
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _answer(text: str) -> Answer:
    body, _, status = text.rpartition("\n")
    try:
        return Answer(status=int(status), body=json.loads(body))
    except ValueError:
        return Answer(status=int(status) if status.isdigit() else 0, body=body.strip())
