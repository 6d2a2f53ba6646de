"""The rules by which a bucket lets web pages of other origins read: CORS.

One form for all stores; `clouds` translates. Rules of others are kept as they were found.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

READING = ("GET", "HEAD")
# What a page sends to read a part of a chunk with a token, and with a signature.
ASKED_HEADERS = ("range", "authorization")
_SIGNED_HEADERS = ("x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "if-match")
# What it has to see of the answer: which bytes of how many, and of which version.
NEEDED_HEADERS = ("ETag", "Content-Range")
_EXPOSED_HEADERS = (*NEEDED_HEADERS, "Content-Length", "Accept-Ranges")
# How long a browser remembers the answer: an hour, as changes should be seen on the same day.
_MAX_AGE_S = 3600


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        origins: Who may ask; with at most one `*` each.
        methods: What they may do.
        headers: What they may send; with `*`.
        exposed: What of the answer a page sees.
        max_age_s: How long a browser remembers.
        raw: The rule as the store has it, with fields that stand nowhere here.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...] = READING
    headers: tuple[str, ...] = (*ASKED_HEADERS, *_SIGNED_HEADERS)
    exposed: tuple[str, ...] = _EXPOSED_HEADERS
    max_age_s: int | None = _MAX_AGE_S
    raw: Any = field(default=None, compare=False)

    def fits(self, origin: str, method: str) -> bool:
        """Whether a store answers pages of an origin by this rule."""
        return (
            any(_matches(origin, each) for each in self.origins)
            and method in self.methods
            and all(any(_matches(asked, each) for each in self.headers) for asked in ASKED_HEADERS)
        )

    def hidden(self) -> list[str]:
        """Return what a page has to see of the answer, and does not."""
        shown = _lower(self.exposed)
        return [name for name in NEEDED_HEADERS if name.lower() not in shown]


def lacking(rules: Sequence[Rule], origin: str, methods: Sequence[str]) -> list[str]:
    """Return the methods by which an origin cannot read, or does not see what it needs."""
    return [method for method in methods if not _serves(rules, origin, method)]


def added(rules: Sequence[Rule], origin: str, methods: Sequence[str]) -> list[Rule]:
    """Return the rules with what an origin lacks: one of our own, in place of an earlier one.

    It stands in front, since a store answers by the first rule that fits, and exposes what the
    rules behind it, which stay as they are, exposed to that origin.
    """
    earlier = [method for rule in rules if _is_ours(rule, origin) for method in rule.methods]
    wanted = tuple(dict.fromkeys([*earlier, *methods]))
    kept = without(rules, origin)
    also = [
        name
        for rule in kept
        if any(rule.fits(origin, method) for method in wanted)
        for name in rule.exposed
        if name.lower() not in _lower(_EXPOSED_HEADERS)
    ]
    return [Rule((origin,), wanted, exposed=(*_EXPOSED_HEADERS, *dict.fromkeys(also))), *kept]


def without(rules: Sequence[Rule], origin: str) -> list[Rule]:
    """Return the rules without that which `added` makes for an origin."""
    return [rule for rule in rules if not _is_ours(rule, origin)]


def _serves(rules: Sequence[Rule], origin: str, method: str) -> bool:
    first = next((rule for rule in rules if rule.fits(origin, method)), None)
    return first is not None and not first.hidden()


def _is_ours(rule: Rule, origin: str) -> bool:
    """Whether `added` made a rule. Stores keep no name of its maker; its headers tell."""
    ours = Rule((origin,))
    named = _lower([*rule.headers, *rule.exposed])
    return rule.origins == ours.origins and named >= _lower([*ours.headers, *ours.exposed])


def _lower(names: Sequence[str]) -> set[str]:
    return {name.lower() for name in names}


def _matches(text: str, pattern: str) -> bool:
    # Only `*` is special in rules; brackets and `?` are themselves.
    plain = pattern.lower().replace("[", "[[]").replace("?", "[?]")
    return fnmatch.fnmatchcase(text.lower(), plain)
