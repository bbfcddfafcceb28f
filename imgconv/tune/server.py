"""The server of the page: 127.0.0.1 alone, its address on one line once it answers."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse
from nicegui import app as pages
from nicegui import ui

from imgconv.io import PictureError
from imgconv.tune.desk import Desk, thumbnail_png
from imgconv.tune.guard import HOST, App, Guard, new_token
from imgconv.tune.page import build

__all__ = ["application", "serve"]

STATIC = Path(__file__).parent / "static"
# Frames that wait for a slow window; of more, the oldest are left out.
WAITING = 8


def application(desk: Desk) -> FastAPI:
    """Return the page, the frames of windows and the pictures of the strip, without a guard."""
    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # Pictures of the strip are made one by one: each may be read from a large file.
    one_by_one = asyncio.Semaphore(1)

    @made.websocket("/frames")
    async def frames(websocket: WebSocket) -> None:
        await websocket.accept()
        await exchange(desk, websocket, websocket.query_params.get("window", ""))

    @made.get("/thumbnail/{number}")
    async def thumbnail(number: int) -> Response:
        if not 0 <= number < len(desk.gallery.paths):
            return Response(status_code=404)
        try:
            async with one_by_one:
                png = await asyncio.to_thread(thumbnail_png, desk, number)
        except (PictureError, ValueError, TypeError, OSError, MemoryError):
            return FileResponse(STATIC / "unreadable.svg")
        return Response(png, media_type="image/png", headers={"cache-control": "no-store"})

    pages.add_static_files("/tune-files", STATIC)
    ui.run_with(
        made, root=lambda: build(desk), title="imgconv tune", favicon=STATIC / "icon.svg",
        gzip_middleware_factory=None, show_welcome_message=False, reconnect_timeout=20,
        dark=None, tailwind=False,
    )  # fmt: skip
    return made


async def exchange(desk: Desk, websocket: WebSocket, name: str) -> None:
    """Send a window its frames, and take its messages, until it is closed."""
    events = asyncio.get_running_loop()
    waiting: deque[str | bytes] = deque()
    some = asyncio.Event()

    def put(message: str | bytes) -> None:
        frames = [each for each in waiting if isinstance(each, bytes)]
        if isinstance(message, bytes) and len(frames) >= WAITING:
            waiting.remove(frames[0])
        waiting.append(message)
        some.set()

    def post(message: str | bytes) -> None:
        with suppress(RuntimeError):  # it has ended
            events.call_soon_threadsafe(put, message)

    async def send() -> None:
        while True:
            await some.wait()
            if not waiting:
                some.clear()
                continue
            message = waiting.popleft()
            if isinstance(message, str):
                await websocket.send_text(message)
            else:
                await websocket.send_bytes(message)

    sender = asyncio.create_task(send())
    try:
        await asyncio.to_thread(desk.open, name, post)
        while True:
            message = json.loads(await websocket.receive_text())
            desk.receive(name, message)
    except (WebSocketDisconnect, RuntimeError, ValueError, KeyError, TypeError):
        pass
    finally:
        desk.forget(name)
        sender.cancel()


class _Server(uvicorn.Server):
    """A server that prints its address once it answers."""

    address = ""
    open_browser = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.should_exit:
            return
        print(self.address, flush=True)
        if self.open_browser:
            import webbrowser

            await asyncio.to_thread(webbrowser.open, self.address)


def serve(desk: Desk, port: int = 0, open_browser: bool = False) -> None:
    """Serve the page until it is interrupted; port 0 is a free one."""
    # The thread that answers a slider waits for others no longer than a millisecond.
    sys.setswitchinterval(0.001)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        app: App = application(desk)
        guard = Guard(app, new_token(), listener.getsockname()[1])
        config: Any = uvicorn.Config(
            guard, lifespan="on", log_level="warning", access_log=False, ws="websockets-sansio",
            ws_max_size=1 << 20, ws_per_message_deflate=False, timeout_graceful_shutdown=2,
            date_header=False, server_header=False, proxy_headers=False,
        )  # fmt: skip
        server = _Server(config)
        server.address, server.open_browser = guard.address, open_browser
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            print(file=sys.stderr)
        finally:
            desk.close()
