"""Sizes of files and functions, and which room of the Rust core may know which."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "rust" / "core" / "src"
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_BINDING_LINES = 2_500
MAX_BINDING_CLASSES = 12

# Room -> rooms it may name. The error type, dtypes and random bytes belong to everybody.
ARROWS = {
    "format": set[str](),
    "codec": set[str](),
    "engine": set[str](),
    "memory": {"engine"},  # its locks are those that forks wait for
    "storage": {"engine"},  # it rebuilds its clients in a forked child
    "fetch": {"engine", "storage"},
    "links": {"engine", "fetch", "storage"},
    "dataset": {"codec", "engine", "fetch", "format", "links", "memory", "storage"},
}
EVERYBODYS = {"dtype", "error", "random"}
# Crate -> the places that may name it.
OWNERS = {
    "libc": ["rust/core/src/codec", "rust/core/src/engine"],
    "object_store": ["rust/core/src/storage"],
    "reqwest": ["rust/core/src/storage"],
    "rustix": ["rust/core/src/storage"],
    "turbojpeg": ["rust/core/src/codec"],
    "png": ["rust/core/src/codec"],
    "lz4_flex": ["rust/core/src/codec"],
    "pyo3": ["rust/py"],
    "numpy": ["rust/py"],
}
# Where the core may use locks that a fork can leave locked in the child, and why that does no harm.
PLAIN_LOCKS = {
    "rust/core/src/dataset/lock.rs": "belongs to one process",
    "rust/core/src/dataset/output.rs": "belongs to one call",
    "rust/core/src/dataset/publish.rs": "belongs to one call",
    "rust/core/src/dataset/registry.rs": "belongs to one process",
    "rust/core/src/dataset/turns.rs": "changes are refused in a child before a turn is taken",
    "rust/core/src/engine/fork.rs": "makes locks that a fork waits for",
    "rust/core/src/fetch/failures.rs": "belongs to one call",
    "rust/core/src/fetch/tests.rs": "a test",
    "rust/core/src/storage/credentials.rs": "belongs to one process",
}


def sources(*suffixes: str) -> list[Path]:
    """Give the files of the project: those that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    files = [ROOT / name for name in listed.split("\0") if name.endswith(suffixes)]
    return sorted(path for path in files if path.exists())


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_of(path: Path) -> str:
    """Give a Rust file without its comments."""
    return re.sub(r"//[^\n]*", "", path.read_text())


def test_files_are_short() -> None:
    lines = {
        shown(path): len(path.read_text().splitlines()) for path in sources(".rs", ".py", ".pyi")
    }
    assert len(lines) > 100
    assert {name: count for name, count in lines.items() if count > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    long = {
        f"{shown(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in sources(".py")
        if "provenance" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    }
    assert long == {}


def test_the_binding_is_thin() -> None:
    binding = [code_of(path) for path in sources(".rs") if shown(path).startswith("rust/py/")]
    assert sum(len(text.splitlines()) for text in binding) <= MAX_BINDING_LINES
    assert sum(text.count("#[pyclass") for text in binding) <= MAX_BINDING_CLASSES


def room_of(path: Path) -> str:
    """Give the room a file of the core is in; `lib`, `dtype` and `error` are rooms of one file."""
    first = path.relative_to(CORE).parts[0]
    return first.removesuffix(".rs")


def test_rooms_know_only_those_they_may() -> None:
    wrong = []
    for path in sources(".rs"):
        if not path.is_relative_to(CORE):
            continue
        room = room_of(path)
        named = set(re.findall(r"\bcrate::(?:\{\s*)?([a-z_]+)", code_of(path)))
        allowed = ARROWS.get(room, set()) | EVERYBODYS | {room}
        if room != "lib":
            wrong += [f"{shown(path)} names crate::{other}" for other in sorted(named - allowed)]
    assert wrong == []


def test_every_room_has_its_arrows() -> None:
    rooms = {room_of(path) for path in sources(".rs") if path.is_relative_to(CORE)}
    assert rooms - EVERYBODYS - {"lib"} == ARROWS.keys()


@pytest.mark.parametrize("crate", OWNERS)
def test_crates_are_named_in_their_rooms_only(crate: str) -> None:
    uses = re.compile(rf"\b{crate}::|\buse {crate}\b")
    naming = [shown(path) for path in sources(".rs") if uses.search(code_of(path))]
    strangers = [name for name in naming if not name.startswith(tuple(OWNERS[crate]))]
    # `png::` and `numpy::` may be our own modules inside their rooms, never outside of them.
    assert strangers == []
    assert naming, f"nobody uses {crate}"


def test_locks_that_outlive_a_call_are_those_that_forks_wait_for() -> None:
    lock = r"(?:Mutex|RwLock|OnceLock|LazyLock)\b"
    plain = re.compile(rf"\bsync::(?:\{{[^}}]*\b)?{lock}")
    using = {
        shown(path)
        for path in sources(".rs")
        if path.is_relative_to(CORE) and plain.search(code_of(path))
    }
    assert using == PLAIN_LOCKS.keys(), "use engine::fork::Mutex or RwLock, or say why not"
