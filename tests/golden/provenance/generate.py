"""Generate the corpus anew, with a Python that has deeplake 3.9.52, numpy 1.26 and Pillow 10.4:

    .venv-reference/bin/python -m tests.golden.provenance.generate --out DIR [--only name,name]

Written below DIR: assets/ (the files that link tensors point to), v3/<name>/ds (a dataset, as
deeplake wrote it), v3/<name>/expected.json (what deeplake reads back) and MANIFEST.json. The
program changes its current directory to DIR first, because link samples hold the relative path
assets/...: a reader has to do the same. Contents are seeded; ids and times are random.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("BUGGER_OFF", "true")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402

from tests.golden.corpus import write_manifest  # noqa: E402
from tests.golden.provenance import history, kinds  # noqa: E402, F401  (they register themselves)
from tests.golden.provenance.base import POST, SCENARIOS, SEED, make_assets  # noqa: E402
from tests.reference.expect import write_expected  # noqa: E402


def run_self(*args):
    """Each scenario runs in two processes of its own: deeplake lets go of a dataset lock only
    when the process ends, and expected values have to come from a fresh read."""
    root = str(Path(__file__).resolve().parents[3])
    env = {**os.environ, "PYTHONPATH": root}
    return subprocess.run([sys.executable, "-m", __spec__.name, *args], env=env).returncode


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--only")
    ap.add_argument("--out", required=True)
    ap.add_argument("--one", help=argparse.SUPPRESS)
    ap.add_argument("--expect", help=argparse.SUPPRESS)
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    os.chdir(a.out)
    funcs = {f.__name__: f for f in SCENARIOS}
    if a.one:
        name = a.one
        extra = (
            funcs[name](name, np.random.default_rng([SEED, len(name), sum(map(ord, name))])) or {}
        )
        with open("v3/" + name + "/extra.json", "w") as f:
            json.dump(extra, f)
        return 0
    if a.expect:
        name = a.expect
        with open("v3/" + name + "/extra.json") as f:
            extra = json.load(f)
        os.remove("v3/" + name + "/extra.json")
        if name in POST:
            extra.update(POST[name]("v3/" + name + "/ds/", extra))
        write_expected("v3/" + name, extra)
        return 0
    only = set(a.only.split(",")) if a.only else None
    make_assets()
    failed = []
    for name in funcs:
        if only and name not in only:
            continue
        t = time.time()
        for mode in ("--one", "--expect"):
            if run_self(mode, name, "--out", os.getcwd()):
                failed.append(name)
                print("FAILED", mode, name)
                break
        print(f"{name}: {time.time() - t:.1f}s", flush=True)
    files, size = write_manifest(Path("."))
    print("total bytes", size, "files", files, "failed", failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
