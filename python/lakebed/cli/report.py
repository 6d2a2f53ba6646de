"""What was found, and how it is shown: a table for people, JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from typing import TextIO


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


_MARKS = {State.OK: "✓", State.WARNING: "!", State.FAILED: "✗", State.SKIPPED: "-"}
# For terminals that cannot show those.
_WORDS = {State.OK: "ok", State.WARNING: "!", State.FAILED: "FAILED", State.SKIPPED: "-"}
_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "red", State.SKIPPED: None}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was checked.
        state: How it ended.
        detail: What was seen.
        hint: What to do about it.
        values: The same for programs: numbers with their unit in the name, texts.
    """

    check: str
    state: State
    detail: str
    hint: str | None = None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """All findings about one path."""

    path: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed; warnings do not count."""
        return all(finding.state is not State.FAILED for finding in self.findings)

    def to_json(self) -> str:
        """Return everything as a JSON document."""
        document = {"path": self.path, "ok": self.ok, "checks": [*map(asdict, self.findings)]}
        return json.dumps(document, indent=2, ensure_ascii=False)

    def show(self, stream: TextIO) -> None:
        """Print a line for each finding, and one below it for its hint."""
        marks = _MARKS if _can_show(stream, "".join(_MARKS.values())) else _WORDS
        wide = max((len(finding.check) for finding in self.findings), default=0)
        marked = max(len(mark) for mark in marks.values())
        told: set[str] = set()
        click.echo(_shown(stream, self.path), file=stream)
        for finding in self.findings:
            mark = click.style(f"{marks[finding.state]:<{marked}}", fg=_COLOURS[finding.state])
            detail = _shown(stream, finding.detail)
            click.echo(f"  {mark} {finding.check:<{wide}}  {detail}", file=stream)
            # Lines that fail for one reason have one hint, which is told once.
            if finding.hint and finding.hint not in told:
                told.add(finding.hint)
                blank = " " * (marked + wide + 5)
                click.echo(f"{blank}hint: {_shown(stream, finding.hint)}", file=stream)
        count = sum(finding.state is State.FAILED for finding in self.findings)
        said = f"{count} of {len(self.findings)} checks failed" if count else "all is well"
        click.echo(said, file=stream)


def _can_show(stream: TextIO, text: str) -> bool:
    return _shown(stream, text) == text


def _shown(stream: TextIO, text: str) -> str:
    """Return a text as the stream can show it, on one line."""
    encoding = stream.encoding or "utf-8"
    plain = " ".join(text.split())
    return plain.encode(encoding, "backslashreplace").decode(encoding)
