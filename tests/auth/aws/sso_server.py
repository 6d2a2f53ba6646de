"""The portal of AWS SSO and a strict STS: what SeaweedFS has not.

The portal gives keys to whoever shows the access token of `aws sso login`; the STS gives a role
only with the right external id. The keys are real ones, of the STS of an S3 server.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import parse_qs

from tests.auth.aws.ways import LONG_LIFE_S, session_keys
from tests.servers import seaweedfs
from tests.servers.handler import Handler, Server
from tests.servers.process import HOST

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from tests.servers.seaweedfs import S3Server

ACCESS_TOKEN: Final = "token-of-the-browser"
ACCOUNT: Final = "123456789012"
ROLE: Final = "Engineer"
EXTERNAL_ID: Final = "of-tests"
_NAMESPACE = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
_ROLE_XML = f"""<AssumeRoleResponse {_NAMESPACE}><AssumeRoleResult>
<Credentials><AccessKeyId>{{0}}</AccessKeyId><SecretAccessKey>{{1}}</SecretAccessKey>
<SessionToken>{{2}}</SessionToken><Expiration>{{3}}</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""
_DENIED_XML = f"""<ErrorResponse {_NAMESPACE}><Error>
<Type>Sender</Type><Code>AccessDenied</Code><Message>no such trust</Message></Error>
</ErrorResponse>"""


class _Handler(Handler):
    s3: ClassVar[S3Server]

    def answer(self, path: str, query: dict[str, str], body: bytes) -> None:
        if path == "/federation/credentials":
            self._portal(query)
        else:
            self._sts({name: values[0] for name, values in parse_qs(body.decode()).items()})

    def _portal(self, query: dict[str, str]) -> None:
        known = self.headers.get("x-amz-sso_bearer_token") == ACCESS_TOKEN
        if not known or query != {"role_name": ROLE, "account_id": ACCOUNT}:
            headers = {"x-amzn-ErrorType": "UnauthorizedException"}
            self.json({"message": "Session token not found or invalid"}, 401, headers)
            return
        keys = self._keys(seaweedfs.ROLE_WRITE)
        given = {
            "accessKeyId": keys[0],
            "secretAccessKey": keys[1],
            "sessionToken": keys[2],
            "expiration": int(keys[3].timestamp() * 1000),
        }
        self.json({"roleCredentials": given})

    def _sts(self, form: dict[str, str]) -> None:
        if form.get("Action") != "AssumeRole" or form.get("ExternalId") != EXTERNAL_ID:
            self.reply(403, _DENIED_XML, "text/xml")
            return
        *keys, expiry = self._keys(form["RoleArn"])
        self.reply(200, _ROLE_XML.format(*keys, expiry.isoformat()), "text/xml")

    def _keys(self, role: str) -> tuple[str, str, str, dt.datetime]:
        keys = session_keys(self.s3.endpoint, self.s3.writer, role, LONG_LIFE_S)
        key, secret, token, expiry = keys.values()
        return key, secret, token, expiry


@contextlib.contextmanager
def running(s3: S3Server) -> Iterator[str]:
    """Serve on a thread; gives the address."""
    handler = type("BoundHandler", (_Handler,), {"s3": s3})
    server = Server((HOST, 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
