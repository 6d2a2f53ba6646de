"""The command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lakebed import paths
from lakebed.cli import options
from lakebed.errors import LakebedError

if TYPE_CHECKING:
    from lakebed.cli.options import Creds


@click.command()
@options.path
@options.creds
@click.option(
    "--write/--no-write",
    default=True,
    help="Also write and delete an object, PATH/.lakebed/doctor-…; the default.",
)
@click.option(
    "--origin",
    type=options.read_page_origin,
    metavar="ORIGIN",
    help="Also ask whether web pages of this origin may read (CORS), as https://app.example.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def doctor(path: str, creds: Creds, write: bool, origin: str | None, as_json: bool) -> None:
    """Find out what works between this machine and PATH.

    Says which credentials were found and whose they are, which of listing, reading, writing and
    deleting work, how far away and how fast the storage is, and what to do about what fails. No
    secret is printed. Exit code: 0 all is well, 1 something failed, 2 it could not be tried.
    """
    # It brings the libraries of the clouds, which `--help` and completion need not wait for.
    from lakebed.cli.doctor.examine import examine  # noqa: PLC0415

    try:
        report = examine(paths.parse(path), creds, write=write, origin=origin)
    except LakebedError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(report.to_json())
    else:
        report.show(sys.stdout)
    sys.exit(0 if report.ok else 1)
