"""The group of commands: from the shell, in a new interpreter, completed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import lakebed
from tests.cli.running import lakebed as run

if TYPE_CHECKING:
    from pathlib import Path


def python(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a new interpreter."""
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(  # noqa: S603
        command, check=False, capture_output=True, text=True, encoding="utf-8", env=env
    )


def test_version_and_help() -> None:
    assert run("--version").out == f"lakebed, version {lakebed.__version__}\n"
    for words in ([], ["doctor"], ["cors"]):
        told = run(*words, "--help")
        assert (told.code, told.out) == (0, run(*words, "-h").out)
        assert told.out.startswith("Usage: lakebed")


def test_module_and_script_are_the_same(tmp_path: Path) -> None:
    done = python("-m", "lakebed", "doctor", str(tmp_path), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["ok"] is True
    script = python(
        "-c",
        "from importlib.metadata import entry_points as e; "
        "print(e(group='console_scripts', name='lakebed')['lakebed'].value)",
    )
    assert script.stdout == "lakebed.cli.app:main\n", script.stderr


def test_import_of_the_package_brings_no_command() -> None:
    done = python(
        "-c",
        "import sys, lakebed; print([name for name in sys.modules if name.startswith("
        "('click', 'boto3', 'botocore', 'google', 'requests', 'lakebed.cli'))])",
    )
    assert done.stdout == "[]\n", done.stderr


def test_help_does_not_wait_for_the_clouds() -> None:
    done = python(
        "-c",
        "import sys, lakebed.cli.app; print([name for name in sys.modules "
        "if name.split('.')[0] in {'boto3', 'botocore', 'requests', 'google'}])",
    )
    assert done.stdout == "[]\n", done.stderr


def test_shells_complete_commands() -> None:
    asked = {
        "_LAKEBED_COMPLETE": "bash_complete",
        "COMP_WORDS": "lakebed doctor --no",
        "COMP_CWORD": "2",
    }
    done = python("-m", "lakebed", env=asked)
    assert done.stdout == "plain,--no-write\n", done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["doctor"], "PATH"),
        (["doctor", "hub://org/name"], "not supported yet"),
        (["doctor", "ftp://host/x"], "ftp://"),
        (["doctor", ""], "empty"),
        (["doctor", "s3://b/x", "--creds", '{"secret": '], "not valid JSON"),
        (["doctor", "s3://b/x", "--creds", "[1]"], "creds"),
        (["doctor", "s3://b/x", "--creds", "@/nowhere/to/be/found"], "cannot be read"),
        (["doctor", "s3://b/x", "--creds", '{"AWS_ACCESS_KEY_ID": "a"}'], "aws_access_key_id"),
        (["doctor", "s3://b/x", "--origin", "app.example"], "no origin"),
        (["doctor", "s3://b/x", "--origin", "https://*.example"], "many origins"),
        (["cors", "s3://b/x"], "--origin"),
        (["cors", "s3://b/x", "--origin", "https://app.example/page"], "no origin"),
        (["cors", "s3://b/x", "--origin", "https://a.example", "--method", "READ"], "READ"),
        (["cors", "./folder", "--origin", "https://a.example"], "local folder"),
        (["cors", "mem://x", "--origin", "https://a.example"], "mem://"),
    ],
)
def test_wrong_use_says_why(words: list[str], said: str) -> None:
    answer = run(*words)
    assert answer.code == 2
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""
