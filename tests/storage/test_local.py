"""Datasets in a local folder: links in it and to it, kills, and what a flush leaves on the disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import lakebed
from lakebed import errors

ROOT = Path(__file__).resolve().parents[2]
ROWS = np.arange(12).reshape(4, 3)


def write_dataset(folder: Path) -> None:
    with lakebed.empty(folder) as ds:
        ds.create_tensor("x").extend(ROWS)
        ds.create_tensor("y").extend(ROWS + 100)
    ds.close()


def values(folder: Path, tensor: str = "x") -> list[list[int]]:
    rows: list[list[int]] = lakebed.load(folder, read_only=True)[tensor].numpy().tolist()
    return rows


def state_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def ds_folder(tmp_path: Path) -> Path:
    """Give the folder of a small dataset that nobody has open."""
    write_dataset(tmp_path / "ds")
    return tmp_path / "ds"


def test_the_folder_itself_may_be_a_link(tmp_path: Path, ds_folder: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("ds", target_is_directory=True)
    assert values(link) == ROWS.tolist()
    with lakebed.load(link) as ds:
        ds.x.append([7, 8, 9])
    ds.close()
    assert values(ds_folder) == [*ROWS.tolist(), [7, 8, 9]]
    lakebed.delete(str(link))
    assert not ds_folder.exists()


@pytest.mark.parametrize("absolute", [False, True])
def test_links_that_end_inside_are_followed(ds_folder: Path, *, absolute: bool) -> None:
    for name in ("chunks", "tensor_meta.json"):
        place = ds_folder / "x" / name
        place.rename(ds_folder / "y" / f"of_x_{name}")
        target = ds_folder / "y" / f"of_x_{name}"
        place.symlink_to(target if absolute else Path("../y") / target.name)
    assert values(ds_folder) == ROWS.tolist()
    with lakebed.load(ds_folder) as ds:
        ds.x.append([7, 8, 9])
    ds.close()
    assert values(ds_folder) == [*ROWS.tolist(), [7, 8, 9]]
    # What is written replaces a link, and goes through one to a folder.
    assert not (ds_folder / "x" / "tensor_meta.json").is_symlink()
    assert (ds_folder / "x" / "chunks").is_symlink()


def test_a_link_to_a_folder_outside_is_refused_by_name(tmp_path: Path, ds_folder: Path) -> None:
    chunks, outside = ds_folder / "x" / "chunks", tmp_path / "outside"
    chunks.rename(outside)
    chunks.symlink_to(outside)
    before = state_of(outside)
    with pytest.raises(errors.StorageError) as refused:
        values(ds_folder)
    said = str(refused.value)
    assert f"{chunks} is a link that leads out of the folder, to {outside}" in said
    assert refused.value.tensor == "x"
    assert "in the place of the link" in (refused.value.hint or "")
    assert values(ds_folder, "y") == (ROWS + 100).tolist()
    ds = lakebed.load(ds_folder)
    with pytest.raises(errors.StorageError, match="leads out of the folder"):
        ds.x.append([7, 8, 9])
    ds.y.append([7, 8, 9])
    ds.close()
    assert values(ds_folder, "y")[-1] == [7, 8, 9]
    with pytest.warns(RuntimeWarning, match="'x/chunks'"):
        lakebed.delete(str(ds_folder))
    assert state_of(outside) == before


def test_a_link_to_a_file_outside_is_refused_by_name(tmp_path: Path, ds_folder: Path) -> None:
    meta, outside = ds_folder / "dataset_meta.json", tmp_path / "meta.json"
    meta.rename(outside)
    meta.symlink_to("../meta.json")
    before = outside.read_bytes()
    with pytest.raises(errors.StorageError, match=r"dataset_meta\.json is a link that leads out"):
        lakebed.load(ds_folder, read_only=True)
    assert outside.read_bytes() == before


OVERWRITER = """
import sys, numpy, lakebed
ds = lakebed.load(sys.argv[1])
for number in range(10 ** 6):
    ds.info["text"] = str(number % 10) * 3_000_000
    ds.x.append(numpy.full(400_000, number))
    print("stored", flush=True)
