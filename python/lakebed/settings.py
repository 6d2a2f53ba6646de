"""Every setting of lakebed that is no argument: one table, read from the environment or set here.

    lakebed.settings.max_sample_bytes = 4 << 30

| attribute | environment | default | what it bounds |
|---|---|---|---|
| `max_sample_bytes` | `LAKEBED_MAX_SAMPLE_BYTES` | 2 GiB | one decoded sample; one linked object |
| `max_bytes_in_flight` | `LAKEBED_MAX_BYTES_IN_FLIGHT` | 256 MiB | what requests hold |
| `max_requests` | `LAKEBED_MAX_REQUESTS` | 64 | requests at once |
| `max_text_array_bytes` | `LAKEBED_MAX_TEXT_ARRAY_BYTES` | 2 GiB | texts as one array |
| `retry_s` | `LAKEBED_RETRY_S` | 60 s | how long failing requests are tried again |
| `idle_timeout_s` | `LAKEBED_IDLE_TIMEOUT_S` | 30 s | the wait for a reply, or its next part |
| `fsync` | `LAKEBED_FSYNC` | yes | whether flushes wait for local disks |
| `max_requests_per_host` | `LAKEBED_MAX_REQUESTS_PER_HOST` | 16 | requests to a server at once |
| `link_private_addresses` | `LAKEBED_LINK_PRIVATE_ADDRESSES` | `allow` | where URLs may lead |
| `allow_local_links` | `LAKEBED_ALLOW_LOCAL_LINKS` | no | files as links of remote datasets |
| `consent_timeout_s` | `LAKEBED_CONSENT_TIMEOUT_S` | 300 | the wait for a consent page |

| attribute | environment | default | what it names |
|---|---|---|---|
| `config_folder` | `LAKEBED_CONFIG_DIR` | `~/.config/lakebed` | the folder for kept logins |
| `google_client_secrets` | `LAKEBED_GOOGLE_CLIENT_SECRETS` | gcloud's | who asks for consent |

What is set here wins over the environment, which is looked at when a setting is used. A dataset
takes the settings when it is opened; `deeplake.read` when it decodes. A single object that is
larger than `max_bytes_in_flight` is still read, with nothing beside it; a chunk, stored or
decompressed, may have as many bytes as the larger of that and `max_sample_bytes`. `retry_s` and
`idle_timeout_s` hold for the whole process, from the next dataset that is opened.

One more is looked at once, when lakebed is imported, by its core: `LAKEBED_LOG`, one of `error`,
`warn`, `info`, `debug` and `trace`, writes to standard error what went wrong and was gone around
(`warn`), renewals of credentials (`info`) and every request (`debug`), without secrets
(docs/storage.md).
"""

from __future__ import annotations

import os
from typing import Any, Final, Generic, NoReturn, Self, TypedDict, TypeVar, overload

from lakebed.errors import InvalidInputError, InvalidTypeError

# What the core counts bytes in.
_MOST: Final = (1 << 63) - 1
_SWITCHES: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}

T = TypeVar("T")


class Limits(TypedDict):
    """What the core takes of them."""

    max_requests: int
    max_bytes_in_flight: int
    max_sample_bytes: int
    max_requests_per_host: int


class Patience(TypedDict):
    """How long the core waits for servers."""

    retry_s: int
    idle_timeout_s: int


