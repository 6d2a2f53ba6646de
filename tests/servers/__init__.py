"""Real servers on loopback for tests, the demo and the benches.

Each module has one context manager, `running(...)`, that starts a server as a process of its own,
waits until it answers, and ends that process (by its pid, never by name) on the way out.
"""
