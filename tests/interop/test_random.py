"""Random histories of one dataset, which both packages write in turns."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.interop import kinds
from tests.interop.history import Turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.reference.client import Reference

pytestmark = [pytest.mark.reference, pytest.mark.slow]

# `make nightly` asks for many, of a new seed, and takes the minutes to make a failure smaller. The
# summary shows the seed; LAKEBED_TEST_SEED gives it again.
ASKED = os.environ.get("LAKEBED_TEST_EXAMPLES")
SEED = int(os.environ.get("LAKEBED_TEST_SEED") or (os.urandom(4).hex() if ASKED else "3952"), 16)
PHASES = (Phase.generate, Phase.shrink) if ASKED else (Phase.generate,)
STEPS = 20 if ASKED else 10


@pytest.mark.timeout(600 if ASKED is None else 7200)
def test_both_packages_agree_after_each_step(
    reference: Reference, tmp_path: Path, report: Callable[[str], None]
) -> None:
    files, covered = kinds.image_files(tmp_path), Counter[str]()

    @seed(SEED)
    class History(Turns):
        def __init__(self) -> None:
            super().__init__(reference, files, covered)

    profile = settings(
        max_examples=int(ASKED or 10),
        stateful_step_count=STEPS,
        phases=PHASES,
        report_multiple_bugs=False,
        database=None,  # the seed says it all
        deadline=None,  # after each step the dataset is read twice
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(History, settings=profile)
    finally:
        report(f"random histories, seed {SEED:x}, up to {STEPS} rules each: {shown(covered)}")


def shown(covered: Counter[str]) -> str:
    """Show how often what was done."""
    return ", ".join(f"{what} {times}" for what, times in sorted(covered.items()))
