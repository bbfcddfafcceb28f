"""Who is answered: requests to this address, of its own pages, with the token."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["Guard", "new_token"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOST = "127.0.0.1"
# What a page may load: nothing of any other host, even if a library asks for it.
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'; object-src 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


class Guard:
    """An application behind the path /TOKEN; all else gets status 403.

    The token is part of the path, so that it needs no cookie: cookies are shared by all ports of a
    host. The names of hosts are checked as well: a page of another one that is made to lead here
    has another `Host` or `Origin`.
    """

    def __init__(self, app: App, token: str, port: int) -> None:
        self.app, self.prefix = app, f"/{token}"
        self.hosts = {f"{name}:{port}".encode() for name in (HOST, "localhost")}

    @property
    def address(self) -> str:
        """Where the page is."""
        port = next(iter(self.hosts)).decode().rpartition(":")[2]
        return f"http://{HOST}:{port}{self.prefix}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if not self.allows(scope):
            await refuse(scope, receive, send)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        await self.app({**scope, "root_path": self.prefix}, receive, send_with_headers)

    def allows(self, scope: Scope) -> bool:
        """Whether a request has the token, and comes from nowhere else."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        origins = [value for name, value in headers if name == b"origin"]
        ours = {b"http://" + host for host in self.hosts}
        # A proxy's word for the prefix is not believed: it would be written into the page.
        forwarded = any(name == b"x-forwarded-prefix" for name, _ in headers)
        begin = str(scope["path"])[: len(self.prefix) + 1]
        return (
            len(hosts) == 1
            and hosts[0] in self.hosts
            and all(origin in ours for origin in origins)
            and not forwarded
            and secrets.compare_digest(begin.encode(), f"{self.prefix}/".encode())
        )


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with status 403."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    body = b"" if scope.get("method") == "HEAD" else b"This needs the address that was printed.\n"
    await send({"type": "http.response.body", "body": body})
