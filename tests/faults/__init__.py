"""Datasets behind servers and networks that fail: what is read and written is right, or told."""
