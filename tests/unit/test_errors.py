"""The exception tree: every kind has a class, old clauses catch, nothing is lost on the way."""

from __future__ import annotations

import copy
import inspect
import pickle
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
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


PLACE: dict[str, Any] = {
    "path": "/data",
    "tensor": "a",
    "index": 3,
    "url": "s3://b/k",
    "creds_key": "bucket",
    "file": "a/chunks/1",
    "offset": 9,
}


def made(kind: str, **context: Any) -> LakebedError:
    return from_core(kind, "it failed", "try again", context, [], [])


def full(cls: type[LakebedError]) -> LakebedError:
    """Make an error that knows everything it can."""
    inner = errors.StorageError("refused", path="s3://b/d")
    error = cls("it failed", hint="try again", failures=[inner], **PLACE).with_cause(inner)
    error.add_note("a user's own")
    if isinstance(error, errors.HubError):
        error.status, error.code = 404, "no_such"
    return error


def assert_same(again: LakebedError, error: LakebedError) -> None:
    """Compare all that a handler could look at."""
    assert type(again) is type(error)
    assert (str(again), again.args) == (str(error), error.args)
    assert again.__notes__ == error.__notes__
    known, expected = dict(vars(again)), dict(vars(error))
    assert [str(one) for one in known.pop("failures")] == [
        str(one) for one in expected.pop("failures")
    ]
    assert known == expected
    assert str(again.__cause__) == str(error.__cause__)
    assert type(again.__cause__) is type(error.__cause__)


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
        "it failed (tensor 'images', index 7, creds key 'bucket', url s3://b/7.jpg); try again"
    )


def test_message_does_not_repeat_itself() -> None:
    error = from_core("link", "cannot read s3://b/7.jpg", None, {"url": "s3://b/7.jpg"}, [], [])
    assert str(error) == "cannot read s3://b/7.jpg"


def test_names_are_said_once() -> None:
    message = "no tensor 'a' here"
    assert str(errors.NotFoundError(message, tensor="a")) == message


def test_key_errors_are_not_quoted() -> None:
    assert str(made("tensor_not_found")) == "it failed; try again"


def test_notes_say_which_file() -> None:
    error = made("corrupt", file="x/tensor_meta.json", offset=12)
    assert error.__notes__ == ["file: x/tensor_meta.json, byte 12"]
    shown = "".join(traceback.format_exception(error))
    assert shown.count("try again") == 1
    assert shown.count("x/tensor_meta.json") == 1


def test_a_file_that_the_message_names_is_no_note() -> None:
    error = errors.GetChunkError("cannot read the chunk a/chunks/1", file="a/chunks/1")
    assert not hasattr(error, "__notes__")
    assert (error.chunk_key, error.root_cause) == ("a/chunks/1", None)


def test_a_defect_asks_to_be_reported() -> None:
    assert "please report it" in str(from_core("internal", "no", None, {}, [], []))
    assert "please report it" in str(from_core("something new", "no", None, {}, [], []))


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
def test_every_class_keeps_the_rules(cls: type[LakebedError]) -> None:
    error = full(cls)
    # It says what it is for, and knows its kind.
    documented = inspect.getdoc(cls)
    assert documented
    assert cls.__doc__
    assert documented != inspect.getdoc(cls.__mro__[1])
    assert cls.KIND in KINDS
    assert issubclass(KINDS[cls.KIND], LakebedError)
    assert (cls.KIND == "internal") == (cls in {LakebedError, errors.InternalError})
    # It says what failed, where, and what to do: all of it once.
    assert error.place() == PLACE
    assert (
        str(error) == "it failed (tensor 'a', index 3, creds key 'bucket', url s3://b/k); try again"
    )
    assert error.__notes__ == ["file: a/chunks/1, byte 9", "a user's own"]
    # It can be taken elsewhere.
    assert_same(pickle.loads(pickle.dumps(error)), error)  # noqa: S301 (our own)
    assert_same(copy.copy(error), error)
    assert_same(copy.deepcopy(error), error)
    assert vars(cls()) == vars(cls(""))


def fail(cls: type[LakebedError]) -> None:
    """Raise in another process."""
    error = full(cls)
    raise error from error.__cause__


def test_errors_come_back_from_other_processes() -> None:
    some = [errors.GetDataFromLinkError, errors.TensorDoesNotExistError, errors.HubError]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for cls in some:
            with pytest.raises(cls) as raised:
                pool.submit(fail, cls).result()
            error, expected = raised.value, full(cls)
            assert (str(error), error.kind) == (str(expected), expected.kind)
            assert error.place() == expected.place()
            assert error.__notes__ == expected.__notes__
            assert [str(one) for one in error.failures] == ["refused (path s3://b/d)"]


def test_causes_of_others_travel_or_are_told() -> None:
    missing = errors.SampleReadError("cannot read").with_cause(FileNotFoundError(2, "no such file"))
    again = pickle.loads(pickle.dumps(missing))  # noqa: S301 (our own)
    assert repr(again.__cause__) == "FileNotFoundError(2, 'no such file')"

    class LocalError(Exception):
        """Not to be found by pickle."""

    stuck = errors.SampleReadError("cannot read").with_cause(LocalError("too local"))
    again = pickle.loads(pickle.dumps(stuck))  # noqa: S301 (our own)
    assert again.__cause__ is None
    assert again.__notes__ == ["cause: LocalError: too local"]
    assert not hasattr(stuck, "__notes__")


def test_a_copy_has_notes_of_its_own() -> None:
    error = full(errors.StorageError)
    copied = copy.copy(error)
    copied.add_note("of the copy")
    assert error.__notes__ == copied.__notes__[:-1]


def test_errors_of_a_hub_say_status_and_code() -> None:
    error = errors.TokenPermissionError("no right", status=403, code="forbidden")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
    assert (again.status, again.code) == (403, "forbidden")
    assert isinstance(again, errors.AuthorizationError)
    terms = errors.AgreementNotAcceptedError("not accepted", agreements=("be kind",))
    assert pickle.loads(pickle.dumps(terms)).agreements == ("be kind",)  # noqa: S301 (our own)


def test_the_tree_is_complete() -> None:
    named = set(errors.__all__)
    assert {cls.__name__ for cls in CLASSES} <= named
    assert {cls.__module__ for cls in CLASSES} == {"lakebed.errors"}
    assert all(hasattr(errors, name) for name in named)
