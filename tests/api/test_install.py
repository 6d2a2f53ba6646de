"""`lakebed.install_as_deeplake()`, each time in an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "import lakebed\nlakebed.install_as_deeplake()\n"


def run(script: str, folder: Path, *, install: bool = True) -> Any:
    """Run a script, after the install, and give what it prints: JSON."""
    source = (INSTALL if install else "") + textwrap.dedent(script)
    command = [sys.executable, "-W", "error", "-c", source]
    done = subprocess.run(  # noqa: S603
        command, check=False, capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_module_of_the_table_is_there(tmp_path: Path) -> None:
    found = run(
        """
        import importlib, importlib.util, json, sys
        from lakebed.as_deeplake import MODULES
        report = {}
        for name, alias in MODULES.items():
            spec = importlib.util.find_spec(name)
            module = importlib.import_module(name)
            source = importlib.import_module(alias.source)
            parent, _, last = name.rpartition(".")
            report[name] = {
                "registered": sys.modules[name] is module,
                "named": module.__name__ == name == module.__spec__.name == spec.name,
                "in parent": not parent or getattr(sys.modules[parent], last) is module,
                "same": all(getattr(module, each) is getattr(source, each)
                            for each in module.__all__ if each != "__version__"),
                "all": set(module.__all__) == set(source.__all__ if alias.names is None
                                                  else alias.names),
                "shown": set(module.__all__) <= set(dir(module)),
                "documented": alias.source in module.__doc__,
                "file": module.__file__ == source.__file__,
                "reloaded": importlib.reload(module) is module,
                "package": hasattr(module, "__path__")
                           == any(other.startswith(name + ".") for other in MODULES),
            }
        print(json.dumps(report))
        """,
        tmp_path,
    )
    assert "deeplake.util.exceptions" in found
    wrong = [f"{name}: {what}" for name, row in found.items() for what in row if not row[what]]
    assert wrong == []


def test_programs_of_v3_run(tmp_path: Path) -> None:
    found = run(
        """
        import json
        import deeplake
        import deeplake as hub
        import deeplake.util.exceptions as exceptions
        from deeplake import load, Dataset, Tensor
        from deeplake.core.dataset import Dataset as CoreDataset
        from deeplake.core.linked_sample import LinkedSample
        from deeplake.core.sample import Sample
        from deeplake.core.tensor import Tensor as CoreTensor
        from deeplake.htype import HTYPE_CONFIGURATIONS
        from deeplake.util.exceptions import DatasetHandlerError, TensorDoesNotExistError
        from deeplake import *

        ds = deeplake.empty("ds")
        with ds:
            ds.create_tensor("x", htype="class_label", class_names=["a", "b"])
            ds.x.extend([0, 1, "a"])
        caught = []
        for call, expected in [
            (lambda: deeplake.load("nothing"), DatasetHandlerError),
            (lambda: ds.y, TensorDoesNotExistError),
            (lambda: ds["y"], KeyError),
        ]:
            try:
                call()
            except expected as error:
                caught.append(type(error).__name__)
        print(json.dumps({
            "identity": [
                deeplake.Dataset is lakebed.Dataset is CoreDataset is Dataset,
                Tensor is CoreTensor is type(ds.x) is deeplake.tensor,
                isinstance(deeplake.link("a"), LinkedSample),
                isinstance(deeplake.read("a"), Sample),
                hub is deeplake and load is lakebed.load,
                isinstance(ds, deeplake.Dataset),
            ],
            "labels": ds.x.numpy().ravel().tolist(),
            "caught": caught,
            "versions": [deeplake.__version__, lakebed.__version__],
            "htypes": sorted(HTYPE_CONFIGURATIONS) == deeplake.htypes,
        }))
        """,
        tmp_path,
    )
    assert all(found["identity"]), found["identity"]
    assert found["labels"] == [0, 1, 0]
    assert found["caught"] == [
        "DatasetNotFoundError",
        "TensorDoesNotExistError",
        "TensorDoesNotExistError",
    ]
    reference, ours = found["versions"]
    assert reference == "3.9.52"
    assert ours != reference
    assert found["htypes"]


def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    found = run(
        """
        import json
        import deeplake
        from lakebed import planned
        from deeplake import ingest_coco

        said = {}
        for name in planned.MODULE_FUNCTIONS:
            try:
                getattr(deeplake, name)("src", dest="dest")
            except NotImplementedError as error:
                said[name] = f"{type(error).__name__}: {error}"
        missing = []
        for statement in (
            "deeplake.nothing", "import deeplake.hooks", "from deeplake import nothing"
        ):
            try:
                exec(statement)
            except (AttributeError, ImportError) as error:
                missing.append(f"{type(error).__name__}: {error}")
        print(json.dumps({"said": said, "missing": missing,
                          "planned": sorted(planned.MODULE_FUNCTIONS)}))
        """,
        tmp_path,
    )
    assert sorted(found["said"]) == found["planned"]
    for name, said in found["said"].items():
        assert said == f"UnsupportedFeatureError: not supported yet: deeplake.{name}()"
    attribute, module, name = found["missing"]
    assert attribute == "AttributeError: module 'deeplake' has no attribute 'nothing'"
    assert module == "ModuleNotFoundError: No module named 'deeplake.hooks'"
    assert name.startswith("ImportError: cannot import name 'nothing' from 'deeplake'")


def test_pickles_do_not_depend_on_the_alias(tmp_path: Path) -> None:
    written = run(
        """
        import json, pickle
        import deeplake
        from deeplake.util.exceptions import BadLinkError
        data = pickle.dumps([BadLinkError("no", index=3), deeplake.link("a.jpg", "key"),
                             deeplake.Dataset, deeplake.load])
        print(json.dumps([data.hex(), b"deeplake" in data.replace(b"as_deeplake", b"")]))
        """,
        tmp_path,
    )
    data, names_the_alias = written
    assert not names_the_alias
    read = run(
        f"""
        import json, pickle, sys
        error, link, cls, load = pickle.loads(bytes.fromhex({data!r}))
        import lakebed
        print(json.dumps([str(error), repr(link), cls is lakebed.Dataset, load is lakebed.load,
                          "deeplake" in sys.modules]))
        """,
        tmp_path,
        install=False,
    )
    assert read == [
        "no (index 3)",
        "LinkedSample('a.jpg', creds_key='key')",
        True,
        True,
        False,
    ]


def test_calling_it_again_changes_nothing(tmp_path: Path) -> None:
    found = run(
        """
        import json, sys
        import deeplake
        finders, module = len(sys.meta_path), sys.modules["deeplake"]
        lakebed.install_as_deeplake()
        deeplake.install_as_deeplake()
        print(json.dumps([len(sys.meta_path) == finders, sys.modules["deeplake"] is module]))
        """,
        tmp_path,
    )
    assert found == [True, True]


@pytest.mark.parametrize("loaded", ["deeplake", "deeplake.util.exceptions"])
def test_it_refuses_when_the_real_package_is_loaded(tmp_path: Path, loaded: str) -> None:
    """A package of that name stands for the real one, which is not in this environment."""
    folder = tmp_path / "deeplake" / "util"
    folder.mkdir(parents=True)
    for file in ("__init__.py", "util/__init__.py", "util/exceptions.py"):
        (tmp_path / "deeplake" / file).write_text("real = True\n")
    found = run(
        f"""
        import json, sys
        import {loaded}
        if "." in {loaded!r}:
            del sys.modules["deeplake"]
        import lakebed
        finders = list(sys.meta_path)
        said = []
        for _ in range(2):
            try:
                lakebed.install_as_deeplake()
            except lakebed.errors.LakebedError as error:
                said.append([type(error).__name__, str(error)])
        import deeplake
        print(json.dumps([said, deeplake.real, sys.meta_path == finders]))
        """,
        tmp_path,
        install=False,
    )
    said, untouched, finders_untouched = found
    assert [kind for kind, _ in said] == ["AlreadyExistsError"] * 2
    assert all("loaded already" in text and str(tmp_path) in text for _, text in said)
    assert all("before anything imports deeplake" in text for _, text in said)
    assert untouched
    assert finders_untouched


def test_an_installed_deeplake_that_is_not_loaded_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "deeplake").mkdir()
    (tmp_path / "deeplake" / "__init__.py").write_text("raise RuntimeError('the real one')\n")
    (tmp_path / "deeplake" / "hooks.py").write_text("raise RuntimeError('the real one')\n")
    found = run(
        """
        import json
        import deeplake
        try:
            import deeplake.hooks
        except ModuleNotFoundError as error:
            print(json.dumps([deeplake.load is lakebed.load, str(error)]))
        """,
        tmp_path,
    )
    assert found == [True, "No module named 'deeplake.hooks'"]
