"""Free dictionaries of users, stored beside a dataset or a tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from lakebed.errors import DatasetCorruptError, DecodeError, InvalidTypeError
from lakebed.htypes import documents

if TYPE_CHECKING:
    from lakebed.tensor.handle import Handle


class Info(MutableMapping[Any, Any]):
    """A dictionary that is written back when it changes; values are what JSON holds, and arrays.

    Keys that are names can be written as attributes: `ds.info.author = "me"`. A change inside of a
    value (`ds.info["list"].append(1)`) is written by the next flush.
    """

    __slots__ = ("_data", "_handle", "_tensor", "_written")

    _data: dict[Any, Any] | None
    _handle: Handle
    _tensor: str | None
    _written: bytes

    def __init__(self, handle: Handle, tensor: str | None) -> None:
        # Past __setattr__, which writes items.
        for name, value in {
            "_handle": handle,
            "_tensor": tensor,
            "_data": None,
            "_written": b"",
        }.items():
            object.__setattr__(self, name, value)

    @property
    def data(self) -> dict[Any, Any]:
        """The dictionary itself, read at the first need of it."""
        data = self._data
        if data is None:
            found = self._read()
            self.stored(found)
            return found
        return data

    def _read(self) -> dict[Any, Any]:
        """Return what is stored.

        Raises:
            DatasetCorruptError: It is no JSON object.
        """
        core = self._handle.core
        stored = core.info(self._tensor)
        try:
            found = documents.loads(stored)
        except DecodeError as error:
            why, cause = error.message, error.__cause__
        else:
            if isinstance(found, dict):
                return found
            why, cause = f"it holds a {type(found).__name__}", None
        what = "dataset" if self._tensor is None else f"tensor {self._tensor!r}"
        raise DatasetCorruptError(
            f"the info of the {what} is no JSON object: {why}",
            path=self._handle.path,
            tensor=self._tensor,
            file="dataset_info.json" if self._tensor is None else "tensor_info.json",
        ) from cause

    def replace(self, data: Mapping[Any, Any]) -> None:
        """Put another dictionary in the place of this one.

        Raises:
            InvalidTypeError: Not a dictionary.
            ReadOnlyModeError: The dataset is read-only.
        """
        if not isinstance(data, Mapping):
            raise InvalidTypeError(f"an info is set to a dict, not to a {type(data).__name__}")
        self._store(dict(data))

    def stored(self, data: dict[Any, Any]) -> None:
        """Take over what the core has stored already."""
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_written", documents.dumps_file(data))

    def save(self) -> None:
        """Hand changes inside of values to the core."""
        if self._data is None:
            return
        document = documents.dumps_file(self._data)
        if document != self._written:
            self._handle.core.set_info(self._tensor, document)
            object.__setattr__(self, "_written", document)

    def _store(self, data: dict[Any, Any]) -> None:
        self._handle.require_writable()
        document = documents.dumps_file(data)
        self._handle.core.set_info(self._tensor, document)
        self.stored(data)
        self._handle.changed()

    def __getitem__(self, key: Any) -> Any:
        return self.data[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._store({**self.data, key: value})

    def __delitem__(self, key: Any) -> None:
        left = dict(self.data)
        del left[key]
        self._store(left)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take over the items of a dictionary, at once."""
        self._store({**self.data, **dict(*args, **kwargs)})

    def clear(self) -> None:
        """Remove every item, at once."""
        self._store({})

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self.data:
            return self.data[name]
        raise AttributeError(f"'Info' object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *map(str, self.data)]

    def __repr__(self) -> str:
        return repr(self.data)
