"""How to reach one S3-like service, and as whom: everything that the core is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lakebed import _core
from lakebed.auth.aws.configured import (
    DEFAULT_STS_REGION,
    Configured,
    existing_file,
    is_amazon,
    read_configured,
)
from lakebed.auth.aws.given import Creds, Given, answered, is_session, read_dict
from lakebed.auth.aws.providers import (
    AssumedRole,
    Chain,
    FromFunction,
    FromSession,
    Primed,
    Provider,
    Static,
)
from lakebed.auth.given import concealing
from lakebed.auth.notices import warn_caller
from lakebed.errors import InvalidInputError, InvalidTypeError


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one S3-like service, and as whom. Shows no secrets.

    Attributes:
        credentials: Returns secrets and their expiry whenever the core wants fresh ones; None:
            requests are not signed.
        region: The region to sign for; None: the core finds that of each bucket.
        endpoint_url: The service, None for Amazon's own.
        virtual_host: Whether the bucket goes into the host name, where its name allows that.
        ca_bundle: The file of certificates that are trusted; None: the system's.
        verify: Whether the server's certificate is checked.
    """

    credentials: Provider | None = field(repr=False)
    region: str | None
    endpoint_url: str | None
    virtual_host: bool
    ca_bundle: str | None
    verify: bool

    def core(self) -> _core.AwsAccess:
        """Return it as the core takes it."""
        return _core.AwsAccess(
            credentials=self.credentials,
            region=self.region,
            endpoint_url=self.endpoint_url,
            virtual_host=self.virtual_host,
            ca_bundle=self.ca_bundle,
            verify=self.verify,
        )

    @property
    def source(self) -> str:
        """Where the identity comes from, in words without secrets."""
        return "anonymous" if self.credentials is None else self.credentials.source


@concealing
def resolve(creds: Creds = None, *, check_environment: bool = True) -> Access:
    """Find out who asks, and which server, region and certificates hold.

    With a key and a secret in the dict, the session token is that of the dict too, or none;
    whatever environment and files say of keys does not count then.

    Args:
        creds: A dict (see `given`); "ENV" or None for environment, profiles and roles; a session of
            boto3 or botocore; a function that returns secrets (see `given.answered`).
        check_environment: Where there are no plain keys, ask for secrets now, so that a mistake
            shows here. Else whoever uses the access finds out. A function is asked in any case: it
            may name the server, too.

    Returns:
        The access. Its provider fetches anew each time it is asked.

    Raises:
        InvalidInputError: An unknown or upper-case key, a key without its secret, an unknown
            profile, a missing file of certificates.
        AuthorizationException: There are no credentials, or nobody gives them.
        UnsupportedFeatureError: A way to authenticate that is not there yet.

    Warns:
        UserWarning: `verify` is False; `config` has what has no effect.
    """
    if isinstance(creds, str) and creds != "ENV":
        raise InvalidInputError("for S3, a text as `creds` can only be 'ENV'")
    if creds is None or isinstance(creds, str):
        return _of_dict(Given(), check=check_environment)
    if is_session(creds):
        return _of_session(creds, check=check_environment)
    if isinstance(creds, Mapping):
        return _of_dict(read_dict(creds), check=check_environment)
    if callable(creds):
        return _of_function(FromFunction(creds))
    known = "a dict, 'ENV', a boto3.Session or a function"
    raise InvalidTypeError(f"for S3, `creds` is {known}, not a {type(creds).__name__}")


def _of_dict(given: Given, *, check: bool) -> Access:
    configured = read_configured(given.profile_name, keys_given=given.secret is not None)
    access = _settings(given, configured)
    if given.anonymous:
        return access
    region = access.region
    provider: Provider = Chain(given.profile_name, region)
    if given.secret is not None:
        provider = Static(given.secret)
    if given.role is not None:
        sts = _sts(access, configured, ignore=given.client_config.ignore_endpoints)
        provider = AssumedRole(given.role, provider, given.profile_name, sts)
    return replace(access, credentials=_primed(provider) if check else provider)


def _of_session(session: Any, *, check: bool) -> Access:
    # boto3 says `profile_name`, and "default" where there is none; botocore says `profile`.
    name = getattr(session, "profile_name", None) or getattr(session, "profile", None)
    region = getattr(session, "region_name", None)
    if region is None and hasattr(session, "get_config_variable"):
        region = session.get_config_variable("region")
    configured = read_configured(None if name == "default" else name)
    provider: Provider = FromSession(session)
    access = _settings(Given(region=region), configured)
    return replace(access, credentials=_primed(provider) if check else provider)


def _of_function(provider: FromFunction) -> Access:
    given, secret = answered(provider.ask())
    access = _settings(given, read_configured(None, keys_given=True))
    return replace(access, credentials=Primed(provider, secret))


def _primed(provider: Provider) -> Provider:
    """Ask now whoever has to be asked."""
    return provider if isinstance(provider, Static) else Primed(provider, provider())


def _settings(given: Given, configured: Configured) -> Access:
    """Return an access of nobody yet."""
    ignore = given.client_config.ignore_endpoints
    endpoint = given.endpoint_url or configured.endpoint("s3", ignore=ignore)
    style = given.client_config.addressing_style or configured.addressing_style
    encrypted = endpoint is None or not endpoint.lower().startswith("http://")
    if not given.verify and encrypted:
        server = endpoint or "Amazon S3"
        warn_caller(
            f"verify=False: the certificate of {server} is not checked, so whoever is on the way "
            "can read and change everything; `ca_bundle` trusts a certificate of your own"
        )
    return Access(
        credentials=None,
        region=given.region or configured.region,
        endpoint_url=endpoint,
        virtual_host=style == "virtual" or (style != "path" and endpoint is None),
        ca_bundle=_ca_bundle(given, configured) if given.verify else None,
        verify=given.verify,
    )


def _ca_bundle(given: Given, configured: Configured) -> str | None:
    """Return the file of trusted certificates, which is there."""
    named = (given.ca_bundle, "`creds`") if given.ca_bundle else configured.ca_bundle
    if named is None:
        return None
    path = existing_file(named[0])
    if path is None:
        message = f"there is no file of certificates at {named[0]}, which {named[1]} names"
        raise InvalidInputError(message, hint="`ca_bundle` is the path of a file in PEM format")
    return path


def _sts(access: Access, configured: Configured, *, ignore: bool) -> dict[str, Any]:
    """Return the arguments of the STS client for a role in the dict.

    Where no STS is set, it is that of the same service: Amazon's for Amazon's buckets, the server
    itself for others, which have it at the same address (MinIO, Ceph, SeaweedFS).
    """
    server = configured.endpoint("sts", ignore=ignore)
    if server is None and not is_amazon(access.endpoint_url):
        server = access.endpoint_url
    arguments: dict[str, Any] = {"region_name": access.region or DEFAULT_STS_REGION}
    if server is not None:
        arguments["endpoint_url"] = server
    if not is_amazon(server):
        # Amazon's certificates are checked with the system's, whatever a server of one's own has.
        arguments["verify"] = access.ca_bundle if access.verify else False
    return arguments
