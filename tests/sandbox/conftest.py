"""For all tests of the sandbox."""

import pytest

from sandbox import services
from tests.sandbox import answers


@pytest.fixture(scope="session", autouse=True)
def answers_as_the_sdk_models_them() -> None:
    """Whatever a test asks of the API in this process, the answer is held against the SDK's model."""
    services.load()
    answers.check_all()
