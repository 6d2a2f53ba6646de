"""Lakebed under the name `deeplake`, for code that cannot be edited.

`MODULES` is the one table of what is there: docs/migrating.md lists it. The modules are found by a
finder of their own, so `import`, `importlib.import_module`, `importlib.reload` and
`importlib.util.find_spec` treat them as any others, and each is made at its first import.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from lakebed import planned
from lakebed.errors import AlreadyExistsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.abc import Loader
    from types import ModuleType
else:
    # Its module would bring a dozen others along.
    Loader = object

# The release whose API and files these are; programs compare with it.
VERSION = "3.9.52"
ROOT = "deeplake"


class Alias(NamedTuple):
    """What one module of v3 is made of.

    Attributes:
        source: The module of lakebed that has the names.
        names: Which of them; None: all of its public ones.
    """

    source: str
    names: tuple[str, ...] | None = None


# A package comes before what it holds.
MODULES: Mapping[str, Alias] = MappingProxyType(
    {
        ROOT: Alias("lakebed"),
        "deeplake.core": Alias("lakebed", ()),
        "deeplake.core.dataset": Alias("lakebed.dataset", ("Dataset",)),
        "deeplake.core.linked_sample": Alias("lakebed.links", ("LinkedSample",)),
        "deeplake.core.sample": Alias("lakebed.sample", ("Sample",)),
        "deeplake.core.tensor": Alias("lakebed.tensor", ("Tensor",)),
        "deeplake.htype": Alias("lakebed.htypes", ("HTYPE_CONFIGURATIONS",)),
        "deeplake.util": Alias("lakebed", ()),
        "deeplake.util.exceptions": Alias("lakebed.errors"),
    }
)


def install_as_deeplake() -> None:
    """Make `import deeplake`, and the modules of `MODULES`, give lakebed in this process.

    For code that cannot be edited; elsewhere, write `import lakebed as deeplake`. Call it before
    anything imports `deeplake`; calling it again does nothing. Where the real package is installed
    but not loaded, lakebed is imported instead of it. The classes are lakebed's own
    (`deeplake.Dataset is lakebed.Dataset`), and pickle under lakebed's names.

    Raises:
        AlreadyExistsError: The real package is loaded already.

    Source: docs/migrating.md.
    """
    if _FINDER not in sys.meta_path:
        _refuse_the_real_one()
        # The first that is asked: an installed deeplake is not found.
        sys.meta_path.insert(0, _FINDER)
    importlib.import_module(ROOT)


def _refuse_the_real_one() -> None:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == ROOT and module is not None:
            origin = getattr(module, "__file__", None) or "not from a file"
            message = f"the package deeplake is loaded already ({name}, {origin})"
            hint = "call lakebed.install_as_deeplake() before anything imports deeplake"
            raise AlreadyExistsError(message, hint=hint)


class _AliasFinder(Loader):
    """Finds and fills the modules of the table."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of the table; the others are nobody's or the system's."""
        del path, target
        alias = MODULES.get(fullname)
        if alias is None:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in MODULES)
        origin = importlib.import_module(alias.source).__file__
        spec = ModuleSpec(fullname, self, origin=origin, is_package=is_package)
        # So that the module has a `__file__`.
        spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the names of lakebed into the module."""
        name = module.__name__
        alias = MODULES[name]
        source = importlib.import_module(alias.source)
        names = source.__all__ if alias.names is None else alias.names
        module.__doc__ = f"`{alias.source}` under the name that Deep Lake v3 has for it."
        vars(module).update({each: getattr(source, each) for each in names})
        vars(module)["__all__"] = list(names)
        if name == ROOT:
            vars(module)["__version__"] = VERSION
            vars(module)["__getattr__"] = planned.module_getattr(ROOT)


_FINDER = _AliasFinder()
