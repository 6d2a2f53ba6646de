"""A second process that works on a dataset, told what to do by lines on standard input.

    python -m tests.s3.writer_process PATH CREDS_JSON

Says `writing` or `reading` (or `refused: ClassName`) once it has tried to open, then obeys:
`append TEXT`, `hold TEXT` (append without flush), `exit` (leaving the lock to the end of the
process) and `close`. Answers each with `done` or the class of the error.
"""

from __future__ import annotations

import json
import sys
import warnings

import lakebed


def main() -> None:
    """Serve one dataset until told to end."""
    path, creds, read_only = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = lakebed.load(path, creds=creds, read_only=read_only, verbose=False)
        except lakebed.errors.LakebedError as error:
            print(f"refused: {type(error).__name__}", flush=True)
            return
    print("reading" if ds.read_only else "writing", flush=True)
    for line in sys.stdin:
        verb, _, text = line.rstrip("\n").partition(" ")
        try:
            if verb == "append":
                ds.t.append(text)
            elif verb == "hold":
                ds.__enter__()
                ds.t.append(text)
            elif verb == "close":
                ds.close()
            elif verb == "exit":
                return
            print("done", flush=True)
        except lakebed.errors.LakebedError as error:
            print(type(error).__name__, flush=True)


if __name__ == "__main__":
    main()
