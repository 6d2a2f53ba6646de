"""Benches of the Python package against other ways to do the same work."""
