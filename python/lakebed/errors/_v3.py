"""The names under which Deep Lake v3 users catch errors of datasets, tensors, samples and stores.

Each stands in its branch of our tree. Which is raised when: format 8 (damage, locks) and
hub/exceptions (paths, credentials).
"""

# The names are those of Deep Lake v3, `Exception` endings included.
# ruff: noqa: N818

from lakebed.errors._tree import (
    AlreadyExistsError,
    AuthenticationError,
    AuthError,
    AuthorizationError,
    CorruptError,
    DecodeError,
    InvalidInputError,
    InvalidTypeError,
    LakebedError,
    LinkError,
    LockedError,
    NotFoundError,
    ReadOnlyError,
    SampleError,
    StorageError,
    TokenExpiredError,
)

# --- arguments


class IndexOutOfRangeError(InvalidInputError, IndexError, KeyError):
    """A sample index outside of the tensor. v3 raises IndexError or KeyError."""

    KIND = "index_out_of_range"


class InvalidKeyTypeError(InvalidTypeError):
    """Something that is no index was given as one."""


class DynamicTensorNumpyError(InvalidInputError):
    """Samples of different shapes were asked for as one array."""

    KIND = "dynamic_shape"


class EmptyTensorError(InvalidInputError):
    """Nothing but empty samples, of a rank not known yet, was asked for."""

    KIND = "empty_tensor"


class InvalidOperationError(InvalidInputError):
    """A change was asked of a view."""


class InvalidDatasetNameException(InvalidInputError):
    """A new dataset's name has characters that v3 refuses."""


class InvalidHubPathException(InvalidInputError):
    """A path that begins with `hub://` is not `hub://org/name`."""


class InvalidTensorNameError(InvalidInputError):
    """A tensor's name is empty, or the name of an attribute of datasets."""


class InvalidTensorGroupNameError(InvalidInputError):
    """A group's name is empty, or the name of an attribute of datasets."""


class SampleAppendingError(InvalidTypeError):
    """What was given to `Dataset.append` or `extend` is not a dict."""


class MissingTensorsError(InvalidInputError, KeyError):
    """A row says nothing of some tensors. v3 raises KeyError."""


class DatasetTooLargeToDelete(InvalidInputError):
    """A dataset of more than a gigabyte is deleted with `large_ok=True` only."""


class CompressionError(LakebedError):
    """Something about compressions: one is unknown, or bytes of a sample do not fit it."""

    KIND = "invalid_input"


class UnsupportedCompressionError(InvalidInputError, CompressionError):
    """A compression unknown to the format, or not allowed for the htype."""


class MetaError(InvalidInputError):
    """Settings of a tensor contradict the format."""


class TensorMetaInvalidHtype(MetaError):
    """An htype that does not exist."""


class TensorMetaInvalidHtypeOverwriteKey(MetaError):
    """A setting that the htype does not have."""


class TensorMetaInvalidHtypeOverwriteValue(MetaError):
    """A setting with a value that cannot be."""


class TensorMetaMissingRequiredValue(MetaError):
    """A setting that the htype insists on."""


class TensorMetaMutuallyExclusiveKeysError(MetaError):
    """Settings that exclude each other."""


class TensorDtypeMismatchError(MetaError):
    """A sample's dtype does not fit the tensor's."""

    KIND = "dtype_mismatch"


class TensorInvalidSampleShapeError(InvalidInputError):
    """A sample's number of dimensions does not fit the tensor's."""

    KIND = "shape_mismatch"


class JsonValidationError(InvalidInputError):
    """A sample does not fit the schema of its json, list or tag tensor."""


# --- what exists and what does not


class DatasetHandlerError(LakebedError):
    """v3's name for: no dataset where one is needed, or one where none may be."""

    KIND = "dataset_not_found"


class DatasetNotFoundError(NotFoundError, DatasetHandlerError, FileNotFoundError):
    """No dataset at the path."""

    KIND = "dataset_not_found"


class DatasetExistsError(AlreadyExistsError, DatasetHandlerError):
    """A dataset is already at the path."""

    KIND = "dataset_exists"


class PathNotEmptyException(AlreadyExistsError):
    """The folder holds files, but no dataset."""

    KIND = "path_not_empty"


class TensorDoesNotExistError(NotFoundError, KeyError, AttributeError):
    """No tensor of that name."""

    KIND = "tensor_not_found"


class TensorGroupDoesNotExistError(NotFoundError, KeyError, AttributeError):
    """No group of that name."""

    KIND = "tensor_not_found"


class TensorAlreadyExistsError(AlreadyExistsError):
    """A tensor of that name exists."""

    KIND = "tensor_exists"


class TensorGroupAlreadyExistsError(AlreadyExistsError):
    """A group of that name exists."""

    KIND = "group_exists"


