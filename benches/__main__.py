"""Runs every bench: `python -m benches` (or `make bench`)."""

import sys

from benches.python import import_time, linked_read, packed

if __name__ == "__main__":
    sys.exit(max(bench.main() for bench in (linked_read, packed, import_time)))
