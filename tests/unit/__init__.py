"""Rules of the Python package, without datasets."""
