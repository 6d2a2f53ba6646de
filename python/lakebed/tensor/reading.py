"""Values of samples in the forms that users ask for; one call of the core for all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lakebed.errors import (
    DecodeError,
    DynamicTensorNumpyError,
    InvalidInputError,
    LakebedError,
    LimitExceededError,
    TensorDoesNotExistError,
)
from lakebed.htypes import HTYPES, documents, texts_of
from lakebed.links import LinkedSample
from lakebed.sample import Sample
from lakebed.settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakebed import _core
    from lakebed.tensor.index import Index, Rows

Array = npt.NDArray[Any]
_LISTS = {"list", "tag"}
# Sample compressions whose bytes are files.
_FILES = {"jpeg", "png"}


class Selection:
    """Some samples of one tensor, ready to be read.

    Args:
        core: The open dataset.
        name: The tensor.
        index: What is meant of it.

    Attributes:
        meta: The tensor's meta.
        rows: The numbers of the samples, (n,) int64.
    """

    __slots__ = ("core", "index", "meta", "name", "rows")

    def __init__(self, core: _core.Dataset, name: str, index: Index) -> None:
        self.core = core
        self.name = name
        self.index = index
        self.meta: Mapping[str, Any] = core.tensor_meta(name)
        try:
            self.rows: Rows = index.rows(core.num_samples(name))
        except LakebedError as error:
            error.at(path=core.path, tensor=name)
            raise

    @property
    def single(self) -> bool:
        """Whether one sample is meant, without the axis of samples."""
        return self.index.single

    @property
    def htype(self) -> str | None:
        """The base htype."""
        htype: str | None = self.meta["htype"]
        return htype

    @property
    def family(self) -> str:
        """How samples are stored: see `lakebed.htypes.table`. Links lead to numbers."""
        htype = self.htype
        if self.meta["is_link"] or htype is None or htype not in HTYPES:
            return "numeric"
        return HTYPES[htype].family

    def numpy(self, aslist: bool) -> Any:
        """Return arrays; see `Tensor.numpy`."""
        if not self.single and not len(self.rows):
            return [] if aslist else np.empty(0)
        if self.family == "numeric" and not (self.single or aslist or self.index.subs):
            return self.core.read(self.name, self.rows, "stack")
        if self.family == "text" and not (self.single or aslist or self.index.subs):
            return self._array_of(self.texts()).reshape(-1, 1)
        samples = self._samples()
        if self.index.subs:
            samples = [self.index.of(sample) for sample in samples]
        if self.single:
            return samples[0]
        return samples if aslist else self._stacked(samples)

    def _samples(self) -> Sequence[Array]:
        match self.family:
            case "text":
                texts = self.core.read(self.name, self.rows, "text")
                return [self._array_of([text]) for text in texts]
            case "json":
                values = self.values()
                if self.htype not in _LISTS:
                    values = [[value] for value in values]
                return [np.fromiter(value, object, len(value)) for value in values]
            case _:
                return self.core.read(self.name, self.rows, "list")

    def _stacked(self, samples: Sequence[Array]) -> Array:
        if any(sample.shape != samples[0].shape for sample in samples):
            message = "the samples have different shapes, which one array cannot hold"
            hint = "use numpy(aslist=True)"
            raise DynamicTensorNumpyError(message, path=self.core.path, tensor=self.name, hint=hint)
        return np.stack(samples)

    def texts(self) -> list[str]:
        """Return texts.

        Raises:
            InvalidInputError: Not a text tensor.
        """
        if self.family != "text":
            raise self._wrong("text tensors")
        return self.core.read(self.name, self.rows, "text")

    def values(self) -> list[Any]:
        """Return what JSON documents hold; lists for list and tag tensors."""
        values = self._documents(self.name)
        if self.htype in _LISTS:
            return [value if isinstance(value, list) else [value] for value in values]
        return values

    def dicts(self) -> list[Any]:
        """Return the values of a json tensor.

        Raises:
            InvalidInputError: Not a json tensor.
        """
        if self.family != "json" or self.htype in _LISTS:
            raise self._wrong("json tensors")
        return self.values()

    def lists(self) -> list[list[Any]]:
        """Return the values of a list or tag tensor.

        Raises:
            InvalidInputError: Not such a tensor.
        """
        if self.family != "json" or self.htype not in _LISTS:
            raise self._wrong("list and tag tensors")
        return self.values()

    def links(self) -> list[tuple[str, str | None]]:
        """Return paths and creds keys.

        Raises:
            InvalidInputError: Not a linked tensor.
        """
        if not self.meta["is_link"]:
            raise self._wrong("linked tensors")
        return self.core.read(self.name, self.rows, "path")

    def paths(self, aslist: bool) -> Any:
        """Return the paths of links as arrays; see `Tensor.path`."""
        paths = [path for path, _ in self.links()]
        if self.single:
            return self._array_of(paths)
        if aslist:
            return [self._array_of([path]) for path in paths]
        return self._array_of(paths).reshape(-1, 1)

    def stored(self) -> list[bytes]:
        """Return the stored bytes; of links those of their objects."""
        return self.core.read(self.name, self.rows, "bytes")

    def infos(self) -> list[dict[str, Any]] | None:
        """Return what files said of themselves; None where that is not kept."""
        group, slash, last = self.name.rpartition("/")
        companion = f"{group}{slash}_{last}_info"
        try:
            return self._documents(companion)
        except TensorDoesNotExistError:
            return None

    def _array_of(self, texts: list[str]) -> Array:
        """Return texts as one array, (n,) of str, if it has a size that memory is meant to have.

        Raises:
            LimitExceededError: Every text would be as wide as the longest, and that is too much.
        """
        # Numpy takes 4 bytes a character, and no width of 0.
        size = 4 * len(texts) * max(map(len, texts), default=1)
        limit = settings.max_text_array_bytes
        if size > limit:
            message = (
                f"{len(texts)} texts as one array take {size} bytes, as each is as wide as the "
                f"longest: over the limit of {limit} (LAKEBED_MAX_TEXT_ARRAY_BYTES)"
            )
            hint = "use text() or data(), or numpy(aslist=True), or raise the limit"
            raise LimitExceededError(message, path=self.core.path, tensor=self.name, hint=hint)
        return np.array(texts, np.str_)

    def _documents(self, name: str) -> list[Any]:
        """Return the documents of a tensor or its companion, decoded."""
        values: list[Any] = []
        try:
            for document in self.core.read(name, self.rows, "json"):
                values.append(documents.loads(document))  # noqa: PERF401 - its length is the index
        except DecodeError as error:
            index = int(self.rows[len(values)])
            raise error.at(path=self.core.path, tensor=name, index=index) from None
        return values

    def data(self, aslist: bool, class_names: Sequence[str]) -> dict[str, Any]:
        """Return values in their natural form; see `Tensor.data`."""
        match self.family:
            case "text":
                return {"value": self._one_or_all(self.texts())}
            case "json":
                return {"value": self._one_or_all(self.values())}
        value = self.numpy(aslist)
        data = {"value": value}
        if self.htype == "class_label":
            data["text"] = texts_of(value, class_names)
        elif (self.htype or "").partition(".")[0] == "image":
            infos = self.infos() or [{} for _ in self.rows]
            data["sample_info"] = self._one_or_all(infos)
        return data

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of each sample, of what the index leaves of it."""
        if not len(self.rows):
            return []
        if not (self.meta["max_shape"] or self.meta["is_link"]):
            # Nothing but None so far: nobody knows how many axes there are.
            return [self.index.shape_of(())] * len(self.rows)
        ndim = len(self.meta["max_shape"])
        shapes = map(tuple, self.core.shapes(self.name, self.rows))
        # An empty sample that nothing is known of has a length of 0 on every axis.
        full = ((0,) * ndim if shape == (0,) and ndim else shape for shape in shapes)
        return [self.index.shape_of(shape) for shape in full]

    def samples(self) -> list[Any]:
        """Return samples in the form in which another tensor stores the same."""
        if self.meta["is_link"]:
            return [LinkedSample(path, key) if path else None for path, key in self.links()]
        match self.family:
            case "text":
                return [*self.texts()]
            case "json":
                return self.values()
        if not self.meta["max_shape"]:
            return [None] * len(self.rows)
        if self.meta["sample_compression"] in _FILES and not self.index.subs:
            return [Sample(buffer=data) if data else None for data in self.stored()]
        values = self.numpy(aslist=True)
        return [values] if self.single else values

    def _one_or_all(self, values: list[Any]) -> Any:
        return values[0] if self.single else values

    def _wrong(self, kinds: str) -> InvalidInputError:
        message = f"only supported for {kinds}, and this is one of htype {self.htype!r}"
        return InvalidInputError(message, tensor=self.name)


class View(ABC):
    """What stands for samples of a tensor: the base of `Tensor`."""

    __slots__ = ()

    @abstractmethod
    def selection(self) -> Selection:
        """Return the samples that are meant, ready to be read."""
