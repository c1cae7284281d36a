"""Prometheus on a host. What it is given is checked by promtool first; it takes changes without a restart."""

import shutil

import yaml

from sandbox import layout
from sandbox.substrate import files
from sandbox.substrate.commands import run
from sandbox.substrate.errors import SubstrateError
from sandbox.substrate.network import namespaces
from sandbox.substrate.specs import Metrics, Process
from sandbox.substrate.supervision import processes
from sandbox.substrate.waiting import until

SCRAPE_INTERVAL = "15s"


def ensure(metrics: Metrics) -> None:
    """Run a Prometheus as its spec says. Its host stands already.

    Raises SubstrateError with promtool's complaint about a bad scrape or rule; what ran before goes on.
    """
    directory = layout.STATE / "metrics" / metrics.name
    config, rules = directory / "prometheus.yml", directory / "rules.yml"
    texts = {config: _config(metrics), rules: yaml.safe_dump({"groups": [dict(group) for group in metrics.rules]})}
    _check(texts[config], texts[rules], metrics.name)
    changed = False
    for path, text in texts.items():
        changed |= files.write(path, text)
    url = f"http://127.0.0.1:{metrics.port}"
    process = Process(
        name=_process_name(metrics.name),
        argv=(
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--storage.tsdb.retention.time={metrics.retention_days}d",
            f"--web.listen-address=0.0.0.0:{metrics.port}",
            "--web.enable-lifecycle",
        ),
        host=metrics.host,
        ready=("127.0.0.1", metrics.port),
    )
    processes.ensure(process)
    until(lambda: _get(metrics.host, f"{url}/-/ready"), f"prometheus {metrics.name} is ready", 30)
    if changed:
        namespaces.inside(metrics.host, lambda: run(["curl", "-fsS", "-X", "POST", f"{url}/-/reload"]))


def remove(name: str) -> None:
    """Stop a Prometheus and forget its data. Gone already: nothing."""
    processes.stop_process(_process_name(name))
    shutil.rmtree(layout.STATE / "metrics" / name, ignore_errors=True)


def _process_name(name: str) -> str:
    return f"metrics-{name}"


def _config(metrics: Metrics) -> str:
    settings = {
        "global": {"scrape_interval": SCRAPE_INTERVAL, "evaluation_interval": SCRAPE_INTERVAL},
        "rule_files": ["rules.yml"],
        "scrape_configs": [dict(scrape) for scrape in metrics.scrapes],
    }
    return yaml.safe_dump(settings, sort_keys=False)


def _check(config: str, rules: str, name: str) -> None:
    candidate = layout.STATE / "metrics" / f".{name}-candidate"
    try:
        files.write(candidate / "rules.yml", rules)
        files.write(candidate / "prometheus.yml", config)
        run(["promtool", "check", "config", str(candidate / "prometheus.yml")])
    finally:
        shutil.rmtree(candidate, ignore_errors=True)


def _get(host: str, url: str) -> bool:
    try:
        namespaces.inside(host, lambda: run(["curl", "-fsS", "-o", "/dev/null", "--max-time", "2", url]))
    except SubstrateError:
        return False
    return True
