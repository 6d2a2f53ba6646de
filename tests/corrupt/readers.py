"""Everything that can be read of a dataset, and what may come of it when files are damaged."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What is at fault in a sample, so that the error can say in which.
_OF_SAMPLES = (errors.DecodeError, errors.GetChunkError, errors.LinkError)


class UnexpectedError(AssertionError):
    """A failure that is not one of our tree, or does not say where it happened."""


def read_all(
    path: Path, check_integrity: bool | None, *, samples: int = 9
) -> list[errors.LakebedError]:
    """Open a dataset, read-only, and read all that it holds.

    Args:
        path: Where it is.
        check_integrity: As in `load`.
        samples: How many samples of each tensor.

    Returns:
        The errors that came instead of values.

    Raises:
        UnexpectedError: One of them is not as errors should be, or values contradict each other.
    """
    found: list[errors.LakebedError] = []

    def attempt(
        what: str, read: Callable[[], Any], tensor: str | None = None, index: int | None = None
    ) -> Any:
        try:
            return read()
        except errors.LakebedError as error:
            check(what, error, path, tensor, index)
            found.append(error)
        except BaseException as error:
            raise UnexpectedError(f"{what}: {type(error).__name__}: {error}") from error
        return None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options: dict[str, Any] = {"check_integrity": check_integrity, "verbose": False}
        ds = attempt("load", partial(lakebed.load, path, read_only=True, **options))
    if ds is None:
        return found
    attempt("commits", lambda: (ds.commits, ds.branches, ds.branch, ds.commit_id))
    attempt("info", lambda: dict(ds.info))
    for key in attempt("creds keys", ds.get_creds_keys) or ():
        attempt("populate", partial(ds.populate_creds, key, {}))
    attempt("len", lambda: len(ds))
    for name in attempt("tensors", lambda: list(ds.tensors)) or ():
        tensor = attempt("tensor", partial(ds.__getitem__, name), name)
        if tensor is not None:
            _read_tensor(tensor, name, samples, attempt)
    attempt("close", ds.close)
    return found


def _read_tensor(tensor: Any, name: str, samples: int, attempt: Callable[..., Any]) -> None:
    attempt("meta", lambda: (tensor.meta, tensor.htype, tensor.dtype, tensor.shape), name)
    attempt("tensor info", lambda: dict(tensor.info), name)
    length = attempt("length", lambda: len(tensor), name) or 0
    arrays = attempt("numpy(aslist)", lambda: tensor[:samples].numpy(aslist=True), name)
    if arrays is not None and len(arrays) != min(length, samples):
        raise UnexpectedError(f"{name}: {len(arrays)} samples of {length}")
    for array in arrays or ():
        if not isinstance(array, np.ndarray):
            raise UnexpectedError(f"{name}: a sample is a {type(array).__name__}")
    attempt("numpy", tensor[:samples].numpy, name)
    attempt("data", lambda: tensor[:samples].data(aslist=True), name)
    attempt("shapes", tensor[:samples].shapes, name)
    for index in range(min(length, 3)):
        sample = tensor[index]
        attempt("sample", sample.numpy, name, index)
        attempt("sample shape", partial(getattr, sample, "shape"), name)
        attempt("tobytes", sample.tobytes, name, index)


def check(
    what: str, error: errors.LakebedError, path: Path, tensor: str | None, index: int | None
) -> None:
    """Raise `UnexpectedError` unless an error is of a known kind and says where it happened."""
    if isinstance(error, errors.UnsupportedFeatureError):
        # Of what is not there yet: whoever asks for it knows where.
        return
    wrong = []
    if isinstance(error, errors.InternalError):
        wrong.append("it is internal")
    if str(path) not in (error.path or ""):
        wrong.append(f"its path is {error.path!r}")
    if tensor is not None and error.tensor is None:
        wrong.append("it names no tensor")
    if index is not None and isinstance(error, _OF_SAMPLES) and error.index != index:
        wrong.append(f"its index is {error.index}")
    if wrong:
        message = f"{what}: {'; '.join(wrong)}: {type(error).__name__}: {error}"
        raise UnexpectedError(message) from error


def append_all(path: Path) -> list[errors.LakebedError]:
    """Open a dataset for writing and append an empty sample, then a small one, to each tensor.

    Returns:
        The errors that came instead.

    Raises:
        UnexpectedError: One of them is not as errors should be.
    """
    found: list[errors.LakebedError] = []

    def attempt(what: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except errors.LakebedError as error:
            check(what, error, path, None, None)
            found.append(error)
        except BaseException as error:
            raise UnexpectedError(f"{what}: {type(error).__name__}: {error}") from error
        return None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options: dict[str, Any] = {"check_integrity": False, "verbose": False}
        ds = attempt("load for writing", partial(lakebed.load, path, read_only=False, **options))
    if ds is None:
        return found
    for name in attempt("tensors", lambda: list(ds.tensors)) or ():
        tensor = attempt("tensor", partial(ds.__getitem__, name))
        if tensor is None:
            continue
        attempt(f"append None to {name}", partial(tensor.append, None))
        sample = attempt(f"look at {name}", partial(_small, tensor))
        attempt(f"append to {name}", partial(tensor.append, sample))
    attempt("close", ds.close)
    return found


def _small(tensor: Any) -> Any:
    """Give a sample that the tensor takes, if it is what its meta says."""
    if tensor.is_link:
        return lakebed.link("nowhere.jpg")
    if tensor.base_htype == "text":
        return "more"
    if tensor.base_htype in {"json", "list", "tag"}:
        return [1]
    ndim = len(tensor.meta.max_shape) or 1
    return np.ones((2,) * min(ndim, 4), tensor.dtype or "uint8")
