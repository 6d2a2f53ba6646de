"""What a user does first with an installed wheel; `make nightly` runs it in its own environment.

python tests/wheel/smoke.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import lakebed as deeplake

with tempfile.TemporaryDirectory() as folder:
    assert "site-packages" in str(Path(deeplake.__file__)), "this is not the installed wheel"
    ds = deeplake.empty(f"{folder}/ds")
    with ds:
        ds.create_tensor("images", htype="image", sample_compression="png")
        ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog"])
        pictures = [np.full((4 + n, 5, 3), n, "uint8") for n in range(5)]
        ds.extend({"images": pictures, "labels": ["cat", "dog", "cat", "dog", "cat"]})
    ds.close()
    ds = deeplake.load(f"{folder}/ds", read_only=True)
    for read, picture in zip(ds.images.numpy(aslist=True), pictures, strict=True):
        assert np.array_equal(read, picture)
    assert ds.labels.numpy().ravel().tolist() == [0, 1, 0, 1, 0]
    script = Path(sys.executable).with_name("lakebed")
    command = [str(script), "doctor", f"{folder}/ds"]
    said = subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    assert b"3.9.52" in said.stdout
