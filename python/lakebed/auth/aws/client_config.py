"""The `config` of `creds`, a botocore `Config`: what of it holds here, and what cannot.

It is made for botocore's own client. What decides where requests go or who signs them is taken or
refused; what only tunes that client is named in a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakebed.auth.notices import warn_caller
from lakebed.errors import InvalidInputError, InvalidTypeError, UnsupportedFeatureError

if TYPE_CHECKING:
    from botocore.config import Config

_STYLES = ("auto", "path", "virtual")
# What the core does anyway.
_SIGNATURES = ("s3v4", "v4")
# These change where requests go, through what, or with which identity: never to be skipped.
_REFUSED = {
    "proxies": "set HTTPS_PROXY or HTTP_PROXY in the environment",
    "proxies_config": "set HTTPS_PROXY or HTTP_PROXY in the environment",
    "client_cert": "client certificates are not supported",
    "use_dualstack_endpoint": "name the server by `endpoint_url`",
    "use_fips_endpoint": "name the server by `endpoint_url`",
    "sigv4a_signing_region_set": "multi-region signatures are not supported",
    "auth_scheme_preference": "requests are signed with version 4",
    "s3.use_accelerate_endpoint": "name the server by `endpoint_url`",
}
_TAKEN = {"region_name", "signature_version", "s3", "ignore_configured_endpoint_urls"}


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """What holds of a botocore `Config`.

    Attributes:
        region: `region_name`.
        addressing_style: "auto", "path" or "virtual", of `s3`; None where it says nothing.
        unsigned: `signature_version` is botocore's UNSIGNED.
        ignore_endpoints: `ignore_configured_endpoint_urls`.
    """

    region: str | None = None
    addressing_style: str | None = None
    unsigned: bool = False
    ignore_endpoints: bool = False


def read_client_config(config: object) -> ClientConfig:
    """Check a `Config`, or a dict of its arguments.

    Raises:
        InvalidInputError: It is neither, or has arguments that no `Config` has.
        UnsupportedFeatureError: It asks for a way to send or sign that there is not.

    Warns:
        UserWarning: It tunes botocore's client, which does not send these requests.
    """
    if config is None:
        return ClientConfig()
    from botocore import UNSIGNED  # noqa: PLC0415 (slow, and few pass a `config`)
    from botocore.config import Config  # noqa: PLC0415

    if isinstance(config, Mapping):
        config = _from_dict(dict(config))
    if not isinstance(config, Config):
        said = type(config).__name__
        raise InvalidTypeError(f"`creds['config']` is a {said}, not a botocore Config or a dict")
    plain = Config()
    asked = {
        name: getattr(config, name)
        for name in Config.OPTION_DEFAULTS
        if getattr(config, name, None) != getattr(plain, name, None)
    }
    s3: Mapping[str, Any] = asked.pop("s3", None) or {}
    asked |= {f"s3.{name}": value for name, value in s3.items()}
    signature = asked.pop("signature_version", None)
    if signature not in (None, UNSIGNED, *_SIGNATURES):
        refused = f"signatures of version {signature!r} (`creds['config']`)"
        raise UnsupportedFeatureError(f"not supported: {refused}; requests are signed with 's3v4'")
    style = asked.pop("s3.addressing_style", None)
    if style is not None and style not in _STYLES:
        raise InvalidInputError(f"an addressing style is one of {_STYLES}, not {style!r}")
    _judge(asked.keys() - _TAKEN)
    return ClientConfig(
        region=asked.get("region_name"),
        addressing_style=style,
        unsigned=signature is UNSIGNED,
        ignore_endpoints=bool(asked.get("ignore_configured_endpoint_urls")),
    )


def _from_dict(arguments: dict[str, Any]) -> Config:
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    unknown = sorted(set(arguments) - set(Config.OPTION_DEFAULTS))
    if unknown:
        named = ", ".join(map(repr, unknown))
        raise InvalidInputError(f"`creds['config']` has what no botocore Config has: {named}")
    try:
        return Config(**arguments)
    except BotoCoreError as error:
        message = f"botocore takes no such `creds['config']`: {error}"
        raise InvalidInputError(message) from error


def _judge(names: set[str]) -> None:
    for name in sorted(names):
        if name in _REFUSED:
            message = f"not supported: {name!r} of `creds['config']`"
            raise UnsupportedFeatureError(message, hint=_REFUSED[name])
    if names:
        named = ", ".join(sorted(names))
        warn_caller(
            f"`creds['config']` sets {named}, which is for botocore's own client and has no effect "
            "here; see lakebed.settings for what bounds requests"
        )
