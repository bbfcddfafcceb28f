"""Who is answered, where files may be written, what the command refuses."""

import asyncio
import json
import struct

import numpy as np
import pytest
from click.testing import CliRunner

from imgconv import io
from imgconv.cli import main
from imgconv.pipeline import Pipeline, PipelineError
from imgconv.tune.batch import FolderRun
from imgconv.tune.desk import Desk, inside, packed, thumbnail_png
from imgconv.tune.gallery import Gallery
from imgconv.tune.guard import Guard
from imgconv.tune.renderer import Frame

RNG = np.random.default_rng(3)
HOST = (b"host", b"127.0.0.1:8000")


def status(path, *headers, kind="http"):
    """Return what a guard answers: a status, or 200 if the application was asked."""
    sent = []

    async def application(scope, receive, send):
        assert scope["root_path"] == "/secret"
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive():
        return {}

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "path": path, "headers": list(headers), "method": "GET"}
    asyncio.run(Guard(application, "secret", 8000)(scope, receive, send))
    if sent[0]["type"] == "websocket.close":
        return 403
    assert b"content-security-policy" in dict(sent[0]["headers"])
    return sent[0]["status"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
class TestGuard:
    @pytest.mark.parametrize(
        "headers",
        [
            [HOST],
            [(b"host", b"localhost:8000")],
            [HOST, (b"origin", b"http://127.0.0.1:8000")],
        ],
    )
    def test_our_pages_are_answered(self, kind, headers):
        assert status("/secret/", *headers, kind=kind) == 200
        assert status("/secret/anything", *headers, kind=kind) == 200

    @pytest.mark.parametrize(
        "path", ["/", "/secret", "/Secret/", "/secre/", "/secretx/", "/x/secret/"]
    )
    def test_without_the_token(self, kind, path):
        assert status(path, HOST, kind=kind) == 403

    @pytest.mark.parametrize(
        "headers",
        [
            [],
            [(b"host", b"evil.example:8000")],
            [(b"host", b"127.0.0.1:8001")],
            [(b"host", b"127.0.0.1")],
            [HOST, HOST],
            [HOST, (b"origin", b"http://evil.example")],
            [HOST, (b"origin", b"https://127.0.0.1:8000")],
            [HOST, (b"origin", b"null")],
            [HOST, (b"x-forwarded-prefix", b"//evil.example")],
        ],
    )
    def test_of_another_host(self, kind, headers):
        assert status("/secret/", *headers, kind=kind) == 403


def test_address():
    assert Guard(None, "secret", 8000).address == "http://127.0.0.1:8000/secret/"


@pytest.mark.parametrize("name", ["../x.toml", "/etc/x.toml", "a/../../x.toml", "", ".", " "])
def test_nothing_is_written_elsewhere(name, tmp_path):
    with pytest.raises(PipelineError, match="must be below"):
        inside(tmp_path, name)


def test_links_lead_nowhere_else(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out").symlink_to(tmp_path)
    with pytest.raises(PipelineError, match="must be below"):
        inside(tmp_path / "in", "out/x.toml")


@pytest.fixture
def desk(tmp_path):
    for number in range(3):
        pixels = RNG.integers(0, 256, (120, 90, 3), np.uint8)
        io.write(tmp_path / "photos" / f"{number}.png", io.Picture(pixels))
    (tmp_path / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    photos = sorted((tmp_path / "photos").iterdir())
    made = Desk([str(tmp_path / "photos")], Gallery(photos), tmp_path)
    yield made
    made.close()


class TestDesk:
    def test_save(self, desk):
        desk.session.set_text("gaussian(sigma=2) | sobel")
        path = desk.save("chains/mine.yaml")
        assert Pipeline.load(path) == desk.session.pipeline()
        with pytest.raises(PipelineError, match="exists"):
            desk.save("chains/mine.yaml")
        desk.session.add("invert")
        desk.save("chains/mine.yaml", replace=True)
        assert Pipeline.load(path) == desk.session.pipeline()
        with pytest.raises(PipelineError):
            desk.save("chains/mine.txt")

    def test_a_run_is_that_of_the_command(self, desk, tmp_path):
        desk.session.set_text("gaussian(sigma=2) | sobel | clip(low=0, high=90)")
        run = desk.start("results")
        run.wait()
        assert len(run.done) == 3
        assert [each.job.source.name for each in run.failed] == ["broken.png"]
        assert "3 of 4 done" in run.summary
        assert "1 failed" in run.summary
        text = desk.session.pipeline().text
        photos, out = str(tmp_path / "photos"), str(tmp_path / "command")
        assert CliRunner().invoke(main, ["apply", text, photos, "-o", out]).exit_code == 1
        for number in range(3):
            made, other = (
                (tmp_path / each / f"{number}.png").read_bytes() for each in ("results", "command")
            )
            assert made == other
        with pytest.raises(PipelineError, match="exists"):
            desk.start("results")
        desk.start("results", replace=True).wait()
        assert len(desk.run.done) == 3

    def test_a_run_that_is_stopped(self, desk, monkeypatch):
        monkeypatch.setattr("imgconv.get_num_threads", lambda: 1)
        run = FolderRun(Pipeline("sobel"), desk.inputs, desk.folder / "out")
        run.cancel()
        run.wait()
        assert len(run.done) + len(run.failed) <= run.total

    def test_windows(self, desk):
        desk.gallery.chosen = 1
        got = []
        desk.open("one", got.append)
        assert json.loads(got[0])["size"] == [120, 90]
        view = {"region": [0, 120, 0, 90], "height": 120, "width": 90, "before": "other"}
        desk.receive("one", view)
        desk.session.set_text("invert")
        desk.receive("one", {"y": 3, "x": 4})
        pixel = desk.gallery.photo().background[3, 4]
        values = [json.loads(each) for each in got if isinstance(each, str)][-1]["values"]
        assert values == [" ".join(map(str, pixel)), " ".join(map(str, 255 - pixel))]
        seen = desk._seen["one"]
        for cut, part in ((40, ((0, 120), (40, 90))), (-5, None), (95, None), (None, None)):
            desk.receive("one", {"cut": cut})
            assert (seen.open and seen.open.region) == part
        desk.forget("one")
        desk.receive("one", view)

    def test_a_picture_that_cannot_be_read(self, desk):
        got = []
        desk.gallery.chosen = 3
        desk.open("one", got.append)
        told = json.loads(got[0])
        assert told["name"] == "broken.png"
        assert told["size"] is None
        assert told["error"]

    def test_thumbnails(self, desk):
        desk.session.set_text("gaussian(sigma=3) | sobel")
        assert thumbnail_png(desk, 0).startswith(b"\x89PNG")
        assert thumbnail_png(desk, 2) != thumbnail_png(desk, 0)


def test_packed():
    pixels = RNG.integers(0, 256, (5, 7, 3), np.uint8)
    data = packed(Frame("after", pixels, (0.0, 5.0, 0.0, 7.0), "exact", 1, 0.01, "sobel"))
    (length,) = struct.unpack_from("<I", data)
    head = json.loads(data[4 : 4 + length])
    assert (head["height"], head["width"], head["channels"]) == (5, 7, 3)
    assert length % 4 == 0
    assert data[4 + length :] == pixels.tobytes()


class TestCommand:
    def run(self, *arguments):
        return CliRunner().invoke(main, ["tune", *map(str, arguments)])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["-"], "shows files"),
            (["no*such.png"], "no such picture"),
            (["--chain", "nosuch.toml"], "No such file"),
            (["--port", "99999"], "99999"),
        ],
    )
    def test_wrong_usage(self, arguments, message):
        pytest.importorskip("nicegui")
        outcome = self.run(*arguments)
        assert outcome.exit_code == 2
        assert message in outcome.output

    def test_a_chain_that_is_wrong(self, tmp_path):
        pytest.importorskip("nicegui")
        (tmp_path / "chain.toml").write_text('steps = ["sobell"]')
        outcome = self.run("--chain", tmp_path / "chain.toml")
        assert outcome.exit_code == 2
        assert "is it sobel?" in outcome.output

    def test_a_port_in_use(self, monkeypatch, tmp_path):
        """The chain of the command is what the page shows; an error of the server is told."""
        server = pytest.importorskip("imgconv.tune.server", exc_type=ImportError)
        (tmp_path / "chain.toml").write_text('steps = ["sobel"]')
        shown = []

        def serve(desk, port, show):
            shown.append((desk.chain_name, port, show))
            raise OSError(98, "Address already in use")

        monkeypatch.setattr(server, "serve", serve)
        options = ["--chain", tmp_path / "chain.toml", "--out", tmp_path, "--port", 8123]
        outcome = self.run(*options, "--no-open")
        assert outcome.exit_code == 1
        assert "port 8123: Address already in use" in outcome.output
        assert shown == [("chain.toml", 8123, False)]
