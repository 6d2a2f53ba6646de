"""Credentials: what users give, turned into providers that the core asks for secrets."""
