"""The group that all commands belong to."""

from __future__ import annotations

import click

from lakebed import __version__
from lakebed.cli.cors import cors
from lakebed.cli.doctor import doctor


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lakebed")
def main() -> None:
    """Look after Deep Lake v3 datasets, and the places where they live."""


main.add_command(cors)
main.add_command(doctor)
