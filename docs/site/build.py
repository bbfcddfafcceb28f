"""Build the site, docs/_build/html; `serve` shows it afterwards.

python docs/site/build.py [serve]
"""

import shutil
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sphinx.cmd.build import build_main

DOCS = Path(__file__).resolve().parent.parent
BUILT = DOCS / "_build"
PORT = 8000

# Warnings are errors, and all of them are shown.
STRICT = ["--fail-on-warning", "--nitpicky", "--quiet"]


def serve() -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=BUILT / "html")
    with ThreadingHTTPServer(("127.0.0.1", PORT), handler) as server:
        print(f"http://127.0.0.1:{PORT}  (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def main(arguments: list[str]) -> int:
    if set(arguments) - {"serve", "new"}:
        print(__doc__, file=sys.stderr)
        return 2
    if "new" in arguments:
        shutil.rmtree(BUILT, ignore_errors=True)
        shutil.rmtree(DOCS / "made", ignore_errors=True)
    folders = ["-d", str(BUILT / "doctrees"), str(DOCS), str(BUILT / "html")]
    status = build_main([*STRICT, "-b", "html", *folders])
    if status:
        return status
    print(BUILT / "html" / "index.html")
    if "serve" in arguments:
        serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