class AnySetting(Generic[T]):
    """One setting, and the attribute of `Settings` that gives its value.

    Args:
        variable: Its name in the environment.
        default: Its value where nothing is set.
        meaning: What it is for.
    """

    def __init__(self, variable: str, default: T, meaning: str) -> None:
        self.variable = variable
        self.default = default
        self.meaning = meaning
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, settings: None, owner: type) -> Self: ...
    @overload
    def __get__(self, settings: Settings, owner: type) -> T: ...
    def __get__(self, settings: Settings | None, owner: type) -> Self | T:
        if settings is None:
            return self
        given: T | None = settings.given.get(self.name)
        return self.from_environment() if given is None else given

    def __set__(self, settings: Settings, value: T) -> None:
        settings.given[self.name] = self._checked(value, f"lakebed.settings.{self.name}")

    def __delete__(self, settings: Settings) -> None:
        settings.given.pop(self.name, None)

    def from_environment(self) -> T:
        """Return what the environment says, or the default.

        Raises:
            InvalidInputError: It says something that this cannot be.
        """
        text = os.environ.get(self.variable, "").strip()
        return self._parsed(text) if text else self.default

    def _parsed(self, text: str) -> T:
        """Return the value that a text of the environment means."""
        raise NotImplementedError

    def _checked(self, value: object, given: str) -> T:
        """Return a value that it can have; `given` says where it comes from."""
        raise NotImplementedError

    def _refuse(self, text: str, what: str, default: str) -> NoReturn:
        message = f"the environment variable {self.variable} is {text[:100]!r}, not {what}"
        raise InvalidInputError(message, hint=f"unset it for the default, {default}")


