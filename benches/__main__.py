"""Runs every bench: `python -m benches` (or `make bench`)."""

import sys

from benches.python import import_time, linked_read

if __name__ == "__main__":
    # The arguments are those of the linked-read bench.
    sys.exit(max(linked_read.main(), import_time.main([])))
