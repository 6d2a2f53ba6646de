"""Tests of lakebed; `CONTRIBUTING.md` says which kind lives where."""
