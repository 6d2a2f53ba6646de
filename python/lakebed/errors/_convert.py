"""The one place where an error of the core becomes an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed.errors import _tree, _v3

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Described: TypeAlias = "tuple[str, str, str | None, Mapping[str, Any], Sequence[tuple[str, str]]]"

# Every kind of the core, in the order of its declaration there.
KINDS: dict[str, type[_tree.LakebedError]] = {
    "invalid_input": _tree.InvalidInputError,
    "dataset_not_found": _v3.DatasetNotFoundError,
    "dataset_exists": _v3.DatasetExistsError,
    "path_not_empty": _v3.PathNotEmptyException,
    "tensor_not_found": _v3.TensorDoesNotExistError,
    "tensor_exists": _v3.TensorAlreadyExistsError,
    "group_exists": _v3.TensorGroupAlreadyExistsError,
    "checkout_failed": _v3.CheckoutError,
    "index_out_of_range": _v3.IndexOutOfRangeError,
    "dynamic_shape": _v3.DynamicTensorNumpyError,
    "empty_tensor": _v3.EmptyTensorError,
    "dtype_mismatch": _v3.TensorDtypeMismatchError,
    "shape_mismatch": _v3.TensorInvalidSampleShapeError,
    "read_only": _v3.ReadOnlyModeError,
    "locked": _v3.LockedException,
    "conflict": _tree.ConflictError,
    "authentication": _v3.StorageAuthenticationError,
    "authorization": _v3.StorageAuthorizationError,
    "credentials_expired": _v3.StorageCredentialsExpiredError,
    "bucket_not_found": _v3.BucketNotFoundError,
    "object_not_found": _v3.ObjectNotFoundError,
    "storage": _tree.StorageError,
    "storage_transient": _tree.TransientStorageError,
    "corrupt": _v3.DatasetCorruptError,
    "chunk": _v3.GetChunkError,
    "decode": _v3.ReadSampleFromChunkError,
    "link": _v3.GetDataFromLinkError,
    "bad_link": _v3.BadLinkError,
    "missing_creds": _v3.MissingCredsError,
    "creds_exist": _v3.CredsKeyExistsError,
    "limit_exceeded": _tree.LimitExceededError,
    "unsupported": _tree.UnsupportedFeatureError,
    "closed": _tree.ClosedError,
    "interrupted": _tree.InterruptedByCallerError,
    "internal": _tree.InternalError,
    "not_found": _tree.NotFoundError,
    "already_exists": _tree.AlreadyExistsError,
    "sample": _tree.SampleError,
    "hub": _tree.HubError,
    "link_creds": _v3.LinkCredsError,
    "link_not_allowed": _v3.LinkNotAllowedError,
}


def from_core(
    kind: str,
    message: str,
    hint: str | None,
    context: Mapping[str, Any],
    causes: Sequence[tuple[str, str]],
    failures: Sequence[_Described],
) -> _tree.LakebedError:
    """Build the exception for an error of the core.

    Args:
        kind: The core's code; an unknown one becomes `InternalError`.
        message: The sentence, without hint and place.
        hint: What to do next.
        context: What is known of the place: attributes of `LakebedError`.
        causes: (kind, message), the innermost last; they become `__cause__`, one of the other.
        failures: The same five things for each failure of a batch.

    Returns:
        The exception, not raised yet.
    """
    error = _build(kind, message, hint, context, causes)
    error.failures = [_build(*failure) for failure in failures]
    return error


def _build(
    kind: str,
    message: str,
    hint: str | None,
    context: Mapping[str, Any],
    causes: Sequence[tuple[str, str]],
) -> _tree.LakebedError:
    cause: _tree.LakebedError | None = None
    for cause_kind, cause_message in reversed(causes):
        inner = _class(cause_kind)(cause_message, kind=cause_kind)
        cause = inner.with_cause(cause)
    return _class(kind)(message, kind=kind, hint=hint, **context).with_cause(cause)


def _class(kind: str) -> type[_tree.LakebedError]:
    return KINDS.get(kind, _tree.InternalError)
