"""Write down all that the reference reads from a dataset, in the form of `expected.json`.

Runs in the reference's environment. It reaches into the package's inner state where the format
has something (keys, the version tree) that the API does not show.
"""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deeplake
import numpy as np

from tests.golden.values import Described, describe, encode, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Compressions whose decoded values may differ between decoders: the arrays are kept beside.
LOSSY = ("jpeg", "webp", "mp4", "mp3")

Pixels = dict[str, np.ndarray[Any, Any]]


def read_tensor(
    ds: Any,
    name: str,
    state: str = "",
    pixels: Pixels | None = None,
    lossy: tuple[str, ...] = LOSSY,
) -> Described:
    """Describe one tensor: its meta, its info, and every sample."""
    tensor = ds[name]
    meta = tensor.meta
    is_lossy = meta.sample_compression in lossy or meta.chunk_compression in lossy
    keep = pixels if is_lossy else None
    return {
        "key": tensor.key,
        "htype": tensor.htype,
        "base_htype": meta.htype,
        "dtype": meta.dtype,
        "typestr": meta.typestr,
        "sample_compression": meta.sample_compression,
        "chunk_compression": meta.chunk_compression,
        "is_sequence": meta.is_sequence,
        "is_link": meta.is_link,
        "hidden": meta.hidden,
        "length": tensor.num_samples,
        "meta_length": meta.length,
        "min_shape": list(meta.min_shape),
        "max_shape": list(meta.max_shape),
        "max_chunk_size": meta.max_chunk_size,
        "tiling_threshold": getattr(meta, "tiling_threshold", None),
        "links": meta.links,
        "info": encode(tensor.info._info) if not meta.hidden or "downsampled" in name else {},  # noqa: SLF001
        "lossy": is_lossy,
        "samples": [
            _read_sample(tensor, index, f"{state}|{name}|{index}", keep)
            for index in range(tensor.num_samples)
        ],
    }


def _read_sample(tensor: Any, index: int, place: str, pixels: Pixels | None) -> Described:
    meta = tensor.meta
    sample: Described = {}
    if meta.is_link:
        sample["creds_key"] = tensor[index].creds_key()
        try:
            sample["path"] = encode(np.asarray(tensor[index].path()))
        except Exception as error:  # noqa: BLE001 - samples made of several files
            sample["path_error"] = type(error).__name__
    try:
        if meta.is_sequence:
            sample["items"] = list(_read_items(tensor, index, place, pixels))
            return sample
        value = tensor[index].numpy()
        sample.update(_described(value, meta.htype, place, pixels))
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is expected
        sample["error"] = type(error).__name__
        if error.__cause__ is not None:
            sample["error_cause"] = type(error.__cause__).__name__
        return sample
    if meta.sample_compression and not meta.is_link:
        try:
            stored = tensor[index].tobytes()
        except Exception:  # noqa: BLE001 - tiled samples have no bytes of their own
            return sample
        sample["stored_sha256"] = sha256(stored)
        sample["stored_nbytes"] = len(stored)
    return sample


def _read_items(tensor: Any, index: int, place: str, pixels: Pixels | None) -> Iterator[Described]:
    first, end = tensor.chunk_engine.sequence_encoder[index]
    for item in range(end - first):
        try:
            value = tensor[index, item].numpy()
            yield _described(value, tensor.meta.htype, f"{place}|{item}", pixels)
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is expected
            yield {"error": type(error).__name__}


def _described(value: Any, htype: str, place: str, pixels: Pixels | None) -> Described:
    if pixels is not None and htype not in {"text", "json", "list", "tag", "polygon"}:
        pixels[place] = np.ascontiguousarray(value)
    return describe(value, htype)


def read_state(
    ds: Any, state: str = "", pixels: Pixels | None = None, lossy: tuple[str, ...] = LOSSY
) -> Described:
    """Describe the commit or head that `ds` stands on."""
    try:
        diff = json.loads(json.dumps(ds.diff(as_dict=True), default=_plain))
    except Exception as error:  # noqa: BLE001 - some histories have none
        diff = {"error": type(error).__name__}
    return {
        "pending_commit_id": ds.pending_commit_id,
        "commit_id": ds.commit_id,
        "branch": ds.branch,
        "commits": ds.commits,
        "dataset_info": encode(ds.info._info),  # noqa: SLF001
        "groups": list(ds.meta.groups),
        "visible_tensors": list(ds._tensors(include_hidden=False)),  # noqa: SLF001
        "diff": diff,
        "tensors": {
            name: read_tensor(ds, name, state, pixels, lossy) for name in ds.meta.tensor_names
        },
    }


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, set) else str(value)


def populate(ds: Any, creds: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Populate every creds key of the dataset, with nothing where nothing is given."""
    for key in ds.get_creds_keys():
        ds.populate_creds(key, dict((creds or {}).get(key, {})))


def _open(path: str, address: str | None) -> Any:
    ds = deeplake.load(f"{path}@{address}" if address else path, read_only=True, verbose=False)
    populate(ds)
    return ds


def _read_views(ds: Any) -> list[Any]:
    views = []
    for view in ds.get_views():
        info = dict(view.info)
        try:
            loaded = view.load(verbose=False)
            info["_loaded"] = {
                name: [
                    describe(loaded[name][row].numpy(), loaded[name].meta.htype)
                    for row in range(len(loaded[name]))
                ]
                for name in loaded.tensors
            }
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is expected
            info["_load_error"] = type(error).__name__
        views.append(encode(info))
    return views


def write_expected(
    folder: str, extra: Mapping[str, Any] | None = None, lossy: tuple[str, ...] = LOSSY
) -> None:
    """Read `folder/ds` at every address; write `expected.json` and the pixels beside it."""
    path, pixels = f"{folder}/ds", Pixels()
    ds = _open(path, None)
    nodes = ds.version_state["commit_node_map"]
    found: Described = {
        "format": 1,
        "deeplake": deeplake.__version__,
        "branches": dict(ds.version_state["branch_commit_map"]),
        "creds_keys": list(ds.link_creds.creds_keys),
        "states": {},
        "tree": {
            commit: {
                "branch": node.branch,
                "parent": node.parent.commit_id if node.parent else None,
                "message": node.commit_message,
                "is_head": node.is_head_node,
            }
            for commit, node in nodes.items()
        },
    }
    closed = [commit for commit, node in nodes.items() if not node.is_head_node]
    del ds, nodes
    for address in [*found["branches"], *closed]:
        ds = _open(path, None if address == "main" else address)
        found["states"][address] = read_state(ds, address, pixels, lossy)
        if address == "main":
            found["views"] = _read_views(ds)
        del ds
        gc.collect()
    found.update(extra or {})
    (Path(folder) / "expected.json").write_text(json.dumps(found, indent=0, sort_keys=True))
    if pixels:
        np.savez_compressed(f"{folder}/expected_pixels.npz", **pixels)  # type: ignore[arg-type]
