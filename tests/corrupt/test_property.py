"""Every file of small datasets, cut, flipped and made to lie: values, or an error that says where.

Quick by default: a few damages of each sort, the same ones each time. `LAKEBED_TEST_EXAMPLES=1500`
(make nightly) takes more of them.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.corrupt.damage import damages
from tests.corrupt.makers import MAKERS
from tests.corrupt.readers import UnexpectedError, append_all, read_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = int(os.environ.get("LAKEBED_TEST_EXAMPLES", "50"))
# Damages of each sort for each file that is taken, and files that are taken of a dataset.
COUNT = max(1, EXAMPLES // 50)
FILES = EXAMPLES // 2
# Of what takes longer.
FEWER = max(1, COUNT // 4)
# A case takes 10 to 20 ms, and one second where files disagree: a writer might be publishing.
DEADLINE_S = 60 * COUNT
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.timeout(DEADLINE_S), pytest.mark.usefixtures("in_the_corpus")]


@pytest.fixture(params=list(MAKERS))
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Make one of the datasets; what its links lead to lies beside it."""
    return MAKERS[request.param](tmp_path)


def damaged(dataset: Path, count: int, files: int, seed: int) -> Iterator[str]:
    """Damage one file after the other, each in `count` ways of each sort, and mend it again."""
    every = sorted(path for path in dataset.parent.rglob("*") if path.is_file())
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    for path in chance.sample(every, min(files, len(every))):
        sound = path.read_bytes()
        name = path.relative_to(dataset.parent).as_posix()
        for what, data in damages(sound, name, seed, count):
            path.write_bytes(data)
            yield f"{name}: {what}"
        path.write_bytes(sound)


def look_at_each(
    dataset: Path, look: Callable[[], object], *, count: int, files: int, seed: int
) -> int:
    """Damage a dataset and look, again and again; returns how often that found something."""
    found = 0
    for what in damaged(dataset, count, files, seed):
        try:
            found += bool(look())
        except UnexpectedError as error:
            pytest.fail(f"{what}: {error}")
    return found


def test_a_sound_dataset_has_nothing_to_complain_of(dataset: Path) -> None:
    kinds = {error.kind for error in read_all(dataset, check_integrity=True)}
    assert kinds <= {"dynamic_shape", "unsupported", "empty_tensor"}


def test_damage_reads_to_values_or_errors_that_say_where(dataset: Path) -> None:
    def look() -> object:
        return read_all(dataset, check_integrity=False)

    assert look_at_each(dataset, look, count=COUNT, files=FILES, seed=1) > 0


def test_damage_found_by_the_integrity_check_says_where(dataset: Path) -> None:
    def look() -> object:
        return read_all(dataset, check_integrity=None)

    assert look_at_each(dataset, look, count=FEWER, files=FILES // 8, seed=2) > 0


def test_writing_to_damage_succeeds_or_leaves_no_lock(
    dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("written") / "ds"

    def look() -> object:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(dataset, copy)
        found = append_all(copy)
        assert not list(copy.rglob("dataset_lock.lock")), found
        return True

    assert look_at_each(dataset, look, count=FEWER, files=FILES // 8, seed=3) > 0


def test_claims_take_no_memory(tmp_path: Path) -> None:
    """Read what lies about its sizes in a process of its own, and look at how large that became."""
    limit = 600 << 20
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.corrupt.claims", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    cases, most_bytes = map(int, done.stdout.split())
    assert cases > 50
    assert most_bytes < limit
