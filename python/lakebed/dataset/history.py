"""What a dataset tells of its branches and commits."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from lakebed.errors import CheckoutError, DatasetCorruptError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakebed.tensor import Handle

_RULE = "-" * 15


class WithHistory:
    """The part of a dataset that looks at history.

    Args:
        handle: The open dataset.
    """

    _handle: Handle

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    @property
    def branch(self) -> str:
        """The branch that is open."""
        return self._handle.core.branch

    @property
    def branches(self) -> list[str]:
        """All branches."""
        return self._handle.core.branches

    @property
    def commit_id(self) -> str | None:
        """The last commit below what is open; None before the first."""
        return self._handle.core.commit_id

    @property
    def pending_commit_id(self) -> str:
        """The id that the next commit will have."""
        return self._handle.core.pending_commit_id

    @property
    def is_head_node(self) -> bool:
        """Whether the head of a branch is open, which takes changes."""
        return self._handle.core.is_head

    @property
    def commits(self) -> list[dict[str, Any]]:
        """The commits below what is open, newest first: commit, author, time, message."""
        return [
            {**record, "time": None if record["time"] is None else self._clock(record)}
            for record in self._handle.core.commits()
        ]

    def _clock(self, record: Mapping[str, Any]) -> str:
        try:
            return _clock(record["time"])
        except (OverflowError, ValueError, OSError) as error:
            message = f"commit {record['commit']} has an impossible time, {record['time']}"
            raise DatasetCorruptError(
                message, path=self._handle.path, file="version_control_info.json"
            ) from error

    def get_commit_details(self, commit_id: str) -> dict[str, Any]:
        """Return the record of one commit.

        Raises:
            CheckoutError: It is not below what is open.
        """
        for record in self.commits:
            if record["commit"] == commit_id:
                return record
        message = f"no commit {commit_id!r} led to what is open"
        raise CheckoutError(message, path=self._handle.path)

    def log(self) -> None:
        """Print the commits below what is open."""
        lines = [_RULE, "Deep Lake Version Log", _RULE, "", f"Current Branch: {self.branch}"]
        for record in self.commits:
            lines += [
                "",
                f"Commit : {record['commit']}",
                f"Author : {record['author']}",
                f"Time   : {record['time']}",
                f"Message: {record['message']}",
            ]
        print("\n".join(lines))  # noqa: T201 (what it is for)


def _clock(seconds: float) -> str:
    """Return the UTC wall clock of a commit, which is stored as if it were local (format 7.2)."""
    local = datetime.fromtimestamp(seconds)  # noqa: DTZ006 (see above)
    return local.strftime("%Y-%m-%d %H:%M:%S")
