"""Damaged datasets and bad samples: errors of our tree, and nothing half done."""
