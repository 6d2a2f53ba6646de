"""`lakebed doctor`: what works between this machine and a dataset's storage, and what does not."""

from lakebed.cli.doctor.command import doctor

__all__ = ["doctor"]
