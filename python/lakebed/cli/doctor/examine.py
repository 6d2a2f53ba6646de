"""All checks of one path, in their order; what one finds out, the next ones use."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import lakebed
from lakebed.cli.clouds import CloudError, cloud_of
from lakebed.cli.doctor import endpoint, folder
from lakebed.cli.doctor.endpoint import Server
from lakebed.cli.doctor.objects import Objects, failed
from lakebed.cli.report import Finding, Report, State
from lakebed.errors import AuthError, LakebedError
from lakebed.storage import open_store

if TYPE_CHECKING:
    from lakebed import _core
    from lakebed.cli.clouds import Cloud
    from lakebed.cli.options import Creds
    from lakebed.paths import Location

# Whoever opens a dataset reads it; where that went well it is whole (format 4.1).
_META = "dataset_meta.json"


def examine(location: Location, creds: Creds, *, write: bool, origin: str | None) -> Report:
    """Examine a path, and what stands between it and us.

    Args:
        location: The path, taken apart.
        creds: As the API takes them.
        write: Whether an object of our own may be written (and removed again).
        origin: Of web pages that are to read; None: not asked for.

    Raises:
        InvalidInputError: The credentials cannot be right.
    """
    report = Report(location.path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _examine(report, location, creds, write=write, origin=origin)
    # That a certificate is not checked, the line of TLS says, and once is enough.
    notes = {str(each.message) for each in caught if each.category is UserWarning}
    report.findings += [Finding("note", State.WARNING, note) for note in sorted(notes)]
    return report


def _examine(
    report: Report, location: Location, creds: Creds, *, write: bool, origin: str | None
) -> None:
    match location.kind:
        case "memory":
            detail = "memory of one process: nobody else can see it, and nothing can be wrong"
            report.findings.append(Finding("store", State.OK, detail))
        case "local":
            _local(report, location, creds, write=write)
        case _:
            _remote(report, location, creds, write=write, origin=origin)


def _local(report: Report, location: Location, creds: Creds, *, write: bool) -> None:
    root = Path(location.root).absolute()
    report.findings += folder.examine(root)
    if not root.exists():
        # Trying would make the folder.
        report.findings.append(Finding("dataset", State.SKIPPED, "there is no folder yet"))
        return
    store = open_store(location, creds)
    report.findings += Objects(store).examine(lists=True, write=write)
    report.findings.append(_dataset(location, creds, store))


def _remote(
    report: Report, location: Location, creds: Creds, *, write: bool, origin: str | None
) -> None:
    try:
        cloud = cloud_of(location, creds)
        store = open_store(location, creds)
        shown = None if cloud is None else cloud.credentials()
    except AuthError as error:
        report.findings.append(failed("credentials", error))
        return
    if shown is not None:
        detail = f"{shown.source}: {shown.name}" if shown.name else shown.source
        values = {"source": shown.source, **shown.values}
        report.findings.append(Finding("credentials", State.OK, detail, values=values))
    server = Server(store.url) if cloud is None else Server(cloud.bucket_url, cloud.verify)
    knocked, headers = endpoint.knock(server)
    report.findings += knocked
    if headers is None:
        return
    if cloud is not None:
        report.findings += [_identity(cloud), _region(cloud, headers.get("x-amz-bucket-region"))]
    report.findings += Objects(store).examine(lists=cloud is not None, write=write)
    report.findings.append(_dataset(location, creds, store))
    if origin is not None:
        report.findings.append(endpoint.preflight(server, origin, location.path))


def _identity(cloud: Cloud) -> Finding:
    try:
        who = cloud.identity()
    except CloudError as error:
        if error.refused:
            hint = "look whether these are the keys you mean, and whether they were taken back"
            return Finding("identity", State.FAILED, str(error), hint)
        return Finding("identity", State.SKIPPED, f"nobody tells: {error}")
    return Finding("identity", State.OK, who, values={"identity": who})


def _region(cloud: Cloud, told: str | None) -> Finding:
    try:
        region = told or cloud.region()
    except CloudError as error:
        return Finding("region", State.SKIPPED, f"not told: {error}")
    return Finding("region", State.OK, region, values={"region": region})


def _dataset(location: Location, creds: Creds, store: _core.Store) -> Finding:
    try:
        if not store.has_dataset():
            return Finding("dataset", State.SKIPPED, "none is there yet", values={"exists": False})
        path = location.path if location.address is None else f"{location.path}@{location.address}"
        with lakebed.load(path, read_only=True, creds=creds, check_integrity=False) as ds:
            tensors, rows = len(ds.tensors), len(ds)
        version = str(json.loads(store.get(_META))["version"])
    except LakebedError as error:
        return failed("dataset", error)
    detail = f"version {version}, {_counted(tensors, 'tensor')}, {_counted(rows, 'row')}"
    values = {"exists": True, "version": version, "tensors": tensors, "rows": rows}
    return Finding("dataset", State.OK, detail, values=values)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
