"""Tests of the documents: what they show runs."""
