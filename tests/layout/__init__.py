"""The rules of the house that no linter knows: sizes, arrows between rooms, names."""
