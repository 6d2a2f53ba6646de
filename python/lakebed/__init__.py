"""Deep Lake v3 datasets, read and written by a Rust core.

    import lakebed as deeplake

    ds = deeplake.load("s3://bucket/album", creds={...}, read_only=True)
    ds.images[10:500].numpy(aslist=True)

The names are those of Deep Lake v3. What it has and lakebed does not have yet raises
`lakebed.errors.UnsupportedFeatureError`, which names it.

Some public names (`dataset`, `tensor`, `htypes`, `settings`) are also those of packages:
`lakebed.dataset` is the function, and `from lakebed.dataset import ...` reaches the package.
"""

from importlib.metadata import version as _version
from typing import Any

from lakebed import errors as errors
from lakebed import planned as _planned
from lakebed.dataset import Dataset, dataset, delete, empty, exists, load
from lakebed.htypes import COMPRESSIONS as _COMPRESSIONS
from lakebed.htypes import HTYPES as _HTYPES
from lakebed.links import LinkedSample, link
from lakebed.sample import Sample, read
from lakebed.settings import settings
from lakebed.tensor import Tensor

__version__ = _version("lakebed")

tensor = Tensor
htypes: list[str] = sorted(_HTYPES)
compressions: list[str | None] = [*sorted(_COMPRESSIONS), None]

__all__ = [
    "Dataset",
    "LinkedSample",
    "Sample",
    "Tensor",
    "__version__",
    "compressions",
    "dataset",
    "delete",
    "empty",
    "errors",
    "exists",
    "htypes",
    "link",
    "load",
    "read",
    "settings",
    "tensor",
]


def __getattr__(name: str) -> Any:
    if name in _planned.MODULE_FUNCTIONS:
        return _planned.method("deeplake", name)
    raise AttributeError(f"module 'lakebed' has no attribute {name!r}")
