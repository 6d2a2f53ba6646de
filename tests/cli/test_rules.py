"""CORS rules: which lets whom, and what `--set` and `--remove` make of them."""

from __future__ import annotations

from lakebed.cli import rules
from lakebed.cli.rules import Rule

HERE, THERE = "https://here.example", "https://there.example"
FULL = Rule((HERE,))


def test_stars_stand_for_any_text() -> None:
    for pattern in ("*", "https://*", "https://*.example", "https://h*.example"):
        assert Rule((pattern,)).fits(HERE, "GET"), pattern
    for pattern in ("http://*", "https://*.example.org", "https://her?.example"):
        assert not Rule((pattern,)).fits(HERE, "GET"), pattern


def test_rules_need_method_and_headers() -> None:
    assert FULL.fits(HERE, "HEAD")
    assert not FULL.fits(HERE, "PUT")
    assert not Rule((HERE,), headers=("range",)).fits(HERE, "GET")
    assert Rule((HERE,), headers=("*",)).fits(HERE, "GET")
    assert Rule((HERE,), headers=("Range", "AUTHORIZATION")).fits(HERE, "GET")


def test_the_first_rule_that_fits_answers() -> None:
    hiding = Rule(("*",), exposed=("x-mine",))
    assert hiding.hidden() == ["ETag", "Content-Range"]
    assert rules.lacking([], HERE, ["GET"]) == ["GET"]
    assert rules.lacking([hiding, FULL], HERE, ["GET"]) == ["GET"]
    assert rules.lacking([FULL, hiding], HERE, ["GET", "PUT"]) == ["PUT"]


def test_set_keeps_the_rules_of_others() -> None:
    others = [
        Rule((THERE,), ("PUT",), ("etag",), raw={"ID": "x"}),
        Rule(("*",), exposed=("X-Mine", "etag")),
    ]
    found = rules.added(others, HERE, rules.READING)
    assert found[1:] == others
    assert found[1].raw == {"ID": "x"}
    assert rules.lacking(found, HERE, rules.READING) == []
    # What pages saw before, they still see.
    assert found[0].exposed[-1] == "X-Mine"
    assert rules.without(found, HERE) == others
    assert rules.without(found, THERE) == found


def test_set_again_makes_one_rule_of_two() -> None:
    once = rules.added([], HERE, ["GET"])
    twice = rules.added(once, HERE, ["PUT"])
    assert [rule.methods for rule in twice] == [("GET", "PUT")]
    assert rules.without(twice, HERE) == []
