"""Datasets: opening, structure, rows, history."""

from lakebed.dataset.dataset import Dataset
from lakebed.dataset.entry import delete, empty, exists, load
from lakebed.dataset.namespace import dataset

__all__ = ["Dataset", "dataset", "delete", "empty", "exists", "load"]
