"""A look at the fields of a meta file."""

from __future__ import annotations

from typing import Any


class Meta:
    """The fields of `tensor_meta.json` or `dataset_meta.json`, as attributes. A copy, to read.

    The fields are those of format 1.3 and 1.5.
    """

    __slots__ = ("_fields",)

    _fields: dict[str, Any]

    def __init__(self, fields: dict[str, Any]) -> None:
        object.__setattr__(self, "_fields", fields)

    def __getattr__(self, name: str) -> Any:
        if name in self._fields:
            return self._fields[name]
        raise AttributeError(f"the meta has no field {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a meta is read-only: {name!r} cannot be set")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._fields]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return dict(self._fields)

    def __reduce__(self) -> tuple[type[Meta], tuple[dict[str, Any]]]:
        return Meta, (self._fields,)

    def __repr__(self) -> str:
        return f"Meta({self._fields!r})"