class Setting(AnySetting[int]):
    """A positive whole number.

    Args:
        variable: Its name in the environment.
        default: Its value where nothing is set.
        unit: What is counted.
        meaning: What it is for.
    """

    def __init__(self, variable: str, default: int, unit: str, meaning: str) -> None:
        super().__init__(variable, default, meaning)
        self.unit = unit

    def _parsed(self, text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > len(str(_MOST)):
            self._refuse(text, f"a whole number of {self.unit}", str(self.default))
        return self._checked(int(text), f"the environment variable {self.variable}")

    def _checked(self, value: object, given: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            message = f"{given} is a number of {self.unit}, not a {type(value).__name__}"
            raise InvalidTypeError(message)
        if not 0 < value <= _MOST:
            message = f"{given} is a number of {self.unit} from 1 to {_MOST}, not {value}"
            raise InvalidInputError(message)
        return value


class Choice(AnySetting[str]):
    """One of some words, the default first."""

    def __init__(self, variable: str, words: tuple[str, ...], meaning: str) -> None:
        super().__init__(variable, words[0], meaning)
        self.words = words

    def _parsed(self, text: str) -> str:
        return self._checked(text, f"the environment variable {self.variable}")

    def _checked(self, value: object, given: str) -> str:
        if not isinstance(value, str):
            raise InvalidTypeError(f"{given} is a str, not a {type(value).__name__}")
        if value not in self.words:
            known = ", ".join(map(repr, self.words))
            raise InvalidInputError(f"{given} is one of {known}, not {value[:100]!r}")
        return value


class Switch(AnySetting[bool]):
    """Yes or no."""

    def _parsed(self, text: str) -> bool:
        value = _SWITCHES.get(text.lower())
        if value is None:
            self._refuse(text, "1 or 0", str(int(self.default)))
        return value

    def _checked(self, value: object, given: str) -> bool:
        if not isinstance(value, bool):
            raise InvalidTypeError(f"{given} is a bool, not a {type(value).__name__}")
        return value


class PathSetting(AnySetting[str | None]):
    """The path of a file or folder; None where it is not set."""

    def __init__(self, variable: str, meaning: str) -> None:
        super().__init__(variable, None, meaning)

    def __set__(self, settings: Settings, value: str | os.PathLike[str] | None) -> None:
        settings.given[self.name] = self._checked(value, f"lakebed.settings.{self.name}")

    def _parsed(self, text: str) -> str:
        return text

    def _checked(self, value: object, given: str) -> str:
        if not isinstance(value, str | os.PathLike):
            raise InvalidTypeError(f"{given} is a path, not a {type(value).__name__}")
        return os.fsdecode(value)


class Settings:
    """The settings, as attributes; `lakebed.settings` is the only one of its kind.

    Reading an attribute gives what was set, else the environment's value, else the default; `del`
    takes back what was set. Values that cannot be raise `InvalidInputError`, unknown names
    `AttributeError`.

    Attributes:
        given: The numbers that were set here, by name.
        paths: The same of paths.
    """

    __slots__ = ("given", "paths")

    max_sample_bytes = Setting(
        "LAKEBED_MAX_SAMPLE_BYTES",
        2 << 30,
        "bytes",
        "The most that one sample may decode to, and that one linked object may have. Far above "
        "real images; files state sizes, and damaged ones state any.",
    )
    max_bytes_in_flight = Setting(
        "LAKEBED_MAX_BYTES_IN_FLIGHT",
        256 << 20,
        "bytes",
        "The most that the requests of one call hold before it is decoded.",
    )
    max_requests = Setting(
        "LAKEBED_MAX_REQUESTS",
        64,
        "requests",
        "The most requests of one call at the same time.",
    )
    max_text_array_bytes = Setting(
        "LAKEBED_MAX_TEXT_ARRAY_BYTES",
        2 << 30,
        "bytes",
        "The most that numpy() takes for texts as one array, in which every text is as wide as the "
        "longest: the size that one sample may have, as it is one thing in memory.",
    )
    retry_s = Setting(
        "LAKEBED_RETRY_S",
        60,
        "seconds",
        "How long requests to a store are tried again while nothing comes of them: errors 500, 503 "
        "and 429, connections that fail or break, replies that do not come. At most ten tries in a "
        "row, with growing waits, or as long as the store asks by Retry-After. More than 600 is as "
        "600: a signature holds no longer.",
    )
    idle_timeout_s = Setting(
        "LAKEBED_IDLE_TIMEOUT_S",
        30,
        "seconds",
        "How long a reply, or the next part of it, is awaited before the request is tried again. "
        "Uploads may take as much longer as they need at 64 KiB a second.",
    )
    fsync = Switch(
        "LAKEBED_FSYNC",
        True,
        "Whether a flush waits until local disks hold what it wrote, so that it survives a loss of "
        "power, or leaves that to the system, which takes seconds to do it. Servers have seen to "
        "that when they answer.",
    )
    consent_timeout_s = Setting(
        "LAKEBED_CONSENT_TIMEOUT_S",
        300,
        "seconds",
        "How long creds='browser' waits for a person at Google's consent page.",
    )
    config_folder = PathSetting(
        "LAKEBED_CONFIG_DIR",
        "The folder for files of lakebed's own, such as the login that creds='browser' keeps; "
        "else `lakebed` in XDG_CONFIG_HOME or ~/.config (on Windows in APPDATA).",
    )
    google_client_secrets = PathSetting(
        "LAKEBED_GOOGLE_CLIENT_SECRETS",
        "A file with the secrets of the OAuth client that creds='browser' shows Google's consent "
        "page with; else the client of the login that gcloud stored.",
    )

    max_requests_per_host = Setting(
        "LAKEBED_MAX_REQUESTS_PER_HOST",
        16,
        "requests",
        "The most requests of this process to one web server (http and https links) at the same "
        "time. Object stores are made for more, and are not bounded by it.",
    )
    link_private_addresses = Choice(
        "LAKEBED_LINK_PRIVATE_ADDRESSES",
        ("allow", "refuse", "allow-metadata"),
        "Whether http and https links, and what they redirect to, may lead to private addresses: "
        "'refuse' for a process that reads on behalf of others. Addresses at which clouds hand out "
        "a machine's own credentials take 'allow-metadata'.",
    )
    allow_local_links = Switch(
        "LAKEBED_ALLOW_LOCAL_LINKS",
        False,
        "Whether links of a remote dataset may lead to files of this machine, where the call that "
        "opens it does not say.",
    )

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={getattr(self, name)}' for name in SETTINGS)})"

    def limits(self) -> Limits:
        """Return what the core is told when a dataset is opened."""
        return Limits(
            max_requests=self.max_requests,
            max_bytes_in_flight=self.max_bytes_in_flight,
            max_sample_bytes=self.max_sample_bytes,
            max_requests_per_host=self.max_requests_per_host,
        )

    def patience(self) -> Patience:
        """Return what the core is told before servers are asked anything."""
        return Patience(retry_s=self.retry_s, idle_timeout_s=self.idle_timeout_s)


SETTINGS: Final[dict[str, AnySetting[Any]]] = {
    name: setting for name, setting in vars(Settings).items() if isinstance(setting, AnySetting)
}
settings: Final = Settings()
