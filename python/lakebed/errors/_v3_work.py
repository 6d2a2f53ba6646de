"""The names under which Deep Lake v3 users catch errors of versions, views, transforms, ingestion.

Most of that work is not there yet, so nothing raises most of them; code that names them in
`except` clauses runs.
"""

# The names are those of Deep Lake v3, `Exception` endings included.
# ruff: noqa: N818

from lakebed.errors._tree import (
    ConflictError,
    InvalidInputError,
    InvalidTypeError,
    LakebedError,
    NotFoundError,
    UnsupportedFeatureError,
)
from lakebed.errors._v3 import MetaError, VersionControlError

# --- versions and views


class CommitError(VersionControlError):
    """A commit cannot be made."""

    KIND = "invalid_input"


class EmptyCommitError(CommitError):
    """Nothing changed since the last commit."""


class MergeError(VersionControlError):
    """A merge cannot be done."""

    KIND = "invalid_input"


class MergeConflictError(MergeError, ConflictError):
    """Both sides changed the same samples, and nobody said which ones count."""

    KIND = "conflict"


class MergeMismatchError(MergeError):
    """The settings of a tensor differ between both sides."""


class MergeNotSupportedError(MergeError, UnsupportedFeatureError):
    """Tensors without identities of their samples cannot be merged."""

    KIND = "unsupported"


class TensorModifiedError(VersionControlError, ConflictError):
    """A tensor was changed on the other side."""

    KIND = "conflict"


class InvalidViewException(InvalidInputError):
    """A saved view does not fit the dataset."""


class DatasetViewSavingError(InvalidInputError):
    """A view cannot be saved under that id or at that path."""


# --- arguments


class SampleExtendingError(InvalidTypeError):
    """What was given to `Dataset.extend` is not a dict of columns."""


class TensorUnsupportedSampleType(InvalidTypeError):
    """A sample of a type that no tensor stores."""


class UnsupportedTensorTypeError(InvalidTypeError):
    """An operation that tensors of this kind do not have."""


class SampleHtypeMismatchError(InvalidInputError):
    """A sample is not of the tensor's htype."""


class IncompatibleHtypeError(InvalidInputError):
    """Samples of one htype cannot be stored as, or changed into, another."""


class InvalidBytesRequestedError(InvalidInputError):
    """A range of bytes that cannot be."""


class InvalidShapeIntervalError(InvalidInputError):
    """Bounds of shapes that cannot be."""


class InvalidImageDimensions(InvalidInputError):
    """An array that is no image."""


class EmptyPolygonError(InvalidInputError):
    """A polygon without points."""


class ClassNamesEmptyError(InvalidInputError):
    """A label is given by its name, and the tensor has no class names."""


class EmbeddingTensorPopError(InvalidInputError):
    """Samples of an embedding tensor with an index cannot be taken out."""


class InfoError(InvalidInputError):
    """An `info` that cannot be stored."""


class GroupInfoNotSupportedError(UnsupportedFeatureError):
    """Groups have no `info`."""


class TensorTooLargeToDelete(InvalidInputError):
    """A tensor of more than a gigabyte is deleted with `large_ok=True` only."""


class InvalidTensorLinkError(MetaError):
    """A tensor's companion cannot be what it is said to be."""


class MeshTensorMetaMissingRequiredValue(MetaError):
    """A setting that mesh tensors insist on."""


class MetaInvalidKey(MetaError):
    """A setting that does not exist."""


class MetaInvalidRequiredMetaKey(MetaError):
    """A setting that was to be required does not exist."""


class TensorMetaMissingKey(MetaError):
    """A tensor's settings lack one."""


class MetaDoesNotExistError(MetaError, NotFoundError):
    """No settings are stored where they should be."""

    KIND = "not_found"


class InvalidPathException(InvalidInputError):
    """A path that cannot be."""


class EmptyDeeplakePathException(InvalidPathException):
    """A path is empty."""


class FileAtPathException(InvalidPathException):
    """A file is where a folder should be."""


class DirectoryAtPathException(InvalidPathException):
    """A folder is where a file should be."""


class SamePathException(InvalidPathException):
    """Source and destination are the same."""


class ConflictingDatasetParametersError(InvalidInputError):
    """Parameters that exclude each other."""


class UnsupportedParameterException(InvalidInputError):
    """A parameter that does not exist here."""


class ModuleNotInstalledException(LakebedError):
    """A feature needs a package that is not installed."""

    KIND = "unsupported"


class MemoryDatasetCanNotBePickledError(InvalidInputError):
    """A dataset in memory cannot be taken to another process."""


# --- transforms, filters, loaders


class TransformError(LakebedError):
    """A transform (`deeplake.compute`) failed."""

    KIND = "invalid_input"


class TransformFailedError(TransformError):
    """A sample's transform failed; the cause says why."""


class InvalidInputDataError(TransformError, InvalidInputError):
    """What a transform was to work on has no length or no items."""


class InvalidOutputDatasetError(TransformError, InvalidInputError):
    """The dataset that a transform was to fill cannot be filled."""


class InvalidTransformDataset(TransformError, InvalidInputError):
    """A transform's rows have columns of different lengths."""


class TensorMismatchError(TransformError, InvalidInputError):
    """A transform's rows have other tensors than the dataset."""


class HubComposeEmptyListError(TransformError, InvalidInputError):
    """`deeplake.compose` was given nothing."""


class HubComposeIncompatibleFunction(TransformError, InvalidInputError):
    """`deeplake.compose` was given something else than compute functions."""


class UnsupportedSchedulerError(TransformError, InvalidInputError):
    """A scheduler that does not exist."""


class FilterError(LakebedError):
    """A filter's function failed; the cause says why."""

    KIND = "invalid_input"


class DatasetUnsupportedPytorch(InvalidInputError):
    """A dataset that cannot be given to PyTorch."""


# --- ingestion


class IngestionError(LakebedError):
    """Files of another format cannot be taken in."""

    KIND = "invalid_input"


class FailedIngestionError(IngestionError):
    """Nothing could be taken in."""


class UnsupportedExtensionError(IngestionError, InvalidInputError):
    """A file of a kind that is not taken in."""


class InvalidFileExtension(IngestionError, InvalidInputError):
    """A file's name has no known ending."""


class AutoCompressionError(IngestionError):
    """The compression of files cannot be found out."""


class InvalidPandasDataframeError(IngestionError, InvalidTypeError):
    """What was given as a data frame is none."""


class MissingTensorMappingError(IngestionError, InvalidInputError):
    """A mapping lacks keys that the files have."""
