"""The exceptions of lakebed, told apart by what a handler would do about them.

    LakebedError                                everything raised on purpose
    ├── InvalidInputError (ValueError)          an argument that cannot be right
    │   ├── IndexOutOfRangeError (IndexError)
    │   ├── InvalidTypeError (TypeError)        InvalidKeyTypeError · SampleAppendingError
    │   ├── DynamicTensorNumpyError · EmptyTensorError · InvalidOperationError
    │   ├── TensorDtypeMismatchError · TensorInvalidSampleShapeError · JsonValidationError
    │   ├── TensorMetaInvalid… · TensorMetaMissingRequiredValue · InvalidTensorNameError · …
    │   └── UnsupportedCompressionError
    ├── NotFoundError
    │   ├── DatasetNotFoundError (FileNotFoundError, DatasetHandlerError)
    │   ├── TensorDoesNotExistError · TensorGroupDoesNotExistError (KeyError, AttributeError)
    │   ├── CheckoutError (VersionControlError)
    │   └── ObjectNotFoundError · BucketNotFoundError (StorageError, FileNotFoundError)
    ├── AlreadyExistsError
    │   ├── DatasetExistsError (DatasetHandlerError) · PathNotEmptyException
    │   └── TensorAlreadyExistsError · TensorGroupAlreadyExistsError · CredsKeyExistsError
    ├── AuthError
    │   ├── AuthenticationError                 who are you?
    │   ├── AuthorizationError                  you may not
    │   ├── TokenExpiredError
    │   └── MissingCredsError (ValueError)      a creds key unknown, or without secrets
    ├── ReadOnlyError (ReadOnlyModeError) · LockedError (LockedException) · ConflictError
    ├── StorageError (OSError)
    │   └── TransientStorageError               retried, gave up
    ├── FormatError
    │   ├── CorruptError                        file, offset
    │   │   └── DatasetCorruptError · GetChunkError
    │   └── UnsupportedVersionError
    ├── SampleError                             tensor, index
    │   ├── DecodeError (ReadSampleFromChunkError, CorruptedSampleError)
    │   ├── LinkError (GetDataFromLinkError, BadLinkError)     url without secrets, creds key
    │   └── SampleReadError · SampleAppendError (SampleExtendError)
    ├── UnsupportedFeatureError (NotImplementedError)          not there yet, named
    ├── LimitExceededError · ClosedError (ValueError) · InterruptedByCallerError
    ├── HubError                                status, code
    └── InternalError                           a defect of lakebed

Names that Deep Lake v3 used stand in the branch they belong to, so that old `except` clauses keep
working. Every error has `kind` (a stable code), `hint`, `failures` (of a batch, at most 100, lowest
index first) and the place where it happened: `path`, `tensor`, `index`, `url`, `creds_key`,
`file`, `offset`, each None where it means nothing. Causes are chained as `__cause__`; what to do
next, and the place in files, stand in the notes (PEP 678). No message holds a secret.

The classes are cut in two files (`_tree`: ours, `_v3`: the names of v3); `_convert` is the one
place where an error of the core becomes an exception.
"""

