"""Benches: they run by hand (`make bench`), write JSON into `results/`, and are no tests."""
