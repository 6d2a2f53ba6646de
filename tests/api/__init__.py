"""What users see of datasets and tensors, on local and memory stores."""
