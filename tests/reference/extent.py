"""Describe how long and how wide everything is, through what both packages have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container


def read_extent(ds: Any, unread: Container[str] = ()) -> dict[str, Any]:
    """Describe the number of rows, the names of credentials, and all shapes but of sequences.

    The shapes of the tensors `unread` are left out, too.
    """
    tensors = {name: ds[name] for name in ds.meta.tensor_names}
    return {
        "num_samples": ds.num_samples,
        "lengths": [len(ds), ds.min_len, ds.max_len],
        "creds_keys": sorted(ds.get_creds_keys()),
        "shapes": {
            name: _read_shapes(tensor)
            for name, tensor in tensors.items()
            if name not in unread and not tensor.meta.is_sequence
        },
    }


def _read_shapes(tensor: Any) -> dict[str, Any]:
    interval, meta = tensor.shape_interval, tensor.meta
    kept = any(link["extend"] == "extend_shape" for link in meta.links.values())
    return {
        "bounds": [list(map(int, interval.lower)), list(map(int, interval.upper))],
        # `shape` is left out: beside empty links, and for lists, the reference's contradicts its
        # own `shape_interval`.
        # Without a shape companion the reference stumbles over a chunk of nothing but None.
        "samples": [list(map(int, shape)) for shape in _sample_shapes(tensor)]
        if kept or (meta.min_shape and 0 not in meta.min_shape)
        else None,
    }


def _sample_shapes(tensor: Any) -> Any:
    if list(tensor.meta.max_shape) == [0, 0, 0]:
        # The reference takes this bound for "no shape yet", and gives () for `tensor[n].shape`,
        # against its own `shapes()` and values.
        return tensor.shapes()
    return [one.shape for one in tensor]
