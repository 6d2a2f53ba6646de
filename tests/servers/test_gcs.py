"""Our server of Google Cloud Storage refuses whom and what Google refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import google.auth.exceptions
import pytest
import requests
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from tests.servers.process import send

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.gcs import GcsBucket

pytestmark = pytest.mark.gcs

READ_WRITE = "https://www.googleapis.com/auth/devstorage.read_write"
READ_ONLY = "https://www.googleapis.com/auth/devstorage.read_only"


def bearer(key_file: Path, scope: str = READ_WRITE) -> dict[str, str]:
    """Sign in with a key file, as google-auth does."""
    load = service_account.Credentials.from_service_account_file
    signer = load(str(key_file), scopes=[scope])  # type: ignore[no-untyped-call]
    signer.refresh(Request())
    return {"Authorization": f"Bearer {signer.token}"}


def url(bucket: GcsBucket, key: str) -> str:
    return f"{bucket.server.endpoint}/{bucket.name}/{key}"


def test_accounts_have_the_rights_they_are_said_to_have(gcs_bucket: GcsBucket) -> None:
    server, place = gcs_bucket.server, url(gcs_bucket, "a")
    reader = bearer(server.read_only_account)
    narrow = bearer(server.service_account, READ_ONLY)
    assert send("PUT", place, b"1", headers=bearer(server.service_account))[0] == 200
    for headers in (reader, narrow):
        assert send("GET", place, headers=headers) == (200, b"1")
        assert send("PUT", place, b"2", headers=headers)[0] == 403
        assert send("DELETE", place, headers=headers)[0] == 403
    assert gcs_bucket.get("a") == b"1"


def test_strangers_are_refused(gcs_bucket: GcsBucket, tmp_path: Path) -> None:
    server = gcs_bucket.server
    gcs_bucket.put("a", b"1")
    for headers in ({}, {"Authorization": "Bearer ya29.forged-0"}, {"Authorization": "Bearer x"}):
        assert send("GET", url(gcs_bucket, "a"), headers=headers)[0] == 401
    key = json.loads(server.service_account.read_text())
    key["private_key"] = json.loads(server.read_only_account.read_text())["private_key"]
    other = tmp_path / "other.json"
    other.write_text(json.dumps(key))
    with pytest.raises(google.auth.exceptions.RefreshError, match="invalid_grant"):
        bearer(other)


def test_public_buckets_are_read_by_everybody_and_written_by_few(gcs_bucket: GcsBucket) -> None:
    gcs_bucket.server.create_bucket("open", public=True)
    place = f"{gcs_bucket.server.endpoint}/open/a"
    assert send("PUT", place, b"1")[0] == 401
    assert send("PUT", place, b"1", headers=bearer(gcs_bucket.server.service_account))[0] == 200
    assert send("GET", place) == (200, b"1")
    assert send("DELETE", place)[0] == 401


def test_tokens_end_and_are_taken_back(gcs_bucket: GcsBucket) -> None:
    server, place = gcs_bucket.server, url(gcs_bucket, "a")
    gcs_bucket.put("a", b"1")
    headers = bearer(server.service_account)
    server.revoke_tokens()
    assert send("GET", place, headers=headers)[0] == 401
    server.set_ttl(-1)
    assert send("GET", place, headers=bearer(server.service_account))[0] == 401
    counts = server.counts()
    assert (counts["token jwt-bearer"], counts["storage GET"]) == (2, 2)


def test_failures_come_where_they_are_ordered(gcs_bucket: GcsBucket) -> None:
    server = gcs_bucket.server
    server.fail_next(1, 503)
    headers = bearer(server.service_account)
    assert send("GET", url(gcs_bucket, "a"), headers=headers)[0] == 503
    assert send("GET", url(gcs_bucket, "a"), headers=headers)[0] == 404
    server.fail_next(1, 500, what="token")
    assert send("POST", f"{server.endpoint}/token", b"")[0] == 500


def test_conditions_are_checked(gcs_bucket: GcsBucket) -> None:
    headers = bearer(gcs_bucket.server.service_account)
    place, absent = url(gcs_bucket, "once"), {"x-goog-if-generation-match": "0"}
    assert send("PUT", place, b"1", headers={**headers, **absent})[0] == 200
    assert send("PUT", place, b"2", headers={**headers, **absent})[0] == 412
    assert send("PUT", place, b"2", headers={**headers, "If-Match": '"other"'})[0] == 412
    assert gcs_bucket.get("once") == b"1"


def test_ranges_and_pages(gcs_bucket: GcsBucket) -> None:
    headers = bearer(gcs_bucket.server.service_account)
    names = [*sorted(f"p/{number}" for number in range(7)), "q"]
    for name in names:
        gcs_bucket.put(name, b"0123456789")
    for asked, answer in (
        ("bytes=2-4", (206, b"234")),
        ("bytes=-3", (206, b"789")),
        ("bytes=8-99", (206, b"89")),
    ):
        assert send("GET", url(gcs_bucket, "q"), headers={**headers, "Range": asked}) == answer
    assert send("GET", url(gcs_bucket, "q"), headers={**headers, "Range": "bytes=10-"})[0] == 416
    assert sorted(gcs_bucket.listing()) == names
    found, token = list[str](), ""
    while True:
        query = urlencode({"list-type": "2", "prefix": "p/", "max-keys": 3})
        query += f"&continuation-token={token}" if token else ""
        text = send("GET", f"{url(gcs_bucket, '')}?{query}", headers=headers)[1].decode()
        found += [part.split("<", 1)[0] for part in text.split("<Key>")[1:]]
        if "<NextContinuationToken>" not in text:
            break
        token = text.split("<NextContinuationToken>")[1].split("<")[0]
    assert found == names[:-1]


def test_odd_keys_are_kept_as_they_are(gcs_bucket: GcsBucket) -> None:
    for key in ("/lead", "tail/", "a//b", "a b+c%d#e?f", "ü/日本", "a/../b"):
        gcs_bucket.put(key, key.encode())
        assert gcs_bucket.get(key) == key.encode()
        assert key in gcs_bucket.listing()
    for key in (".", ".."):
        assert gcs_bucket.send("PUT", key, b"1")[0] == 400


def test_consent_gives_a_code_for_one_use(gcs_bucket: GcsBucket) -> None:
    server = gcs_bucket.server
    client = json.loads(server.client_secrets.read_text())["installed"]
    query = urlencode({"redirect_uri": "http://localhost:1", "state": "s", "scope": READ_WRITE})
    page = requests.get(f"{client['auth_uri']}?{query}", allow_redirects=False, timeout=10)
    back = parse_qs(urlsplit(page.headers["Location"]).query)
    assert back["state"] == ["s"]
    form = {
        "grant_type": "authorization_code",
        "code": back["code"][0],
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    first = requests.post(client["token_uri"], data=form, timeout=10)
    assert first.json()["refresh_token"]
    assert requests.post(client["token_uri"], data=form, timeout=10).status_code == 400
    wrong = {**form, "client_secret": "wrong"}
    assert requests.post(client["token_uri"], data=wrong, timeout=10).status_code == 401


def test_a_code_is_of_no_use_to_whom_the_challenge_was_not(gcs_bucket: GcsBucket) -> None:
    server = gcs_bucket.server
    client = json.loads(server.client_secrets.read_text())["installed"]
    # Of RFC 7636, appendix B.
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    query = urlencode({"redirect_uri": "http://localhost:1", "code_challenge": challenge})
    for given, status in (("", 400), ("other", 400), (verifier, 200)):
        page = requests.get(f"{client['auth_uri']}?{query}", allow_redirects=False, timeout=10)
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(page.headers["Location"]).query)["code"][0],
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "code_verifier": given,
        }
        assert requests.post(client["token_uri"], data=form, timeout=10).status_code == status


def test_metadata_wants_its_header(gcs_bucket: GcsBucket) -> None:
    place = f"http://{gcs_bucket.server.metadata_host}/computeMetadata/v1/instance"
    path = f"{place}/service-accounts/default/token"
    assert send("GET", path)[0] == 403
    code, body = send("GET", path, headers={"Metadata-Flavor": "Google"})
    assert code == 200
    headers = {"Authorization": f"Bearer {json.loads(body)['access_token']}"}
    assert send("PUT", url(gcs_bucket, "a"), b"1", headers=headers)[0] == 200


def test_web_pages_need_a_rule(gcs_bucket: GcsBucket) -> None:
    server, place = gcs_bucket.server, url(gcs_bucket, "a")
    gcs_bucket.put("a", b"1")
    page = {"Origin": "https://app.test", "Access-Control-Request-Method": "GET"}
    assert requests.options(place, headers=page, timeout=10).status_code == 403
    rule = {"cors": [{"origin": ["https://app.test"], "method": ["GET"], "maxAgeSeconds": 5}]}
    bucket = f"{server.endpoint}/storage/v1/b/{gcs_bucket.name}"
    headers = bearer(server.service_account)
    assert requests.patch(bucket, json=rule, headers=headers, timeout=10).status_code == 200
    allowed = requests.options(place, headers=page, timeout=10)
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.test"
    elsewhere = {**page, "Origin": "https://other.test"}
    assert requests.options(place, headers=elsewhere, timeout=10).status_code == 403
