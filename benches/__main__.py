"""Runs every bench: `python -m benches` (or `make bench`)."""

import sys

from benches.python import linked_read

if __name__ == "__main__":
    sys.exit(linked_read.main())
