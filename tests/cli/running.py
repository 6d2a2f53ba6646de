"""Run a command in this process, and look at what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from lakebed.cli.app import main


@dataclass(frozen=True)
class Answer:
    """What a command answered: its exit code, its output, its errors."""

    code: int
    out: str
    err: str

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        """The findings of `doctor --json`, by the name of the check."""
        return {each["check"]: each for each in json.loads(self.out)["checks"]}

    @property
    def states(self) -> dict[str, str]:
        """How each check ended."""
        return {name: each["state"] for name, each in self.checks.items()}

    def failed(self) -> set[str]:
        """Give the checks that failed."""
        return {name for name, state in self.states.items() if state == "failed"}


def lakebed(*arguments: str, text: str | None = None) -> Answer:
    """Run `lakebed` with arguments; nothing but an exit ends it."""
    done = CliRunner().invoke(main, arguments, prog_name="lakebed", input=text)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


def doctor(path: str, creds: object = None, *arguments: str) -> Answer:
    """Run `lakebed doctor PATH --json`."""
    given = (
        [] if creds is None else ["--creds", creds if isinstance(creds, str) else json.dumps(creds)]
    )
    return lakebed("doctor", path, "--json", *given, *arguments)
