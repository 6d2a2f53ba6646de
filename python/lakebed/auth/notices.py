"""Warnings that name the user's own line, however deep in the package they are given."""

from __future__ import annotations

import sys
import warnings

_PACKAGE = __file__.removesuffix("auth/notices.py")


def warn_caller(message: str) -> None:
    """Warn, at the first frame outside of the package."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 (`inspect` takes long to import)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)
