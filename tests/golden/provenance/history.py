"""Datasets with a past: commits, branches, updates, pops, padding, rechunking, locks, views."""

import struct

import numpy as np

import deeplake
from tests.golden.provenance.base import POST, new, rnd, save, scenario, smooth


@scenario
def versions(name, r):
    ds = new(name)
    ids = {}
    with ds:
        ds.create_tensor("x", dtype="int32")
        ds.create_tensor("lab", htype="class_label", class_names=["p", "q"])
        ds.create_tensor("txt", htype="text")
        ds.x.extend(rnd(r, (6, 2), "int32"))
        ds.lab.extend(["p", "q", "p", "q", "p", "q"])
        ds.txt.extend(["t%d" % i for i in range(6)])
    ids["c1"] = ds.commit("first")
    ds.x.extend(rnd(r, (3, 2), "int32"))
    ds.lab.extend(["r", "p", "q"])
    ds.txt.extend(["n0", "n1", "n2"])
    ids["c2"] = ds.commit("second")
    ds.x[1] = np.array([11, 12], "int32")
    ds.txt[0] = "updated text that is longer"
    ds.info["stage"] = "third"
    ds.x.info["note"] = 1
    ids["c3"] = ds.commit("third: updates")
    ds.checkout("dev", create=True)
    with ds:
        ds.create_tensor("only_dev", dtype="float32")
        ds.only_dev.extend(np.arange(4, dtype="float32"))
        ds.x.append(np.array([100, 101], "int32"))
        ds.lab.append("p")
        ds.txt.append("dev row")
        ds.x[2] = np.array([-5, -6], "int32")
    ids["d1"] = ds.commit("dev work")
    ds.checkout("main")
    with ds:
        ds.x.append(np.array([200, 201], "int32"))
        ds.lab.append("q")
        ds.txt.append("main row")
    ids["c4"] = ds.commit("main work")
    ds.merge("dev")
    ds.x.pop(0)
    ds.lab.pop(0)
    ds.txt.pop(0)
    ids["c5"] = ds.commit("popped first row")
    ds.rename_tensor("txt", "text2")
    ids["c6"] = ds.commit("renamed")
    ds.delete_tensor("only_dev")
    ids["c7"] = ds.commit("deleted only_dev")
    ds.checkout("alt", create=True)
    ds.x.clear()
    ids["a1"] = ds.commit("cleared x", allow_empty=True)
    ds.checkout("main")
    ds.x.append(np.array([300, 301], "int32"))  # left uncommitted
    ds.flush()
    return {"commit_names": ids}


