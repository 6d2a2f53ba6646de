"""Stores: the suite that all of them pass, and what is special about each."""
