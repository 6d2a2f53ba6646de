"""AWS and what speaks like it: each way to authenticate, against a server that checks it."""