class CredsKeyExistsError(AlreadyExistsError, ValueError):
    """A creds key of that name exists. v3 raises ValueError."""

    KIND = "creds_exist"


class VersionControlError(LakebedError):
    """Something about branches and commits failed."""

    KIND = "checkout_failed"


class CheckoutError(NotFoundError, VersionControlError):
    """No branch or commit of that name."""

    KIND = "checkout_failed"


# --- stores and credentials


class AuthorizationException(AuthError):
    """v3's name for: the storage of the dataset, or something at a hub, cannot be accessed."""

    response: object = None
    """In v3 the hub's answer. Always None here: it holds headers with secrets."""

    @property
    def original_message(self) -> str:
        """The message. Deep Lake v3 calls it so."""
        return self.message


class CouldNotCreateNewDatasetException(ReadOnlyError, AuthorizationException):
    """A dataset was to be made at a path opened read-only."""


class StorageAuthenticationError(AuthenticationError, AuthorizationException, StorageError):
    """The store does not know who is asking: wrong or no secret."""


class StorageAuthorizationError(AuthorizationError, AuthorizationException, StorageError):
    """The store knows who is asking, and says no."""


class StorageCredentialsExpiredError(TokenExpiredError, AuthorizationException, StorageError):
    """The store says that temporary credentials ran out."""


class ObjectNotFoundError(NotFoundError, StorageError, FileNotFoundError):
    """An object does not exist."""

    KIND = "object_not_found"


class BucketNotFoundError(NotFoundError, StorageError, FileNotFoundError):
    """A bucket does not exist."""

    KIND = "bucket_not_found"


class MissingCredsError(AuthError, ValueError):
    """A creds key is unknown to the dataset, or has no credentials yet."""

    KIND = "missing_creds"


class CredsKeyNotFoundError(NotFoundError, MissingCredsError, KeyError):
    """A creds key that was to be changed is unknown. v3 raises KeyError."""

    KIND = "missing_creds"


# v3 tells failures of S3 apart by verb, we by cause and for every store: its names catch them all.
S3Error = StorageError
S3GetError = StorageError
S3SetError = StorageError
S3DeletionError = StorageError
S3ListError = StorageError
S3GetAccessError = StorageAuthenticationError


class ReadOnlyModeError(ReadOnlyError):
    """A change was asked of a dataset opened read-only."""


class LockedException(LockedError):
    """Another process holds the dataset's write lock."""


# --- damage


class DatasetCorruptError(CorruptError):
    """The dataset's files contradict the format or each other."""


class GetChunkError(CorruptError):
    """A chunk is missing or unreadable."""

    KIND = "chunk"

    @property
    def chunk_key(self) -> str | None:
        """The chunk's key. Deep Lake v3 calls it so."""
        return self.file

    @property
    def root_cause(self) -> BaseException | None:
        """The cause. Deep Lake v3 calls it so."""
        return self.__cause__


# --- samples


class SampleReadError(SampleError):
    """A file or linked object cannot be read."""

    KIND = "link"


class GetDataFromLinkError(LinkError, SampleReadError):
    """A linked object cannot be read."""


class LinkCredsError(GetDataFromLinkError, MissingCredsError):
    """A linked object cannot be read with its creds key, which is not populated or refused.

    Deep Lake v3 raises ValueError for the former.
    """

    KIND = "link_creds"


class LinkNotAllowedError(GetDataFromLinkError):
    """A rule of this process forbids to follow a link: to a file, or to a private address."""

    KIND = "link_not_allowed"


class UnableToReadFromUrlError(GetDataFromLinkError):
    """A URL answered other than with its content."""


class BadLinkError(LinkError):
    """A link that was to be appended does not lead to what it should."""

    KIND = "bad_link"


class ReadSampleFromChunkError(DecodeError):
    """The stored bytes of a sample do not decode."""


class SampleDecompressionError(DecodeError, CompressionError):
    """The bytes of a file do not decode."""


class CorruptedSampleError(SampleDecompressionError):
    """A file is not what its name or its header says."""


class SampleCompressionError(SampleError, CompressionError):
    """A sample cannot be encoded in the tensor's compression."""

    KIND = "invalid_input"


class SampleAppendError(SampleError):
    """A sample was not appended; the cause says why, and nothing was changed."""

    KIND = "invalid_input"


class SampleExtendError(SampleAppendError):
    """A batch was not appended; the cause says why, and nothing was changed."""


class SampleUpdateError(SampleError):
    """A sample was not changed; the cause says why."""

    KIND = "invalid_input"


class AllSamplesSkippedError(SampleError):
    """Every sample of a call with `ignore_errors=True` was bad."""

    KIND = "invalid_input"
