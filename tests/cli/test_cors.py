"""`lakebed cors`: rules that are shown, set and taken back, and that browsers then meet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.cli.running import Answer, doctor, lakebed

if TYPE_CHECKING:
    from tests.conftest import Bucket

HERE, THERE = "https://here.example", "https://there.example"


def cors(path: str, creds: object, *arguments: str, origin: str = HERE) -> Answer:
    """Run `lakebed cors`."""
    return lakebed("cors", path, "--origin", origin, "--creds", json.dumps(creds), *arguments)


def preflight(url: str, origin: str, method: str = "GET") -> requests.Response:
    """Ask as a browser does."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,range",
    }
    return requests.options(url, headers=headers, timeout=10)


def is_let_in(url: str, origin: str, method: str = "GET") -> bool:
    """Whether a preflight's answer lets pages of the origin go on."""
    reply = preflight(url, origin, method)
    allowed = reply.headers.get("Access-Control-Allow-Origin")
    headers = reply.headers.get("Access-Control-Allow-Headers", "").lower()
    return reply.ok and allowed == origin and "range" in headers and "authorization" in headers


@pytest.mark.s3
def test_a_rule_of_s3_is_set_met_and_taken_back(bucket: Bucket) -> None:
    # Of somebody else: it stays, whatever is done.
    other: Any = {
        "ID": "theirs",
        "AllowedOrigins": [THERE],
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": ["*"],
        "MaxAgeSeconds": 60,
    }
    client = bucket.server.client()
    client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": [other]})
    path, creds = bucket.url("album"), bucket.creds(bucket.server.admin)
    url = f"{bucket.server.endpoint}/{bucket.name}/album/dataset_meta.json"
    assert not is_let_in(url, HERE)
    before = cors(path, creds)
    assert (before.code, "1 CORS rule" in before.out) == (1, True)
    assert f"pages of {HERE} may not GET, HEAD; --set lets them" in before.out
    asked = doctor(path, creds, "--origin", HERE)
    assert asked.failed() == {"cors"}
    assert f"lakebed cors {path} --origin {HERE} --set" in asked.checks["cors"]["hint"]

    done = cors(path, creds, "--set")
    assert (done.code, f"pages of {HERE} may GET, HEAD" in done.out) == (0, True)
    assert is_let_in(url, HERE)
    assert is_let_in(url, HERE, "HEAD")
    assert not is_let_in(url, HERE, "PUT")
    assert not is_let_in(url, "https://elsewhere.example")
    assert is_let_in(url, THERE, "PUT")
    page = requests.get(url, headers={"Origin": HERE, "Range": "bytes=0-1"}, timeout=10)
    assert {"ETag", "Content-Range"} <= set(
        page.headers["Access-Control-Expose-Headers"].replace(" ", "").split(",")
    )
    assert doctor(path, creds, "--origin", HERE).code == 0
    rules = client.get_bucket_cors(Bucket=bucket.name)["CORSRules"]
    assert [rule["AllowedOrigins"] for rule in rules] == [[HERE], [THERE]]
    assert rules[1] == other
    # Again: nothing to do. Another method: one rule still.
    assert cors(path, creds, "--set").code == 0
    assert cors(path, creds, "--set", "--method", "PUT").code == 0
    assert len(client.get_bucket_cors(Bucket=bucket.name)["CORSRules"]) == 2
    assert is_let_in(url, HERE, "PUT")

    gone = cors(path, creds, "--remove")
    assert (gone.code, "1 CORS rule" in gone.out) == (0, True)
    assert not is_let_in(url, HERE)
    assert client.get_bucket_cors(Bucket=bucket.name)["CORSRules"] == [other]


@pytest.mark.s3
def test_the_last_rule_of_s3_goes(bucket: Bucket) -> None:
    path, creds = bucket.url("album"), bucket.creds(bucket.server.admin)
    assert "no CORS rules" in cors(path, creds).out
    assert cors(path, creds, "--set").code == 0
    removed = cors(path, creds, "--remove")
    assert (removed.code, "no CORS rules" in removed.out) == (0, True)


@pytest.mark.s3
def test_a_rule_of_others_is_not_taken_back(bucket: Bucket) -> None:
    rule: Any = {
        "AllowedOrigins": ["*"],
        "AllowedMethods": ["GET", "HEAD"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag", "Content-Range"],
    }
    bucket.server.client().put_bucket_cors(
        Bucket=bucket.name, CORSConfiguration={"CORSRules": [rule]}
    )
    path, creds = bucket.url("album"), bucket.creds(bucket.server.admin)
    assert cors(path, creds).code == 0
    kept = cors(path, creds, "--remove")
    assert kept.code == 1
    assert "another rule" in kept.out


@pytest.mark.s3
def test_a_reader_may_not_set_rules(bucket: Bucket) -> None:
    answer = cors(bucket.url("album"), bucket.creds(bucket.server.reader), "--set")
    assert answer.code == 1
    assert "AccessDenied" in answer.err
    assert bucket.server.reader.secret_key not in answer.out + answer.err
