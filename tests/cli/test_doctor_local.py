"""`lakebed doctor` on folders, and on what is in memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import lakebed
from tests.cli.running import doctor

# Root may write everywhere, and so becomes nobody; everything is imported before.
AS_NOBODY = """
import os, sys
import lakebed.cli.doctor.examine
from lakebed.cli.app import main
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
main(["doctor", sys.argv[1], "--json"])
"""


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_folder_with_a_dataset(tmp_path: Path) -> None:
    path = tmp_path / "ds"
    with lakebed.empty(path) as ds:
        ds.create_tensor("x", dtype="uint8").extend(np.zeros((3, 1 << 18), "u1"))
    ds.close()
    before = files(path)
    answer = doctor(str(path))
    assert (answer.code, set(answer.states.values())) == (0, {"ok"})
    values = {"exists": True, "version": "3.9.52", "tensors": 1, "rows": 3}
    assert answer.checks["dataset"]["values"] == values
    assert answer.checks["bandwidth"]["values"].keys() == {"upload_mb_s", "download_mb_s", "bytes"}
    assert answer.checks["free space"]["values"]["free_bytes"] > 0
    assert files(path) == before


def test_only_reading(tmp_path: Path) -> None:
    with lakebed.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x", dtype="uint8").append(np.zeros(1 << 19, "u1"))
    ds.close()
    changed = (tmp_path / "ds").stat().st_mtime_ns
    answer = doctor(str(tmp_path / "ds"), None, "--no-write")
    assert answer.code == 0
    assert [answer.states[name] for name in ("list", "read", "latency", "bandwidth")] == ["ok"] * 4
    assert (answer.states["write"], answer.states["delete"]) == ("skipped", "skipped")
    assert (tmp_path / "ds").stat().st_mtime_ns == changed


def test_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    answer = doctor(str(tmp_path / "a" / "b"))
    assert answer.code == 0
    assert "not there yet" in answer.checks["folder"]["detail"]
    assert answer.states["dataset"] == "skipped"
    assert files(tmp_path) == set()


def test_damaged_dataset(tmp_path: Path) -> None:
    with lakebed.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x").append(1)
    ds.close()
    (tmp_path / "ds" / "dataset_meta.json").write_text("{")
    answer = doctor(str(tmp_path / "ds"))
    assert (answer.code, answer.failed()) == (1, {"dataset"})
    assert "dataset_meta.json" in answer.checks["dataset"]["detail"]


def test_folder_of_somebody_else() -> None:
    with tempfile.TemporaryDirectory(prefix="lakebed-doctor-") as name:
        folder = Path(name)
        (folder / "note.txt").write_text("hello")
        folder.chmod(0o555)
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", AS_NOBODY, name], check=False, capture_output=True, text=True
        )
        folder.chmod(0o755)
        assert [path.name for path in folder.iterdir()] == ["note.txt"]
    assert done.returncode == 1, done.stderr
    checks = {each["check"]: each for each in json.loads(done.stdout)["checks"]}
    assert {name for name, each in checks.items() if each["state"] == "failed"} == {"write"}
    assert "no write" in checks["folder"]["detail"]
    assert checks["read"]["values"] == {"key": "note.txt", "bytes": 5}
    assert "chmod" in checks["folder"]["hint"]


def test_memory() -> None:
    answer = doctor("mem://doctor")
    assert (answer.code, answer.states) == (0, {"store": "ok"})
