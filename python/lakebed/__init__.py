"""Deep Lake v3 datasets, read and written by a Rust core.

    import lakebed as deeplake

    ds = deeplake.load("s3://bucket/album", creds={...}, read_only=True)
    ds.images[10:500].numpy(aslist=True)

Code that cannot be edited: `lakebed.install_as_deeplake()` before it imports `deeplake`.

The names are those of Deep Lake v3. What it has and lakebed does not have yet raises
`lakebed.errors.UnsupportedFeatureError`, which names it.

Some public names (`dataset`, `tensor`, `htypes`, `settings`) are also those of packages:
`lakebed.dataset` is the function, and `from lakebed.dataset import ...` reaches the package.
"""

from lakebed import errors as errors
from lakebed import planned as _planned
from lakebed._core import __version__ as __version__
from lakebed.as_deeplake import install_as_deeplake
from lakebed.dataset import Dataset, dataset, delete, empty, exists, load
from lakebed.htypes import COMPRESSIONS as _COMPRESSIONS
from lakebed.htypes import HTYPES as _HTYPES
from lakebed.links import LinkedSample, link
from lakebed.sample import Sample, read
from lakebed.settings import settings
from lakebed.tensor import Tensor

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
    "install_as_deeplake",
    "link",
    "load",
    "read",
    "settings",
    "tensor",
]

__getattr__ = _planned.module_getattr("lakebed")
