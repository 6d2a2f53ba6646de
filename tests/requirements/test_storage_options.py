"""Every snippet of the page "Storage Options" that names a storage, as it stands there.

Each opens a dataset, reads it and appends to it; each other credential that might be found is one
that is refused.
"""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from tests.auth.gcs.people import Person
from tests.requirements import clouds
from tests.requirements.clouds import S3, Gcs
from tests.requirements.snippets import run, snippets
from tests.servers import aws_credentials as aws_credentials_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.conftest import Bucket
    from tests.servers.aws_credentials import AwsCredentials

PAGE = snippets("storage_options.md")
WRONG = {"AWS_ACCESS_KEY_ID": "AKIAWRONG", "AWS_SECRET_ACCESS_KEY": "wrong"}


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a machine on which no cloud is set up; gives its home directory."""
    ours = ("AWS_", "GOOGLE_", "GCE_", "CLOUDSDK_", "XDG_", "LAKEBED_")
    for name in os.environ:
        if name.startswith(ours) or name in {"BROWSER", "DISPLAY", "STORAGE_EMULATOR_HOST"}:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return home


def set_all(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def create(url: str, creds: Any) -> None:
    """Store a dataset with credentials that do not come from the page."""
    with lakebed.empty(url, creds=creds) as ds:
        ds.create_tensor("numbers")
        ds.numbers.extend([1, 2])


def check_opens(load: Callable[[], lakebed.Dataset]) -> None:
    """Read what is there, append to it, and find that when it is opened once more."""
    with load() as ds:
        assert ds.numbers.numpy().ravel().tolist() == [1, 2]
        ds.numbers.append(3)
    with load() as ds:
        assert ds.numbers.numpy().ravel().tolist() == [1, 2, 3]


def check_paths(url: str) -> None:
    """Run what the page says first: the path alone, with nothing passed."""
    load, dataset, empty = PAGE["paths"].splitlines()
    with run(empty, {}, path=url) as ds:
        ds.create_tensor("numbers")
        ds.numbers.append(1)
    with run(dataset, {}, path=url) as ds:
        ds.numbers.append(2)
    check_opens(lambda: run(load, {}, path=url))
    lakebed.delete(url)


# --- AWS S3


@pytest.fixture(scope="module")
def role_server() -> Iterator[AwsCredentials]:
    """Run what gives out temporary keys, and an S3 server that takes them for a quarter hour."""
    with aws_credentials_server.running(ttl_s=900) as server:
        yield server


def s3_dict(place: S3) -> dict[str, str | None]:
    return {
        "aws_access_key_id": place.access_key,
        "aws_secret_access_key": place.secret_key,
        "aws_session_token": place.session_token,
        "endpoint_url": place.endpoint,
        "aws_region": place.region,
    }


@pytest.fixture
def s3_place(request: pytest.FixtureRequest) -> S3:
    """Give a place in the account of the environment, else on the S3 server on loopback."""
    if clouds.S3_URL:
        return clouds.own_s3()
    bucket: Bucket = request.getfixturevalue("bucket")
    keys = bucket.server.writer
    url = bucket.url("album")
    return S3(url, bucket.server.endpoint, keys.access_key, keys.secret_key, None, None)


@pytest.mark.s3
def test_aws_option_1_the_role_of_the_machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container with a role; with an account of one's own, whatever role the machine has."""
    if clouds.S3_URL:
        if not clouds.S3_HAS_ROLE:
            pytest.skip("LAKEBED_TEST_S3_ROLE does not say that this machine has a role")
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        place = clouds.own_s3()
        set_all(monkeypatch, place.service())
        check_paths(place.url)
        return
    server: AwsCredentials = request.getfixturevalue("role_server")
    server.s3.client().create_bucket(Bucket="role")
    set_all(monkeypatch, {"AWS_ENDPOINT_URL_S3": server.s3.endpoint})
    set_all(monkeypatch, server.container_variables())
    check_paths("s3://role/container")
    assert server.counts()["/ecs/creds"] >= 1


