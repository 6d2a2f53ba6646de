"""Rules of htypes: settings of tensors, checks of samples, dtypes. No state, no I/O of its own."""

from lakebed.htypes.columns import Column, build, sequence_of
from lakebed.htypes.labels import ClassNames, texts_of
from lakebed.htypes.spec import UNSPECIFIED, TensorSettings, tensor_spec
from lakebed.htypes.table import COMPRESSIONS, HTYPE_CONFIGURATIONS, HTYPES, HtypeName

__all__ = [
    "COMPRESSIONS",
    "HTYPES",
    "HTYPE_CONFIGURATIONS",
    "UNSPECIFIED",
    "ClassNames",
    "Column",
    "HtypeName",
    "TensorSettings",
    "build",
    "sequence_of",
    "tensor_spec",
    "texts_of",
]
