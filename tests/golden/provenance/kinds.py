"""One dataset per family of tensors: dtypes, shapes, text, labels, images, tiles, links, groups."""

import numpy as np

import deeplake
from tests.golden.provenance.base import DTYPES, new, rnd, scenario, smooth


@scenario
def numeric(name, r):
    ds = new(name)
    with ds:
        for dt in DTYPES:
            ds.create_tensor("t_" + dt, dtype=dt)
            ds["t_" + dt].extend(rnd(r, (5, 3, 2), dt))
            ds.create_tensor("s_" + dt)  # dtype and htype inferred, 0-d samples
            # complex scalars are refused; 0-d arrays of them are not
            ds["s_" + dt].extend([np.asarray(rnd(r, (1,), dt)[0]) for _ in range(4)])
        ds.create_tensor("py_int")
        ds.py_int.extend([1, 2, -3])
        ds.create_tensor("py_float")
        ds.py_float.extend([1.5, 2.25])
        ds.create_tensor("py_list")
        ds.py_list.append([1, 2, 3])
        ds.py_list.append([4, 5])
        ds.create_tensor(
            "no_hidden", dtype="float32", create_id_tensor=False, create_shape_tensor=False
        )
        ds.no_hidden.extend(rnd(r, (6, 4), "float32"))
        ds.create_tensor("never_written", dtype="int16")
        ds.create_tensor("never_written_untyped")