@pytest.mark.s3
def test_aws_option_1_the_role_of_an_instance(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance of EC2, by its metadata service."""
    if clouds.S3_URL:
        pytest.skip("the role of this machine is the test above")
    server: AwsCredentials = request.getfixturevalue("role_server")
    server.s3.client().create_bucket(Bucket="instance")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    set_all(monkeypatch, {"AWS_ENDPOINT_URL_S3": server.s3.endpoint})
    set_all(monkeypatch, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.imds_endpoint})
    check_paths("s3://instance/album")


@pytest.mark.s3
def test_aws_option_2_the_file_of_aws_configure(
    s3_place: S3, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = machine / ".aws"
    folder.mkdir()
    lines = [f"{name.lower()} = {value}" for name, value in s3_place.variables().items()]
    (folder / "credentials").write_text("\n".join(["[default]", *lines, ""]))
    (folder / "config").write_text(f"[default]\nregion = {s3_place.region or 'us-east-1'}\n")
    set_all(monkeypatch, s3_place.service())
    check_paths(s3_place.url)


@pytest.mark.s3
def test_aws_option_3_the_environment(s3_place: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {**s3_place.service(), **s3_place.variables()})
    check_paths(s3_place.url)


def s3_placeholders(place: S3) -> dict[str, str]:
    return {
        "'s3://...'": repr(place.url),
        "'abc'": repr(place.access_key),
        "'xyz'": repr(place.secret_key),
        "'123'": repr(place.session_token),
    }


@pytest.mark.s3
def test_aws_option_4_a_dictionary(s3_place: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token ("Optional") where the keys have none; the environment has wrong keys."""
    create(s3_place.url, s3_dict(s3_place))
    set_all(monkeypatch, {**s3_place.service(), **WRONG, "AWS_SESSION_TOKEN": "wrong"})
    check_opens(lambda: run(PAGE["aws, option 4"], s3_placeholders(s3_place)))
    lakebed.delete(s3_place.url, creds=s3_dict(s3_place))


@pytest.mark.s3
def test_aws_option_4_a_dictionary_with_a_session_token(
    role_server: AwsCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys are temporary ones: refused without their token."""
    server = role_server.s3
    server.client().create_bucket(Bucket="temporary")
    keys = temporary_keys(role_server)
    place = S3("s3://temporary/album", server.endpoint, *keys, region=None)
    create(place.url, s3_dict(place))
    set_all(monkeypatch, {**place.service(), **WRONG})
    check_opens(lambda: run(PAGE["aws, option 4"], s3_placeholders(place)))
    with pytest.raises(lakebed.errors.AuthorizationException):
        run(PAGE["aws, option 4"], {**s3_placeholders(place), "'123'": "None"})


def temporary_keys(server: AwsCredentials) -> tuple[str, str, str]:
    """Take what a container with a role would be given."""
    import requests

    variables = server.container_variables()
    header = {"Authorization": variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
    url = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    found = requests.get(url, headers=header, timeout=10).json()
    return found["AccessKeyId"], found["SecretAccessKey"], found["Token"]


@pytest.mark.s3
def test_custom_storage_with_s3_api(s3_place: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    if s3_place.endpoint is None:
        pytest.skip("LAKEBED_TEST_S3_ENDPOINT names no service")
    create(s3_place.url, s3_dict(s3_place))
    set_all(monkeypatch, {**WRONG, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"})
    placeholders = s3_placeholders(s3_place)
    placeholders["'http://localhost:8888'"] = repr(s3_place.endpoint)
    check_opens(lambda: run(PAGE["custom storage with s3 api"], placeholders))
    lakebed.delete(s3_place.url, creds=s3_dict(s3_place))


# --- Google Cloud Storage


@pytest.fixture
def gcs_place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Gcs:
    """Give a place in the project of the environment, else on the server on loopback."""
    if clouds.GCS_URL:
        place = clouds.own_gcs()
    else:
        bucket = request.getfixturevalue("gcs_bucket")
        server = bucket.server
        place = Gcs(bucket.url("album"), server.endpoint, server.service_account)
        monkeypatch.setenv("LAKEBED_GOOGLE_CLIENT_SECRETS", str(server.client_secrets))
        monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    if place.endpoint:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", place.endpoint)
    create(place.url, place.key)
    return place


@pytest.mark.gcs
def test_gcs_option_1_a_key_file(gcs_place: Gcs) -> None:
    placeholders = {
        "'gcs://.....'": repr(gcs_place.url),
        "'path_to_keys.json'": repr(str(gcs_place.key)),
    }
    check_opens(lambda: run(PAGE["gcs, option 1, file"], placeholders))
    lakebed.delete(gcs_place.url, creds=gcs_place.key)


@pytest.mark.gcs
def test_gcs_option_1_a_key_file_of_the_current_directory(
    gcs_place: Gcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is called as on the page."""
    monkeypatch.chdir(tmp_path)
    Path("path_to_keys.json").write_text(gcs_place.key.read_text())
    snippet = PAGE["gcs, option 1, file"]
    check_opens(lambda: run(snippet, {"'gcs://.....'": repr(gcs_place.url)}))
    lakebed.delete(gcs_place.url, creds=gcs_place.key)


@pytest.mark.gcs
def test_gcs_option_1_the_content_of_the_file(gcs_place: Gcs) -> None:
    import json

    placeholders = {
        "'gcs://.....'": repr(gcs_place.url),
        "{information from the JSON file}": repr(json.loads(gcs_place.key.read_text())),
    }
    check_opens(lambda: run(PAGE["gcs, option 1, content"], placeholders))
    lakebed.delete(gcs_place.url, creds=gcs_place.key)


@pytest.mark.gcs
def test_gcs_option_2_the_browser_then_the_cache(
    gcs_place: Gcs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On loopback a script says yes; with a project of one's own, gcloud's login or a person."""
    person = Person()
    if not clouds.GCS_URL:
        monkeypatch.setattr(webbrowser, "open", person)
        monkeypatch.setenv("DISPLAY", ":0")
    elif clouds.GCS_HAS_PERSON:
        set_all(monkeypatch, clouds.of_the_person())
    else:
        pytest.skip("LAKEBED_TEST_GCS_PERSON does not say that somebody is here to say yes")
    url = {"'gcs://.....'": repr(gcs_place.url)}
    check_opens(lambda: run(PAGE["gcs, option 2"], url))
    with run(PAGE["gcs, option 2, again"], url) as ds:
        assert ds.numbers.numpy().ravel().tolist() == [1, 2, 3]
    assert len(person.pages) == (0 if clouds.GCS_URL else 1)
    lakebed.delete(gcs_place.url, creds=gcs_place.key)


def test_no_snippet_is_left_out() -> None:
    """Each is named once in this module, beside its data."""
    source = Path(__file__).read_text(encoding="utf-8")
    assert len(PAGE) == 7
    assert [name for name in PAGE if f'PAGE["{name}"]' not in source] == []