"""


def test_a_killed_writer_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "ds"
    with lakebed.empty(folder) as ds:
        ds.create_tensor("x", dtype="int64", max_chunk_size=4_000_000)
    ds.close()
    for wait_ms in (0, 3, 7):
        command = [sys.executable, "-c", OVERWRITER, str(folder)]
        with subprocess.Popen(  # noqa: S603 - the program is ours
            command, stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline()
            # Somewhere in one of the next writes, each of which takes some milliseconds.
            time.sleep(wait_ms / 1000)
            writer.kill()
        text = json.loads((folder / "dataset_info.json").read_bytes())["text"]
        assert text == text[:1] * 3_000_000
        chunks = {path: path.stat().st_size for path in (folder / "x" / "chunks").glob("[!.]*")}
        whole = 400_000 * 8
        assert chunks
        assert all(size >= whole for size in chunks.values()), chunks
        rows = lakebed.load(folder, read_only=True).x.numpy()
        assert (rows == rows[:, :1]).all()
        # The lock is of a process that is no more.
        assert not lakebed.load(folder).read_only


# Says which files a process syncs: what the C library is asked for, with the time's metas.
SPY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int told(const char *name, int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    FILE *log = fopen(getenv("SYNC_LOG"), "a");
    if (length < 0 || !log) abort();
    path[length] = 0;
    fprintf(log, "%s\\n", path);
    fclose(log);
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}
int fsync(int fd) { return told("fsync", fd); }
int fdatasync(int fd) { return told("fdatasync", fd); }
"""
FLUSHER = """
import os, sys, numpy, lakebed
ds = lakebed.empty(sys.argv[1])
ds.create_tensor("x")
open(os.environ["SYNC_LOG"], "w").close()
with ds:
    ds.x.extend(numpy.arange(12).reshape(4, 3))
"""


@pytest.fixture
def spy(tmp_path: Path) -> Path:
    """Build a library that writes down what is synced."""
    (tmp_path / "spy.c").write_text(SPY)
    compiler = shutil.which("cc")
    assert compiler, "the build needs a C compiler, too"
    command = [compiler, "-shared", "-fPIC", "-o", str(tmp_path / "spy.so")]
    subprocess.run([*command, str(tmp_path / "spy.c"), "-ldl"], check=True)  # noqa: S603
    return tmp_path / "spy.so"


def synced_by_a_flush(spy: Path, folder: Path, fsync: str) -> list[str]:
    log = spy.with_name("log")
    env = {**os.environ, "LD_PRELOAD": str(spy), "SYNC_LOG": str(log), "LAKEBED_FSYNC": fsync}
    command = [sys.executable, "-c", FLUSHER, str(folder)]
    subprocess.run(command, check=True, env=env, cwd=ROOT)  # noqa: S603 - our own program
    paths = [Path(line) for line in log.read_text().splitlines()]
    return [path.relative_to(folder).as_posix() for path in paths if path.is_relative_to(folder)]


@pytest.mark.skipif(sys.platform != "linux", reason="the library is made for Linux")
def test_a_flush_syncs_chunks_before_what_names_them(spy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ds"
    synced = synced_by_a_flush(spy, folder, "1")
    chunks = [path for path in synced if path.startswith("x/chunks/")]
    encoders = [path for path in synced if path.endswith("/unsharded")]
    assert len(chunks) == 1
    assert "x/chunks_index/unsharded" in encoders
    assert "x/tensor_meta.json" in synced
    # A name counts once the folder that holds it was synced.
    assert synced.index(chunks[0]) < synced.index("x/chunks") < synced.index(encoders[0])
    for path in encoders:
        assert synced.index(path) < synced.index(str(Path(path).parent))
    # Everything that the flush wrote, each once.
    files = {path for path in state_of(folder) if "." in path or "/" in path}
    unchanged = {"dataset_lock.lock", "version_control_info.json", "dataset_meta.json"}
    assert files - unchanged - set(synced) <= {"x/tiles_index/unsharded"}
    assert len(chunks + encoders) == len(set(chunks + encoders))


@pytest.mark.skipif(sys.platform != "linux", reason="the library is made for Linux")
def test_a_flush_leaves_syncing_to_the_system_where_that_is_asked_for(
    spy: Path, tmp_path: Path
) -> None:
    assert synced_by_a_flush(spy, tmp_path / "ds", "0") == []
    assert values(tmp_path / "ds") == ROWS.tolist()


def test_deleting_leaves_what_is_no_object_and_names_it(tmp_path: Path, ds_folder: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (ds_folder / "x" / "out").symlink_to(outside)
    (ds_folder / "dangling").symlink_to("nothing")
    (ds_folder / os.fsdecode(b"no\xfftext")).write_text("odd")
    (ds_folder / "stray.txt").write_text("goes with the rest")
    with pytest.warns(RuntimeWarning, match="3 .* were left") as warned:
        lakebed.delete(str(ds_folder))
    said = str(warned[0].message)
    assert all(name in said for name in ("'x/out'", "'dangling'", "no\N{REPLACEMENT CHARACTER}te"))
    left = {path.relative_to(ds_folder).as_posix() for path in ds_folder.rglob("*")}
    assert left == {"x", "x/out", "dangling", os.fsdecode(b"no\xfftext")}
    assert (outside / "kept").read_text() == "kept"
