"""Creds keys, and what links may lead to."""
