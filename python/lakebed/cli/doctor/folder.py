"""A local folder: whose it is, what lies under it, how much fits in."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lakebed.cli.report import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOUNTS = Path("/proc/self/mounts")
_GIB = 1 << 30


def examine(root: Path) -> Iterator[Finding]:
    """Look at a folder, or at the one that it would be made in."""
    yield _permissions(root)
    there = nearest(root)
    free = shutil.disk_usage(there).free
    hint = "make room before writing" if free < _GIB else None
    state = State.WARNING if hint else State.OK
    values: dict[str, object] = {"free_bytes": free}
    yield Finding("free space", state, f"{free / _GIB:.1f} GiB", hint, values)
    kind = _file_system(there)
    detail = kind or "this system does not say which"
    values = {"file_system": kind}
    yield Finding("file system", State.OK if kind else State.SKIPPED, detail, values=values)


def nearest(root: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    return next(folder for folder in (root, *root.parents) if folder.exists())


def _permissions(root: Path) -> Finding:
    there = nearest(root)
    rights = {"read": os.R_OK, "write": os.W_OK, "enter": os.X_OK}
    may = {name: os.access(there, flag) for name, flag in rights.items()}
    mode = stat.filemode(there.stat().st_mode)
    who = f"{mode}, owner {_owner(there)}"
    values = {"folder": str(there), "mode": mode, **may}
    lacks = [name for name, allowed in may.items() if not allowed]
    if there != root:
        who = f"{root} is not there yet; {there} is {who}"
        lacks = [name for name in lacks if name != "read"]
    if lacks:
        hint = f"ask the owner of {there}, or change its mode (chmod u+rwx)"
        return Finding("folder", State.WARNING, f"{who}: no {', '.join(lacks)}", hint, values)
    return Finding("folder", State.OK, who, values=values)


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (KeyError, NotImplementedError):  # a number without a name; Windows
        return str(folder.stat().st_uid)


def _file_system(folder: Path) -> str | None:
    """Return the type of the file system, as the kernel calls it; None where it is not Linux."""
    if not _MOUNTS.exists():
        return None
    kinds = {}
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        _, place, kind, *_ = line.split(" ")
        # The last one mounted on a place hides the others. Blanks are written as octal numbers.
        kinds[Path(place.replace("\\040", " "))] = kind
    here = folder.resolve()
    return next((kinds[each] for each in (here, *here.parents) if each in kinds), None)
