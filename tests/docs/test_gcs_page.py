"""The examples of docs/gcs.md run as they stand there."""

from __future__ import annotations

import re
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakebed.errors import GCSDefaultCredsNotFoundError
from lakebed.settings import SETTINGS
from tests.auth.gcs.people import Person

if TYPE_CHECKING:
    from tests.servers.gcs import GcsServer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gcs.md").read_text(encoding="utf-8")
MARKED = re.compile(
    r"<!-- run by tests/docs/test_gcs_page\.py: (\w+) -->\n```python\n(.*?)```", re.DOTALL
)
EXAMPLES = dict(MARKED.findall(PAGE))


def run(name: str, server: GcsServer) -> None:
    """Run an example as a script of its own, against the server."""
    source = EXAMPLES[name].replace("http://localhost:4443", server.endpoint)
    exec(compile(source, "docs/gcs.md", "exec"), {"__name__": "__main__"})  # noqa: S102


@pytest.mark.gcs
def test_examples_run(
    gcs: GcsServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gcs.reset()
    gcs.create_bucket("photos")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.endpoint)
    key = gcs.service_account.read_text()
    Path("keys.json").write_text(key)
    run("key_file", gcs)
    monkeypatch.setenv("GOOGLE_KEY", key)
    run("content", gcs)
    assert re.sub(r"\s", "", capsys.readouterr().out) == "[array([1]),array([2]),array([3])]"
    run("endpoint", gcs)
    person = Person()
    monkeypatch.setattr(webbrowser, "open", person)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("LAKEBED_CONFIG_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with pytest.raises(GCSDefaultCredsNotFoundError):
        run("browser", gcs)
    monkeypatch.setenv("LAKEBED_GOOGLE_CLIENT_SECRETS", str(gcs.client_secrets))
    run("browser", gcs)
    assert len(person.pages) == 1


def test_every_example_is_run() -> None:
    assert set(EXAMPLES) == {"key_file", "content", "browser", "endpoint"}
    assert PAGE.count("```python") == len(EXAMPLES)


def test_settings_of_the_page_exist() -> None:
    named = set(re.findall(r"LAKEBED_\w+", PAGE))
    assert named <= {setting.variable for setting in SETTINGS.values()}
    assert len(named) == 3
