"""What environment and profile say about where and how, for whichever keys: botocore's settings.

Also the one place where botocore sessions are made. Each is used for one answer: what a session
has read stays in it, and what changed since would not be seen.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakebed.auth.aws.refusals import translated
from lakebed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import botocore.session

# Where STS is asked when no region is set anywhere: Amazon's oldest region.
DEFAULT_STS_REGION = "us-east-1"
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def environment(name: str) -> str | None:
    """Return a variable; an empty one counts as absent."""
    return os.environ.get(name) or None


def credentials_file() -> str:
    """Return the path of the file that holds keys."""
    return environment("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"


def config_file() -> str:
    """Return the path of the file that holds settings."""
    return environment("AWS_CONFIG_FILE") or "~/.aws/config"


def existing_file(path: str) -> str | None:
    """Return the path without `~`, or None where there is no such file."""
    from pathlib import Path  # noqa: PLC0415 (slow, and `import lakebed` does without)

    found = Path(path).expanduser()
    return str(found) if found.is_file() else None


def profile_of_environment() -> str | None:
    """Return the profile that the environment names; the order is botocore's."""
    return environment("AWS_DEFAULT_PROFILE") or environment("AWS_PROFILE")


def region_of_environment() -> str | None:
    """Return the region that the environment names.

    Deep Lake v3 and boto3 look at AWS_DEFAULT_REGION only, other kits at AWS_REGION: the first wins
    where both stand, so that what worked goes on working.
    """
    return environment("AWS_DEFAULT_REGION") or environment("AWS_REGION")


def new_session(profile: str | None) -> botocore.session.Session:
    """Make a botocore session.

    Args:
        profile: Its profile; then keys of the environment do not count. None: as the environment
            says.
    """
    import botocore.session  # noqa: PLC0415 (slow; plain keys do without)

    session = botocore.session.Session(profile=profile)
    if profile is None and profile_of_environment() is None:
        # botocore would look for a profile without name where the variable is empty.
        session.get_component("config_store").set_config_variable("profile", None)
    return session


def set_region(session: botocore.session.Session, region: str | None) -> None:
    """Give a session the region to ask other services in; botocore itself knows no AWS_REGION."""
    region = region or region_of_environment() or session.get_config_variable("region")
    session.set_config_variable("region", region or DEFAULT_STS_REGION)


@dataclass(frozen=True, slots=True)
class Configured:
    """Settings of a profile, and of the environment above it.

    Attributes:
        profile: Of the files: everything the profile says.
        services: Of the files: sections of settings by service.
        name: The profile's name.
    """

    name: str
    profile: Mapping[str, Any] = field(default_factory=dict, repr=False)
    services: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def region(self) -> str | None:
        """The region, if one is set."""
        return region_of_environment() or self.profile.get("region") or None

    @property
    def ca_bundle(self) -> tuple[str, str] | None:
        """The file of trusted certificates, and who says so."""
        if path := environment("AWS_CA_BUNDLE"):
            return path, "AWS_CA_BUNDLE"
        path = self.profile.get("ca_bundle")
        return (path, f"profile {self.name!r}") if path else None

    @property
    def addressing_style(self) -> str | None:
        """The profile's `s3 = addressing_style`."""
        s3 = self.profile.get("s3")
        return s3.get("addressing_style") if isinstance(s3, dict) else None

    def endpoint(self, service: str, *, ignore: bool = False) -> str | None:
        """Return the server that is set for a service, in botocore's order; None: Amazon's.

        Args:
            service: "s3" or "sts".
            ignore: Whether the settings are not to count.
        """
        told = environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        told = told or self.profile.get("ignore_configured_endpoint_urls")
        if ignore or str(told).lower() == "true":
            return None
        return (
            environment(f"AWS_ENDPOINT_URL_{service.upper()}")
            or environment("AWS_ENDPOINT_URL")
            or self._of_services(service).get("endpoint_url")
            or self.profile.get("endpoint_url")
            or None
        )

    def _of_services(self, service: str) -> Mapping[str, Any]:
        section = self.profile.get("services")
        if not section:
            return {}
        if section not in self.services:
            named = f"the services section {section!r}, which is not in {config_file()}"
            raise InvalidInputError(f"profile {self.name!r} names {named}")
        found: Mapping[str, Any] = self.services[section].get(service, {})
        return found


def read_configured(profile: str | None, *, keys_given: bool = False) -> Configured:
    """Read the settings that hold.

    Args:
        profile: As the user named it; None: as the environment says.
        keys_given: The user gave keys. Then an unknown profile of the environment is none.

    Raises:
        InvalidInputError: There is no such profile, or a file is damaged.
    """
    named = profile or profile_of_environment()
    name = named or "default"
    files = (credentials_file(), config_file())
    if not any(map(existing_file, files)) and (keys_given or not named):
        return Configured(name)
    session = new_session(profile)
    full = translated("the AWS configuration cannot be read", lambda: session.full_config)
    known = full["profiles"]
    if name in known or not named:
        return Configured(name, known.get(name, {}), full.get("services", {}))
    if keys_given and not profile:
        return Configured(name)
    raise _unknown_profile(name, profile, sorted(known))


def _unknown_profile(name: str, given: str | None, known: list[str]) -> InvalidInputError:
    by = "`creds['profile_name']`" if given else "the environment"
    files = f"{credentials_file()} and {config_file()}"
    there = f"there are {', '.join(map(repr, known))}" if known else "there are none"
    message = f"there is no AWS profile {name!r}, which {by} names, in {files}"
    return InvalidInputError(message, hint=there)


def is_amazon(endpoint_url: str | None) -> bool:
    """Whether a server is one of Amazon's own."""
    if endpoint_url is None:
        return True
    from urllib.parse import urlsplit  # noqa: PLC0415 (slow, and few name a server for STS)

    return (urlsplit(endpoint_url).hostname or "").endswith(_AMAZON)
