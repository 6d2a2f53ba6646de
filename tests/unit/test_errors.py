"""The exception tree: every kind has a class, old clauses catch, nothing is lost on the way."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

import pytest

from lakebed import _core, errors
from lakebed.errors import KINDS, LakebedError, from_core

CLASSES = sorted(
    {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, LakebedError)
    },
    key=lambda cls: cls.__name__,
)


def made(kind: str, **context: Any) -> LakebedError:
    return from_core(kind, "it failed", "try again", context, [], [])


def test_every_kind_of_the_core_has_a_class() -> None:
    assert list(KINDS) == _core.error_kinds()


@pytest.mark.parametrize("kind", KINDS)
def test_kind_survives_conversion(kind: str) -> None:
    error = made(kind, tensor="a", index=3)
    assert type(error) is KINDS[kind]
    assert (error.kind, error.tensor, error.index, error.hint) == (kind, "a", 3, "try again")


def test_unknown_kind_is_a_defect_of_ours() -> None:
    error = made("something new")
    assert type(error) is errors.InternalError
    assert error.kind == "something new"


@pytest.mark.parametrize(
    ("kind", "caught_as"),
    [
        ("invalid_input", ValueError),
        ("dataset_not_found", FileNotFoundError),
        ("dataset_not_found", errors.DatasetHandlerError),
        ("dataset_exists", errors.DatasetHandlerError),
        ("tensor_not_found", KeyError),
        ("tensor_not_found", AttributeError),
        ("checkout_failed", errors.VersionControlError),
        ("index_out_of_range", IndexError),
        ("index_out_of_range", KeyError),
        ("read_only", errors.ReadOnlyError),
        ("locked", errors.LockedError),
        ("authentication", errors.AuthorizationException),
        ("authentication", errors.S3GetAccessError),
        ("authorization", errors.AuthorizationError),
        ("authorization", errors.S3Error),
        ("credentials_expired", errors.TokenExpiredError),
        ("bucket_not_found", OSError),
        ("object_not_found", FileNotFoundError),
        ("storage", errors.S3GetError),
        ("storage_transient", errors.StorageError),
        ("corrupt", errors.FormatError),
        ("chunk", errors.CorruptError),
        ("decode", errors.SampleError),
        ("link", errors.SampleReadError),
        ("missing_creds", ValueError),
        ("creds_exist", ValueError),
        ("unsupported", NotImplementedError),
        ("closed", ValueError),
    ],
)
def test_old_clauses_catch(kind: str, caught_as: type[BaseException]) -> None:
    with pytest.raises(caught_as):
        raise made(kind)


def test_authentication_and_authorization_are_told_apart() -> None:
    assert not isinstance(made("authentication"), errors.AuthorizationError)
    assert not isinstance(made("authorization"), errors.AuthenticationError)


def test_message_says_where() -> None:
    error = made("link", tensor="images", index=7, url="s3://b/7.jpg", creds_key="bucket")
    assert str(error) == (
        "it failed (tensor 'images', index 7, url s3://b/7.jpg, creds key 'bucket')"
    )


def test_message_does_not_repeat_itself() -> None:
    error = from_core("link", "cannot read s3://b/7.jpg", None, {"url": "s3://b/7.jpg"}, [], [])
    assert str(error) == "cannot read s3://b/7.jpg"


def test_key_errors_are_not_quoted() -> None:
    assert str(made("tensor_not_found")) == "it failed"


def test_notes_say_what_to_do_and_which_file() -> None:
    error = made("corrupt", file="x/tensor_meta.json", offset=12)
    shown = "".join(traceback.format_exception(error))
    assert "hint: try again" in shown
    assert "file: x/tensor_meta.json, byte 12" in shown


def test_causes_are_chained_outermost_first() -> None:
    causes = [("link", "the link"), ("object_not_found", "the object")]
    error = from_core("bad_link", "the sample", None, {}, causes, [])
    first, second = error.__cause__, error.__cause__ and error.__cause__.__cause__
    assert (type(first), str(first)) == (errors.GetDataFromLinkError, "the link")
    assert (type(second), str(second)) == (errors.ObjectNotFoundError, "the object")
    assert second is not None
    assert second.__cause__ is None


def test_failures_of_a_batch_are_errors_themselves() -> None:
    failures = [
        ("link", f"number {index}", None, {"index": index}, [("storage", "refused")])
        for index in (3, 5)
    ]
    error = from_core("link", "number 3", None, {"index": 3}, [], failures)
    assert [failure.index for failure in error.failures] == [3, 5]
    assert all(type(failure) is errors.GetDataFromLinkError for failure in error.failures)
    assert str(error.failures[1].__cause__) == "refused"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_pickles_with_all_it_knows(cls: type[LakebedError]) -> None:
    inner = errors.StorageError("refused", path="s3://b/d")
    error = cls(
        "it failed",
        hint="try again",
        path="/data",
        tensor="a",
        index=3,
        url="s3://b/k",
        creds_key="bucket",
        file="a/chunks/1",
        offset=9,
        failures=[inner],
    ).with_cause(inner)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
    assert type(again) is cls
    assert (str(again), again.kind, again.hint) == (str(error), error.kind, "try again")
    assert again.place() == error.place()
    assert again.__notes__ == error.__notes__
    assert str(again.failures[0]) == str(inner)
    assert str(again.__cause__) == str(inner)


def test_a_cause_of_another_kind_is_left_behind() -> None:
    error = errors.SampleReadError("cannot read").with_cause(FileNotFoundError(2, "no such file"))
    assert pickle.loads(pickle.dumps(error)).__cause__ is None  # noqa: S301 (our own)


def test_the_tree_is_complete() -> None:
    named = set(errors.__all__)
    assert {cls.__name__ for cls in CLASSES} <= named
    assert {cls.__module__ for cls in CLASSES} == {"lakebed.errors"}
    assert all(hasattr(errors, name) for name in named)
