"""Random recipes: both packages run the same one, in turns, and agree on what is there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.interop.sides import commit, deep_differences, differences, without_chance, write

if TYPE_CHECKING:
    from tests.reference.client import Reference
    from tests.reference.steps import Step

pytestmark = [pytest.mark.reference, pytest.mark.slow]

# `make nightly` asks for many, and takes the minutes to make a failure smaller.
ASKED = os.environ.get("LAKEBED_TEST_EXAMPLES")
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, *((Phase.shrink,) if ASKED else ()))

KINDS: dict[str, dict[str, Any]] = {
    "ints": {"dtype": "int32", "max_chunk_size": 300},
    "any": {},
    "lz4": {"dtype": "float64", "chunk_compression": "lz4", "max_chunk_size": 500},
    "lz4s": {"dtype": "uint8", "sample_compression": "lz4", "max_chunk_size": 100},
    "text": {"htype": "text", "max_chunk_size": 100},
    "textc": {"htype": "text", "chunk_compression": "lz4"},
    "json": {"htype": "json"},
    "list": {"htype": "list"},
    "label": {"htype": "class_label"},
    "png": {"htype": "image", "sample_compression": "png", "max_chunk_size": 1000},
    "emb": {"htype": "embedding"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)


def arrays(dtype: str, ndim: int, *, least: int = 0) -> st.SearchStrategy[Any]:
    def fill(seed_and_shape: tuple[int, tuple[int, ...]]) -> Any:
        seed, shape = seed_and_shape
        return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)

    shape = st.tuples(*[st.integers(least, 5)] * ndim)
    return st.tuples(st.integers(0, 9), shape).map(fill)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "ints": arrays("int32", 2),
    "any": st.none() | arrays("int16", 1, least=1),
    "lz4": st.none() | arrays("float64", 1),
    "lz4s": st.none() | arrays("uint8", 2, least=1),
    "text": st.none() | st.text(st.characters(codec="utf-8"), max_size=40),
    "textc": st.text(st.characters(codec="utf-8"), max_size=9),
    "json": st.dictionaries(st.text(max_size=2), JSON, max_size=3),
    "list": st.none() | st.lists(JSON, max_size=3),
    "label": st.sampled_from(["a", "b", "c", "d"]),
    "png": st.none() | arrays("uint8", 2, least=1).map(lambda a: np.stack([a] * 3, -1)),
    "emb": st.just(np.arange(8, dtype="float32")),
}


@st.composite
def recipes(draw: st.DrawFn) -> tuple[list[Step], list[list[Step]]]:
    """Draw what creates a dataset, and the sessions that follow."""
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4, unique=True))
    start: list[Step] = [{"do": "create_tensor", "name": n, "options": KINDS[n]} for n in names]

    def step() -> Step:
        name = draw(st.sampled_from(names))
        if draw(st.booleans()):
            return {"do": "append", "name": name, "value": draw(VALUES[name])}
        batch = draw(st.lists(VALUES[name], min_size=1, max_size=12))
        return {"do": "extend", "name": name, "values": batch}

    sessions = draw(st.integers(1, 3))
    return start, [[step() for _ in range(draw(st.integers(1, 4)))] for _ in range(sessions)]


@pytest.mark.timeout(600 if ASKED is None else 7200)
@settings(
    max_examples=int(ASKED or 15),
    phases=PHASES,
    deadline=None,  # an example writes three datasets in two packages
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(recipe=recipes())
def test_both_packages_agree(
    recipe: tuple[list[Step], list[list[Step]]], reference: Reference
) -> None:
    start, sessions = recipe
    with tempfile.TemporaryDirectory() as folder:
        states = []
        for name, sides in (
            ("theirs", (reference,)),
            ("turns", (None, reference)),
            ("ours", (None,)),
        ):
            path = str(Path(folder) / name)
            write(sides[0], [{"do": "empty", "path": path}, *start])
            for turn, session in enumerate(sessions):
                write(sides[turn % len(sides)], [{"do": "load", "path": path}, *session])
                if name == "turns":
                    write(reference, [{"do": "load", "path": path}, commit(str(turn))])
            assert differences(reference, path) == []
            state = without_chance(reference.state(path))
            if name != "turns":
                states.append(state)
        assert deep_differences(states[1], states[0]) == []
