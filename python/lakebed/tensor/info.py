"""Free dictionaries of users, stored beside a dataset or a tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from lakebed.errors import DatasetCorruptError, DecodeError, InvalidTypeError
from lakebed.htypes import documents

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakebed import _core
    from lakebed.tensor.handle import Handle


class Document:
    """The content of one info, kept by the handle for all the `Info` that come and go.

    Args:
        tensor: The tensor's name; None for the dataset's own.

    Attributes:
        tensor: The same.
    """

    __slots__ = ("_content", "tensor")

    def __init__(self, tensor: str | None) -> None:
        self.tensor = tensor
        # The dictionary, and what the core has of it; under one key, because `setdefault` lets
        # threads that load it at the same time agree on one.
        self._content: dict[None, tuple[dict[Any, Any], bytes]] = {}

    def data(self, core: _core.Dataset) -> dict[Any, Any]:
        """Return the dictionary itself, read at the first need of it."""
        content = self._content.get(None)
        if content is None:
            found = self._read(core)
            content = self._content.setdefault(None, (found, documents.dumps_file(found)))
        return content[0]

    def _read(self, core: _core.Dataset) -> dict[Any, Any]:
        """Return what is stored.

        Raises:
            DatasetCorruptError: It is no JSON object.
        """
        try:
            found = documents.loads(core.info(self.tensor))
        except DecodeError as error:
            why, cause = error.message, error.__cause__
        else:
            if isinstance(found, dict):
                return found
            why, cause = f"it holds a {type(found).__name__}", None
        what = "dataset" if self.tensor is None else f"tensor {self.tensor!r}"
        raise DatasetCorruptError(
            f"the info of the {what} is no JSON object: {why}",
            path=core.path,
            tensor=self.tensor,
            file="dataset_info.json" if self.tensor is None else "tensor_info.json",
        ) from cause

    def take_over(self, data: dict[Any, Any]) -> None:
        """Take over what the core has, or is about to get along with samples."""
        self._content[None] = (data, documents.dumps_file(data))

    def forget(self) -> None:
        """Read it anew when it is next needed."""
        self._content.clear()

    def replace(self, core: _core.Dataset, data: dict[Any, Any]) -> None:
        """Put another dictionary in the place of this one."""
        core.set_info(self.tensor, documents.dumps_file(data))
        self.take_over(data)

    @property
    def is_changed(self) -> bool:
        """Whether a value was changed inside since the core got it."""
        content = self._content.get(None)
        return content is not None and documents.dumps_file(content[0]) != content[1]

    def save(self, core: _core.Dataset) -> None:
        """Hand changes inside of values to the core."""
        content = self._content.get(None)
        if content is not None and self.is_changed:
            self.replace(core, content[0])


class Info(MutableMapping[Any, Any]):
    """A dictionary that is written back when it changes; values are what JSON holds, and arrays.

    Keys that are names can be written as attributes: `ds.info.author = "me"`. A change inside of a
    value (`ds.info["list"].append(1)`) is written by the next flush.
    """

    __slots__ = ("_handle", "_tensor")

    _handle: Handle
    _tensor: str | None

    def __init__(self, handle: Handle, tensor: str | None) -> None:
        # Past __setattr__, which writes items.
        object.__setattr__(self, "_handle", handle)
        object.__setattr__(self, "_tensor", tensor)

    @property
    def data(self) -> dict[Any, Any]:
        """The dictionary itself."""
        return self._handle.document(self._tensor).data(self._handle.core)

    def replace(self, data: Mapping[Any, Any]) -> None:
        """Put another dictionary in the place of this one.

        Raises:
            InvalidTypeError: Not a dictionary.
            ReadOnlyModeError: The dataset is read-only.
        """
        if not isinstance(data, Mapping):
            raise InvalidTypeError(f"an info is set to a dict, not to a {type(data).__name__}")
        self._change(lambda _: dict(data))

    def _change(self, change: Callable[[dict[Any, Any]], dict[Any, Any]]) -> None:
        """Store what `change` makes of the dictionary, with no other change in between."""
        handle = self._handle
        handle.require_writable()
        with handle.changing():
            handle.document(self._tensor).replace(handle.core, change(self.data))
            handle.changed()

    def __getitem__(self, key: Any) -> Any:
        return self.data[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._change(lambda data: {**data, key: value})

    def __delitem__(self, key: Any) -> None:
        def without(data: dict[Any, Any]) -> dict[Any, Any]:
            left = dict(data)
            del left[key]
            return left

        self._change(without)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take over the items of a dictionary, at once."""
        self._change(lambda data: {**data, **dict(*args, **kwargs)})

    def clear(self) -> None:
        """Remove every item, at once."""
        self._change(lambda _: {})

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
        keys = [] if self._handle.closed else map(str, self.data)
        return [*super().__dir__(), *keys]

    def __reduce__(self) -> tuple[type[Info], tuple[Handle, str | None]]:
        return Info, (self._handle, self._tensor)

    def __repr__(self) -> str:
        return "Info(closed=True)" if self._handle.closed else repr(self.data)
