"""Where AWS programs find their credentials: instance, container and web identity endpoints.

    with running(ttl_s=10) as aws:
        aws.s3                    # the S3 server whose STS gives out the keys
        aws.imds_endpoint         # AWS_EC2_METADATA_SERVICE_ENDPOINT
        aws.container_variables() # as ECS and EKS set them
        aws.fail_next(2)          # two 500 replies in place of credentials

The keys are real temporary ones: after `ttl_s` seconds the S3 server refuses them.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.servers import seaweedfs
from tests.servers.handler import new_secret
from tests.servers.process import HOST, control, free_port, spawn, stop, wait_until_healthy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.seaweedfs import S3Server

_ROOT = Path(__file__).resolve().parents[2]
AUDIENCE: Final = "sts.local"


@dataclass(frozen=True)
class AwsCredentials:
    """A running server of credentials, and the S3 server that takes them."""

    endpoint: str
    pid: int
    s3: S3Server
    container_token: str
    folder: Path

    @property
    def imds_endpoint(self) -> str:
        """The address of the instance's metadata: AWS_EC2_METADATA_SERVICE_ENDPOINT."""
        return self.endpoint

    def container_variables(self, *, in_file: bool = False) -> dict[str, str]:
        """Give the environment of a container with a role, its token in a file as EKS has it."""
        variables = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.endpoint}/ecs/creds"}
        if not in_file:
            return {**variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.container_token}
        path = self.folder / "container-token"
        path.write_text(self.container_token)
        return {**variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(path)}

    def web_identity_variables(self, *, role: str = seaweedfs.WEB_WRITE) -> dict[str, str]:
        """Give the environment of a pod with a role: a token file, and the STS to take it to."""
        path = self.folder / "web-identity-token"
        path.write_text(self.identity_token())
        return {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(path),
            "AWS_ROLE_ARN": role,
            "AWS_ENDPOINT_URL_STS": self.s3.endpoint,
        }

    def identity_token(self, *, audience: str = AUDIENCE, life_s: int = 86_400) -> str:
        """Sign an identity token; one with another audience, or an ended one, is refused."""
        return control(f"{self.endpoint}/mint", sub="pod", aud=audience, ttl=life_s).decode()

    def counts(self) -> dict[str, int]:
        """Count requests by path since the last reset; "sts": how often new keys were made."""
        found: dict[str, int] = json.loads(control(f"{self.endpoint}/_stats"))
        return found

    def fail_next(self, count: int, code: int = 500) -> None:
        """Answer the next requests for credentials with an error."""
        control(f"{self.endpoint}/_fail", n=count, code=code)

    def allow_imdsv1(self) -> None:
        """Answer for the instance without a session token, too, as old instances do."""
        control(f"{self.endpoint}/_set", imdsv1=1)

    def reset(self) -> None:
        """Forget counts, failures and the keys given out so far."""
        control(f"{self.endpoint}/_reset")


@contextlib.contextmanager
def running(*, ttl_s: int = 900) -> Iterator[AwsCredentials]:
    """Start both servers, yield them, end them; the keys live for `ttl_s` seconds."""
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="lakebed-aws-")))
        port, token, log = free_port(), new_secret(), folder / "log"
        endpoint = f"http://{HOST}:{port}"
        settings = {
            "port": port,
            "access_key": seaweedfs.ADMIN.access_key,
            "secret_key": seaweedfs.ADMIN.secret_key,
            "role": seaweedfs.ROLE_WRITE,
            "audience": AUDIENCE,
            "container_token": token,
        }
        module = "tests.servers.aws_credentials_server"
        process = spawn([sys.executable, "-m", module, json.dumps(settings)], log, cwd=_ROOT)
        ends.callback(stop, process)
        wait_until_healthy(f"{endpoint}/_stats", process, log)
        # The issuer first: the S3 server asks it for its keys.
        sts = seaweedfs.Sts(ttl_s=ttl_s, issuer=endpoint, audience=AUDIENCE)
        server = ends.enter_context(seaweedfs.running(sts=sts))
        control(f"{endpoint}/_set", sts=server.endpoint)
        yield AwsCredentials(endpoint, process.pid, server, token, folder)
