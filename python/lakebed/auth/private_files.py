"""Small files of one person that hold secrets: where they lie, written whole, read with care."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from lakebed.errors import AuthorizationException
from lakebed.settings import settings

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


def folder() -> Path:
    """Return the folder of lakebed's own files of this person; it may not exist.

    LAKEBED_CONFIG_DIR, else `lakebed` in XDG_CONFIG_HOME, else ~/.config/lakebed (on Windows in
    APPDATA).
    """
    if settings.config_folder:
        return Path(settings.config_folder).expanduser()
    home = os.environ.get("APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME")
    return Path(home or "~/.config").expanduser() / "lakebed"


def write(path: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    # O_EXCL: nobody's file, and no link, is written through.
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read(path: Path) -> str:
    """Read such a file.

    Raises:
        FileNotFoundError: It is not there.
        AuthorizationException: Others may read or change it, or it cannot be read.
    """
    problem: str
    hint = f"delete {path}, and sign in again"
    try:
        with path.open(encoding="utf-8") as file:
            about = os.fstat(file.fileno())
            if os.name == "nt" or not stat.S_IMODE(about.st_mode) & ~_FILE_MODE:
                return file.read()
        problem = f"may be read or changed by others (mode {stat.S_IMODE(about.st_mode):o})"
        hint = f"chmod 600 {path}, or delete it and sign in again"
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}"
    raise AuthorizationException(f"the file {path} {problem}", kind="authentication", hint=hint)
