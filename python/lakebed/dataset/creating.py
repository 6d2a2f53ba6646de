"""New tensors and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed import _core, planned
from lakebed.dataset.tree import Tree
from lakebed.errors import (
    InvalidInputError,
    InvalidTensorGroupNameError,
    InvalidTensorNameError,
    TensorAlreadyExistsError,
    TensorGroupAlreadyExistsError,
)
from lakebed.htypes import UNSPECIFIED, tensor_spec

if TYPE_CHECKING:
    from typing import Any

    from lakebed.htypes import TensorSettings
    from lakebed.tensor import Handle


def create_tensor(
    handle: Handle,
    tree: Tree,
    owner: type,
    name: str,
    settings: TensorSettings,
    exist_ok: bool,
) -> str:
    """Create a tensor.

    Args:
        handle: The open dataset.
        tree: The group that `name` is meant in.
        owner: The class whose attributes are no names of tensors.
        name: The tensor's name there.
        settings: What `create_tensor` was called with.
        exist_ok: Take one that exists, if its settings are these.

    Returns:
        The full name.

    Raises:
        InvalidTensorNameError: The name would break the format or lead out of the dataset; which
            names those are stands in the core (`rust/core/src/format/names.rs`).
        TensorAlreadyExistsError: It, or the name of a hidden tensor that it needs, is taken.
    """
    handle.require_writable()
    name = _checked(name, owner, InvalidTensorNameError)
    full = tree.full(name)
    spec = tensor_spec(settings)
    _refuse_tensor_as_group(handle, full)
    if tree.has_tensor(name):
        if exist_ok:
            _check_same(full, settings, spec, handle.core.tensor_meta(full))
            return full
        message = f"tensor {full!r} already exists"
        hint = "exist_ok=True takes the one that is there"
        raise TensorAlreadyExistsError(message, path=handle.path, tensor=full, hint=hint)
    handle.core.create_tensor(full, spec)
    handle.changed()
    return full


def create_group(handle: Handle, tree: Tree, owner: type, name: str, exist_ok: bool) -> str:
    """Create a group and those it lies in; see `create_tensor`.

    Returns:
        The name in `tree`.
    """
    name = _checked(name, owner, InvalidTensorGroupNameError)
    full = tree.full(name)
    if not tree.has_tensor(name) and full in handle.core.groups():
        if exist_ok:
            return name
        message = f"group {full!r} already exists"
        hint = "exist_ok=True takes the one that is there"
        raise TensorGroupAlreadyExistsError(message, path=handle.path, hint=hint)
    handle.require_writable()
    _refuse_tensor_as_group(handle, full)
    handle.core.create_group(full)
    handle.changed()
    return name


def _refuse_tensor_as_group(handle: Handle, full: str) -> None:
    """Refuse a name below a tensor, which is no group."""
    root = Tree(handle)
    parts = full.split("/")
    for depth in range(1, len(parts)):
        above = "/".join(parts[:depth])
        if root.has_tensor(above):
            message = f"tensor {above!r} exists, so nothing can be called {full!r}"
            raise TensorAlreadyExistsError(message, path=handle.path, tensor=above)


def _checked(
    name: str, owner: type, error: type[InvalidTensorNameError | InvalidTensorGroupNameError]
) -> str:
    if not isinstance(name, str):
        raise error(f"a name is a str, not {type(name).__name__}")
    try:
        cleaned = _core.check_tensor_name(name)
    except InvalidInputError as bad:
        raise error(bad.message) from None
    except UnicodeEncodeError:
        # It has no bytes that could cross over to the core.
        raise error(f"{name!r} cannot name a tensor or group: it has a lone surrogate") from None
    last = cleaned.rpartition("/")[2]
    reserved = last in planned.DATASET_METHODS or last in planned.DATASET_PROPERTIES
    if reserved or hasattr(owner, last):
        message = f"{last!r} cannot be a name: it is an attribute of datasets"
        raise error(message)
    return cleaned


def _check_same(
    full: str, settings: TensorSettings, spec: dict[str, Any], meta: dict[str, Any]
) -> None:
    """Refuse a tensor whose settings are not those that were asked for."""
    fields = {
        "htype": ("htype", "is_link", "is_sequence"),
        "dtype": ("dtype",),
        "sample_compression": ("sample_compression",),
        "chunk_compression": ("chunk_compression",),
    }
    for setting, names in fields.items():
        if getattr(settings, setting) == UNSPECIFIED:
            continue
        for name in names:
            if spec[name] != meta[name]:
                message = f"tensor {full!r} already exists with another {setting}: {meta[name]!r}"
                raise InvalidInputError(message, tensor=full)
