"""Calls that are given secrets, most of which fail; run as a process of their own with all logs on.

    python -m tests.secrets.scenarios

Standard input has the places as JSON (`Places`). Each call is one line of JSON on standard output:
its name, how it ended, and where a secret was found. Whatever else is written, to standard error
too, is for the caller to look through.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import tempfile
import unittest.mock
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lakebed
from tests.api.leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Callable

# Nothing else looks like them. The servers know none of these.
SECRET = "s3cr3t-key-Wq81"
TOKEN = "s3cr3t-token-Lm27"
HEADER = "Bearer s3cr3t-header-Zt94"
SIGNATURE = "s3cr3t-signature-Pv53"
PASSWORD = "s3cr3t-password-Hd36"
# What every one of them has, and nothing else.
MARK = "s3cr3t"


@dataclass(frozen=True)
class Places:
    """Where the servers are, and who is let in."""

    bucket: str
    endpoint: str
    access_key: str
    secret_key: str
    http: str
    closed: str
    cloud: str
    cloud_key: dict[str, str]
    other_key: str
    revoked_token: str

    @property
    def secrets(self) -> list[str]:
        """What nothing may show: all that is marked, and what is not, of each key one line."""
        private = (self.cloud_key["private_key"], self.other_key)
        lines = [key.splitlines()[3] for key in private]
        return [MARK, self.secret_key, self.revoked_token, *lines]

    def creds(self, **other: str) -> dict[str, str]:
        """Give the good credentials, with some of them replaced."""
        good = {
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_region": "us-east-1",
            "endpoint_url": self.endpoint,
        }
        return {**good, **other}

    def url(self, key: str) -> str:
        """Give an address in the bucket."""
        return f"s3://{self.bucket}/{key}"


class Scenarios:
    """The calls, by name: each method that begins with `call_`.

    Args:
        places: Where the servers are.
    """

    def __init__(self, places: Places) -> None:
        self.at = places
        self.wrong = places.creds(aws_secret_access_key=SECRET, aws_session_token=TOKEN)

    def call_everything_that_works(self) -> list[str]:
        """Return what is shown of an open dataset."""
        creds = self.at.creds()
        with lakebed.empty(self.at.url("works"), creds=creds) as ds:
            ds.add_creds_key("key")
            ds.populate_creds("key", creds)
            ds.create_tensor("images", htype="link[image]", sample_compression="png")
            ds.images.append(lakebed.link(self.at.url("image.png"), creds_key="key"))
            ds.images.append(lakebed.link(f"{self.at.http}/image.png?sig={SIGNATURE}"))
        assert ds.images[1].numpy().shape == (2, 2, 3)
        with_creds = pickle.dumps(ds)
        assert self.at.secret_key.encode() in with_creds, "the user passed it"
        again = pickle.loads(with_creds)  # noqa: S301 - our own
        links = [ds.images, ds.images[1], lakebed.link(f"{self.at.http}/x?sig={SIGNATURE}")]
        handle = vars(ds)["_handle"]
        shown = [ds, again, ds.storage, handle, handle.source, *links, ds.meta, ds.tensors]
        return [text for each in shown for text in (str(each), repr(each))]

    def call_pickle_of_the_environment(self) -> list[str]:
        """A pickle has what the user passed, and nothing of the environment."""
        set_here = {
            "AWS_ACCESS_KEY_ID": self.at.access_key,
            "AWS_SECRET_ACCESS_KEY": self.at.secret_key,
            "AWS_ENDPOINT_URL": self.at.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        with unittest.mock.patch.dict(os.environ, set_here):
            ds = lakebed.load(self.at.url("works"), read_only=True)
            ds.populate_creds("key", from_environment=True)
            ds.images[0].numpy()
            found = pickle.dumps(ds)
        return [found.decode("latin-1"), repr(ds.storage)]

    # --- the ways in, with what the store refuses

    def call_load_with_a_wrong_secret(self) -> None:
        lakebed.load(self.at.url("works"), creds=self.wrong)

    def call_empty_with_a_wrong_secret(self) -> None:
        lakebed.empty(self.at.url("new"), creds=self.wrong)

    def call_dataset_with_a_wrong_secret(self) -> None:
        lakebed.dataset(self.at.url("new"), creds=self.wrong)

    def call_exists_with_a_wrong_secret(self) -> None:
        lakebed.exists(self.at.url("new"), creds=self.wrong)

    def call_delete_with_a_wrong_secret(self) -> None:
        lakebed.delete(self.at.url("works"), creds=self.wrong)

    def call_load_with_an_unknown_key(self) -> None:
        creds = self.at.creds(aws_access_key_id="NOBODYHERE", aws_secret_access_key=SECRET)
        lakebed.load(self.at.url("works"), creds=creds)

    def call_load_from_a_missing_bucket(self) -> None:
        lakebed.load(f"s3://no-such-bucket-{MARK[3:]}/x", creds=self.wrong)

    def call_load_what_is_not_there(self) -> None:
        lakebed.load(self.at.url("missing"), creds=self.at.creds())

    def call_load_from_nobody(self) -> None:
        lakebed.load(self.at.url("x"), creds={**self.wrong, "endpoint_url": self.at.closed})

    # --- the ways in, with what cannot be right

    def call_load_with_half_a_key(self) -> None:
        lakebed.load(self.at.url("x"), creds={"aws_secret_access_key": SECRET})

    def call_load_with_a_key_in_upper_case(self) -> None:
        lakebed.load(self.at.url("x"), creds={**self.wrong, "AWS_SECRET_ACCESS_KEY": SECRET})

    def call_load_with_a_setting_of_no_kind(self) -> None:
        lakebed.load(self.at.url("x"), creds={**self.wrong, "aws_region": [SECRET]})

    def call_load_with_a_line_break_in_the_secret(self) -> None:
        creds = self.at.creds(aws_secret_access_key=f"{SECRET}\n")
        lakebed.load(self.at.url("x"), creds=creds)

    def call_load_with_a_password_in_the_endpoint(self) -> None:
        endpoint = self.at.endpoint.replace("://", f"://user:{PASSWORD}@")
        lakebed.load(self.at.url("x"), creds=self.at.creds(endpoint_url=endpoint))

    def call_load_with_keys_in_the_path(self) -> None:
        lakebed.load(f"s3://KEY:{SECRET}@{self.at.bucket}/x", creds=self.wrong)

    def call_load_with_a_secret_that_has_a_slash_in_the_path(self) -> None:
        lakebed.load(f"s3://KEY:a/{SECRET}@{self.at.bucket}/x", creds=self.wrong)

    # --- the other ways to give AWS credentials

    def _settings(self) -> dict[str, str]:
        return {"endpoint_url": self.at.endpoint, "aws_region": "us-east-1"}

    def call_load_with_a_function_that_gives_a_wrong_secret(self) -> None:
        lakebed.load(self.at.url("works"), creds=lambda: self.wrong)

    def call_load_with_a_function_that_gives_nonsense(self) -> None:
        lakebed.load(self.at.url("works"), creds=lambda: {**self.wrong, "expiry": SECRET})

    def call_load_with_a_function_that_raises(self) -> None:
        def failing() -> dict[str, str]:
            message = f"login as {SECRET} failed"
            raise RuntimeError(message)

        lakebed.load(self.at.url("works"), creds=failing)

    def call_load_with_a_session(self) -> None:
        import boto3

        with unittest.mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL": self.at.endpoint}):
            session = boto3.Session("NOBODYHERE", SECRET, TOKEN, region_name="us-east-1")
            lakebed.load(self.at.url("works"), creds=session)

    def call_load_with_a_profile(self) -> None:
        text = f"[profile p]\naws_access_key_id = NOBODYHERE\naws_secret_access_key = {SECRET}\n"
        self._with_file(text, {"profile_name": "p", **self._settings()})

    def call_load_with_a_program_that_fails(self) -> None:
        text = f"[profile p]\ncredential_process = sh -c 'echo {SECRET}; exit 1'\n"
        self._with_file(text, {"profile_name": "p", **self._settings()})

    def call_load_with_a_role_that_is_refused(self) -> None:
        creds = {**self.wrong, "role_arn": "arn:aws:iam::000000000000:role/x"}
        with unittest.mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL_STS": self.at.http}):
            lakebed.load(self.at.url("works"), creds=creds)

    def _with_file(self, text: str, creds: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "config"
            file.write_text(text)
            with unittest.mock.patch.dict(os.environ, {"AWS_CONFIG_FILE": str(file)}):
                lakebed.load(self.at.url("works"), creds=creds)

    # --- Google Cloud Storage

    def _cloud(self, **other: str) -> dict[str, str]:
        return {**self.at.cloud_key, **other}

    def call_cloud_everything_that_works(self) -> list[str]:
        """Return what is shown of an open dataset there."""
        creds = self._cloud()
        with lakebed.empty(self.at.cloud, creds=creds) as ds:
            ds.create_tensor("a", dtype="uint8")
        with_creds = pickle.dumps(ds)
        assert creds["private_key"].encode() in with_creds, "the user passed it"
        again = pickle.loads(with_creds)  # noqa: S301 - our own
        shown = [ds, again, ds.storage, vars(again)["_handle"].source]
        return [text for each in shown for text in (str(each), repr(each))]

    def call_cloud_load_with_a_key_that_is_none(self) -> None:
        lakebed.load(self.at.cloud, creds=self._cloud(private_key=SECRET))

    def call_cloud_load_with_a_key_of_somebody_else(self) -> None:
        lakebed.load(self.at.cloud, creds=self._cloud(private_key=self.at.other_key))

    def call_cloud_load_with_a_revoked_token(self) -> None:
        creds = {"gcs_oauth_token": self.at.revoked_token}
        lakebed.load(
            self.at.cloud, creds={**creds, "endpoint_url": self.at.cloud_key["endpoint_url"]}
        )

    def call_cloud_load_with_a_key_file_of_nonsense(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps({**self._cloud(private_key=SECRET), "client_email": 3}))
            file.flush()
            lakebed.load(self.at.cloud, creds=file.name)

    def call_cloud_load_with_an_unknown_setting(self) -> None:
        lakebed.load(self.at.cloud, creds={"oauth_token": TOKEN})

    def call_cloud_load_with_a_function_that_raises(self) -> None:
        def failing() -> dict[str, str]:
            raise RuntimeError(TOKEN)

        lakebed.load(self.at.cloud, creds=failing)

    def call_cloud_load_from_nobody(self) -> None:
        lakebed.load(self.at.cloud, creds=self._cloud(token_uri=f"{self.at.closed}/{TOKEN}"))

    # --- links

    def _linked(self, link: Any, creds: dict[str, str] | None = None) -> None:
        with lakebed.empty("mem://of-secrets", overwrite=True) as ds:
            ds.create_tensor("images", htype="link[image]", sample_compression="png")
            ds.add_creds_key("key")
            if creds is not None:
                ds.populate_creds("key", creds)
            ds.images.append(link)

    def call_link_with_a_wrong_secret(self) -> None:
        self._linked(lakebed.link(self.at.url("image.png"), creds_key="key"), self.wrong)

    def call_populate_with_half_a_key(self) -> None:
        self._linked(None, {"aws_secret_access_key": SECRET})

    def call_link_with_a_signature_that_is_refused(self) -> None:
        self._linked(lakebed.link(f"{self.at.http}/secret/x?sig={SIGNATURE}"))

    def call_link_with_a_signature_to_nothing(self) -> None:
        self._linked(lakebed.link(f"{self.at.http}/nothing?sig={SIGNATURE}"))

    def call_link_with_a_signature_to_nobody(self) -> None:
        self._linked(lakebed.link(f"{self.at.closed}/nothing?sig={SIGNATURE}"))

    def call_link_with_a_password_to_nothing(self) -> None:
        address = self.at.http.replace("://", f"://user:{PASSWORD}@")
        self._linked(lakebed.link(f"{address}/nothing"))

    def call_link_with_a_header_that_is_refused(self) -> None:
        link = lakebed.link(f"{self.at.http}/secret/x", creds_key="key")
        self._linked(link, {"Authorization": HEADER})

    def call_link_with_a_header_that_cannot_be_sent(self) -> None:
        link = lakebed.link(f"{self.at.http}/secret/x", creds_key="key")
        self._linked(link, {"Authorization": f"{HEADER}\n"})

    def call_link_with_a_signature_that_is_not_text(self) -> None:
        lakebed.link(f"https://host/x?sig={SIGNATURE}\ud800")

    def call_read_links_that_went_away(self) -> None:
        ds = lakebed.load(self.at.url("works"), read_only=True, creds=self.at.creds())
        ds.populate_creds("key", self.wrong)
        ds.images.numpy(aslist=True)

    # --- single files

    def call_read_with_a_wrong_secret(self) -> None:
        lakebed.read(self.at.url("image.png"), verify=True, creds=self.wrong)

    def call_read_with_a_signature_to_nothing(self) -> None:
        lakebed.read(f"{self.at.http}/nothing?sig={SIGNATURE}", verify=True)

    def call_read_with_a_header_that_is_refused(self) -> None:
        creds = {"Authorization": HEADER}
        lakebed.read(f"{self.at.http}/secret/x", verify=True, creds=creds)

    def call_read_what_is_no_image(self) -> None:
        lakebed.read(f"{self.at.http}/text?sig={SIGNATURE}", verify=True)

    def call_append_a_file_that_is_not_there(self) -> None:
        with lakebed.empty("mem://of-secrets", overwrite=True) as ds:
            ds.create_tensor("images", htype="image", sample_compression="png")
            ds.images.append(lakebed.read(f"{self.at.http}/nothing?sig={SIGNATURE}"))


NAMES = [name.removeprefix("call_") for name in vars(Scenarios) if name.startswith("call_")]


def outcome(call: Callable[[], list[str] | None], secrets: list[str]) -> dict[str, Any]:
    """Give how a call ended, and where it showed a secret."""
    ended, found = "returned", []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            texts = call() or []
        except Exception as error:  # noqa: BLE001 - whatever it is, it is looked through
            ended, texts = type(error).__name__, []
            found += [leak for secret in secrets for leak in leaks(error, secret)]
        texts += [str(each.message) for each in caught]
    found += [f"shown: {text}" for text in texts for secret in secrets if secret in text]
    return {"ended": ended, "found": found}


def main() -> None:
    """Run all of them."""
    places = Places(**json.load(sys.stdin))
    scenarios = Scenarios(places)
    for name in NAMES:
        call = getattr(scenarios, f"call_{name}")
        print(json.dumps({"name": name, **outcome(call, places.secrets)}), flush=True)  # noqa: T201


def places_as_json(places: Places) -> str:
    """Give what `main` reads."""
    return json.dumps(asdict(places))


if __name__ == "__main__":
    main()
