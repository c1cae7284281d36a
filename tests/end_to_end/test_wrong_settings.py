"""Wrong settings through the real engine: one clear error, every mistake in it, and nothing is planned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import layout
from tests.end_to_end.conftest import run

Preview = Callable[[dict[str, Any]], str]


@pytest.fixture
def config() -> dict[str, Any]:
    """The settings of `dev`."""
    return yaml.safe_load((layout.CHECKOUT / "stacks" / "Pulumi.dev.yaml").read_text())["config"]


@pytest.fixture
def refused(tmp_path: Path) -> Preview:
    """Previews `dev` with other settings; returns what was said when that failed."""

    def preview(config: dict[str, Any]) -> str:
        wrong = tmp_path / "Pulumi.dev.yaml"
        wrong.write_text(yaml.safe_dump({"config": config}, allow_unicode=True))
        done = run("python", "-m", "sandbox", "preview", "dev", "--config-file", wrong)
        assert done.returncode != 0
        said = done.stdout + done.stderr
        assert "Traceback" not in said
        assert "tencentcloud:" not in said
        return said

    return preview


def test_all_mistakes_are_named_at_once(config: dict[str, Any], refused: Preview) -> None:
    del config["sanmen:licence"]["icp_number"]
    config["sanmen:regions"]["ap-shanghai"]["zones"] = ["ap-shanghai-1", "ap-shanghai-4"]
    config["sanmen:regions"]["ap-guangzhou"]["cidr"] = "10.64.0.0/17"
    said = refused(config).partition("Diagnostics:")[2]
    for mistake in (
        "sanmen:licence.icp_number: missing; it has no default",
        "sanmen:regions.ap-shanghai.zones: no zone 'ap-shanghai-1' on sale: one of ap-shanghai-2",
        "sanmen:regions.ap-shanghai.cidr: 10.64.0.0/16 overlaps 10.64.0.0/17 of another region",
    ):
        assert said.count(mistake) == 1, said


@pytest.mark.parametrize("key", ["sanmen:licence", "sanmen:upstreams", "sanmen:domain"])
def test_a_setting_that_has_no_default_is_asked_for(key: str, config: dict[str, Any], refused: Preview) -> None:
    del config[key]
    assert f"Stack 'dev' is missing configuration value '{key}'" in refused(config)