@scenario
def ragged(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("d1", dtype="int32")
        for n in (3, 0, 5, 5, 5, 1, 0, 0, 7):
            ds.d1.append(rnd(r, (n,), "int32"))
        ds.create_tensor("d2", dtype="uint8")
        for s in ((2, 3), (2, 3), (4, 1), (0, 3), (2, 0), (1, 1)):
            ds.d2.append(rnd(r, s, "uint8"))
        ds.create_tensor("d4", dtype="float64")
        for s in ((1, 2, 3, 1), (1, 2, 3, 1), (2, 1, 1, 4)):
            ds.d4.append(rnd(r, s, "float64"))
        ds.create_tensor("none_first", dtype="int16")
        for v in (None, None, rnd(r, (2, 2), "int16"), None, rnd(r, (1, 3), "int16")):
            ds.none_first.append(v)
        ds.create_tensor("none_last", dtype="int16")
        for v in (rnd(r, (4,), "int16"), None, None):
            ds.none_last.append(v)
        ds.create_tensor("all_none", dtype="int16")
        ds.all_none.extend([None, None, None])
        ds.create_tensor("fixed_then_none", dtype="float32")
        ds.fixed_then_none.extend(rnd(r, (3, 2), "float32"))
        ds.fixed_then_none.append(None)
        ds.fixed_then_none.append(rnd(r, (2,), "float32"))
        ds.create_tensor("all_empty_arrays", dtype="float32")
        ds.all_empty_arrays.extend([np.zeros((0, 4), "float32"), np.zeros((0, 4), "float32")])
        ds.create_tensor("lz4c", dtype="int32", chunk_compression="lz4")
        for n in (3, 0, 5, 5, 1):
            ds.lz4c.append(rnd(r, (n, 2), "int32"))
        ds.lz4c.append(None)
        ds.create_tensor("lz4s", dtype="int32", sample_compression="lz4")
        for n in (3, 0, 5, 5, 1):
            ds.lz4s.append(rnd(r, (n, 2), "int32"))
        ds.lz4s.append(None)


TEXTS = [
    "plain ascii",
    "",
    "héllo wörld",
    "日本語テキスト",
    "emoji \U0001f600 ok",
    'line\nbreak\ttab "q" \\',
    "x" * 300,
]
JSONS = [
    {"a": 1, "b": [1, 2.5, None, True], "c": {"d": "é"}},
    {},
    [1, 2, {"k": "v"}],
    "bare string",
    7,
    {"deep": [[[1]]]},
]
LISTS = [[1, 2, 3], [], ["a", "b"], [1, "x", None, 2.5], [{"k": [1]}], [[1, 2], [3]]]


@scenario
def textual(name, r):
    ds = new(name)
    with ds:
        for suffix, kw in (
            ("raw", {}),
            ("sc", {"sample_compression": "lz4"}),
            ("cc", {"chunk_compression": "lz4"}),
        ):
            ds.create_tensor("text_" + suffix, htype="text", **kw)
            ds["text_" + suffix].extend(TEXTS)
            ds["text_" + suffix].append(None)
            ds["text_" + suffix].append("tail")
            ds.create_tensor("json_" + suffix, htype="json", **kw)
            ds["json_" + suffix].extend(JSONS)
            ds["json_" + suffix].append(None)
            ds["json_" + suffix].append(
                {"arr": np.arange(6, dtype="int16").reshape(2, 3), "by": b"\x00\x01\xff"}
            )
            ds.create_tensor("list_" + suffix, htype="list", **kw)
            ds["list_" + suffix].extend(LISTS)
            ds["list_" + suffix].append(None)
            ds.create_tensor("tag_" + suffix, htype="tag", **kw)
            ds["tag_" + suffix].extend([["t1", "t2"], "single", []])
        ds.create_tensor("text_one_by_one", htype="text")
        for s in TEXTS:
            ds.text_one_by_one.append(s)
        ds.create_tensor("text_empty_only", htype="text")
        ds.text_empty_only.extend(["", ""])
        ds.create_tensor("inferred_text")
        ds.inferred_text.extend(["a", "bc"])
        ds.create_tensor("inferred_json")
        ds.inferred_json.extend([{"x": 1}, {"y": [2]}])
        ds.create_tensor("json_schema", htype="json", dtype="Dict[str, int]")
        ds.json_schema.append({"a": 1, "b": 2})
        ds.create_tensor("long_text", htype="text", max_chunk_size=4096)
        ds.long_text.extend(["w%d " % i * (1 + i % 40) for i in range(150)])


@scenario
def labels(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("cls", htype="class_label", class_names=["cat", "dog"])
        ds.cls.extend(["cat", "dog", "emu", 1])
        ds.cls.append(["cat", "emu", "fox"])
        ds.create_tensor("cls_nonames", htype="class_label")
        ds.cls_nonames.extend(np.array([[1], [2], [3]], "uint32"))
        ds.create_tensor("bbox", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
        for n in (1, 3, 0, 2):
            ds.bbox.append(rnd(r, (n, 4), "float32"))
        ds.create_tensor("bbox3d", htype="bbox.3d", coords={"mode": "center"})
        ds.bbox3d.append(rnd(r, (2, 8), "float32"))
        ds.create_tensor(
            "kp", htype="keypoints_coco", keypoints=["nose", "eye"], connections=[[0, 1]]
        )
        ds.kp.append(rnd(r, (6, 2), "int32"))
        ds.kp.append(rnd(r, (6, 1), "int32"))
        ds.create_tensor("point", htype="point")
        ds.point.extend([rnd(r, (2, 2), "int32"), rnd(r, (1, 2), "int32")])
        ds.create_tensor("inst", htype="instance_label")
        ds.inst.append(rnd(r, (4, 5), "uint32"))
        ds.create_tensor(
            "seg", htype="segment_mask", class_names=["bg", "fg"], sample_compression="lz4"
        )
        ds.seg.extend(
            [r.integers(0, 2, (5, 6)).astype("uint32"), r.integers(0, 2, (7, 3)).astype("uint32")]
        )
        ds.create_tensor("seg_png", htype="segment_mask", dtype="uint8", sample_compression="png")
        ds.seg_png.append(r.integers(0, 2, (5, 6)).astype("uint8"))
        ds.create_tensor("mask", htype="binary_mask", chunk_compression="lz4")
        ds.mask.extend(
            [r.integers(0, 2, (5, 6, 2)).astype(bool), r.integers(0, 2, (2, 3, 1)).astype(bool)]
        )
        ds.create_tensor("emb", htype="embedding")
        ds.emb.extend(rnd(r, (9, 16), "float32"))
        ds.create_tensor("emb64", htype="embedding", dtype="float64", chunk_compression="lz4")
        ds.emb64.extend(rnd(r, (5, 8), "float64"))
        ds.create_tensor("intr", htype="intrinsics")
        ds.intr.append(rnd(r, (3, 3), "float32"))
        for sfx, kw in (
            ("", {}),
            ("_sc", {"sample_compression": "lz4"}),
            ("_cc", {"chunk_compression": "lz4"}),
        ):
            ds.create_tensor("poly" + sfx, htype="polygon", **kw)
            p = ds["poly" + sfx]
            p.append([rnd(r, (3, 2), "float32"), rnd(r, (5, 2), "float32")])
            p.append([rnd(r, (4, 2), "float32")])
            p.append(None)
            p.append([rnd(r, (3, 2), "float32")] * 3)
        ds.create_tensor("poly3", htype="polygon", dtype="float64")
        ds.poly3.append([rnd(r, (3, 3), "float64")])
        ds.create_tensor("audio_raw", htype="audio", sample_compression=None)
        ds.audio_raw.extend([rnd(r, (20, 1), "float64"), rnd(r, (11, 1), "float64")])
        ds.create_tensor("video_raw", htype="video", sample_compression=None)
        ds.video_raw.append(rnd(r, (3, 4, 5, 3), "uint8"))
        ds.create_tensor("pc_raw", htype="point_cloud", sample_compression=None)
        ds.pc_raw.append(rnd(r, (7, 3), "float32"))


@scenario
def images(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("png", htype="image", sample_compression="png")
        ds.png.extend(
            [
                deeplake.read("assets/img_0.png"),
                deeplake.read("assets/img_1.jpg"),
                smooth(r, 9, 11),
                None,
                smooth(r, 5, 6, 0),
                deeplake.read("assets/gray.png"),
            ]
        )
        ds.create_tensor("jpeg", htype="image", sample_compression="jpg")
        ds.jpeg.extend(
            [
                deeplake.read("assets/img_2.jpg"),
                deeplake.read("assets/img_3.png"),
                smooth(r, 10, 12),
                deeplake.read("assets/gray.jpg"),
                None,
            ]
        )
        ds.create_tensor("raw", htype="image", sample_compression=None)
        ds.raw.extend([smooth(r, 6, 7), deeplake.read("assets/img_1.png"), smooth(r, 4, 4, 0)])
        ds.create_tensor("lz4", htype="image", sample_compression="lz4")
        ds.lz4.extend([smooth(r, 6, 7), deeplake.read("assets/img_4.png")])
        ds.create_tensor("gray", htype="image.gray", sample_compression="png")
        ds.gray.extend(
            [
                deeplake.read("assets/gray.png"),
                smooth(r, 6, 7, 0),
                deeplake.read("assets/img_0.png"),
            ]
        )
        ds.create_tensor("rgb", htype="image.rgb", sample_compression="png")
        ds.rgb.extend([deeplake.read("assets/img_0.png"), smooth(r, 6, 7)])
        ds.create_tensor("rgba", htype="image", sample_compression="png")
        ds.rgba.append(deeplake.read("assets/rgba.png"))
        ds.create_tensor("png16", htype="image", sample_compression="png", dtype="uint16")
        ds.png16.append(r.integers(0, 65535, (6, 5)).astype("uint16"))
        for c in (
            "bmp",
            "tiff",
            "webp",
            "gif",
            "ppm",
            "sgi",
            "tga",
            "pcx",
            "jpeg2000",
            "im",
            "dib",
            "ico",
        ):
            try:
                ds.create_tensor("f_" + c, htype="image", sample_compression=c)
                ds["f_" + c].append(smooth(r, 16, 16, 3 if c != "gif" else 0))
            except Exception as e:  # noqa: BLE001
                print("  image format", c, "not written:", type(e).__name__, str(e)[:80])
                if "f_" + c in ds.tensors:
                    ds.delete_tensor("f_" + c)
        ds.create_tensor("generic_png", sample_compression="png", dtype="uint8")
        ds.generic_png.extend([smooth(r, 8, 8), smooth(r, 3, 9)])
        ds.create_tensor("one_pixel", htype="image", sample_compression="png")
        ds.one_pixel.append(np.array([[[7]]], "uint8"))


@scenario
def chunkcomp(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("img_png", htype="image", chunk_compression="png")
        ds.img_png.extend([smooth(r, 6, 7), smooth(r, 9, 4), smooth(r, 2, 3)])
        ds.create_tensor("img_jpeg", htype="image", chunk_compression="jpeg")
        ds.img_jpeg.extend([smooth(r, 16, 24), smooth(r, 8, 16)])
        ds.create_tensor("img_png_empty", htype="image", chunk_compression="png")
        for v in (None, smooth(r, 6, 7), None, smooth(r, 3, 2)):
            ds.img_png_empty.append(v)
        ds.create_tensor("img_gray2d", htype="image", chunk_compression="png")
        ds.img_gray2d.extend([smooth(r, 6, 7, 0), smooth(r, 3, 2, 0)])
        ds.create_tensor("img_lz4", htype="image", chunk_compression="lz4")
        ds.img_lz4.extend([smooth(r, 6, 7), smooth(r, 9, 4)])
        ds.create_tensor(
            "img_png_multi", htype="image", chunk_compression="png", max_chunk_size=2000
        )
        ds.img_png_multi.extend([rnd(r, (12, 10 + i, 3), "uint8") for i in range(6)])
        ds.create_tensor("num_multi", dtype="int64", chunk_compression="lz4", max_chunk_size=1000)
        ds.num_multi.extend(r.integers(0, 9, (60, 10)))
        ds.create_tensor("num_list", dtype="int64", chunk_compression="lz4", max_chunk_size=1000)
        for i in range(30):
            ds.num_list.append(rnd(r, (1 + i % 7,), "int64"))
        ds.create_tensor("txt_multi", htype="text", chunk_compression="lz4", max_chunk_size=600)
        ds.txt_multi.extend(["text %d %s" % (i, "ab" * (i % 9)) for i in range(80)])
        ds.create_tensor("json_multi", htype="json", chunk_compression="lz4", max_chunk_size=600)
        ds.json_multi.extend([{"i": i, "v": list(range(i % 5))} for i in range(40)])


@scenario
def tiled(name, r):
    ds = new(name)
    kw = dict(max_chunk_size=16384, tiling_threshold=8192)
    with ds:
        ds.create_tensor("gen", dtype="uint16", **kw)
        ds.gen.append(rnd(r, (10, 10), "uint16"))
        ds.gen.append(rnd(r, (90, 75), "uint16"))
        ds.gen.append(rnd(r, (5, 8), "uint16"))
        ds.gen.append(rnd(r, (70, 70), "uint16"))
        ds.gen.append(rnd(r, (3, 3), "uint16"))
        ds.create_tensor("vec", dtype="float32", **kw)
        ds.vec.append(rnd(r, (5001,), "float32"))
        ds.create_tensor("cube", dtype="int32", **kw)
        ds.cube.append(rnd(r, (17, 19, 23), "int32"))
        ds.create_tensor("lz4c", dtype="uint8", chunk_compression="lz4", **kw)
        ds.lz4c.append(rnd(r, (150, 130), "uint8"))
        ds.lz4c.append(rnd(r, (5, 4), "uint8"))
        ds.create_tensor("lz4s", dtype="uint8", sample_compression="lz4", **kw)
        ds.lz4s.append(rnd(r, (150, 130), "uint8"))
        ds.lz4s.append(rnd(r, (5, 4), "uint8"))
        ds.create_tensor("png", htype="image", sample_compression="png", **kw)
        ds.png.extend([smooth(r, 10, 10), rnd(r, (80, 90, 3), "uint8"), smooth(r, 8, 9)])
        ds.create_tensor("jpegc", htype="image", chunk_compression="jpeg", **kw)
        ds.jpegc.append(smooth(r, 100, 120))
        ds.create_tensor("img_raw", htype="image", sample_compression=None, **kw)
        ds.img_raw.extend([smooth(r, 64, 70), smooth(r, 6, 7)])
        ds.create_tensor("partial_update", dtype="uint8", **kw)
        ds.partial_update.append(rnd(r, (120, 140), "uint8"))
        ds.partial_update[0][10:70, 100:140] = np.full((60, 40), 7, "uint8")
        ds.create_tensor("lazy", htype="image", sample_compression="png", **kw)
        ds.lazy.append(deeplake.tiled(sample_shape=(100, 110, 3), tile_shape=(40, 50, 3)))
        ds.lazy[0][0:30, 0:30, :] = smooth(r, 30, 30)
        ds.create_tensor("lazy_raw", htype="generic", dtype="uint8", **kw)
        ds.lazy_raw.append(deeplake.tiled(sample_shape=(100, 130), tile_shape=(50, 50)))
        ds.lazy_raw[0][60:80, 10:20] = np.full((20, 10), 9, "uint8")
        ds.create_tensor(
            "untiled_by_choice", dtype="uint8", max_chunk_size=4096, tiling_threshold=-1
        )
        ds.untiled_by_choice.extend([rnd(r, (100, 100), "uint8"), rnd(r, (3, 3), "uint8")])
        ds.create_tensor("replaced", dtype="uint8", **kw)
        ds.replaced.extend([rnd(r, (100, 100), "uint8"), rnd(r, (4, 4), "uint8")])
        ds.replaced[0] = rnd(r, (150, 160), "uint8")
        ds.create_tensor("popped", dtype="uint8", **kw)
        ds.popped.extend(
            [
                rnd(r, (3, 3), "uint8"),
                rnd(r, (100, 100), "uint8"),
                rnd(r, (4, 4), "uint8"),
                rnd(r, (110, 100), "uint8"),
            ]
        )
        ds.popped.pop(1)


@scenario
def sequences(name, r):
    ds = new(name)
    with ds:
        ds.create_tensor("img", htype="sequence[image]", sample_compression="png")
        ds.img.append([smooth(r, 5, 6), smooth(r, 7, 4)])
        ds.img.append([smooth(r, 5, 6)])
        ds.img.append([deeplake.read("assets/img_0.png"), smooth(r, 3, 3), smooth(r, 2, 2)])
        ds.create_tensor("gen", htype="sequence", dtype="int32")
        ds.gen.append([rnd(r, (3,), "int32")] * 2)
        ds.gen.append([rnd(r, (3,), "int32")] * 2)
        ds.gen.append([rnd(r, (3,), "int32")] * 4)
        ds.create_tensor("ragged", htype="sequence", dtype="int32")
        ds.ragged.append([rnd(r, (k,), "int32") for k in (1, 2, 3)])
        ds.ragged.append([])
        ds.ragged.append([rnd(r, (k,), "int32") for k in (0, 5)])
        ds.create_tensor("cls", htype="sequence[class_label]", class_names=["a", "b"])
        ds.cls.append(["a", "b", "c"])
        ds.cls.append([0, 1])
        ds.create_tensor("txt", htype="sequence[text]")
        ds.txt.append(["one", "two", ""])
        ds.txt.append(["three"])
        ds.create_tensor("bbox", htype="sequence[bbox]")
        ds.bbox.append([rnd(r, (2, 4), "float32"), rnd(r, (1, 4), "float32")])
        ds.create_tensor("cc", htype="sequence", dtype="float32", chunk_compression="lz4")
        ds.cc.append([rnd(r, (2, 2), "float32")] * 3)
        ds.cc.append([rnd(r, (2, 2), "float32")])
        ds.create_tensor("popped", htype="sequence", dtype="int16")
        for k in (2, 3, 1, 4):
            ds.popped.append([rnd(r, (2,), "int16") for _ in range(k)])
        ds.popped.pop(1)
        ds.create_tensor("updated", htype="sequence", dtype="int16")
        for k in (2, 3):
            ds.updated.append([rnd(r, (2,), "int16") for _ in range(k)])
        ds.updated[1] = [rnd(r, (4,), "int16") for _ in range(3)]


@scenario
def links(name, r):
    ds = new(name)
    L = deeplake.link
    with ds:
        ds.create_tensor("img", htype="link[image]", sample_compression="jpg")
        ds.img.extend(
            [
                L("assets/img_0.jpg"),
                L("assets/img_1.jpg"),
                L("assets/img_2.png"),
                None,
                L("assets/gray.jpg"),
            ]
        )
        ds.create_tensor("noverify", htype="link[image]", verify=False, sample_compression="png")
        ds.noverify.extend([L("assets/img_3.png"), L("assets/does_not_exist.png")])
        ds.create_tensor("nocomp", htype="link[image]", sample_compression=None)
        ds.nocomp.extend([L("assets/img_4.png"), L("assets/img_5.jpg")])
        ds.add_creds_key("key_one")
        ds.add_creds_key("key_two")
        ds.add_creds_key("unused")
        for k in ("key_one", "key_two"):
            ds.populate_creds(k, {})
        ds.create_tensor("creds", htype="link[image]", sample_compression="png")
        ds.creds.extend(
            [
                L("assets/img_0.png"),
                L("assets/img_1.png", creds_key="key_one"),
                L("assets/img_2.png", creds_key="key_one"),
                L("assets/img_3.png", creds_key="key_two"),
                L("assets/img_4.png"),
            ]
        )
        ds.create_tensor("seq", htype="sequence[link[image]]", sample_compression="png")
        ds.seq.append([L("assets/img_0.png"), L("assets/img_1.png", creds_key="key_two")])
        ds.seq.append([L("assets/img_2.png")])
        ds.create_tensor("linkseq", htype="link[sequence[image]]", sample_compression="png")
        ds.linkseq.append([L("assets/img_0.png")])
        ds.create_tensor("tiles", htype="link[image]", sample_compression="png")
        arr = np.array([["assets/tile_%d%d.png" % (i, j) for j in range(3)] for i in range(2)])
        ds.tiles.append(
            deeplake.link_tiled(arr)
        )  # after an ordinary link in the same chunk this fails
        ds.tiles.append(L("assets/img_1.png"))
        ds.create_tensor("updated", htype="link[image]", sample_compression="png")
        ds.updated.extend([L("assets/img_0.png"), L("assets/img_1.png"), L("assets/img_2.png")])
        ds.updated[1] = L("assets/img_5.png", creds_key="key_one")
        ds.updated.pop(0)


@scenario
def groups(name, r):
    ds = new(name)
    with ds:
        ds.info.update({"author": "x", "n": 3, "nested": {"a": [1, 2]}})
        ds.create_group("g1")
        ds.create_tensor("g1/a", dtype="int32")
        ds.create_tensor("g1/g2/b", htype="image", sample_compression="png")
        ds["g1/g2"].create_tensor("c", dtype="float32")
        ds.create_group("empty/group")
        ds["g1/a"].extend(np.arange(4, dtype="int32"))
        ds["g1/g2/b"].append(smooth(r, 4, 5))
        ds["g1/g2/c"].append(np.ones((2,), "float32"))
        ds["g1/a"].info["unit"] = "mm"
        ds.create_tensor("old_name", dtype="int16")
        ds.old_name.extend(np.arange(3, dtype="int16"))
        ds.rename_tensor("old_name", "new_name")
        ds.create_tensor("old_name", dtype="int64")  # key differs? name freed, key still taken
        ds.old_name.extend(np.arange(2, dtype="int64"))
        ds.create_tensor("gone", dtype="int8")
        ds.gone.extend(np.arange(3, dtype="int8"))
        ds.delete_tensor("gone")
        ds.create_tensor("hidden_user", dtype="int8", hidden=True)
        ds.hidden_user.extend(np.arange(3, dtype="int8"))
        ds.create_tensor("grp_old/t", dtype="int8")
        ds["grp_old/t"].extend(np.arange(2, dtype="int8"))
        ds.rename_group("grp_old", "grp_new")
