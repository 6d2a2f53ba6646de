r"""Text of dataset paths to typed locations. Asks the local disk for existence, nothing else.

| path | kind | `root` | `prefix` |
|---|---|---|---|
| `folder`, `/a/folder`, `~/folder`, `C:\folder`, `\\host\share` | local | `~` expanded | |
| `mem://name` | memory | `name` | |
| `s3://bucket/folder` | s3 | `bucket` | `folder` |
| `gcs://bucket/folder`, `gs://`, `gcp://` | gcs | `bucket` | `folder` |
| `https://host/folder`, `http://` | http | the URL | |
| `hub://org/name` | hub | `org/name` | |
| `hub://org/name/.queries/view` | hub | `org/name` | `.queries/view` |
| `hub://org/queries/view` | hub | `org/queries` | `.queries/view` |
| `az://account/container/folder`, `azure://` | azure | `account/container` | `folder` |
| `gdrive://folder` | gdrive | `folder` | |

Behind the first `@` stands a branch or a commit, unless `version=` names it: then the path is taken
as it is, and an `@` is a part of a name. A local folder that exists under its whole text wins, too.
Paths that a store would read as another place (`s3://bucket//x`, `..`) are refused, never mended.

Source: hub/paths-and-creds, section 1; requirements/storage-options.md. Links have rules of their
own, in the core; `tests/data/paths.json` has vectors of both.
"""

from lakebed.paths.location import (
    FORMS,
    Kind,
    Location,
    PathLike,
    check_name,
    refuse_address,
)
from lakebed.paths.parsing import CLOUD_LINKS, parse
from lakebed.paths.text import Concealed, concealed, storable

__all__ = [
    "CLOUD_LINKS",
    "FORMS",
    "Concealed",
    "Kind",
    "Location",
    "PathLike",
    "check_name",
    "concealed",
    "parse",
    "refuse_address",
    "storable",
]
