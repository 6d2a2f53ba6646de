"""Ways to authenticate, each against a server that checks."""
