"""What the scenarios share: random values, smooth pictures, the files that links point to."""

import io
import os
import shutil

import numpy as np
from PIL import Image

import deeplake

SEED = 20240613
SCENARIOS = []


def scenario(f):
    SCENARIOS.append(f)
    return f


def new(name):
    d = "v3/" + name
    shutil.rmtree(d, ignore_errors=True)
    os.makedirs(d)
    return deeplake.empty(d + "/ds", verbose=False)


def png_bytes(a, fmt="png", **kw):
    b = io.BytesIO()
    Image.fromarray(a).save(b, fmt, **kw)
    return b.getvalue()


def save(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def smooth(r, h, w, c=3):
    y, x = np.mgrid[0:h, 0:w]
    base = [
        (np.sin(x / (3 + k) + r.random() * 6) + np.cos(y / (4 + k) + r.random() * 6) + 2) * 60
        for k in range(max(c, 1))
    ]
    a = np.stack(base, -1).astype("uint8")
    return a[..., 0] if c == 0 else a


POST = {}


def make_assets():
    r = np.random.default_rng(SEED)
    for i in range(6):
        a = smooth(r, 18 + 3 * i, 25 + 2 * i)
        save(f"assets/img_{i}.png", png_bytes(a))
        save(f"assets/img_{i}.jpg", png_bytes(a, "jpeg", quality=85))
    save("assets/gray.png", png_bytes(smooth(r, 16, 21, 0)))
    save("assets/gray.jpg", png_bytes(smooth(r, 17, 20, 0), "jpeg"))
    save("assets/rgba.png", png_bytes(smooth(r, 12, 14, 4)))
    big = smooth(r, 32, 48)
    for i in range(2):
        for j in range(3):
            save(
                f"assets/tile_{i}{j}.png",
                png_bytes(big[i * 16 : (i + 1) * 16, j * 16 : (j + 1) * 16]),
            )


DTYPES = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


def rnd(r, shape, dt):
    dt = np.dtype(dt)
    if dt == bool:
        return r.integers(0, 2, shape).astype(bool)
    if dt.kind in "iu":
        info = np.iinfo(dt)
        return r.integers(info.min, info.max, shape, dtype=dt, endpoint=True)
    if dt.kind == "f":
        return r.standard_normal(shape).astype(dt)
    return (r.standard_normal(shape) + 1j * r.standard_normal(shape)).astype(dt)