from lakebed.errors._convert import KINDS, from_core
from lakebed.errors._tree import (
    AlreadyExistsError,
    AuthenticationError,
    AuthError,
    AuthorizationError,
    ClosedError,
    ConflictError,
    CorruptError,
    DecodeError,
    FormatError,
    HubError,
    InternalError,
    InterruptedByCallerError,
    InvalidInputError,
    InvalidTypeError,
    LakebedError,
    LimitExceededError,
    LinkError,
    LockedError,
    NotFoundError,
    ReadOnlyError,
    SampleError,
    StorageError,
    TokenExpiredError,
    TransientStorageError,
    UnsupportedFeatureError,
    UnsupportedVersionError,
)
from lakebed.errors._v3 import (
    AuthorizationException,
    BadLinkError,
    BucketNotFoundError,
    CheckoutError,
    CorruptedSampleError,
    CouldNotCreateNewDatasetException,
    CredsKeyExistsError,
    DatasetCorruptError,
    DatasetExistsError,
    DatasetHandlerError,
    DatasetNotFoundError,
    DatasetTooLargeToDelete,
    DynamicTensorNumpyError,
    EmptyTensorError,
    GetChunkError,
    GetDataFromLinkError,
    IndexOutOfRangeError,
    InvalidDatasetNameException,
    InvalidHubPathException,
    InvalidKeyTypeError,
    InvalidOperationError,
    InvalidTensorGroupNameError,
    InvalidTensorNameError,
    JsonValidationError,
    LockedException,
    MetaError,
    MissingCredsError,
    MissingTensorsError,
    ObjectNotFoundError,
    PathNotEmptyException,
    ReadOnlyModeError,
    ReadSampleFromChunkError,
    S3DeletionError,
    S3Error,
    S3GetAccessError,
    S3GetError,
    S3ListError,
    S3SetError,
    SampleAppendError,
    SampleAppendingError,
    SampleCompressionError,
    SampleDecompressionError,
    SampleExtendError,
    SampleReadError,
    StorageAuthenticationError,
    StorageAuthorizationError,
    StorageCredentialsExpiredError,
    TensorAlreadyExistsError,
    TensorDoesNotExistError,
    TensorDtypeMismatchError,
    TensorGroupAlreadyExistsError,
    TensorGroupDoesNotExistError,
    TensorInvalidSampleShapeError,
    TensorMetaInvalidHtype,
    TensorMetaInvalidHtypeOverwriteKey,
    TensorMetaInvalidHtypeOverwriteValue,
    TensorMetaMissingRequiredValue,
    TensorMetaMutuallyExclusiveKeysError,
    UnableToReadFromUrlError,
    UnsupportedCompressionError,
    VersionControlError,
)

__all__ = [
    "KINDS",
    "AlreadyExistsError",
    "AuthError",
    "AuthenticationError",
    "AuthorizationError",
    "AuthorizationException",
    "BadLinkError",
    "BucketNotFoundError",
    "CheckoutError",
    "ClosedError",
    "ConflictError",
    "CorruptError",
    "CorruptedSampleError",
    "CouldNotCreateNewDatasetException",
    "CredsKeyExistsError",
    "DatasetCorruptError",
    "DatasetExistsError",
    "DatasetHandlerError",
    "DatasetNotFoundError",
    "DatasetTooLargeToDelete",
    "DecodeError",
    "DynamicTensorNumpyError",
    "EmptyTensorError",
    "FormatError",
    "GetChunkError",
    "GetDataFromLinkError",
    "HubError",
    "IndexOutOfRangeError",
    "InternalError",
    "InterruptedByCallerError",
    "InvalidDatasetNameException",
    "InvalidHubPathException",
    "InvalidInputError",
    "InvalidKeyTypeError",
    "InvalidOperationError",
    "InvalidTensorGroupNameError",
    "InvalidTensorNameError",
    "InvalidTypeError",
    "JsonValidationError",
    "LakebedError",
    "LimitExceededError",
    "LinkError",
    "LockedError",
    "LockedException",
    "MetaError",
    "MissingCredsError",
    "MissingTensorsError",
    "NotFoundError",
    "ObjectNotFoundError",
    "PathNotEmptyException",
    "ReadOnlyError",
    "ReadOnlyModeError",
    "ReadSampleFromChunkError",
    "S3DeletionError",
    "S3Error",
    "S3GetAccessError",
    "S3GetError",
    "S3ListError",
    "S3SetError",
    "SampleAppendError",
    "SampleAppendingError",
    "SampleCompressionError",
    "SampleDecompressionError",
    "SampleError",
    "SampleExtendError",
    "SampleReadError",
    "StorageAuthenticationError",
    "StorageAuthorizationError",
    "StorageCredentialsExpiredError",
    "StorageError",
    "TensorAlreadyExistsError",
    "TensorDoesNotExistError",
    "TensorDtypeMismatchError",
    "TensorGroupAlreadyExistsError",
    "TensorGroupDoesNotExistError",
    "TensorInvalidSampleShapeError",
    "TensorMetaInvalidHtype",
    "TensorMetaInvalidHtypeOverwriteKey",
    "TensorMetaInvalidHtypeOverwriteValue",
    "TensorMetaMissingRequiredValue",
    "TensorMetaMutuallyExclusiveKeysError",
    "TokenExpiredError",
    "TransientStorageError",
    "UnableToReadFromUrlError",
    "UnsupportedCompressionError",
    "UnsupportedFeatureError",
    "UnsupportedVersionError",
    "VersionControlError",
    "from_core",
]

# Users meet the classes here: in tracebacks, and in pickles that outlive our files.
for _name in __all__:
    if isinstance(_class := globals()[_name], type):
        _class.__module__ = __name__
