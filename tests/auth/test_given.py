"""Credentials and URLs as they may stand in local variables."""

from __future__ import annotations

import pickle

from lakebed import paths
from lakebed.auth.given import concealed


def test_a_dict_is_copied_and_shows_no_values() -> None:
    creds = {"aws_secret_access_key": "s3cr3t"}
    kept = concealed(creds)
    assert kept == {"aws_secret_access_key": "s3cr3t"}
    assert "s3cr3t" not in f"{kept} {kept!r}"
    creds.clear()
    assert kept == {"aws_secret_access_key": "s3cr3t"}
    # To another process it goes as what it was.
    back = pickle.loads(pickle.dumps(kept))  # noqa: S301 - our own
    assert (type(back), back) == (dict, kept)


def test_other_credentials_are_passed_on() -> None:
    for creds in (None, "ENV", "browser", test_other_credentials_are_passed_on):
        assert concealed(creds) is creds


def test_urls_show_neither_user_nor_query() -> None:
    for text in ("https://u:s3cr3t@h/x?sig=s3cr3t", "s3://KEY:a/s3cr3t@bucket/x", "ftp://s3cr3t@h"):
        kept = paths.concealed(text)
        assert kept == text
        assert "s3cr3t" not in repr([kept])
        assert type(pickle.loads(pickle.dumps(kept))) is str  # noqa: S301 - our own
    assert repr(paths.concealed("https://h:8080/x")) == "'https://h:8080/x'"
    assert type(paths.concealed("/a/folder")) is str
