"""Providers: what the core asks for secrets, whenever it wants fresh ones, from any thread.

Each answer is fetched anew. A provider over botocore's chain makes a session for each, because a
session keeps what it read; the core's cache sees to it that nobody is asked too often.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from lakebed.auth.aws.configured import (
    config_file,
    credentials_file,
    environment,
    new_session,
    profile_of_environment,
    set_region,
)
from lakebed.auth.aws.given import KEY, SECRET, TOKEN, Asked, Role, Secret, Session, answered
from lakebed.auth.aws.refusals import translated
from lakebed.errors import AuthorizationException, LakebedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import Credentials

# An STS that does not answer must not hold a reader for minutes, as botocore's own bounds would.
_STS_TIMEOUT_S = 10
_STS_TRIES = 3


class Provider(ABC):
    """Gives secrets; says in words where they come from, without any."""

    @property
    @abstractmethod
    def source(self) -> str:
        """Where the identity comes from."""

    @abstractmethod
    def __call__(self) -> Secret:
        """Fetch fresh secrets.

        Raises:
            LakebedError: There are none.
        """

    def __repr__(self) -> str:
        return f"<AWS credentials: {self.source}>"


class Static(Provider):
    """Secrets that never change: those of a dict."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    @property
    def source(self) -> str:
        """Where the identity comes from."""
        return "the creds dict"

    def __call__(self) -> Secret:
        """Return the secrets."""
        return self._secret.copy()


class Primed(Provider):
    """A provider that was asked already: the first who asks gets that answer.

    So a mistake shows where the dataset is opened, and still nobody is asked twice.
    """

    def __init__(self, provider: Provider, answer: Secret) -> None:
        self._provider = provider
        self._answers = [answer]

    @property
    def source(self) -> str:
        """Where the identity comes from."""
        return self._provider.source

    def __call__(self) -> Secret:
        """Return what is known already, once; then ask."""
        try:
            # One step: of two threads, one gets it.
            return self._answers.pop()
        except IndexError:
            return self._provider()


class Chain(Provider):
    """Botocore's chain: environment, profiles, web identity, container, instance.

    Args:
        profile: The profile that the user named; None: as the environment says.
        region: For the services that are asked on the way.
    """

    def __init__(self, profile: str | None = None, region: str | None = None) -> None:
        self._profile = profile
        self._region = region
        self._source: str | None = None
        # Of a role that wants a code typed in: not asked for again behind the user's back.
        self._typed_in: Credentials | None = None

    @property
    def source(self) -> str:
        """Where the identity comes from."""
        named = self._profile or profile_of_environment()
        return self._source or (f"profile {named!r}" if named else "the chain of AWS credentials")

    def __call__(self) -> Secret:
        """Walk the chain."""
        return translated(f"there are no AWS credentials from {self.source}", self._walk)

    def _walk(self) -> Secret:
        if self._typed_in is not None:
            return _frozen(self._typed_in)
        session = new_session(self._profile)
        set_region(session, self._region)
        credentials = session.get_credentials()
        if credentials is None:
            raise _nobody(self._profile)
        secret = _frozen(credentials)
        profile = session.get_scoped_config()
        self._source = _in_words(credentials.method, session.profile or "default", profile)
        if credentials.method == "assume-role" and "mfa_serial" in profile:
            self._typed_in = credentials
        return secret


class FromSession(Provider):
    """A session of the user's, which renews what it holds itself."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kind = type(session).__module__.partition(".")[0]
        self._method: str | None = None

    @property
    def source(self) -> str:
        """Where the identity comes from."""
        of = "" if self._method is None else f" ({_METHODS.get(self._method, self._method)})"
        return f"a {self._kind} session{of}"

    def __call__(self) -> Secret:
        """Take what the session holds now."""
        return translated(f"the {self._kind} session gives no credentials", self._take)

    def _take(self) -> Secret:
        # Kept by the session. Its own keys are in no chain: looking again would find others.
        credentials = self._session.get_credentials()
        if credentials is None:
            message = f"the {self._kind} session has no credentials"
            raise AuthorizationException(message, kind="authentication")
        self._method = credentials.method
        return _frozen(credentials)


class FromFunction(Provider):
    """A function of the user's that returns secrets."""

    def __init__(self, ask: Asked) -> None:
        self._ask = ask

    @property
    def source(self) -> str:
        """Where the identity comes from."""
        name = getattr(self._ask, "__qualname__", type(self._ask).__qualname__)
        return f"the function {name}"

    def ask(self) -> Mapping[str, Any]:
        """Call it, and return what it returned, whatever that is."""
        try:
            return self._ask()
        except LakebedError:
            raise
        except Exception as error:  # noqa: BLE001 (the user's own code: it may fail in any way)
            message = f"{self.source} gave no AWS credentials: {type(error).__name__}"
        # Without its cause, as of the core: words about a login that failed may hold the password.
        hint = "call the function by itself to see what it says"
        raise AuthorizationException(message, kind="authentication", hint=hint)

    def __call__(self) -> Secret:
        """Call it, and check what it returned."""
        return answered(self.ask())[1]