@scenario
def mutations(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("same", dtype="int32")
        ds.same.extend(rnd(r, (6, 3), "int32"))
        ds.same[2] = rnd(r, (3,), "int32")
        ds.create_tensor("grow", dtype="int32")
        ds.grow.extend(rnd(r, (6, 3), "int32"))
        ds.grow[2] = rnd(r, (7,), "int32")
        ds.grow[4] = rnd(r, (1,), "int32")
        ds.grow[0] = rnd(r, (7,), "int32")
        ds.create_tensor("encsplit", dtype="uint8")
        ds.encsplit.extend(rnd(r, (8, 2), "uint8"))
        ds.encsplit[0] = rnd(r, (5,), "uint8")  # split up
        ds.encsplit[7] = rnd(r, (5,), "uint8")  # split down
        ds.encsplit[4] = rnd(r, (5,), "uint8")  # split middle
        ds.encsplit[5] = rnd(r, (5,), "uint8")  # move up
        ds.encsplit[1] = rnd(r, (3,), "uint8")
        ds.encsplit[1] = rnd(r, (5,), "uint8")  # squeeze
        ds.create_tensor("sub", dtype="int32")
        ds.sub.extend(rnd(r, (3, 4, 4), "int32"))
        ds.sub[1][1:3, 2] = np.array([7, 8], "int32")
        ds.create_tensor("to_none", dtype="int32")
        ds.to_none.extend(rnd(r, (3, 4), "int32"))
        ds.to_none[1] = None
        ds.create_tensor("from_none", dtype="int32")
        ds.from_none.extend([None, None, None])
        ds.from_none[1] = rnd(r, (2, 2), "int32")
        ds.create_tensor("popmid", dtype="int32")
        ds.popmid.extend([rnd(r, (k,), "int32") for k in (1, 2, 3, 3, 3, 4)])
        ds.popmid.pop(3)
        ds.popmid.pop(0)
        ds.create_tensor("poplast", dtype="int32")
        ds.poplast.extend(rnd(r, (5, 2), "int32"))
        ds.poplast.pop()
        ds.poplast.pop()
        ds.create_tensor("popall", dtype="int32")
        ds.popall.extend(rnd(r, (3, 2), "int32"))
        ds.popall.pop([0, 1, 2])
        ds.create_tensor("popall_refill", dtype="int32")
        ds.popall_refill.extend(rnd(r, (3, 2), "int32"))
        ds.popall_refill.pop([0, 1, 2])
        ds.popall_refill.extend(rnd(r, (2, 5), "int32"))
        ds.create_tensor("poplist", dtype="int32", max_chunk_size=64)
        ds.poplist.extend(rnd(r, (20, 2), "int32"))
        ds.poplist.pop([0, 1, 2, 3, 7, 8, 19])
        ds.create_tensor("cleared", dtype="int32")
        ds.cleared.extend(rnd(r, (3, 2), "int32"))
        ds.cleared.clear()
        ds.cleared.append(rnd(r, (2, 2), "int32"))
        ds.create_tensor("txt", htype="text")
        ds.txt.extend(["a", "bb", "ccc", "dd"])
        ds.txt[1] = "longer text"
        ds.txt[2] = ""
        ds.txt.pop(0)
        ds.create_tensor("js", htype="json", chunk_compression="lz4")
        ds.js.extend([{"a": i} for i in range(5)])
        ds.js[2] = {"changed": [1, 2, 3]}
        ds.js.pop(1)
        ds.create_tensor("png", htype="image", sample_compression="png")
        ds.png.extend([smooth(r, 5, 6), smooth(r, 5, 6), smooth(r, 4, 4)])
        ds.png[0] = smooth(r, 9, 9)
        ds.png[1][1:3, 1:3, :] = np.zeros((2, 2, 3), "uint8")
        ds.create_tensor("pngc", htype="image", chunk_compression="png")
        ds.pngc.extend([smooth(r, 5, 6), smooth(r, 5, 6), smooth(r, 4, 4)])
        ds.pngc[1] = smooth(r, 9, 9)
        ds.pngc.pop(0)
        ds.create_tensor("lab", htype="class_label", class_names=["a"])
        ds.lab.extend(["a", "b", "c"])
        ds.lab[1] = "d"
        ds.create_tensor("iadd", dtype="int32")
        ds.iadd.extend(np.arange(6, dtype="int32").reshape(3, 2))
        ds.iadd += 10
        ds.create_tensor("slice_set", dtype="int32")
        ds.slice_set.extend(np.arange(12, dtype="int32").reshape(6, 2))
        ds.slice_set[1:4] = np.full((3, 2), 9, "int32")


@scenario
def padded(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("a", dtype="int32")
        ds.a.extend(rnd(r, (2, 3), "int32"))
        ds.a[6] = rnd(r, (3,), "int32")
        ds.a[7] = rnd(r, (2,), "int32")
        ds.a[12] = rnd(r, (3,), "int32")
        ds.a[4] = rnd(r, (3,), "int32")  # unpad one inside a run
        ds.create_tensor("from_zero", dtype="float32")
        ds.from_zero[3] = rnd(r, (2, 2), "float32")
        ds.create_tensor("txt", htype="text")
        ds.txt[2] = "third"
        ds.create_tensor("img", htype="image", sample_compression="png")
        ds.img.append(smooth(r, 4, 5))
        ds.img[3] = smooth(r, 3, 3)
        ds.create_tensor("edge_first", dtype="int32")
        ds.edge_first.append(np.int32(1))
        ds.edge_first[5] = np.int32(5)
        ds.edge_first[1] = np.int32(9)
        ds.create_tensor("edge_last", dtype="int32")
        ds.edge_last.append(np.int32(1))
        ds.edge_last[5] = np.int32(5)
        ds.edge_last[4] = np.int32(9)
        ds.create_tensor("lz4", dtype="int32", chunk_compression="lz4")
        ds.lz4[2] = rnd(r, (2,), "int32")
    ds.commit("padding does not survive a commit's meta copy")
    ds.a.append(rnd(r, (3,), "int32"))


@scenario
def multichunk(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("fixed", dtype="int64", max_chunk_size=512)
        ds.fixed.extend(rnd(r, (200, 4), "int64"))
        ds.create_tensor("one_by_one", dtype="int16", max_chunk_size=256)
        for i in range(120):
            ds.one_by_one.append(rnd(r, (1 + i % 5,), "int16"))
        ds.create_tensor("img", htype="image", sample_compression="png", max_chunk_size=2048)
        ds.img.extend([smooth(r, 6 + i % 4, 7) for i in range(25)])
        ds.create_tensor("txt", htype="text", max_chunk_size=512)
        for i in range(60):
            ds.txt.append("row %d " % i * (i % 6))
        ds.create_tensor("bigger_than_chunk", dtype="uint8", max_chunk_size=256)
        ds.bigger_than_chunk.extend([rnd(r, (n,), "uint8") for n in (10, 500, 20, 900, 5)])
        ds.create_tensor("two_steps", dtype="int32", max_chunk_size=400)
        ds.two_steps.extend(rnd(r, (7, 3), "int32"))
    ds.two_steps.extend(rnd(r, (30, 3), "int32"))
    ds.commit("c")
    ds.two_steps.extend(rnd(r, (5, 3), "int32"))
    ds.fixed[150] = rnd(r, (4,), "int64")
    ds.img[3] = smooth(r, 20, 20)


@scenario
def many_rows(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("v", dtype="uint8", create_shape_tensor=True)
        for a in range(0, 3000, 500):
            ds.v.extend([rnd(r, (int(n),), "uint8") for n in r.integers(0, 6, 500)])
        ds.create_tensor("t", htype="text", create_id_tensor=False)
        ds.t.extend(
            [
                "".join(chr(97 + int(c)) for c in r.integers(0, 26, int(n)))
                for n in r.integers(0, 12, 2000)
            ]
        )
        ds.create_tensor("emb", htype="embedding", max_chunk_size=4000)
        ds.emb.extend(rnd(r, (300, 12), "float32"))


@scenario
def rechunk_merge(name, r):
    ds = new(name)
    ds.create_tensor("m", dtype="int32")
    ds.m.extend(rnd(r, (4, 3), "int32"))
    ds.commit("one")
    ds.m.extend(rnd(r, (3, 3), "int32"))  # new chunk: the old one belongs to the first commit
    ds.create_tensor("t", htype="text")
    ds.t.extend(["a", "b", "c"])
    ds.commit("two")
    ds.m.extend(rnd(r, (2, 3), "int32"))
    ds.t.extend(["d", "e"])
    ds.m[4] = rnd(r, (5,), "int32")  # update merges the small neighbour chunks
    ds.t[3] = "dd"
    ds.commit("three")


@scenario
def rechunk_split(name, r):
    ds = new(name)
    ds.create_tensor("s", dtype="uint8", max_chunk_size=40000, tiling_threshold=-1)
    ds.s.extend([np.full((4000 + 10 * i,), i, "uint8") for i in range(8)])
    ds.s[1] = np.full((2050000,), 200, "uint8")


@scenario
def downsampled(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("img", htype="image", sample_compression="png", downsampling=(2, 2))
        ds.img.extend([smooth(r, 60, 48), smooth(r, 8, 8), smooth(r, 40, 41)])
        ds.create_tensor("mask", htype="binary_mask", downsampling=(3, 1))
        ds.mask.append(r.integers(0, 2, (60, 60, 1)).astype(bool))


@scenario
def transformed(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("x", dtype="int32", max_chunk_size=512)
        ds.create_tensor("im", htype="image", sample_compression="png")

    @deeplake.compute
    def fn(i, out):
        out.x.append(np.arange(i, i + 3, dtype="int32"))
        out.im.append(np.full((3 + i % 3, 4, 3), i, "uint8"))

    fn().eval(list(range(60)), ds, num_workers=0, progressbar=False)
    ds.commit("via transform")
    fn().eval(list(range(5)), ds, num_workers=0, progressbar=False)


@scenario
def locks(name, r):
    ds = new(name)
    ds.create_tensor("x", dtype="int32")
    ds.x.extend(np.arange(3, dtype="int32"))
    ds.commit("c")
    ds.x.append(np.int32(9))
    ds.flush()
    return {"head": ds.pending_commit_id}


def post_locks(base, extra):
    head = extra["head"]
    node = 0x0242AC110002
    past, future = 1_000_000_000.0, 4_000_000_000.0
    # expired lock on the first commit, lock that stays valid until 2096 on the head of main
    save(
        base + "dataset_lock.lock",
        node.to_bytes(6, "little") + struct.pack("<d", past) + struct.pack("<I", 4242),
    )
    save(
        base + "versions/" + head + "/dataset_lock.lock",
        node.to_bytes(6, "little") + struct.pack("<d", future) + struct.pack("<I", 4242),
    )
    return {
        "locks": {
            "dataset_lock.lock": {"node": node, "expires": past, "pid": 4242, "held": False},
            "versions/" + head + "/dataset_lock.lock": {
                "node": node,
                "expires": future,
                "pid": 4242,
                "held": True,
            },
        }
    }


POST["locks"] = post_locks


@scenario
def views(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("x", dtype="int32")
        ds.create_tensor("im", htype="image", sample_compression="png")
        ds.x.extend(np.arange(10, dtype="int32"))
        ds.im.extend([np.full((3, 4, 3), i, "uint8") for i in range(10)])
    ds.commit("base")
    ds[[7, 2, 2, 5]].save_view(id="picked", message="four rows", verbose=False)
    ds[3:8:2].save_view(id="strided", verbose=False)
    ds[4].save_view(id="single", verbose=False)
    ds[2:6].save_view(id="copied", optimize=True, message="materialised", verbose=False)
    ds[1:4].save_view(id="opt_later", verbose=False)
    ds.load_view("opt_later", optimize=True, progressbar=False)
    ds.filter(lambda s: s.x.numpy()[0] % 3 == 0, progressbar=False).save_view(
        id="filtered", verbose=False
    )
    ds[[1]].save_view(verbose=False)  # id is a hash


@scenario
def branches_chunks(name, r):
    """Chunks owned by several commits and branches; tiles, sequences and links across commits."""
    ds = new(name)
    with ds:
        ds.create_tensor("x", dtype="int32", max_chunk_size=128)
        ds.create_tensor("seq", htype="sequence", dtype="int16")
        ds.create_tensor("tile", dtype="uint8", max_chunk_size=4096, tiling_threshold=2048)
        ds.create_tensor("lnk", htype="link[image]", sample_compression="png")
        ds.x.extend(rnd(r, (20, 2), "int32"))
        ds.seq.append([rnd(r, (2,), "int16")] * 2)
        ds.tile.append(rnd(r, (60, 60), "uint8"))
        ds.lnk.append(deeplake.link("assets/img_0.png"))
    a = ds.commit("base")
    with ds:
        ds.x[3] = rnd(r, (2,), "int32")
        ds.seq.append([rnd(r, (2,), "int16")] * 3)
        ds.tile[0] = rnd(r, (65, 55), "uint8")  # a sub-region update after a commit fails
        ds.tile.append(
            rnd(r, (3, 3), "uint8")
        )  # a replacement alone would leave a stale tile encoder on disk
        ds.lnk.append(deeplake.link("assets/img_1.png"))
    ds.commit("main 2")
    ds.checkout(a)
    ds.checkout("side", create=True)
    with ds:
        ds.x.extend(rnd(r, (4, 2), "int32"))
        ds.x[19] = rnd(r, (2,), "int32")
        ds.tile.append(rnd(r, (70, 50), "uint8"))
    ds.commit("side 1")
    ds.checkout("subside", create=True)
    ds.x.pop(5)
    ds.flush()
    ds.checkout("main")


@scenario
def reset_head(name, r):
    ds = new(name)
    ds.create_tensor("x", dtype="int32")
    ds.x.extend(np.arange(4, dtype="int32"))
    ds.commit("keep")
    ds.x.extend(np.arange(5, dtype="int32"))
    ds.flush()
    ds.reset()
