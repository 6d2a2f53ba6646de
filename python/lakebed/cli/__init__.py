"""The commands: `lakebed doctor`, `lakebed cors`. Nobody imports this package but the script."""
