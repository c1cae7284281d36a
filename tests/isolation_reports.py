"""The other side of tests.isolation: sends every test's results to the pytest that started this one."""

import json
import os
from typing import IO

import pytest

from tests.isolation import REPORTS


class _Sender:
    def __init__(self, config: pytest.Config, stream: IO[str]) -> None:
        self._config = config
        self._stream = stream

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._stream.write(json.dumps(data) + "\n")
        self._stream.flush()


def pytest_configure(config: pytest.Config) -> None:
    """Open the way back."""
    stream = os.fdopen(int(os.environ[REPORTS]), "w", encoding="utf-8")
    os.set_inheritable(stream.fileno(), False)
    config.pluginmanager.register(_Sender(config, stream))
