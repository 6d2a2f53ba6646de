"""The API of Deep Lake v3 that is not there yet: named, so that its use says so.

One table instead of forty functions; a name leaves it when the feature comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from lakebed.errors import UnsupportedFeatureError

if TYPE_CHECKING:
    from collections.abc import Callable

MODULE_FUNCTIONS = frozenset(
    "compose compute connect copy deepcopy export_yolo ingest_classification ingest_coco "
    "ingest_dataframe ingest_huggingface ingest_kaggle ingest_yolo like link_tiled query rename "
    "tiled".split()
)
DATASET_METHODS = frozenset(
    "checkout clear_cache commit connect copy create_tensor_like dataloader delete_branch "
    "delete_group delete_tensor delete_view diff filter fix_vc get_view get_views load_view "
    "make_private make_public merge pop pytorch query random_split rechunk rename rename_group "
    "rename_tensor reset sample_by save_view set_token size_approx tensorflow update "
    "visualize".split()
)
DATASET_PROPERTIES = frozenset(
    "client has_head_changes is_optimized max_view min_view token username".split()
)
TENSOR_METHODS = frozenset(
    "clear create_vdb_index delete_vdb_index get_vdb_indexes load_vdb_index modified_samples play "
    "pop".split()
)
TENSOR_PROPERTIES = frozenset(["timestamps"])


def refuse(feature: str) -> NoReturn:
    """Raise the error for a feature that is not there yet.

    Raises:
        UnsupportedFeatureError: Always.
    """
    raise UnsupportedFeatureError(f"not supported yet: {feature}")


def module_getattr(module: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module whose functions are those of `deeplake`."""

    def get(name: str) -> Any:
        if name in MODULE_FUNCTIONS:
            return method("deeplake", name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return get


def method(owner: str, name: str) -> Callable[..., NoReturn]:
    """Return a function that says that it is not there yet when it is called."""

    def planned(*_args: object, **_kwargs: object) -> NoReturn:
        refuse(f"{owner}.{name}()")

    planned.__name__ = name
    return planned
