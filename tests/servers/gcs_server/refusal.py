"""Why a request is not served."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the server
    """A status and the reason that goes with it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
