"""All checks of one path, in their order; what one finds out, the next ones use."""

from __future__ import annotations

import contextlib
import json
import shlex
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakebed.cli.clouds import CloudError, Credentials, cloud_of
from lakebed.cli.doctor import endpoint, folder
from lakebed.cli.doctor.endpoint import Server
from lakebed.cli.doctor.objects import Objects, failed
from lakebed.cli.report import Finding, Report, State
from lakebed.dataset.opening import Options, open_dataset
from lakebed.errors import InvalidInputError, LakebedError, UnsupportedFeatureError
from lakebed.storage import open_storage, open_store

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
    report.findings.append(_dataset(location, store))


def _remote(
    report: Report, location: Location, creds: Creds, *, write: bool, origin: str | None
) -> None:
    try:
        cloud = cloud_of(location, creds)
        if cloud is None:
            storage = open_storage(location, creds)
            store, shown, server = storage.store, Credentials(storage.identity), Server(storage.url)
        else:
            store, shown = cloud.store(location.prefix), cloud.credentials()
            server = Server(cloud.bucket_url(), cloud.verify)
    except (InvalidInputError, UnsupportedFeatureError):
        raise  # it was asked in the wrong way
    except LakebedError as error:
        report.findings.append(failed("credentials", error))
        return
    detail = f"{shown.source}: {shown.name}" if shown.name else shown.source
    values = {"source": shown.source, **shown.values}
    report.findings.append(Finding("credentials", State.OK, detail, values=values))
    knocked, headers = endpoint.knock(server)
    report.findings += knocked
    if headers is None:
        return
    if cloud is not None:
        region = headers.get("x-amz-bucket-region")
        report.findings += [_identity(cloud), _region(cloud, region)]
        server = replace(server, url=cloud.bucket_url(region))
    # Behind an http URL there are no listings, and nothing can be written.
    in_bucket = cloud is not None
    report.findings += Objects(store).examine(lists=in_bucket, write=write and in_bucket)
    report.findings.append(_dataset(location, store))
    if origin is not None:
        command = f"lakebed cors {shlex.quote(location.path)} --origin {origin} --set"
        hint = command if in_bucket else "let the origin in at that server (its CORS settings)"
        report.findings.append(endpoint.preflight(server, origin, hint))


def _identity(cloud: Cloud) -> Finding:
    try:
        who = cloud.identity()
    except LakebedError as error:
        return failed("identity", error)
    except CloudError as error:
        if error.refused:
            hint = "look whether these are the keys you mean, and whether they were taken back"
            return Finding("identity", State.FAILED, str(error), hint)
        return Finding("identity", State.SKIPPED, f"nobody tells: {error}")
    return Finding("identity", State.OK, who, values={"identity": who})


def _region(cloud: Cloud, told: str | None) -> Finding:
    try:
        region = told or cloud.region()
    except (CloudError, LakebedError) as error:
        # Few may ask for it, and nothing depends on it.
        return Finding("region", State.SKIPPED, f"not told: {error}")
    return Finding("region", State.OK, region, values={"region": region})


def _dataset(location: Location, store: _core.Store) -> Finding:
    try:
        if not store.has_dataset():
            return Finding("dataset", State.SKIPPED, "none is there yet", values={"exists": False})
        core = open_dataset(location, store, Options(read_only=True, check_integrity=False))
        with contextlib.closing(core):
            names = core.tensor_names(hidden=False)
            rows = min((core.num_samples(name) for name in names), default=0)
        version = str(json.loads(store.get(_META))["version"])
    except LakebedError as error:
        return failed("dataset", error)
    detail = f"version {version}, {_counted(len(names), 'tensor')}, {_counted(rows, 'row')}"
    values = {"exists": True, "version": version, "tensors": len(names), "rows": rows}
    return Finding("dataset", State.OK, detail, values=values)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
