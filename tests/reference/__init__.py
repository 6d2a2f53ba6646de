"""The reference package, deeplake 3.9.52, driven in a process and an environment of its own.

`client.py` is our side; `worker.py`, `expect.py` and `steps.py` run in `.venv-reference`, so they
import nothing that is not there (and nothing of lakebed).
"""
