"""The names that programs written for the reference import and catch."""

from __future__ import annotations

import builtins
import importlib
from typing import TYPE_CHECKING

import pytest

from lakebed import errors
from lakebed.as_deeplake import MODULES, ROOT

if TYPE_CHECKING:
    from tests.reference.client import Reference

pytestmark = pytest.mark.reference

# Of our own, or in other modules of the reference.
OURS = {"LinkedSample", "Sample", "errors", "install_as_deeplake", "settings"}
# Exceptions of the reference's inner workings, which no caller sees, of the hosted vector store and
# its models, and of Kaggle.
LEFT_OUT = frozenset(
    "BufferError ChunkEngineError ChunkIdEncoderError ChunkSizeTooSmallError CorruptedMetaError "
    "DeepMemoryAccessError ExternalCommandError FullChunkError IncorrectEmbeddingShapeError "
    "IncorrectQueriesTypeError IncorrectRelevanceTypeError KaggleDatasetAlreadyDownloadedError "
    "KaggleError KaggleMissingCredentialsError MetaAlreadyExistsError OutOfChunkCountError "
    "OutOfSampleCountError ProviderListEmptyError ProviderSizeListMismatch "
    "ValidationDatasetMissingError".split()
)


def test_the_modules_of_the_alias_are_those_of_the_reference(reference: Reference) -> None:
    theirs = reference.call("names_of", modules=list(MODULES))
    for name, (source, names) in MODULES.items():
        if source == "lakebed.errors":
            continue
        ours = importlib.import_module(source).__all__ if names is None else names
        missing = set(ours) - set(theirs[name]) - (OURS if name == ROOT else set())
        assert missing == set(), name


def test_every_exception_is_caught_by_what_caught_it(reference: Reference) -> None:
    theirs = reference.call("exception_bases")
    assert len(theirs) > 100
    assert set(theirs) - set(errors.__all__) == LEFT_OUT
    for name, bases in theirs.items():
        if name in LEFT_OUT:
            continue
        ours = getattr(errors, name)
        for base in bases:
            caught_as = getattr(errors, base, None) or getattr(builtins, base)
            assert issubclass(ours, caught_as), f"{name} is no {base}"
