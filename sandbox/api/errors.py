"""The one error that a service answers with."""


class ApiError(Exception):
    """An answer with an error of the cloud: `code` as in the API's error tables, `message` in plain English."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
