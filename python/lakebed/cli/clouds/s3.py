"""S3 and its kin: STS, the bucket's region and rules, through boto3."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakebed import _core
from lakebed.auth import aws
from lakebed.cli.clouds.cloud import Cloud, CloudError, Credentials
from lakebed.cli.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakebed.cli.options import Creds
    from lakebed.paths import Location

_DEFAULT_REGION = "us-east-1"
_TIMEOUT_S = 10
_SECRETS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
# Codes of those who are known but may not, and of those who are not known.
_REFUSALS = {
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "ExpiredTokenException",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}
_SHOWN_CHARACTERS = 8
_NO_RULES = "NoSuchCORSConfiguration"


@dataclass
class S3(Cloud):
    """One bucket of an S3 service; see `Cloud`."""

    bucket: str
    access: aws.Access = field(repr=False)

    @classmethod
    def resolve(cls, location: Location, creds: Creds) -> S3:
        """Find out which credentials hold; see `lakebed.auth.aws.resolve`."""
        if creds in ("anon", "anonymous"):
            creds = {"anonymous": True}
        return cls(location.root, aws.resolve(creds))

    def store(self, prefix: str) -> _core.Store:
        """Give the core's store of a folder."""
        return _core.Store.s3(self.bucket, prefix, self.access.core())

    def bucket_url(self, region: str | None = None) -> str:
        """Return the bucket, in its host name or as the first part of the path."""
        region = region or self.access.region or _DEFAULT_REGION
        endpoint = self.access.endpoint_url or f"https://s3.{region}.amazonaws.com"
        scheme, _, host = endpoint.rstrip("/").partition("://")
        if self._in_host:
            return f"{scheme}://{self.bucket}.{host}"
        return f"{scheme}://{host}/{self.bucket}"

    @property
    def verify(self) -> bool | str:
        """As the access has it."""
        return self.access.ca_bundle or self.access.verify

    def credentials(self) -> Credentials:
        """Ask the provider, and show the ends of the access key's id."""
        if self.access.credentials is None:
            return Credentials(self.access.source)
        secret = self.access.credentials()
        key = secret["aws_access_key_id"]
        # Long enough to tell two keys apart, too short to be of use.
        shown = f"{key[:4]}…{key[-4:]}" if len(key) > _SHOWN_CHARACTERS else f"{key[:2]}…"
        temporary = bool(secret["aws_session_token"])
        values = {"access_key_id": shown, "temporary": temporary, "expiry": secret["expiry"]}
        name = f"access key {shown}{', temporary' if temporary else ''}"
        return Credentials(self.access.source, name, values)

    def identity(self) -> str:
        """Ask the STS for the ARN."""
        if self.access.credentials is None:
            return "nobody"
        # Services other than Amazon's have their STS, if any, where their objects are.
        endpoint = os.environ.get("AWS_ENDPOINT_URL_STS") or self.access.endpoint_url
        client = self._client("sts", endpoint)
        found = _call("GetCallerIdentity", client.get_caller_identity)
        return str(found["Arn"])

    def region(self) -> str:
        """Ask for the bucket's location."""
        found = _call("GetBucketLocation", self._s3().get_bucket_location, Bucket=self.bucket)
        # Amazon's oldest region has no name here, and its second oldest another one.
        place = found.get("LocationConstraint") or _DEFAULT_REGION
        return "eu-west-1" if place == "EU" else str(place)

    def rules(self) -> list[Rule]:
        """Read the CORS configuration; there need not be one."""
        try:
            found = self._s3().get_bucket_cors(Bucket=self.bucket)
        except ClientError as error:
            if _code(error) == _NO_RULES:
                return []
            raise _error("GetBucketCors", error) from error
        except BotoCoreError as error:
            raise _error("GetBucketCors", error) from error
        return [_rule(raw) for raw in found["CORSRules"]]

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Put the CORS configuration, or remove it when nothing is left in it."""
        client = self._s3()
        if not rules:
            _call("DeleteBucketCors", client.delete_bucket_cors, Bucket=self.bucket)
            return
        document = {"CORSRules": [rule.raw or _raw(rule) for rule in rules]}
        given = {"Bucket": self.bucket, "CORSConfiguration": document}
        _call("PutBucketCors", client.put_bucket_cors, **given)

    def _s3(self) -> Any:
        return self._client("s3", self.access.endpoint_url)

    def _client(self, service: str, endpoint_url: str | None) -> Any:
        secret = self.access.credentials and self.access.credentials()
        settings: dict[str, Any] = {"signature_version": None if secret else UNSIGNED}
        settings["s3"] = {"addressing_style": "virtual" if self._in_host else "path"}
        config = Config(
            connect_timeout=_TIMEOUT_S,
            read_timeout=_TIMEOUT_S,
            retries={"total_max_attempts": 2},
            **settings,
        )
        try:
            return boto3.client(
                service,
                endpoint_url=endpoint_url,
                region_name=self.access.region or _DEFAULT_REGION,
                verify=self.verify,
                config=config,
                **({name: secret[name] for name in _SECRETS} if secret else {}),
            )
        except (BotoCoreError, ValueError) as error:
            raise CloudError(f"boto3: {error}", refused=False) from error

    @property
    def _in_host(self) -> bool:
        return self.access.virtual_host and "." not in self.bucket


def _rule(raw: dict[str, Any]) -> Rule:
    return Rule(
        tuple(raw["AllowedOrigins"]),
        tuple(raw["AllowedMethods"]),
        tuple(raw.get("AllowedHeaders", ())),
        tuple(raw.get("ExposeHeaders", ())),
        raw.get("MaxAgeSeconds"),
        raw,
    )


def _raw(rule: Rule) -> dict[str, Any]:
    return {
        "AllowedOrigins": [*rule.origins],
        "AllowedMethods": [*rule.methods],
        "AllowedHeaders": [*rule.headers],
        "ExposeHeaders": [*rule.exposed],
        "MaxAgeSeconds": rule.max_age_s,
    }


def _call(name: str, call: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
    try:
        return call(**arguments)
    except (BotoCoreError, ClientError) as error:
        raise _error(name, error) from error


def _code(error: ClientError) -> str:
    # Some services answer STS calls in the form of S3, which botocore does not look into.
    found = error.response.get("Error", {}).get("Code") or error.response.get("Code")
    return str(found or "no code")


def _error(name: str, error: BotoCoreError | ClientError) -> CloudError:
    if not isinstance(error, ClientError):
        return CloudError(f"{name}: {error}", refused=False)
    code, answer = _code(error), error.response
    said = answer.get("Error", {}).get("Message") or answer.get("Message") or ""
    return CloudError(f"{name}: {code}: {said}", refused=code in _REFUSALS)
