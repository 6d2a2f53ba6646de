"""`lakebed cors`: whether web pages of another origin may read a bucket, and the rule for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lakebed import paths
from lakebed.cli import options, rules
from lakebed.errors import LakebedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakebed.cli.clouds import Cloud
    from lakebed.cli.options import Creds
    from lakebed.cli.rules import Rule

_NO_BUCKET = {
    "local": "a local folder has no CORS rules: web pages read what a web server serves",
    "memory": "a mem:// dataset has no CORS rules: no web page can read it",
    "http": "the CORS rules of an http(s) server are set at that server, not through it",
}


@click.command()
@options.path
@click.option(
    "--origin",
    required=True,
    type=options.read_origin,
    metavar="ORIGIN",
    help="The pages that are to read: scheme and host, as https://app.example; or *.",
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    default=rules.READING,
    show_default=True,
    type=click.Choice(["GET", "HEAD", "PUT", "POST", "DELETE"], case_sensitive=False),
    help="What they may do; may be given several times.",
)
@click.option("--set", "change", flag_value="set", help="Let them.")
@click.option("--remove", "change", flag_value="remove", help="Take back what --set allowed.")
@options.creds
def cors(
    path: str, origin: str, methods: tuple[str, ...], change: str | None, creds: Creds
) -> None:
    """Show or change whether pages of an origin may read the bucket of PATH.

    Rules hold for a whole bucket, which has them from its owner: the credentials need the right to
    see and set them (S3: s3:GetBucketCORS, s3:PutBucketCORS; Google Cloud: storage.buckets.get,
    storage.buckets.update). Rules of others are kept. Exit code: 0 done, or they may; 1 they may
    not, or it was refused; 2 it could not be tried.
    """
    from lakebed.cli.clouds import CloudError  # noqa: PLC0415 (brings the clouds' libraries)

    try:
        cloud = _bucket_of(path, creds)
    except LakebedError as error:
        raise click.UsageError(str(error)) from error
    try:
        found = cloud.rules()
        if change == "set" and rules.lacking(found, origin, methods):
            cloud.set_rules(rules.added(found, origin, methods))
            found = cloud.rules()
        elif change == "remove" and rules.without(found, origin) != found:
            cloud.set_rules(rules.without(found, origin))
            found = cloud.rules()
    except LakebedError as error:
        raise click.ClickException(str(error)) from error
    except CloudError as error:
        hint = f"; the credentials need the right to it ({cloud.credentials().source})"
        raise click.ClickException(f"{error}{hint if error.refused else ''}") from error
    lacks = rules.lacking(found, origin, methods)
    _show(found, cloud)
    _conclude(origin, methods, lacks, change)


def _bucket_of(path: str, creds: Creds) -> Cloud:
    from lakebed.cli.clouds import cloud_of  # noqa: PLC0415

    location = paths.parse(path)
    if reason := _NO_BUCKET.get(location.kind):
        raise click.UsageError(f"{path}: {reason}")
    cloud = cloud_of(location, creds)
    if cloud is None:
        raise click.UsageError(f"{path} is in no bucket whose rules could be set")
    return cloud


def _show(found: Sequence[Rule], cloud: Cloud) -> None:
    """Print the rules in the order in which the store looks at them."""
    click.echo(f"{cloud.bucket_url()}: {len(found) or 'no'} CORS rule{'s' * (len(found) != 1)}")
    for number, rule in enumerate(found, 1):
        click.echo(f"  {number}. origins {', '.join(rule.origins)}")
        click.echo(f"     methods {', '.join(rule.methods)}")
        click.echo(f"     may send {', '.join(rule.headers) or 'nothing'}")
        click.echo(f"     may see {', '.join(rule.exposed) or 'nothing'}")


def _conclude(
    origin: str, methods: Sequence[str], lacks: Sequence[str], change: str | None
) -> None:
    """Say how it stands with the origin, and end with the exit code for it."""
    able = [method for method in methods if method not in lacks]
    if not lacks:
        told = "; another rule than that of --set says so" if change == "remove" else ""
        click.echo(f"pages of {origin} may {', '.join(able)}{told}")
    else:
        hint = "" if change else "; --set lets them"
        click.echo(f"pages of {origin} may not {', '.join(lacks)}{hint}")
    wanted = bool(lacks) if change == "remove" else not lacks
    sys.exit(0 if wanted else 1)
