"""A preview starts a plugin per provider: start-up must stay cheap, and handlers must not make it dear."""

import json
import re
import subprocess
import sys

from sandbox import layout
from sandbox.plugins.language import host, program
from sandbox.plugins.tencentcloud.schema import schema

CHEAP_S = 0.8
"""CPU seconds until a plugin serves; 0.25 when this was written."""
MEASURE = """
import json, resource, sys
from sandbox.plugins.tencentcloud.provider import Provider
from sandbox.plugins.protocol.server import Engine
Provider(Engine(""))
from sandbox.plugins.tencentcloud import resources
resources.load()
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, sorted(sys.modules)]))
"""


def test_the_plugin_starts_without_the_sdks() -> None:
    run = [sys.executable, "-c", MEASURE]
    seconds, modules = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    heavy = {"pulumi", "pulumi.output", "pulumi_kubernetes", "requests", "tencentcloud", "tencentcloud_iac_pulumi"}
    assert heavy.intersection(modules) == set()
    assert seconds < CHEAP_S


def test_the_language_host_starts_without_the_sdk() -> None:
    program = "import sys, sandbox.plugins.language.__main__; print('pulumi.output' in sys.modules)"
    run = [sys.executable, "-c", program]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_the_language_host_and_its_program_agree_on_the_exit_code_of_a_failure_that_was_told() -> None:
    assert host.FAILED_AND_SAID_SO == program.FAILED_AND_SAID_SO


def test_a_process_that_imports_the_plugins_modules_can_still_import_pulumi() -> None:
    program = "import sandbox.plugins.protocol.stubs as s, pulumi; from pulumi.runtime.proto import provider_pb2 as p; "
    run = [sys.executable, "-c", program + "assert p is s.provider_pb2; pulumi.Output"]
    subprocess.run(run, check=True)


def test_every_type_in_the_programs_golden_files_has_a_schema() -> None:
    files = [path for path in (layout.CHECKOUT / "tests" / "infra" / "golden").rglob("*") if path.is_file()]
    types = {
        word for path in files for word in re.findall(r"tencentcloud:\w+/\w+:\w+", path.read_text(encoding="utf-8"))
    }
    assert types, "the program's golden files are gone"
    assert {word for word in types if word not in schema()} == set()
