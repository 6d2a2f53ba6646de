"""Our own classes of errors, and what every one of them carries."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACE = ("path", "tensor", "index", "url", "creds_key", "file", "offset")


class LakebedError(Exception):
    """The base of everything that lakebed raises on purpose.

    Args:
        message: What failed, on what, and why.
        kind: The stable code of the failure; a class has a default.
        hint: What to do next; a class may have a default.
        path: The dataset's path.
        tensor: The tensor's name.
        index: The sample's index: in the tensor when reading, in the call's samples when appending.
        url: A linked object's URL, without query.
        creds_key: The name of the credentials in use, never a secret.
        file: The key of a file below the dataset's root.
        offset: The byte in that file.
        failures: What else failed in the same batch, lowest index first.
    """

    KIND: ClassVar[str] = "internal"
    HINT: ClassVar[str | None] = None

    def __init__(
        self,
        message: str = "",
        *,
        kind: str | None = None,
        hint: str | None = None,
        path: str | None = None,
        tensor: str | None = None,
        index: int | None = None,
        url: str | None = None,
        creds_key: str | None = None,
        file: str | None = None,
        offset: int | None = None,
        failures: Sequence[LakebedError] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.KIND
        self.hint = hint or self.HINT
        self.path = path
        self.tensor = tensor
        self.index = index
        self.url = url
        self.creds_key = creds_key
        self.file = file
        self.offset = offset
        self.failures = list(failures)
        if file is not None and (offset is not None or file not in message):
            at = "" if offset is None else f", byte {offset}"
            self.add_note(f"file: {file}{at}")

    def __str__(self) -> str:
        """The message, what it does not say of the place, and what to do next.

        Overrides `KeyError`, which would quote the message.
        """
        told = [
            f"{name} {value!r}"
            for name, value in (
                ("tensor", self.tensor),
                ("index", self.index),
                ("creds key", self.creds_key),
            )
            if value is not None and f"{name} {value!r}" not in self.message
        ]
        # A link says more than the path of the dataset that it stands in.
        where = ("url", self.url) if self.url else ("path", self.path)
        if where[1] and where[1] not in self.message:
            told.append(" ".join(map(str, where)))
        said = f"{self.message} ({', '.join(told)})" if told else self.message
        return f"{said}; {self.hint}" if self.hint else said

    def place(self) -> dict[str, Any]:
        """Everything known of the place, as keyword arguments of another error."""
        return {name: getattr(self, name) for name in _PLACE if getattr(self, name) is not None}

    def at(
        self, path: str | None = None, tensor: str | None = None, index: int | None = None
    ) -> Self:
        """Return self, with what is known of the place added; what is known already wins."""
        self.path = path if self.path is None else self.path
        self.tensor = tensor if self.tensor is None else self.tensor
        self.index = index if self.index is None else self.index
        return self

    def without_frames(self) -> Self:
        """Return self, with the frames that it came through forgotten, and those of its causes.

        For what was raised below a place where local variables hold secrets: some ways to show a
        traceback show them.
        """
        waiting: list[BaseException | None] = [self]
        while waiting:
            error = waiting.pop()
            if error is not None and error.__traceback__ is not None:
                error.__traceback__ = None
                waiting += [error.__cause__, error.__context__]
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with everything: attributes, notes, failures and causes.

        A cause that does not pickle is told in a note.
        """
        state = dict(self.__dict__)
        notes, cause = list(state.pop("__notes__", [])), self.__cause__
        if cause is not None and not _travels(cause):
            notes.append(f"cause: {type(cause).__name__}: {cause}")
            cause = None
        if notes:
            # A list of its own: notes of a copy are not the original's.
            state["__notes__"] = notes
        return _restore, (type(self), self.args, cause), state

    def with_cause(self, cause: BaseException | None) -> Self:
        """Return self, with its cause set."""
        self.__cause__ = cause
        return self


def _travels(error: BaseException) -> bool:
    """Whether an exception can be taken to another process."""
    if isinstance(error, LakebedError):
        return True
    try:
        # Many exceptions pickle and then cannot be made again.
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    except Exception:  # noqa: BLE001 (somebody else's class: it may fail in any way)
        return False
    return True


def _restore(
    cls: type[LakebedError], args: tuple[Any, ...], cause: BaseException | None
) -> LakebedError:
    error = cls.__new__(cls, *args)
    # `OSError` would only take them in `__init__`.
    error.args = args
    return error.with_cause(cause)


class InvalidInputError(LakebedError, ValueError):
    """An argument that cannot be right, whatever the state of the dataset."""

    KIND = "invalid_input"


class InvalidTypeError(InvalidInputError, TypeError):
    """An argument of a type that cannot be right."""


class NotFoundError(LakebedError):
    """What was named does not exist."""

    KIND = "not_found"


class AlreadyExistsError(LakebedError):
    """What was to be made exists."""

    KIND = "already_exists"


class AuthError(LakebedError):
    """Somebody's identity, rights or credentials are not enough."""

    KIND = "authorization"


class AuthenticationError(AuthError):
    """The other side does not know who is asking."""

    KIND = "authentication"


class AuthorizationError(AuthError):
    """The other side knows who is asking, and says no."""

    KIND = "authorization"


class TokenExpiredError(AuthError):
    """Temporary credentials ran out."""

    KIND = "credentials_expired"


class ReadOnlyError(LakebedError):
    """A change was asked of what may only be read."""

    KIND = "read_only"


class LockedError(LakebedError):
    """Another process holds the write lock."""

    KIND = "locked"


class ConflictError(LakebedError):
    """The write lock was lost, or the store changed under a writer."""

    KIND = "conflict"


class StorageError(LakebedError, OSError):
    """A store failed."""

    KIND = "storage"


class TransientStorageError(StorageError):
    """A store failed in a way that may pass; it was asked several times."""

    KIND = "storage_transient"


class FormatError(LakebedError):
    """Stored bytes are not what the format says."""

    KIND = "corrupt"


class CorruptError(FormatError):
    """A file contradicts the format or another file; see `file` and `offset`."""


class UnsupportedVersionError(FormatError):
    """The data were written by a version that cannot be read."""

    KIND = "unsupported"


class SampleError(LakebedError):
    """A sample cannot be read or stored; see `tensor` and `index`."""

    KIND = "sample"


class DecodeError(SampleError):
    """The bytes of a sample do not decode."""

    KIND = "decode"


class LinkError(SampleError):
    """A linked object cannot be read; see `url` and `creds_key`."""

    KIND = "link"

    @property
    def link(self) -> str | None:
        """The link, without query. Deep Lake v3 calls it so."""
        return self.url


class UnsupportedFeatureError(LakebedError, NotImplementedError):
    """A feature of Deep Lake v3 that lakebed does not have yet.

    The message names the feature. It is never raised after something was changed.
    """

    KIND = "unsupported"


class LimitExceededError(LakebedError):
    """A stated limit would be exceeded."""

    KIND = "limit_exceeded"


class ClosedError(LakebedError, ValueError):
    """The dataset was closed."""

    KIND = "closed"


class InterruptedByCallerError(LakebedError):
    """Work was stopped because its caller asked for it."""

    KIND = "interrupted"


class HubError(LakebedError):
    """A hub refused or failed.

    Args:
        message: As for every error.
        status: The HTTP status, if there was an answer.
        code: The hub's own code, if it sent one.
        **details: As for every error.
    """

    KIND = "hub"

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.status = status
        self.code = code


class InternalError(LakebedError):
    """A defect of lakebed; it asks to be reported."""

    KIND = "internal"
    HINT = "this is a defect of lakebed: please report it, with the whole traceback"
