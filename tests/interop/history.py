"""One dataset, written by both packages in turns, beside a model of plain lists.

After each step everything is read from disk with both packages, and has to agree with the other
and with the model: values, shapes, lengths, metas, infos, companions.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import lakebed
from lakebed.errors import LakebedError, ReadOnlyModeError
from tests.api.documents import expected as json_expected
from tests.golden.values import encode
from tests.interop import kinds
from tests.interop.sides import commit, deep_differences, read_both, without_chance, write
from tests.reference.client import ReferenceFailedError
from tests.reference.steps import Session

if TYPE_CHECKING:
    from collections import Counter

    from tests.golden.values import Described
    from tests.interop.kinds import Kind
    from tests.reference.client import Reference
    from tests.reference.steps import Step

MAX_TENSORS = 4


@dataclass
class Modelled:
    """What the model knows of one tensor: its kind, and the samples that went in."""

    kind: Kind
    samples: list[Any] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    hidden: bool = False


class Turns(RuleBasedStateMachine):
    """A history of one dataset; `covered` counts the steps of all histories.

    Args:
        reference: The reference's process.
        files: Image files to append.
        covered: Kinds and steps are counted here.
    """

    def __init__(
        self, reference: Reference, files: dict[str, list[Path]], covered: Counter[str]
    ) -> None:
        super().__init__()
        self.reference = reference
        self.covered = covered
        self.every_kind = kinds.every_kind(files)
        self.folder = Path(tempfile.mkdtemp(prefix="lakebed-turns-"))
        self.path = str(self.folder / "ds")
        self.ours = Session(lakebed)
        self.is_ours = True
        self.model: dict[str, Modelled] = {}
        self.info: dict[str, Any] = {}
        self.creds_keys: set[str] = set()
        self.commits: list[tuple[str, dict[str, list[Described]]]] = []
        self.done: list[Step] = []
        self.agreed = True

    # --- steps

    def do(self, step: Step) -> Any:
        """Do one step with the package whose turn it is."""
        return self.ours.do(step) if self.is_ours else self.reference.do(step)

    def change(self, step: Step) -> None:
        """Do one step, and compare everything."""
        self.covered[f"step {step['do']}"] += 1
        self.agreed = False
        self.do(step)
        self.done.append(step)
        self.compare()

    def end_session(self) -> None:
        """Close the dataset with the package whose turn it is."""
        if self.is_ours:
            self.ours.close()
            return
        self.reference.end_session()
        # It keeps a lock, from `with ds:` for one, until its process ends, which is not now.
        for lock in Path(self.path).rglob("dataset_lock.lock"):
            lock.unlink()

    def take_turn(self, *, ours: bool) -> None:
        """Close the dataset, and open it again, maybe with the other package."""
        self.covered["step reopen"] += 1
        self.end_session()
        self.is_ours = ours
        self.do({"do": "load", "path": self.path})

    @initialize(ours=st.booleans(), tensors=st.integers(1, 3), data=st.data())
    def begin(self, ours: bool, tensors: int, data: st.DataObject) -> None:
        """Make a dataset with some tensors."""
        self.is_ours = ours
        self.covered["histories"] += 1
        self.change({"do": "empty", "path": self.path})
        for _ in range(tensors):
            self.create(data)
            self.change(self.filling([*self.model][-1], data))

    @precondition(lambda self: len(self.model) < MAX_TENSORS)
    @rule(data=st.data())
    def create_later(self, data: st.DataObject) -> None:
        """Create one more tensor."""
        self.create(data)

    def create(self, data: st.DataObject) -> None:
        """Create a tensor of any kind."""
        kind = data.draw(self.every_kind, "kind")
        switches = data.draw(st.sets(st.sampled_from(["shape", "id", "sample_info"])), "without")
        if kind.is_link:
            switches.discard("shape")
        group = data.draw(st.sampled_from(["", "", "g/", "g/h/"]), "group")
        name = f"{group}t{len(self.model)}"
        hidden = data.draw(st.integers(0, 5), "hidden") == 5
        options = {key: value for key, value in kind.options.items() if value is not None}
        if "sample_compression" in kind.options:
            options["sample_compression"] = kind.options["sample_compression"]
        options.update({f"create_{switch}_tensor": False for switch in switches})
        if hidden:
            options["hidden"] = True
        self.covered[f"kind {kind.family}"] += 1
        self.model[name] = Modelled(kind, info=dict(kind.info), hidden=hidden)
        self.change({"do": "create_tensor", "name": name, "options": options})
        if kind.is_link:
            first = data.draw(kind.values.filter(lambda value: value is not None), "first")
            self.model[name].samples.append(first)
            self.change({"do": "append", "name": name, "value": first})

    @rule(data=st.data(), ours=st.booleans())
    def fill_in_turn(self, data: st.DataObject, ours: bool) -> None:
        """Open the dataset anew, and append."""
        self.take_turn(ours=ours)
        self.fill(data)

    @rule(data=st.data())
    def fill_again(self, data: st.DataObject) -> None:
        """Append through the handle that is open."""
        self.fill(data)

    def fill(self, data: st.DataObject) -> None:
        """Append to some tensor."""
        name = data.draw(st.sampled_from(sorted(self.model)), "tensor")
        self.change(self.filling(name, data))

    def filling(self, name: str, data: st.DataObject) -> Step:
        """Draw a step that appends to one tensor, and tell the model."""
        tensor = self.model[name]
        kind = tensor.kind
        how = data.draw(st.sampled_from(["append", "extend", "extend", "many", "array"]), "how")
        if how == "append":
            value = data.draw(kind.values, "sample")
            tensor.samples.append(value)
            return {"do": "append", "name": name, "value": value}
        sizes = (20, 60) if how == "many" else (0, 6)
        # Few different samples, or drawing them would take most of the time.
        drawn = data.draw(st.lists(kind.values, min_size=1, max_size=6), "samples")
        count = data.draw(st.integers(*sizes), "count")
        batch = [drawn[number % len(drawn)] for number in range(count)]
        given: Any = batch
        if how == "array" and kind.array and batch and drawn[0] is not None:
            given = np.stack([drawn[0]] * len(batch))
            batch = list(given)
        tensor.samples.extend(batch)
        return {"do": "extend", "name": name, "values": given}

    @rule(data=st.data())
    def block(self, data: st.DataObject) -> None:
        """Append and change an info inside of `with ds:`."""
        names = data.draw(st.lists(st.sampled_from(sorted(self.model)), min_size=1, max_size=3))
        steps = [self.filling(name, data) for name in names]
        steps.append(self.info_step(data))
        self.change({"do": "block", "steps": steps})

    @precondition(lambda self: any(not tensor.hidden for tensor in self.model.values()))
    @rule(data=st.data(), one=st.booleans(), append_empty=st.booleans())
    def rows(self, data: st.DataObject, one: bool, append_empty: bool) -> None:
        """Append rows of the dataset; other tensors stay as they are, or get empty samples."""
        seen = {name: tensor for name, tensor in self.model.items() if not tensor.hidden}
        length = data.draw(st.sampled_from([len(each.samples) for each in seen.values()]))
        fit = [name for name, tensor in seen.items() if len(tensor.samples) == length]
        if len(fit) < len(seen):
            append_empty = False
        if append_empty:
            nones = [name for name in fit if self.takes_none(name)]
            names = [name for name in fit if name not in nones]
            names += data.draw(st.lists(st.sampled_from(nones), unique=True)) if nones else []
        else:
            names = data.draw(st.lists(st.sampled_from(fit), min_size=1, unique=True), "tensors")
        if not names:
            return
        options = {"append_empty": True} if append_empty else {"skip_ok": True}
        count = 1 if one else data.draw(st.integers(1, 4), "count")
        columns = {
            name: [data.draw(self.model[name].kind.values) for _ in range(count)] for name in names
        }
        for name in fit if append_empty else names:
            self.model[name].samples.extend(columns.get(name, [None] * count))
        if one:
            row = {name: column[0] for name, column in columns.items()}
            self.change({"do": "append_row", "row": row, "options": options})
        else:
            self.change({"do": "extend_rows", "rows": columns, "options": options})

    def takes_none(self, name: str) -> bool:
        """Whether an empty sample may go in; some kinds are only drawn without."""
        return self.model[name].kind.family not in {"undecided", "generic-png", "generic-jpeg"}

    @rule(data=st.data(), creds_key=st.integers(0, 3))
    def change_info(self, data: st.DataObject, creds_key: int) -> None:
        """Change what lies beside the tensors."""
        if creds_key:
            self.change(self.info_step(data))
        else:
            self.add_creds_key(data)

    def info_step(self, data: st.DataObject) -> Step:
        """Draw a change of an info, and tell the model."""
        name = data.draw(st.sampled_from([None, *sorted(self.model)]), "info of")
        info = self.info if name is None else self.model[name].info
        place = {} if name is None else {"name": name}
        keys = [key for key in info if key in {"k", "l", "\ud800", "é"}]
        if bool(keys) and data.draw(st.booleans(), "delete"):
            key = data.draw(st.sampled_from(keys))
            del info[key]
            return {"do": "delete_info", **place, "key": key}
        update = data.draw(kinds.INFOS, "update")
        if name is None and data.draw(st.booleans(), "replace"):
            self.info = dict(update)
            return {"do": "replace_info", "info": update}
        info.update(update)
        return {"do": "info", **place, "update": update}

    def add_creds_key(self, data: st.DataObject) -> None:
        """Add the name of credentials."""
        names = set("abc") - self.creds_keys
        if names:
            name = data.draw(st.sampled_from(sorted(names)))
            self.creds_keys.add(name)
            self.change({"do": "add_creds_key", "name": name, "creds": {}})

    @precondition(lambda self: any(tensor.kind.refused for tensor in self.model.values()))
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        """Give both packages, one after the other, what neither takes."""
        able = [name for name, each in self.model.items() if each.kind.refused and each.samples]
        if not able:
            return
        name = data.draw(st.sampled_from(able), "tensor")
        tensor = self.model[name]
        if self.has_no_rank(tensor):
            return  # nobody knows what does not fit
        bad = data.draw(st.sampled_from(tensor.kind.refused), "bad")
        alone: Step = {"do": "append", "name": name, "value": bad}
        behind = alone
        if data.draw(st.booleans(), "behind a good one"):
            good = data.draw(tensor.kind.values.filter(lambda value: value is not None), "good")
            # Ours alone: the reference would keep the good one (see `kinds`).
            behind = {"do": "extend", "name": name, "values": [good, bad]}
        self.covered["step refused"] += 1
        mine = self.is_ours
        for ours in (mine, not mine):
            self.take_turn(ours=ours)
            step = behind if ours else alone
            try:
                self.do(step)
            except (LakebedError, ReferenceFailedError) as error:
                names = [each.__name__ for each in type(error).__mro__]
                names += getattr(error, "names", [])
                assert "SampleAppendError" in names, names
            else:
                raise AssertionError(f"{'ours' if ours else 'theirs'} took {bad!r}")
            self.compare()
        self.take_turn(ours=mine)

    def has_no_rank(self, tensor: Modelled) -> bool:
        """Whether there is nothing but None so far."""
        return all("error" in row for row in tensor.kind.expect(tensor.samples))

    @precondition(lambda self: self.is_ours)
    @rule()
    def refuse_read_only(self) -> None:
        """Open read-only: everything is there, nothing can be changed."""
        self.ours.close()
        session = Session(lakebed)
        session.do({"do": "load", "path": self.path, "options": {"read_only": True}})
        changes: list[Step] = [
            {"do": "info", "update": {"k": 1}},
            {"do": "create_tensor", "name": "x"},
            *({"do": "extend", "name": name, "values": [None]} for name in self.model),
        ]
        for change in changes:
            try:
                session.do(change)
            except ReadOnlyModeError:
                continue
            raise AssertionError(f"read-only, {change} was done")
        session.close()
        self.ours.do({"do": "load", "path": self.path})
        self.compare()

    @precondition(lambda self: self.done and len(self.commits) < 3)
    @rule(back=st.booleans())
    def commit(self, back: bool) -> None:
        """Commit with the reference; then one of the two goes on."""
        if any(each.samples and self.has_no_rank(each) for each in self.model.values()):
            return  # what the reference then appends spoils them
        self.covered["step commit"] += 1
        mine = self.is_ours
        self.take_turn(ours=False)
        step = commit(f"n° {len(self.commits)} \ud800")
        closed = self.do(step)
        self.done.append(step)
        self.commits.append((closed, self.expectations()))
        self.take_turn(ours=mine and back)
        self.compare()

    # --- what has to hold

    def expectations(self) -> dict[str, list[Described]]:
        """Give what the model knows of each tensor's samples."""
        return {name: each.kind.expect(each.samples) for name, each in self.model.items()}

    def compare(self, address: str = "") -> None:
        """Read everything with both packages; compare it, and compare it with the model."""
        self.agreed = False
        found = read_both(self.reference, self.path + address, still_open=self.ours.ds)
        agree(found.differences)
        if not address:
            agree(self.wrong_in(found.state))
        self.agreed = True

    def wrong_in(self, state: Described) -> list[str]:
        """Compare what the reference read with the model; what both read alike is one state."""
        lengths = [len(each.samples) for each in self.model.values() if not each.hidden]
        shown = {
            "visible": sorted(state["visible_tensors"]),
            "num_samples": state["extent"]["num_samples"],
            "creds_keys": state["extent"]["creds_keys"],
            "info": state["dataset_info"],
            "infos": {name: state["tensors"][name]["info"] for name in self.model},
        }
        model = {
            "visible": sorted(name for name, each in self.model.items() if not each.hidden),
            "num_samples": min(lengths, default=0),
            "creds_keys": sorted(self.creds_keys),
            "info": encode(json_expected(self.info)),
            "infos": {
                name: {} if each.hidden else encode(json_expected(self.info_of(each)))
                for name, each in self.model.items()
            },
        }
        wrong = deep_differences(shown, model, "model")
        for name, rows in self.expectations().items():
            wrong += wrong_samples(name, state["tensors"][name], rows)
            wrong += wrong_companions(name, state["tensors"])
        return wrong

    def info_of(self, tensor: Modelled) -> dict[str, Any]:
        """Model the info of a tensor; names of classes come with samples, too."""
        if tensor.kind.family != "class_label":
            return tensor.info
        names = kinds.class_names(tensor.info["class_names"], tensor.samples)
        return {**tensor.info, "class_names": names}

    def teardown(self) -> None:
        """Compare the commits, and the whole with what the reference makes of the same steps."""
        try:
            self.end_session()
            if self.agreed:
                self.compare_with_theirs()
        finally:
            self.reference.end_session(keep=False)
            shutil.rmtree(self.folder)

    def compare_with_theirs(self) -> None:
        """Read all commits; let the reference alone do all the steps, and compare the states."""
        for closed, rows in self.commits:
            found = read_both(self.reference, f"{self.path}@{closed}")
            agree(found.differences)
            for name, expected in rows.items():
                agree(wrong_samples(name, found.state["tensors"][name], expected))
        other = str(self.folder / "theirs")
        write(self.reference, [{**self.done[0], "path": other}, *self.done[1:]])
        state = without_chance(self.reference.state(self.path))
        theirs = without_chance(self.reference.state(other))
        agree(deep_differences(state, theirs))


