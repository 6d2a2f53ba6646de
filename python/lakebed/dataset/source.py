"""Where a handle came from: opens it again, here or, pickled, in another process.

A pickle holds the path, the commit that is open, the options, and the credentials that the user
wrote into calls. It never holds what was found in an environment, in files or at a hub: the other
process looks there itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from lakebed.auth.aws import require_picklable
from lakebed.auth.given import concealed
from lakebed.dataset.opening import Options, open_dataset
from lakebed.errors import InvalidInputError, UnsupportedVersionError
from lakebed.paths import Location
from lakebed.storage import Storage, open_storage
from lakebed.tensor import Handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakebed import _core
    from lakebed.storage import Creds

# Of what `_restore` is given. It grows when an older lakebed could not make sense of it.
_PICKLE_VERSION = 1
# Of the options, these are decided anew.
_NOT_PICKLED = {"read_only"}


@dataclass(frozen=True, slots=True)
class Source:
    """A place, the credentials for it, and how to open what lies there.

    Attributes:
        location: The place.
        creds: As the user gave them, but that a dict is a copy that shows no values. What they
            lack is looked for elsewhere.
        options: How to open.
        storage: What is at the location.
    """

    location: Location
    creds: Creds = field(repr=False)
    options: Options
    storage: Storage

    @property
    def store(self) -> _core.Store:
        """The store at the location."""
        return self.storage.store

    @property
    def path(self) -> str:
        """The path as it was typed, without address."""
        return self.location.path

    def open(self, read_only: bool | None) -> _core.Dataset:
        """Open what lies there; see `opening.open_dataset`."""
        return open_dataset(self.location, self.store, replace(self.options, read_only=read_only))

    def handle(self, core: _core.Dataset) -> Handle:
        """Return the handle of what was opened or created here."""
        return Handle(core, self)

    def reduce(self, handle: Handle) -> tuple[Callable[..., Handle], tuple[Any, ...]]:
        """Return what opens the dataset again in another process, read-only.

        What waits is flushed, so that it is there to be found. The commit is named, not the branch:
        after a commit of somebody else it still leads to the same data.

        Raises:
            InvalidInputError: The dataset is in the memory of this process.
        """
        if self.location.kind == "memory":
            message = "a mem:// dataset cannot be pickled: it is in the memory of this process"
            hint = "write it to a folder or a bucket, or open it where it is used"
            raise InvalidInputError(message, path=self.path, hint=hint)
        for creds in (self.creds, *(given for given, _ in handle.populated.values())):
            require_picklable(creds)
        handle.flush()
        here = self.location
        if here.kind == "local":
            # The other process may have another current directory.
            here = replace(here, path=self.store.url, root=self.store.url)
        options = asdict(self.options)
        state = {
            "location": asdict(replace(here, address=handle.core.pending_commit_id)),
            "creds": self.creds,
            "options": {name: options[name] for name in options.keys() - _NOT_PICKLED},
            "populated": dict(handle.populated),
        }
        return _restore, (_PICKLE_VERSION, state)


def source_of(location: Location, creds: Creds, options: Options) -> Source:
    """Return the source of a dataset at a location. Asks nobody anything.

    Raises:
        InvalidInputError: The credentials cannot be right.
        AuthorizationException: There are no credentials.
    """
    return Source(location, concealed(creds), options, open_storage(location, creds))


def _restore(version: int, state: dict[str, Any]) -> Handle:
    """Open what `Source.reduce` described.

    Raises:
        UnsupportedVersionError: A newer lakebed did.
        DatasetNotFoundError: The dataset is not there any more.
    """
    known = {option.name for option in fields(Options)} - _NOT_PICKLED
    if version > _PICKLE_VERSION or not state["options"].keys() <= known:
        message = f"the dataset was pickled by a newer version of lakebed (format {version})"
        raise UnsupportedVersionError(message, hint="use the same version of lakebed on both sides")
    options = Options(read_only=True, **state["options"])
    source = source_of(Location(**state["location"]), state["creds"], options)
    handle = source.handle(source.open(read_only=True))
    for creds_key, (creds, from_environment) in state["populated"].items():
        handle.populate_creds(creds_key, creds, from_environment)
    return handle
