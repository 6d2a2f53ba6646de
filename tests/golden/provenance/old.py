"""Datasets as written by older packages (hub 2.0.5, hub 2.7.5, deeplake 3.0.4).

    python tests/golden/provenance/old.py OUT_DIR CORPUS_DIR    (with that old package installed,
    numpy < 1.24, Pillow < 10; both folders as absolute paths)

v3/old_<version>/expected.json is what deeplake 3.9.52 reads from them: run
"write_expected('v3/old_...')" of tests/reference/expect.py under 3.9.52, in CORPUS_DIR.
"""

import sys, os, warnings

warnings.simplefilter("ignore")
os.environ["BUGGER_OFF"] = "true"
import numpy as np

try:
    import deeplake as hub
except ImportError:
    import hub
out, assets = sys.argv[1], sys.argv[2]
os.chdir(assets)
r = np.random.default_rng(9)
ds = hub.empty(out)


def tr(name, f):
    try:
        f()
    except Exception as e:
        print("  skip", name, type(e).__name__, str(e)[:100])


def mk(name, data, **kw):
    def f():
        t = ds.create_tensor(name, **kw)
        for x in data:
            t.append(x)

    tr(name, f)


mk("num", [r.integers(0, 99, (3, 2)).astype("int32") for _ in range(5)], dtype="int32")
mk("scal", [np.int64(3), np.int64(4)], dtype="int64")
mk("rag", [r.random((k, 2)).astype("float32") for k in (1, 3, 3, 2)], dtype="float32")
mk(
    "lz4s",
    [r.integers(0, 9, (4, 4)).astype("uint8") for _ in range(3)],
    sample_compression="lz4",
    dtype="uint8",
)
mk(
    "lz4c",
    [r.integers(0, 9, (4, 4)).astype("uint8") for _ in range(3)],
    chunk_compression="lz4",
    dtype="uint8",
)
mk(
    "png",
    [hub.read("assets/img_0.png"), hub.read("assets/img_1.png")],
    htype="image",
    sample_compression="png",
)
mk(
    "pngc",
    [r.integers(0, 255, (4, k, 3)).astype("uint8") for k in (3, 5)],
    htype="image",
    chunk_compression="png",
)
mk("cls", [0, 1, 1], htype="class_label", class_names=["a", "b"])
mk("bbox", [np.ones((2, 4), "float32")], htype="bbox")
mk("txt", ["hello", "", "wörld"], htype="text")
mk("js", [{"a": [1, None]}, {"b": "x"}], htype="json")
mk("lst", [[1, "a"], [2]], htype="list")
mk("tile", [r.integers(0, 255, (90, 100)).astype("uint16")], dtype="uint16", max_chunk_size=8192)
mk(
    "seq",
    [[np.zeros(2, "int16"), np.ones(2, "int16")], [np.ones(2, "int16")]],
    htype="sequence",
    dtype="int16",
)
tr(
    "link",
    lambda: [
        ds.create_tensor("lnk", htype="link[image]", sample_compression="png"),
        ds.lnk.append(hub.link("assets/img_2.png")),
    ],
)
mk("g/inner", [np.arange(3)], dtype="int64")
tr(
    "none",
    lambda: [
        ds.create_tensor("none", dtype="int32"),
        ds.none.append(None),
        ds.none.append(np.array([1], "int32")),
    ],
)
tr("upd", lambda: ds.num.__setitem__(1, np.zeros((3, 2), "int32")))
tr("info", lambda: ds.info.update({"k": 1}))
tr("commit", lambda: ds.commit("first"))
tr(
    "after",
    lambda: [ds.num.append(np.full((3, 2), 7, "int32")), ds.rag.append(np.ones((2, 2), "float32"))],
)
tr("upd2", lambda: ds.num.__setitem__(0, np.full((3, 2), 5, "int32")))
tr(
    "branch",
    lambda: [
        ds.checkout("dev", create=True),
        ds.num.append(np.full((3, 2), 8, "int32")),
        ds.commit("dev1"),
        ds.checkout("main"),
    ],
)
tr("flush", lambda: ds.flush())
print(hub.__version__)