class AssumedRole(Provider):
    """A role, assumed with the secrets of another provider.

    Args:
        role: Which.
        base: Who assumes it.
        profile: Whose settings hold for STS.
        sts: Arguments of the STS client: server, region, certificates.
    """

    def __init__(
        self, role: Role, base: Provider, profile: str | None, sts: Mapping[str, Any]
    ) -> None:
        self._role = role
        self._base = base
        self._profile = profile
        self._sts = sts

    @property
    def source(self) -> str:
        """Where the identity comes from."""
        return f"role {self._role.arn}, assumed with {self._base.source}"

    def __call__(self) -> Secret:
        """Ask STS for the role."""
        from botocore.config import Config  # noqa: PLC0415 (slow; plain keys do without)

        base, role = self._base(), self._role
        wanted = {
            "RoleArn": role.arn,
            "RoleSessionName": role.session_name,
            "ExternalId": role.external_id,
            "DurationSeconds": role.duration_s,
        }
        session = new_session(self._profile)
        config = Config(
            connect_timeout=_STS_TIMEOUT_S,
            read_timeout=_STS_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": _STS_TRIES},
        )
        keys = {name: base[name] for name in (KEY, SECRET, TOKEN)}
        asked = {name: value for name, value in wanted.items() if value is not None}

        def assume() -> Any:
            client: Any = session.create_client("sts", config=config, **keys, **self._sts)
            return client.assume_role(**asked)["Credentials"]

        what = f"the role {role.arn} cannot be assumed with {self._base.source}"
        reply = translated(what, assume)
        return {
            KEY: reply["AccessKeyId"],
            SECRET: reply["SecretAccessKey"],
            TOKEN: reply["SessionToken"],
            "expiry": reply["Expiration"].timestamp(),
        }


def _frozen(credentials: Credentials) -> Secret:
    """Return what botocore's credentials hold now; they renew themselves first where needed."""
    frozen = credentials.get_frozen_credentials()
    # Botocore has no public name for it. Unknown would do: then a refusal renews.
    expiry = getattr(credentials, "_expiry_time", None)
    return {
        KEY: frozen.access_key,
        SECRET: frozen.secret_key,
        TOKEN: frozen.token or None,
        "expiry": None if expiry is None else expiry.timestamp(),
    }


# Botocore's names of its ways.
_METHODS = {
    "explicit": "keys of its own",
    "env": "environment variables",
    "container-role": "container role",
    "iam-role": "EC2 instance role",
}


def _in_words(method: str, name: str, profile: Mapping[str, Any]) -> str:
    """Say where the chain found what it gave."""
    of = f"profile {name!r} of"
    role = profile.get("role_arn") or environment("AWS_ROLE_ARN")
    match method:
        case "shared-credentials-file":
            return f"{of} {credentials_file()}"
        case "config-file":
            return f"{of} {config_file()}"
        case "assume-role":
            return f"role {role}, {of} {config_file()}"
        case "assume-role-with-web-identity":
            return f"role {role}, by web identity token"
        case "sso":
            account, role = profile.get("sso_account_id"), profile.get("sso_role_name")
            return f"SSO role {role} of account {account}, {of} {config_file()}"
        case "custom-process":
            return f"credential_process, {of} {config_file()}"
        case _:
            return _METHODS.get(method, f"botocore's {method}")


def _nobody(profile: str | None) -> AuthorizationException:
    """Say that there are no credentials, and where they were looked for."""
    named = profile or profile_of_environment() or "default"
    looked = [f"profile {named!r} of {credentials_file()} and {config_file()}"]
    if profile is None:
        looked.insert(0, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    looked += ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_*"]
    disabled = str(environment("AWS_EC2_METADATA_DISABLED")).lower() == "true"
    looked.append("EC2 instance role" + (" (AWS_EC2_METADATA_DISABLED)" if disabled else ""))
    message = "the dataset storage cannot be accessed: there are no AWS credentials"
    hint = (
        f"looked at: {', '.join(looked)}; give creds={{'aws_access_key_id': ..., "
        "'aws_secret_access_key': ...}, {'profile_name': ...}, or {'anonymous': True}"
    )
    return AuthorizationException(message, kind="authentication", hint=hint)
