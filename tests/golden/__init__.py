"""Datasets written by the reference package, with what it reads from them."""
