"""The "media" dataset: audio, video, medical and mesh files.

Needs, besides deeplake 3.9.52 and numpy 1.26: av 12.3, pydicom, nibabel, laspy, numpy-stl,
plyfile, pandas, pyntcloud. Run after generate.py, with the same folder:

    python -m tests.golden.provenance.media DIR
"""

import os
import struct
import sys
import wave

import av
import numpy as np

import deeplake
from tests.golden.provenance.base import new, smooth
from tests.reference.expect import LOSSY, write_expected

os.chdir(sys.argv[1])
r = np.random.default_rng(31)
os.makedirs("assets/media", exist_ok=True)


def wavf(p, n, ch):
    w = wave.open(p, "wb")
    w.setnchannels(ch)
    w.setsampwidth(2)
    w.setframerate(8000)
    w.writeframes((np.sin(np.arange(n * ch) / 9) * 9000).astype("<i2").tobytes())
    w.close()


wavf("assets/media/a.wav", 900, 1)
wavf("assets/media/b.wav", 400, 2)


def vid(p, codec, n, h, w):
    c = av.open(p, "w")
    s = c.add_stream(codec, rate=10)
    s.width = w
    s.height = h
    s.pix_fmt = "yuv420p"
    for i in range(n):
        f = av.VideoFrame.from_ndarray(
            np.full((h, w, 3), i * 20, "uint8") + smooth(r, h, w) // 4, format="rgb24"
        )
        for pk in s.encode(f):
            c.mux(pk)
    for pk in s.encode():
        c.mux(pk)
    c.close()


for p, c in (
    ("assets/media/v.mp4", "mpeg4"),
    ("assets/media/v.mkv", "mpeg4"),
    ("assets/media/v.avi", "mpeg4"),
):
    vid(p, c, 6, 32, 48)


def aud(p, codec):
    c = av.open(p, "w")
    s = c.add_stream(codec, rate=8000 if codec == "flac" else 16000)
    n = 2000
    a = (np.sin(np.arange(n) / 11) * 9000).astype("int16").reshape(1, -1)
    fmt = "s16" if codec == "flac" else "s16p"
    f = av.AudioFrame.from_ndarray(a, format=fmt, layout="mono")
    f.sample_rate = 8000 if codec == "flac" else 16000
    for pk in s.encode(f):
        c.mux(pk)
    for pk in s.encode():
        c.mux(pk)
    c.close()


for p, c in (("assets/media/a.flac", "flac"), ("assets/media/a.mp3", "libmp3lame")):
    try:
        aud(p, c)
    except Exception as e:
        print("no", p, type(e).__name__, e)
try:
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset

    fm = FileMetaDataset()
    fm.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    fm.MediaStorageSOPInstanceUID = "1.2.3"
    fm.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    d = FileDataset("x", {}, file_meta=fm, preamble=b"\0" * 128)
    d.Rows, d.Columns = 6, 7
    d.SamplesPerPixel = 1
    d.PhotometricInterpretation = "MONOCHROME2"
    d.BitsAllocated = 16
    d.BitsStored = 16
    d.HighBit = 15
    d.PixelRepresentation = 0
    d.PixelData = r.integers(0, 4000, (6, 7)).astype("<u2").tobytes()
    d.PatientName = "A^B"
    d.save_as("assets/media/d.dcm", write_like_original=False)
except Exception as e:
    print("no dicom", type(e).__name__, e)
try:
    import nibabel as nib

    nib.save(
        nib.Nifti1Image(r.integers(0, 90, (4, 5, 3)).astype("int16"), np.eye(4)),
        "assets/media/n.nii",
    )
    nib.save(
        nib.Nifti1Image(r.integers(0, 90, (4, 5, 3)).astype("int16"), np.eye(4)),
        "assets/media/n.nii.gz",
    )
except Exception as e:
    print("no nifti", type(e).__name__, e)
tri = r.random((4, 3, 3)).astype("<f4")
open("assets/media/m.stl", "wb").write(
    b"x" * 80
    + struct.pack("<I", 4)
    + b"".join(np.zeros(3, "<f4").tobytes() + t.tobytes() + b"\0\0" for t in tri)
)
v = r.random((5, 3))
open("assets/media/m.ply", "w").write(
    "ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    + "\n".join("%f %f %f" % tuple(p) for p in v)
    + "\n3 0 1 2\n"
)
ds = new("media")


def mk(n, ht, c, fs):
    try:
        ds.create_tensor(n, htype=ht, sample_compression=c)
        ds[n].extend([deeplake.read("assets/media/" + f) for f in fs])
    except Exception as e:
        c_ = e
        while c_.__cause__:
            c_ = c_.__cause__
        print("fail", n, type(c_).__name__, str(c_)[:150])
        if n in ds.tensors:
            ds.delete_tensor(n)


mk("wav", "audio", "wav", ["a.wav"])
mk("wav2", "audio", "wav", ["b.wav"])
mk("flac", "audio", "flac", ["a.flac"])
mk("mp3", "audio", "mp3", ["a.mp3"])
mk("mp4", "video", "mp4", ["v.mp4", "v.mp4"])
mk("mkv", "video", "mkv", ["v.mkv"])
mk("avi", "video", "avi", ["v.avi"])
mk("dcm", "dicom", "dcm", ["d.dcm"])
mk("nii", "nifti", "nii", ["n.nii"])
mk("niigz", "nifti", "nii.gz", ["n.nii.gz"])
mk("stl", "mesh", "stl", ["m.stl"])
mk("ply", "mesh", "ply", ["m.ply"])
ds.flush()
ds.read_only = True
write_expected("v3/media", lossy=(*LOSSY, "mkv", "avi"))