def agree(differences: list[str]) -> None:
    """Fail with a line for each difference."""
    if differences:
        raise AssertionError("\n".join(differences))


def wrong_samples(name: str, tensor: Described, rows: list[Described]) -> list[str]:
    """Compare the samples that were read with those that are expected; a line for each error."""
    found = tensor["samples"]
    if len(found) != len(rows) or tensor["length"] != len(rows):
        return [f"{name}: {len(found)} samples, {len(rows)} expected"]
    known = [{key: read.get(key) for key in row} for read, row in zip(found, rows, strict=True)]
    return deep_differences(known, rows, name)


def wrong_companions(name: str, tensors: dict[str, Described]) -> list[str]:
    """Check the rows of the hidden companions of one tensor."""
    owner = tensors[name]
    group, slash, last = name.rpartition("/")
    wrong = []
    for suffix in ("shape", "id", "info"):
        companion = tensors.get(f"{group}{slash}_{last}_{suffix}")
        if companion is None:
            continue
        rows = companion["samples"]
        if len(rows) != owner["length"]:
            wrong.append(f"{name}: {len(rows)} rows of {suffix}")
        if suffix == "id" and rows:
            if companion["dtype"] != "uint64" or {row["dtype"] for row in rows} != {"<u8"}:
                wrong.append(f"{name}: ids are {companion['dtype']}")
            if len({row["sha256"] for row in rows}) != len(rows):
                wrong.append(f"{name}: two rows have the same id")
    return wrong
