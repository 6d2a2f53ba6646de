"""Tensors: views by indexing, reading, appending."""

from lakebed.tensor.handle import Handle, save_infos_at
from lakebed.tensor.index import Index, mask_rows
from lakebed.tensor.info import Info
from lakebed.tensor.meta import Meta
from lakebed.tensor.shape import ShapeInterval
from lakebed.tensor.tensor import Tensor

__all__ = [
    "Handle",
    "Index",
    "Info",
    "Meta",
    "ShapeInterval",
    "Tensor",
    "mask_rows",
    "save_infos_at",
]
