"""Our side of the reference's process: start it, ask it, end it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tests.reference.steps import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.golden.values import Described
    from tests.reference.steps import Step

ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "BUGGER_OFF": "true",
    # It prints messages, which may hold halves of surrogate pairs.
    "PYTHONIOENCODING": "utf-8:backslashreplace",
}
INTERPRETER = ROOT / ".venv-reference" / "bin" / "python"


class ReferenceFailedError(RuntimeError):
    """The reference raised; `names` are the classes of its exception and of the causes."""

    def __init__(self, chain: Sequence[tuple[str, str]]) -> None:
        self.names = [name for name, _ in chain]
        super().__init__("; caused by ".join(f"{name}: {text}" for name, text in chain))


@dataclass
class Reference:
    """A running process of the reference."""

    process: subprocess.Popen[str]
    log: Path

    def call(self, name: str, **arguments: Any) -> Any:
        """Ask for one call of `worker.py`."""
        requests, answers = _pipes(self.process)
        requests.write(json.dumps({"call": name, "arguments": arguments}) + "\n")
        requests.flush()
        line = answers.readline()
        if not line:
            message = f"the reference's process ended\n{self.log.read_text()[-3000:]}"
            raise RuntimeError(message)
        answer = json.loads(line)
        if "error" in answer:
            raise ReferenceFailedError([(name, text) for name, text in answer["error"]])
        return answer["ok"]

    def run(self, steps: Sequence[Step]) -> list[Any]:
        """Run a recipe; returns its answers."""
        result: list[Any] = self.call("run_steps", recipe=[_unlocked(step) for step in steps])
        return result

    def do(self, step: Step) -> Any:
        """Do one step on the dataset that the steps before left open."""
        return self.call("do_step", step=_unlocked(step))

    def end_session(self, *, keep: bool = True) -> None:
        """Close what `do` left open; without `keep`, drop what is not on disk."""
        self.call("end_session", keep=keep)

    def state(
        self,
        path: str | Path,
        *,
        options: Mapping[str, Any] | None = None,
        creds_of_keys: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Described:
        """Open with the integrity check, and describe everything the reference reads."""
        result: Described = self.call(
            "read_state",
            path=str(path),
            options=dict(options or {}),
            creds_of_keys=dict(creds_of_keys or {}),
            tensors=None,
        )
        return result

    def change_folder(self, folder: str | Path) -> None:
        """Change its current directory."""
        self.call("change_folder", path=str(folder))


def _unlocked(step: Step) -> Step:
    """Open without a lock, which it would keep until its process ends, past many tests."""
    if step["do"] in {"empty", "load"}:
        step = {**step, "options": {"lock_enabled": False, **step.get("options", {})}}
    found: Step = to_json(step)
    return found


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        message = "the reference's process was started without pipes"
        raise RuntimeError(message)
    return process.stdin, process.stdout


@contextlib.contextmanager
def running() -> Iterator[Reference]:
    """Start the reference's process, yield it, end it."""
    if not INTERPRETER.exists():
        message = f"{INTERPRETER} is missing: run `make .venv-reference/installed`"
        raise FileNotFoundError(message)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    with tempfile.TemporaryDirectory(prefix="lakebed-reference-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 - the command is ours
                [INTERPRETER, "-m", "tests.reference.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=folder,
                env={**kept, **_ENVIRONMENT},
            )
        try:
            yield Reference(process, log)
        finally:
            for pipe in _pipes(process):
                pipe.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
