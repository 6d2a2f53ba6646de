"""The table, on terminals of any kind."""

from __future__ import annotations

import io

from lakebed.cli.report import Finding, Report, State

FINDINGS = [
    Finding("list", State.OK, "3 objects"),
    Finding("write", State.FAILED, "refused:\n  café", "ask the owner"),
    Finding("delete", State.FAILED, "refused", "ask the owner"),
    Finding("tls", State.WARNING, "http"),
    Finding("cors", State.SKIPPED, "not asked"),
]


def shown(report: Report, encoding: str) -> str:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding, newline="\n")
    report.show(stream)
    stream.flush()
    return buffer.getvalue().decode(encoding)


def test_table() -> None:
    report = Report("s3://b/x", FINDINGS)
    assert not report.ok
    assert shown(report, "utf-8").splitlines() == [
        "s3://b/x",
        "  ✓ list    3 objects",
        "  ✗ write   refused: café",
        "            hint: ask the owner",
        "  ✗ delete  refused",
        "  ! tls     http",
        "  - cors    not asked",
        "2 of 5 checks failed",
    ]


def test_table_for_terminals_without_marks() -> None:
    lines = shown(Report("s3://b/x", FINDINGS), "ascii").splitlines()
    assert lines[1:3] == ["  ok     list    3 objects", "  FAILED write   refused: caf\\xe9"]


def test_warnings_are_no_failures() -> None:
    report = Report("s3://b/x", FINDINGS[3:])
    assert report.ok
    assert shown(report, "utf-8").endswith("all is well\n")
