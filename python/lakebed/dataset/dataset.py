"""A dataset, a group of it, or a view of some of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

from lakebed import planned
from lakebed.dataset import creating, removal, rows
from lakebed.dataset.credentials import WithCreds
from lakebed.dataset.history import WithHistory
from lakebed.dataset.tree import Tree
from lakebed.errors import (
    InvalidKeyTypeError,
    InvalidOperationError,
    SampleAppendingError,
    TensorDoesNotExistError,
)
from lakebed.htypes import UNSPECIFIED, TensorSettings
from lakebed.tensor import Handle, Index, Meta, Tensor, mask_rows
from lakebed.tensor.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from lakebed.storage import Storage
    from lakebed.tensor import Info


class Dataset(WithHistory, WithCreds):
    """An open dataset. Made by `load`, `empty` and `dataset`, not by calling the class.

    Tensors and groups are attributes and items: `ds.images`, `ds["group/images"]`. Rows are chosen
    as in `Tensor`: `ds[7]`, `ds[::-2]`; a view of rows means for each tensor what its own length
    makes of it. Inside of `with ds:` changes are written at the end, all at once; outside, each
    call writes its own. Safe to use from several threads; pickles as a read-only dataset.

    Args:
        handle: The open dataset.
        tree: Which tensors are seen, under which names.
        index: Which rows are.
    """

    def __init__(self, handle: Handle, tree: Tree, index: Index | None = None) -> None:
        super().__init__(handle)
        self._tree = tree
        self.index = Index() if index is None else index

    # --- what there is

    @property
    def path(self) -> str:
        """The path as it was given, without the address."""
        return self._handle.path

    @property
    def storage(self) -> Storage:
        """What the dataset is stored in: provider, endpoint, identity and counters; no secrets."""
        return self._handle.source.storage

    @property
    def read_only(self) -> bool:
        """Whether changes are refused. Setting it opens the dataset again, with or without lock."""
        return self._handle.read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._handle.set_read_only(bool(value))

    @property
    def allow_delete(self) -> bool:
        """Whether the dataset may be deleted as a whole. It is stored with the dataset."""
        return self._handle.core.allow_delete

    @allow_delete.setter
    def allow_delete(self, value: bool) -> None:
        self._handle.require_writable()
        with self._handle.changing():
            self._handle.core.set_allow_delete(bool(value))
            self._handle.changed()

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name, without hidden ones."""
        return {
            name: Tensor(self._handle, self._tree.full(name), self.index)
            for name in self._tree.tensor_names()
        }

    @property
    def groups(self) -> dict[str, Dataset]:
        """The groups of this level by name."""
        return {
            name: Dataset(self._handle, self._tree.group(name), self.index)
            for name in self._tree.group_names()
        }

    @property
    def group_index(self) -> str:
        """The group's full name; empty for the dataset itself."""
        return self._tree.prefix

    @property
    def root(self) -> Dataset:
        """The dataset that this is a group of."""
        return Dataset(self._handle, Tree(self._handle), self.index)

    @property
    def parent(self) -> Dataset | None:
        """The group or dataset that this is a group of; None for the dataset itself."""
        if not self._tree.prefix:
            return None
        return Dataset(self._handle, self._tree.parent(), self.index)

    @property
    def meta(self) -> Meta:
        """What `dataset_meta.json` lists: tensors, hidden tensors and groups, as they are now."""
        return Meta(Tree(self._handle).meta())

    @property
    def info(self) -> Info:
        """A free dictionary of the dataset."""
        return self._handle.info(None)

    @info.setter
    def info(self, value: Mapping[str, Any]) -> None:
        self._handle.info(None).replace(value)

    @property
    def num_samples(self) -> int:
        """The length of the shortest tensor, also where this is a view."""
        return min(self._tree.lengths(), default=0)

    @property
    def min_len(self) -> int:
        """The length of the shortest tensor of the view."""
        return min(map(self.index.count, self._tree.lengths()), default=0)

    @property
    def max_len(self) -> int:
        """The length of the longest tensor of the view."""
        return max(map(self.index.count, self._tree.lengths()), default=0)

    @property
    def is_view(self) -> bool:
        """Whether rows or tensors were chosen."""
        return not self.index.is_all or self._tree.chosen is not None

    @property
    def sample_indices(self) -> Iterator[int]:
        """The numbers of the view's rows."""
        return iter(self.index.rows(self.num_samples).tolist())

    # --- structure

    def create_tensor(
        self,
        name: str,
        htype: str = UNSPECIFIED,
        dtype: Any = UNSPECIFIED,
        sample_compression: str | None = UNSPECIFIED,
        chunk_compression: str | None = UNSPECIFIED,
        hidden: bool = False,
        create_sample_info_tensor: bool = True,
        create_shape_tensor: bool = True,
        create_id_tensor: bool = True,
        verify: bool = True,
        exist_ok: bool = False,
        verbose: bool = True,
        downsampling: tuple[int, int] | None = None,
        tiling_threshold: int | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Add a tensor.

        Args:
            name: Its name; "a/b" makes it part of group "a", which is made where needed.
            htype: What the samples are, such as "image" or "link[image]". Without it, the first
                samples decide: generic, text or json.
            dtype: Of the elements; without it, the htype's or the first sample's. For json and list
                tensors a schema, such as "Dict[str, int]".
            sample_compression: "jpeg", "png" or "lz4", for every sample by itself.
            chunk_compression: "lz4", for many samples at once.
            hidden: Do not list it.
            create_sample_info_tensor: Keep what files say of themselves (images, masks).
            create_shape_tensor: Keep shapes in a hidden tensor.
            create_id_tensor: Keep an identity of every row, which merging needs.
            verify: Open links when they are appended.
            exist_ok: Return a tensor of that name with the same settings, if there is one.
            verbose: Accepted.
            downsampling: Not there yet.
            tiling_threshold: Samples of more bytes are cut into tiles; -1 never.
            **kwargs: Settings of the htype (`class_names`, `coords`, `keypoints`, `connections`,
                `intrinsics`), and `max_chunk_size` in bytes.

        Raises:
            MetaError: The settings contradict each other or the htype.
            TensorAlreadyExistsError: There is a tensor of that name.
            InvalidTensorNameError: The name is empty, or that of an attribute of datasets.
            UnsupportedFeatureError: Something in the settings is not there yet.

        Source: format 1.4, 1.5, 6.1.
        """
        del verbose
        self._require_whole("create_tensor")
        kinds = (htype, dtype, sample_compression, chunk_compression, hidden)
        companions = (create_sample_info_tensor, create_shape_tensor, create_id_tensor)
        settings = TensorSettings(
            *kinds, *companions, verify, downsampling, tiling_threshold, kwargs
        )
        place = (self._handle, self._tree, type(self))
        with self._handle.changing():
            full = creating.create_tensor(*place, name, settings, exist_ok)
        return Tensor(self._handle, full)

    # The requirement pages write it so.
    create_tensors = create_tensor

    def create_group(self, name: str, exist_ok: bool = False) -> Dataset:
        """Add a group, and those that it lies in.

        Args:
            name: Its name; "a/b" makes it part of group "a".
            exist_ok: Return a group of that name, if there is one.

        Raises:
            TensorGroupAlreadyExistsError: There is a group of that name.
            TensorAlreadyExistsError: There is a tensor of that name.
            InvalidTensorGroupNameError: The name is empty, or that of an attribute of datasets.
            ReadOnlyModeError: The dataset is read-only.
        """
        self._require_whole("create_group")
        place = (self._handle, self._tree, type(self))
        with self._handle.changing():
            found = creating.create_group(*place, name, exist_ok)
        return Dataset(self._handle, self._tree.group(found))

    # --- rows

    def append(
        self, sample: Mapping[str, Any] | Dataset, skip_ok: bool = False, append_empty: bool = False
    ) -> None:
        """Add one row.

        Args:
            sample: Tensor names to samples, or a row of another dataset.
            skip_ok: Tensors that the row does not name stay as they are.
            append_empty: They get an empty sample.

        Raises:
            SampleAppendError: A sample does not fit. The cause says why; nothing was changed.
            MissingTensorsError: The row lacks tensors.
            TensorDoesNotExistError: The row names a tensor that does not exist.
            InvalidInputError: The tensors have different lengths already.
            InvalidOperationError: This is a view.
            ReadOnlyModeError: The dataset is read-only.

        Cost: A flush, unless inside of `with ds:`.
        """
        self._require_whole("append")
        given = _columns(sample)
        rows.append(self._handle, self._tree, given, skip_ok=skip_ok, append_empty=append_empty)

    def extend(
        self,
        samples: Mapping[str, Any] | Dataset,
        skip_ok: bool = False,
        append_empty: bool = False,
        ignore_errors: bool = False,
        progressbar: bool = False,
    ) -> None:
        """Add many rows; all or none of them.

        Args:
            samples: Tensor names to columns of equal length, or a view of another dataset.
            skip_ok: Tensors that are not named stay as they are.
            append_empty: They get empty samples.
            ignore_errors: Not there yet.
            progressbar: Show one.

        Raises:
            SampleExtendError: A sample does not fit; `tensor` and `index` say which.
            MissingTensorsError: Tensors are missing.
            TensorDoesNotExistError: A tensor does not exist.
            InvalidInputError: The columns, or the tensors, have different lengths.
            InvalidOperationError: This is a view.
            ReadOnlyModeError: The dataset is read-only.
            UnsupportedFeatureError: `ignore_errors` is asked for.

        Cost: A flush, unless inside of `with ds:`. Links are opened many at a time.
        """
        self._require_whole("extend")
        if ignore_errors:
            planned.refuse("extend(ignore_errors=True)")
        rows.extend(
            self._handle,
            self._tree,
            _columns(samples),
            skip_ok=skip_ok,
            append_empty=append_empty,
            progressbar=progressbar,
        )

    # --- the end of things

    def flush(self) -> None:
        """Write what waits."""
        self._handle.flush()

    def maybe_flush(self) -> None:
        """Write what waits, unless inside of `with ds:`."""
        self._handle.changed()

    def close(self) -> None:
        """Write what waits, release the write lock, and refuse whatever comes later.

        Raises:
            LakebedError: Something could not be stored, and is lost; the dataset is closed.
        """
        self._handle.close()

    def delete(self, large_ok: bool = False) -> None:
        """Delete the dataset. It is closed then.

        Raises:
            DatasetTooLargeToDelete: It has more than a gigabyte, and `large_ok` is False.
            ReadOnlyModeError: It is open read-only.
        """
        self._require_whole("delete")
        removal.delete_open(self._handle, large_ok=large_ok)

    def summary(self, force: bool = False) -> None:
        """Print the tensors with htype, shape, dtype and compression."""
        del force
        columns = ["tensor", "htype", "shape", "dtype", "compression"]
        lines = [[name, *tensor.described()] for name, tensor in self.tensors.items()]
        print(f"{self!r}\n{table(columns, lines)}")  # noqa: T201 (what it is for)

    # --- Python's own

    def __getitem__(self, key: Any) -> Any:
        names = key if isinstance(key, list) else ()
        if isinstance(key, str):
            return self._named(key)
        if names and all(isinstance(name, str) for name in names):
            return Dataset(self._handle, self._tree.choose(names), self.index)
        if isinstance(key, tuple) and any(isinstance(part, str) for part in key):
            hint = "take the tensor first: ds['name'][3]"
            raise InvalidKeyTypeError(f"{key!r} mixes names and rows", hint=hint)
        key = mask_rows(key, (self.min_len, self.max_len))
        longest = max(self._tree.lengths(), default=0)
        return Dataset(self._handle, self._tree, self.index.then(key, longest))

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        planned.refuse("setting items of a dataset (ds[...] = value)")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"'Dataset' object has no attribute {name!r}")
        try:
            return self._named(name)
        except TensorDoesNotExistError:
            if name in planned.DATASET_METHODS:
                return planned.method("Dataset", name)
            if name in planned.DATASET_PROPERTIES:
                planned.refuse(f"Dataset.{name}")
            raise

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._tree.has_tensor(name)

    def __len__(self) -> int:
        return self.min_len

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Dataset]:
        for number in range(len(self)):
            yield self[number]

    def __enter__(self) -> Self:
        self._handle.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._handle.leave()

    def __reduce__(self) -> tuple[type[Dataset], tuple[Handle, Tree, Index]]:
        """Pickle what it takes to open the dataset again, read-only.

        That is the path, the commit that is open, the options, and credentials that were given to
        `load` or `populate_creds` as a dict; never those of the environment. What waits is flushed
        first. Tensors and views that are pickled together share one handle.

        Raises:
            InvalidInputError: A `mem://` dataset.
            ClosedError: It was closed.
        """
        return type(self), (self._handle, self._tree, self.index)

    def __dir__(self) -> list[str]:
        if self._handle.closed:
            return [*super().__dir__()]
        names = [name for name in self._ipython_key_completions_() if name.isidentifier()]
        return [*super().__dir__(), *names]

    def _ipython_key_completions_(self) -> list[str]:
        return [*self._tree.tensor_names(), *self._tree.group_names()]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dataset):
            return NotImplemented
        same = self._handle is other._handle and self._tree == other._tree
        return same and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self._handle), self._tree.prefix))

    def __repr__(self) -> str:
        parts = [f"path={self.path!r}"]
        if self._handle.closed:
            return f"Dataset({parts[0]}, closed=True)"
        if self.read_only:
            parts.append("read_only=True")
        if not self.index.is_all:
            parts.append(f"index={self.index!r}")
        if self._tree.prefix:
            parts.append(f"group_index={self._tree.prefix!r}")
        parts.append(f"tensors={self._tree.tensor_names()!r}")
        return f"Dataset({', '.join(parts)})"

    def _named(self, name: str) -> Tensor | Dataset:
        """Return a tensor or a group."""
        found = self._tree.find(name)
        if isinstance(found, Tree):
            return Dataset(self._handle, found, self.index)
        return Tensor(self._handle, found, self.index)

    def _require_whole(self, call: str) -> None:
        if self.is_view:
            message = f"{call} cannot be called on a view of a dataset"
            raise InvalidOperationError(message, path=self.path)


def _columns(given: Any) -> Mapping[str, Any]:
    """Return the columns of what was given to append or extend."""
    if isinstance(given, Dataset):
        return given.tensors
    if not hasattr(given, "keys"):
        message = f"samples are given as a dict with one entry a tensor, not {type(given).__name__}"
        raise SampleAppendingError(message)
    mapping: Mapping[str, Any] = given
    return mapping
