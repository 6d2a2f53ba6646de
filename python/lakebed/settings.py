"""Every setting of lakebed that is no argument: one table, read from the environment or set here.

    lakebed.settings.max_sample_bytes = 4 << 30

| setting | environment | default | unit | what it bounds |
|---|---|---|---|---|
| `max_sample_bytes` | `LAKEBED_MAX_SAMPLE_BYTES` | 2 GiB | bytes | one decoded sample; one linked object |
| `max_bytes_in_flight` | `LAKEBED_MAX_BYTES_IN_FLIGHT` | 256 MiB | bytes | what requests hold at once |
| `max_requests` | `LAKEBED_MAX_REQUESTS` | 64 | requests | requests at once |
| `max_text_array_bytes` | `LAKEBED_MAX_TEXT_ARRAY_BYTES` | 2 GiB | bytes | `numpy()` of texts as one array |

What is set here wins over the environment, which is looked at when a setting is used. A dataset
takes the settings when it is opened; `deeplake.read` when it decodes. A single object that is larger
than `max_bytes_in_flight` is still read, with nothing beside it; a chunk, stored or decompressed, may
have as many bytes as the larger of that and `max_sample_bytes`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, TypedDict

from lakebed.errors import InvalidInputError, InvalidTypeError

# What the core counts bytes in.
_MOST: Final = (1 << 63) - 1


class Limits(TypedDict):
    """What the core takes of them."""

    max_requests: int
    max_bytes_in_flight: int
    max_sample_bytes: int


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        variable: Its name in the environment.
        default: Its value where nothing is set.
        unit: What is counted.
        meaning: What it is for.
    """

    variable: str
    default: int
    unit: str
    meaning: str

    def checked(self, value: object, given: str) -> int:
        """Return the value of the setting.

        Raises:
            InvalidInputError: It is no positive whole number.
        """
        if isinstance(value, bool) or not isinstance(value, int):
            message = f"{given} is a number of {self.unit}, not a {type(value).__name__}"
            raise InvalidTypeError(message)
        if not 0 < value <= _MOST:
            message = f"{given} is a number of {self.unit} from 1 to {_MOST}, not {value}"
            raise InvalidInputError(message)
        return value

    def from_environment(self) -> int:
        """Return what the environment says, or the default.

        Raises:
            InvalidInputError: It says something else than a positive whole number.
        """
        text = os.environ.get(self.variable, "").strip()
        if not text:
            return self.default
        if not (text.isascii() and text.isdigit()) or len(text) > len(str(_MOST)):
            message = (
                f"the environment variable {self.variable} is {text[:100]!r}, "
                f"not a whole number of {self.unit}"
            )
            hint = f"unset it for the default, {self.default}"
            raise InvalidInputError(message, hint=hint)
        return self.checked(int(text), f"the environment variable {self.variable}")


SETTINGS: Final = {
    "max_sample_bytes": Setting(
        "LAKEBED_MAX_SAMPLE_BYTES",
        2 << 30,
        "bytes",
        "The most that one sample may decode to, and that one linked object may have. Far above "
        "real images; files state sizes, and damaged ones state any.",
    ),
    "max_bytes_in_flight": Setting(
        "LAKEBED_MAX_BYTES_IN_FLIGHT",
        256 << 20,
        "bytes",
        "The most that the requests of one call hold before it is decoded.",
    ),
    "max_requests": Setting(
        "LAKEBED_MAX_REQUESTS",
        64,
        "requests",
        "The most requests of one call at the same time.",
    ),
    "max_text_array_bytes": Setting(
        "LAKEBED_MAX_TEXT_ARRAY_BYTES",
        2 << 30,
        "bytes",
        "The most that numpy() takes for texts as one array, in which every text is as wide as the "
        "longest: the size that one sample may have, as it is one thing in memory.",
    ),
}


class Settings:
    """The settings, as attributes; `lakebed.settings` is the only one of its kind.

    Reading an attribute gives what was set, else the environment's value, else the default; `del`
    takes back what was set. Every value is a positive whole number; others raise
    `InvalidInputError`, unknown names `AttributeError`.
    """

    __slots__ = ("_given",)

    max_sample_bytes: int
    max_bytes_in_flight: int
    max_requests: int
    max_text_array_bytes: int

    def __init__(self) -> None:
        object.__setattr__(self, "_given", {})

    def __getattr__(self, name: str) -> int:
        setting = _known(name)
        given: dict[str, int] = object.__getattribute__(self, "_given")
        return given[name] if name in given else setting.from_environment()

    def __setattr__(self, name: str, value: int) -> None:
        self._given[name] = _known(name).checked(value, f"lakebed.settings.{name}")

    def __delattr__(self, name: str) -> None:
        _known(name)
        self._given.pop(name, None)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *SETTINGS]

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={getattr(self, name)}' for name in SETTINGS)})"

    def limits(self) -> Limits:
        """Return what the core is told when a dataset is opened."""
        return Limits(
            max_requests=self.max_requests,
            max_bytes_in_flight=self.max_bytes_in_flight,
            max_sample_bytes=self.max_sample_bytes,
        )


def _known(name: str) -> Setting:
    setting = SETTINGS.get(name)
    if setting is None:
        message = f"lakebed has no setting {name!r}: there are {', '.join(SETTINGS)}"
        raise AttributeError(message)
    return setting


settings: Final = Settings()
