"""Names: which tensors and groups are seen from a dataset or one of its groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.errors import TensorDoesNotExistError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakebed.tensor import Handle


def clean(name: str) -> str:
    """Return a name without slashes at its ends and without double ones (format 1.4)."""
    return "/".join(part for part in name.split("/") if part)


class Tree:
    """The tensors below one group, by the names they have there.

    Args:
        handle: The open dataset.
        prefix: The group's full name; empty for the dataset.
        chosen: The names that are seen; None for all.
    """

    __slots__ = ("_handle", "chosen", "prefix")

    def __init__(
        self, handle: Handle, prefix: str = "", chosen: tuple[str, ...] | None = None
    ) -> None:
        self._handle = handle
        self.prefix = prefix
        self.chosen = chosen

    def full(self, name: str) -> str:
        """Return the full name of what has a name here."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def tensor_names(self) -> list[str]:
        """Return the names of the tensors, without hidden ones."""
        start = self.full("")
        names = [name for name in self._handle.core.tensor_names(False) if name.startswith(start)]
        names = [name[len(start) :] for name in names]
        return names if self.chosen is None else [name for name in self.chosen if name in names]

    def group_names(self) -> list[str]:
        """Return the names of the groups of this level."""
        start = self.full("")
        below = [
            name[len(start) :] for name in self._handle.core.groups() if name.startswith(start)
        ]
        return [name for name in below if name and "/" not in name]

    def group(self, name: str) -> Tree:
        """Return a group below this one."""
        return Tree(self._handle, self.full(name))

    def parent(self) -> Tree:
        """Return the group that this one lies in."""
        return Tree(self._handle, self.prefix.rpartition("/")[0])

    def choose(self, names: Sequence[str]) -> Tree:
        """Return a tree that sees these tensors only; a group's name stands for its tensors.

        Raises:
            TensorDoesNotExistError: There is no such tensor.
        """
        chosen: list[str] = []
        for name in map(clean, names):
            if isinstance(self.find(name), Tree):
                chosen += [one for one in self.tensor_names() if one.startswith(f"{name}/")]
            else:
                chosen.append(name)
        return Tree(self._handle, self.prefix, tuple(dict.fromkeys(chosen)))

    def has_tensor(self, name: str) -> bool:
        """Return whether there is a tensor of this name, hidden or not."""
        if self.chosen is not None and name not in self.chosen:
            return False
        try:
            self._handle.core.num_samples(self.full(name))
        except (TensorDoesNotExistError, UnicodeEncodeError):
            # What has no UTF-8 form names nothing.
            return False
        return True

    def find(self, name: str) -> str | Tree:
        """Return the full name of a tensor, or the tree of a group.

        Raises:
            TensorDoesNotExistError: There is neither.
        """
        name = clean(name)
        if self.has_tensor(name):
            return self.full(name)
        if name and self.full(name) in self._handle.core.groups():
            return self.group(name)
        message = f"tensor {self.full(name)!r} does not exist"
        raise TensorDoesNotExistError(message, path=self._handle.path, tensor=self.full(name))

    def lengths(self) -> list[int]:
        """Return the lengths of the tensors, whole."""
        return [self._handle.core.num_samples(self.full(name)) for name in self.tensor_names()]

    def meta(self) -> dict[str, Any]:
        """Return what the dataset's meta lists, in its own words (format 1.3)."""
        core = self._handle.core
        keys = {name: core.tensor_meta(name)["key"] for name in core.tensor_names(True)}
        visible = set(core.tensor_names(False))
        return {
            "tensors": list(keys.values()),
            "tensor_names": keys,
            "hidden_tensors": [key for name, key in keys.items() if name not in visible],
            "groups": core.groups(),
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tree):
            return NotImplemented
        return (self.prefix, self.chosen) == (other.prefix, other.chosen)

    __hash__ = None  # type: ignore[assignment] # nothing is looked up by it
