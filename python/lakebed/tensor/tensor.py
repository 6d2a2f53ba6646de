"""A column of a dataset, whole or in part."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from lakebed import planned
from lakebed.errors import (
    DatasetCorruptError,
    InvalidInputError,
    InvalidOperationError,
    LimitExceededError,
    SampleAppendError,
)
from lakebed.htypes import HTYPES, HtypeName
from lakebed.tensor import writing
from lakebed.tensor.index import Index
from lakebed.tensor.meta import Meta
from lakebed.tensor.reading import Selection, View
from lakebed.tensor.shape import ShapeInterval
from lakebed.tensor.table import table

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Mapping

    from lakebed.tensor.handle import Handle
    from lakebed.tensor.info import Info


class Tensor(View):
    """A tensor, or the view of some of its samples that indexing makes.

    Nothing is read before a method asks for values. `t[5]`, `t[2:8]`, `t[[1, 3]]`, `t[mask]`,
    `t[-1]` choose samples; what follows in the brackets chooses inside of each: `t[2:8, :, 0]`.
    Indexing a view goes on from it.

    Args:
        handle: The open dataset.
        name: The tensor's full name.
        index: The samples that are meant.
    """

    __slots__ = ("_handle", "index", "name")

    def __init__(self, handle: Handle, name: str, index: Index | None = None) -> None:
        self._handle = handle
        self.name = name
        self.index = Index() if index is None else index

    # --- what there is

    @property
    def key(self) -> str:
        """The name under which the tensor is stored; its first name, as a rule."""
        key: str = self._meta["key"]
        return key

    @property
    def meta(self) -> Meta:
        """The fields of the tensor's meta, as they are now."""
        return Meta(self._handle.core.tensor_meta(self.name))

    @property
    def info(self) -> Info:
        """A free dictionary of the tensor, for example with `class_names`."""
        return self._handle.info(self.name)

    @info.setter
    def info(self, value: Mapping[str, Any]) -> None:
        self._handle.info(self.name).replace(value)

    @property
    def htype(self) -> str | None:
        """The htype with its wrappers, such as "link[image]"; None before the first sample."""
        meta = self._meta
        if meta["htype"] is None:
            return None
        return str(HtypeName(meta["htype"], meta["is_link"], meta["is_sequence"]))

    @htype.setter
    def htype(self, value: str) -> NoReturn:
        planned.refuse(f"changing the htype of a tensor (to {value!r})")

    @property
    def base_htype(self) -> str | None:
        """The htype without wrappers; None before the first sample."""
        htype: str | None = self._meta["htype"]
        return htype

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of the elements, that of str for text and JSON; None before it is known."""
        meta = self._meta
        if meta["htype"] in HTYPES and HTYPES[meta["htype"]].family in {"text", "json"}:
            return np.dtype(str)
        name = meta["typestr"] or meta["dtype"]
        try:
            return None if name is None else np.dtype(name)
        except (TypeError, ValueError) as error:
            message = f"the meta of tensor {self.name!r} has the dtype {name!r}, which is none"
            raise DatasetCorruptError(message, path=self._handle.path, tensor=self.name) from error

    @property
    def is_link(self) -> bool:
        """Whether samples are links."""
        return bool(self._meta["is_link"])

    @property
    def is_sequence(self) -> bool:
        """Whether samples are sequences."""
        return bool(self._meta["is_sequence"])

    @property
    def verify(self) -> bool:
        """Whether links are opened when they are appended."""
        return self.is_link and bool(self._meta["verify"])

    @property
    def hidden(self) -> bool:
        """Whether the tensor is a helper of another."""
        return bool(self._meta["hidden"])

    @property
    def num_samples(self) -> int:
        """The length of the whole tensor, also where this is a view."""
        return self._handle.core.num_samples(self.name)

    @property
    def sample_indices(self) -> Iterator[int]:
        """The numbers of the view's samples."""
        return iter(self.index.rows(self.num_samples).tolist())

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The number of samples and the shape of each, None on axes where they differ.

        Of one sample (`t[3].shape`), its own shape.
        """
        if self.index.single:
            return self.selection().shapes()[0]
        return self.shape_interval.astuple()

    @property
    def shape_interval(self) -> ShapeInterval:
        """The smallest and largest lengths on every axis."""
        meta = self._meta
        if meta["is_sequence"]:
            planned.refuse("shapes of sequence tensors")
        if not self.index.is_all:
            chosen = self.selection()
            shapes = chosen.shapes()
            if shapes or self.index.subs:
                return ShapeInterval.of(len(shapes), shapes)
            return ShapeInterval((0, *meta["min_shape"]), (0, *meta["max_shape"]))
        count = self.num_samples
        return ShapeInterval((count, *meta["min_shape"]), (count, *meta["max_shape"]))

    @property
    def ndim(self) -> int:
        """The number of axes of `shape`."""
        return len(self.shape)

    @property
    def size(self) -> int | None:
        """The number of elements; None where shapes differ."""
        lengths = [length for length in self.shape if length is not None]
        return math.prod(lengths) if len(lengths) == self.ndim else None

    @property
    def is_dynamic(self) -> bool:
        """Whether samples have different shapes."""
        return None in self.shape

    @property
    def is_empty_tensor(self) -> bool:
        """Whether no sample has said yet what shapes here look like."""
        meta = self._meta
        return not meta["length"] or not (meta["is_link"] or meta["max_shape"])

    @property
    def sample_info(self) -> Any:
        """What files said of themselves (format, EXIF, ...): a dict, or a list of dicts.

        None where the tensor does not keep it. Cost: one read of the hidden info tensor.
        """
        infos = self.selection().infos()
        return infos[0] if infos and self.index.single else infos

    # --- values

    def numpy(self, aslist: bool = False, fetch_chunks: bool = False) -> Any:
        """Read the samples as arrays.

        Args:
            aslist: Return a list of arrays, which may differ in shape.
            fetch_chunks: Accepted; what is fetched is decided by what costs less.

        Returns:
            A new array (n, *shape) of the tensor's dtype; of one sample, (*shape). Text is an array
            (1,) of str a sample, json (1,) of objects, list and tag (length,) of objects. An empty
            sample has lengths of 0.

        Raises:
            DynamicTensorNumpyError: The shapes differ, and `aslist` is False.
            EmptyTensorError: No sample has ever been more than None.
            SampleError: A sample cannot be read or decoded; the lowest index of those that failed.
            LimitExceededError: A sample is larger than `lakebed.settings.max_sample_bytes`, or the
                texts as one array larger than `max_text_array_bytes`; or memory is too small.

        Cost: At most one request a chunk, one a link; many at a time.
        """
        del fetch_chunks
        return self.selection().numpy(aslist)

    def data(self, aslist: bool = False, fetch_chunks: bool = False) -> builtins.dict[str, Any]:
        """Read the samples in their natural form.

        Args:
            aslist: As in `numpy`.
            fetch_chunks: As in `numpy`.

        Returns:
            A dict with "value": text as str, json, list and tag as what they hold, else arrays as
            from `numpy`. Class labels have "text" too, their names; images "sample_info".
        """
        del fetch_chunks
        chosen = self.selection()
        names = self._handle.class_names(self.name) if chosen.htype == "class_label" else []
        return chosen.data(aslist, names)

    def text(self, fetch_chunks: bool = False) -> Any:
        """Read a text tensor: a str, or a list of them."""
        del fetch_chunks
        return self._one_or_all(self.selection().texts())

    def dict(self, fetch_chunks: bool = False) -> Any:
        """Read a json tensor: one value, or a list of them."""
        del fetch_chunks
        return self._one_or_all(self.selection().dicts())

    def list(self, fetch_chunks: bool = False) -> Any:
        """Read a list or tag tensor: a list, or a list of lists."""
        del fetch_chunks
        return self._one_or_all(self.selection().lists())

    def tobytes(self) -> bytes:
        """Read the stored bytes of one sample; of a link, those of the object.

        Raises:
            InvalidInputError: The view is not of exactly one sample.
        """
        if not self.index.single or self.index.subs:
            raise InvalidInputError(
                "tobytes() can be used only on exactly 1 sample, such as t[0]", tensor=self.name
            )
        return self.selection().stored()[0]

    def path(self, aslist: bool = True, fetch_chunks: bool = False) -> Any:
        """Read where the links of a linked tensor lead.

        Args:
            aslist: Return a list of arrays; else one array.
            fetch_chunks: As in `numpy`.

        Returns:
            An array (1,) of str a link, or (n, 1) of all; the text is empty for an empty sample.
        """
        del fetch_chunks
        return self.selection().paths(aslist)

    def creds_key(self) -> Any:
        """Read the name of the credentials of a link: a str or None, or a list of them."""
        return self._one_or_all([key for _, key in self.selection().links()])

    def shapes(self) -> npt.NDArray[np.int32]:
        """Return the shapes of the samples, (n, ndim) int32, without reading them."""
        shapes = self.selection().shapes()
        ndim = max(map(len, shapes), default=len(self._meta["max_shape"]))
        padded = [shape + (0,) * (ndim - len(shape)) for shape in shapes]
        try:
            return np.array(padded, np.int32).reshape(len(shapes), ndim)
        except OverflowError as error:
            message = f"a sample of tensor {self.name!r} has an axis over 2^31 - 1, beyond int32"
            hint = "read them one by one: t[i].shape"
            raise LimitExceededError(
                message, path=self._handle.path, tensor=self.name, hint=hint
            ) from error

    def selection(self) -> Selection:
        """Return the samples that are meant, ready to be read."""
        return Selection(self._handle.core, self.name, self.index)

    def summary(self) -> None:
        """Print htype, shape, dtype and compression."""
        columns = ["htype", "shape", "dtype", "compression"]
        print(f"{self!r}\n{table(columns, [self.described()])}")  # noqa: T201 (what it is for)

    def described(self) -> builtins.list[str]:
        """Return htype, shape, dtype and compression as a summary shows them."""
        meta = self._meta
        dtype = self.dtype
        compression = meta["sample_compression"] or meta["chunk_compression"]
        if meta["is_sequence"]:
            shape = f"({len(self)}, ...)"
        else:
            shape = repr(self.shape if self.index.single else self.shape_interval)
        name = "None" if dtype is None else "str" if dtype.kind == "U" else dtype.name
        return [str(self.htype), shape, name, str(compression)]

    # --- changes

    def append(self, sample: Any) -> None:
        """Add one sample.

        Args:
            sample: A number, an array, text, a value for JSON, `deeplake.read(...)`,
                `deeplake.link(...)`, a sample of another tensor; None for an empty one.

        Raises:
            SampleAppendError: It does not fit. The cause says why; nothing was changed.
            InvalidOperationError: This is a view.
            ReadOnlyModeError: The dataset is read-only.

        Cost: A flush, unless inside of `with ds:`.
        """
        self._require_whole("append")
        writing.write(self._handle, {self.name: [writing.one_of(sample)]}, SampleAppendError)

    def extend(self, samples: Any, progressbar: bool = False, ignore_errors: bool = False) -> None:
        """Add many samples; all or none of them.

        Args:
            samples: An array (n, ...), a list with one entry a sample, or another tensor.
            progressbar: Show one.
            ignore_errors: Not there yet.

        Raises:
            SampleAppendError: A sample does not fit; `index` is its number in `samples`.
            InvalidOperationError: This is a view.
            ReadOnlyModeError: The dataset is read-only.
            UnsupportedFeatureError: `ignore_errors` is asked for.

        Cost: A flush, unless inside of `with ds:`. Links are opened many at a time.
        """
        self._require_whole("extend")
        if ignore_errors:
            planned.refuse("extend(ignore_errors=True)")
        given = writing.samples_of(samples)
        writing.write(self._handle, {self.name: given}, SampleAppendError, progressbar=progressbar)

    # --- Python's own

    def __getitem__(self, key: Any) -> Tensor:
        return Tensor(self._handle, self.name, self.index.then(key, self.num_samples))

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        planned.refuse("changing samples (tensor[...] = value)")

    def __len__(self) -> int:
        return self.index.count(self.num_samples)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Tensor]:
        for number in range(len(self)):
            yield self[number]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if copy is False:
            raise InvalidInputError("a tensor cannot be an array without being read")
        array: npt.NDArray[Any] = np.asarray(self.numpy())
        return array if dtype is None else array.astype(dtype, copy=False)

    def __getattr__(self, name: str) -> Any:
        if name in planned.TENSOR_METHODS:
            return planned.method("Tensor", name)
        if name in planned.TENSOR_PROPERTIES:
            planned.refuse(f"Tensor.{name}")
        raise AttributeError(f"'Tensor' object has no attribute {name!r}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        same = self._handle is other._handle and self.name == other.name
        return same and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self._handle), self.name))

    def __reduce__(self) -> tuple[type[Tensor], tuple[Handle, str, Index]]:
        """Pickle as a read-only view; see `Dataset.__reduce__`."""
        return Tensor, (self._handle, self.name, self.index)

    def __repr__(self) -> str:
        index = "" if self.index.is_all else f", index={self.index!r}"
        return f"Tensor(key={self.name!r}{index})"

    @property
    def _meta(self) -> builtins.dict[str, Any]:
        return self._handle.core.tensor_meta(self.name)

    def _one_or_all(self, values: builtins.list[Any]) -> Any:
        return values[0] if self.index.single else values

    def _require_whole(self, call: str) -> None:
        if not self.index.is_all:
            message = f"{call} cannot be called on a view of a tensor"
            raise InvalidOperationError(message, tensor=self.name)
