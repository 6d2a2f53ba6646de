"""What a user may pass as `creds`: which kinds, which keys, and what each of them may hold."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from lakebed.auth.aws.client_config import ClientConfig, read_client_config
from lakebed.errors import InvalidInputError, InvalidTypeError, UnsupportedFeatureError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import boto3
    import botocore.session

Session: TypeAlias = "boto3.Session | botocore.session.Session"
# What a user's own callable returns: see `answered`.
Asked: TypeAlias = "Callable[[], Mapping[str, Any]]"
Creds: TypeAlias = "Mapping[str, Any] | str | Session | Asked | None"

KEY = "aws_access_key_id"
SECRET = "aws_secret_access_key"  # noqa: S105 (the name of a setting, not a secret)
TOKEN = "aws_session_token"  # noqa: S105
_TEXTS = (
    KEY,
    SECRET,
    TOKEN,
    "endpoint_url",
    "aws_region",
    "region",
    "profile_name",
    "role_arn",
    "external_id",
    "role_session_name",
    "ca_bundle",
)
_OTHERS = ("duration_seconds", "anonymous", "verify", "config")
_SETTINGS = (*_TEXTS, *_OTHERS)
_OF_A_ROLE = ("external_id", "role_session_name", "duration_seconds")
_PLANNED = {"creds_key": "managed credentials (a hub)"}
# STS takes no less (AssumeRole, DurationSeconds).
_MIN_ROLE_LIFE_S = 900


# One generation of secrets, as the core takes them: KEY, SECRET, TOKEN (or None), and "expiry" in
# Unix seconds (None: never, or nobody knows).
Secret: TypeAlias = "dict[str, Any]"  # noqa: S105 (a type)


@dataclass(frozen=True, slots=True)
class Role:
    """A role to assume, with the words of AssumeRole."""

    arn: str
    session_name: str
    external_id: str | None
    duration_s: int | None


@dataclass(frozen=True, slots=True)
class Given:
    """A checked `creds` dict; None where it says nothing."""

    secret: Secret | None = field(default=None, repr=False)
    region: str | None = None
    endpoint_url: str | None = None
    profile_name: str | None = None
    role: Role | None = None
    anonymous: bool = False
    ca_bundle: str | None = None
    verify: bool = True
    client_config: ClientConfig = field(default_factory=ClientConfig)


def is_session(creds: object) -> TypeGuard[Session]:
    """Whether it is a session of boto3 or botocore. Imports neither: who has one has done so."""
    classes = ((sys.modules.get(name), "Session") for name in ("boto3.session", "botocore.session"))
    known = tuple(getattr(module, name) for module, name in classes if module is not None)
    return isinstance(creds, known)


def require_picklable(creds: object) -> None:
    """Make sure that a dataset that was opened with these credentials can be pickled.

    Raises:
        InvalidInputError: They cannot; a session never, as it may hold secrets nobody passed.
    """
    if is_session(creds):
        what = f"its credentials are a {type(creds).__module__.partition('.')[0]} session"
        hint = "open it with creds={'profile_name': ...}, other keys of `creds`, or a function"
    else:
        try:
            pickle.dumps(creds)
        except Exception:  # noqa: BLE001 (the user's own objects: they may fail in any way)
            what = f"its `creds` do not pickle ({type(creds).__name__})"
            hint = "give a dict of texts, or a function at the top of a module: not a lambda"
        else:
            return
    raise InvalidInputError(f"the dataset cannot be pickled: {what}", hint=hint)


def read_dict(creds: Mapping[str, Any]) -> Given:
    """Check a dict; values that are empty or None count as absent.

    Raises:
        InvalidInputError: An unknown key, or values that cannot be right (alone or together).
        UnsupportedFeatureError: A key of what is not there yet.
    """
    values = {name: value for name, value in creds.items() if value is not None and value != ""}
    for name in creds:
        if name not in _SETTINGS:
            raise _unknown(name, _SETTINGS)
    for name in _TEXTS:
        _require(name, values, str)
    for name in ("anonymous", "duration_seconds"):
        _require(name, values, int if name == "duration_seconds" else bool)
    verify = _verify(values)
    client_config = read_client_config(values.get("config"))
    given = Given(
        secret=_secret(values, "`creds`"),
        region=values.get("aws_region") or values.get("region") or client_config.region,
        endpoint_url=values.get("endpoint_url"),
        profile_name=values.get("profile_name"),
        role=_role(values),
        anonymous=values.get("anonymous", False) or client_config.unsigned,
        ca_bundle=values.get("ca_bundle"),
        verify=verify,
        client_config=client_config,
    )
    if given.anonymous and (given.secret or given.role):
        raise InvalidInputError("`creds` asks for anonymous access and has keys or a role, too")
    return given


def answered(reply: object) -> tuple[Given, Secret]:
    """Check what a user's callable returned.

    Args:
        reply: A dict with the keys of `creds` for secrets, endpoint, region and TLS, and `expiry`
            (Unix seconds, a datetime, or a text of ISO 8601); or in botocore's words: `access_key`,
            `secret_key`, `token`, `expiry_time`.

    Raises:
        InvalidInputError: It is not that.
    """
    if not isinstance(reply, Mapping):
        said = type(reply).__name__
        raise InvalidTypeError(f"the `creds` function returned a {said}, not a dict")
    values: dict[str, Any] = {
        _BOTOCORE_WORDS.get(str(name), str(name)): value for name, value in reply.items()
    }
    expiry = values.pop("expiry", None)
    values.pop("account_id", None)
    for name in values:
        if name not in _ANSWERS:
            raise _unknown(name, (*_ANSWERS, "expiry"))
    given = read_dict(values)
    if given.secret is None:
        raise InvalidInputError(f"the `creds` function returned no {KEY!r} and {SECRET!r}")
    return given, {**given.secret, "expiry": unix_seconds(expiry)}


_BOTOCORE_WORDS = {
    "access_key": KEY,
    "secret_key": SECRET,
    "token": TOKEN,
    "expiry_time": "expiry",
}
_ANSWERS = (KEY, SECRET, TOKEN, "endpoint_url", "aws_region", "region", "ca_bundle", "verify")


def unix_seconds(time: object) -> float | None:
    """Return a time in Unix seconds; None stays None.

    Raises:
        InvalidInputError: It is no time, or one without time zone.
    """
    import datetime as dt  # noqa: PLC0415 (only callables with an expiry need it)

    if time is None or (isinstance(time, (int, float)) and not isinstance(time, bool)):
        return time
    try:
        moment = dt.datetime.fromisoformat(time) if isinstance(time, str) else time
    except ValueError:
        moment = None
    if not isinstance(moment, dt.datetime) or moment.tzinfo is None:
        hint = "give Unix seconds, or a datetime or ISO 8601 text with its time zone"
        raise InvalidInputError("the `expiry` of credentials is no point in time", hint=hint)
    return moment.timestamp()


def _secret(values: Mapping[str, Any], where: str) -> Secret | None:
    if KEY in values and SECRET in values:
        return {KEY: values[KEY], SECRET: values[SECRET], TOKEN: values.get(TOKEN), "expiry": None}
    for name, other in ((KEY, SECRET), (SECRET, KEY), (TOKEN, KEY)):
        if name in values:
            raise InvalidInputError(f"{where} has {name!r} but not {other!r}: both are needed")
    return None


def _role(values: Mapping[str, Any]) -> Role | None:
    if "role_arn" not in values:
        for name in _OF_A_ROLE:
            if name in values:
                raise InvalidInputError(f"`creds` has {name!r} but no 'role_arn'")
        return None
    duration = values.get("duration_seconds")
    if duration is not None and duration < _MIN_ROLE_LIFE_S:
        raise InvalidInputError(f"`creds['duration_seconds']` is less than {_MIN_ROLE_LIFE_S}")
    name = values.get("role_session_name", "lakebed")
    return Role(values["role_arn"], name, values.get("external_id"), duration)


def _verify(values: dict[str, Any]) -> bool:
    """Whether certificates are checked. A path means what `ca_bundle` does, as in boto3."""
    verify = values.get("verify", True)
    if isinstance(verify, str):
        values.setdefault("ca_bundle", verify)
        return True
    _require("verify", values, bool)
    return bool(verify)


def _require(name: str, values: Mapping[str, Any], wanted: type) -> None:
    value = values.get(name)
    right = isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))
    if value is not None and not right:
        said = type(value).__name__
        raise InvalidTypeError(f"`creds[{name!r}]` is a {said}, not a {wanted.__name__}")


def _unknown(name: object, known: Iterable[str]) -> Exception:
    import difflib  # noqa: PLC0415 (for this message only)

    text, known = str(name), tuple(known)
    if text in _PLANNED:
        return UnsupportedFeatureError(f"not supported yet: {_PLANNED[text]}")
    if text.lower() in known:
        hint = f"keys of `creds` are lower case: {text.lower()!r}"
    else:
        close = difflib.get_close_matches(text.lower(), known, n=1)
        hint = (
            f"did you mean {close[0]!r}?" if close else f"known are {', '.join(map(repr, known))}"
        )
    return InvalidInputError(f"`creds` cannot have the key {text!r}; {hint}")
