"""Google's consent page: shown in a browser, answered on a port of this machine (RFC 8252)."""

from __future__ import annotations

import os
import queue
import secrets
import sys
import threading
import webbrowser
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from lakebed.auth.gcs.identity import SCOPE, TOKEN_URI, read_json
from lakebed.errors import AuthorizationException

if TYPE_CHECKING:
    from pathlib import Path

    from google_auth_oauthlib.flow import InstalledAppFlow

_AUTH_URI: Final = "https://accounts.google.com/o/oauth2/v2/auth"
_HOST: Final = "127.0.0.1"
_TOKEN_TIMEOUT_S = 30
_PAGE = "<!doctype html><title>lakebed</title><p>{}</p><p>You may close this page.</p>"
_HINT = "call again with creds='browser', or see docs/gcs.md for ways without a browser"


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client for installed programs, as the consent page is asked with."""

    client_id: str
    client_secret: str = field(repr=False)
    auth_uri: str
    token_uri: str


def read_client(path: Path) -> Client:
    """Read a file of client secrets, as the Google Cloud console gives it.

    Raises:
        AuthorizationException: It cannot be read, or is none.
    """
    content = read_json(path)
    inner = content.get("installed") if isinstance(content, dict) else None
    client = client_of(inner)
    if client is None:
        message = f"the file {path} holds no client secrets of a desktop app ('installed')"
        hint = "make an OAuth client of the type 'Desktop app', and download its JSON"
        raise AuthorizationException(message, kind="authentication", hint=hint)
    return client


def client_of(content: Any) -> Client | None:
    """Take the client from fields of a file; None when they have none."""
    if not isinstance(content, dict):
        return None
    client_id, client_secret = content.get("client_id"), content.get("client_secret")
    if not (isinstance(client_id, str) and isinstance(client_secret, str)):
        return None
    auth_uri = str(content.get("auth_uri") or _AUTH_URI)
    return Client(client_id, client_secret, auth_uri, str(content.get("token_uri") or TOKEN_URI))


def ask(client: Client, timeout_s: float) -> dict[str, Any]:
    """Show the consent page and wait for a person.

    The address is written to standard error in any case, so that it can be opened where a machine
    has no browser.

    Args:
        client: Who asks.
        timeout_s: How long to wait, in seconds.

    Returns:
        What a key file of the type "authorized_user" holds.

    Raises:
        AuthorizationException: The person or Google said no, or nobody answered in time.
    """
    with _Listener() as listener:
        flow = _flow(client, listener.url)
        # `consent`: without it, a second login would bring no refresh token.
        url, _ = flow.authorization_url(state=listener.state, prompt="consent")
        _show(url, listener.port)
        code = listener.wait(timeout_s)
    refresh_token = _exchange(flow, code)
    return {
        "type": "authorized_user",
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "refresh_token": refresh_token,
        "token_uri": client.token_uri,
    }


def _flow(client: Client, redirect_uri: str) -> InstalledAppFlow:
    from google_auth_oauthlib.flow import InstalledAppFlow  # noqa: PLC0415 (slow to import)

    config = {
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "auth_uri": client.auth_uri,
        "token_uri": client.token_uri,
    }
    flow = InstalledAppFlow.from_client_config({"installed": config}, scopes=[SCOPE])
    flow.redirect_uri = redirect_uri
    return flow


def _show(url: str, port: int) -> None:
    sys.stderr.write(
        "To let lakebed use Google Cloud Storage in your name, open this page:\n\n"
        f"    {url}\n\n"
        "If your browser runs on another machine, forward the port first: "
        f"ssh -L {port}:{_HOST}:{port} this-machine\n"
    )
    sys.stderr.flush()
    if _has_screen():
        # Whatever comes of it: the page's address was told.
        webbrowser.open(url)


def _has_screen() -> bool:
    """Whether a browser would open beside the terminal, not in it."""
    if os.environ.get("BROWSER") or sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _exchange(flow: InstalledAppFlow, code: str) -> str:
    """Trade the code for a refresh token."""
    from oauthlib.oauth2 import OAuth2Error  # noqa: PLC0415 (slow to import)
    from requests import RequestException  # noqa: PLC0415

    said: str
    try:
        answer = flow.fetch_token(code=code, timeout=_TOKEN_TIMEOUT_S)
    except OAuth2Error as error:
        said = f"Google refused the login: {error.error}"
    except RequestException as error:
        said = f"Google's token service cannot be reached: {type(error).__name__}"
    except Warning:
        # oauthlib's way to say that other rights were granted than asked for.
        said = "the login does not include the right to use Google Cloud"
    else:
        token = answer.get("refresh_token")
        if isinstance(token, str) and token:
            return token
        said = "Google gave no refresh token, so the login cannot be kept"
    raise AuthorizationException(said, kind="authentication", hint=_HINT)


class _Listener:
    """Waits on a port of this machine for the consent page's answer, and only for that."""

    def __init__(self) -> None:
        self.state = secrets.token_urlsafe(24)
        self._answers: queue.Queue[dict[str, str]] = queue.Queue()
        state, answers = self.state, self._answers

        class Handler(BaseHTTPRequestHandler):
            # A browser opens connections that it never uses.
            timeout = 10

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                answer = {name: values[0] for name, values in query.items()}
                if not secrets.compare_digest(answer.get("state", "").encode(), state.encode()):
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                done = "lakebed may use Google Cloud Storage now."
                page = _PAGE.format(done if "code" in answer else "Google was told no.").encode()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)
                answers.put(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the request has the code."""

        self._server = ThreadingHTTPServer((_HOST, 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://{_HOST}:{self.port}/"

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.05,), name="lakebed-consent", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, timeout_s: float) -> str:
        """Return the code of the first answer to our question."""
        said: str
        try:
            answer = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            said = f"nobody answered Google's consent page within {timeout_s:g} seconds"
        else:
            if "code" in answer:
                return answer["code"]
            said = (
                f"Google's consent page was not accepted: {answer.get('error', 'no reason')[:100]}"
            )
        raise AuthorizationException(said, kind="authentication", hint=_HINT)
