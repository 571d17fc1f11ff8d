"""A server on this machine that answers like Zenodo, and can be made to fail."""

import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CHUNK = 1 << 16


def zipped(members: dict[str, bytes]) -> bytes:
    holder = io.BytesIO()
    with zipfile.ZipFile(holder, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return holder.getvalue()


class Zenodo:
    """Two records, the first of which holds `files`.

    Attributes
    ----------
    asked
        Path and range of every request.
    cut_after
        Close the connection after so many bytes of a file; one entry is used by each request.
    wrong
        Names whose stated checksum is not theirs.
    gone
        Names that give 404.
    with_ranges
        Whether ranges are honoured.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[tuple[str, str | None]] = []
        self.cut_after: list[int] = []
        self.wrong: set[str] = set()
        self.gone: set[str] = set()
        self.with_ranges = True
        zenodo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                zenodo.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def downloads(self) -> list[tuple[str, str | None]]:
        return [(path, span) for path, span in self.asked if path.startswith("/get/")]

    def record(self, number: str) -> bytes:
        held = self.files if number == "14174161" else {}
        entries = [
            {
                "key": name,
                "size": len(content),
                "checksum": "md5:"
                + hashlib.md5(content + (b"!" if name in self.wrong else b"")).hexdigest(),
                "links": {"self": f"{self.url}/get/{name}"},
            }
            for name, content in held.items()
        ]
        return json.dumps({"id": int(number), "files": entries}).encode()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, span = request.path, request.headers.get("Range")
        self.asked.append((path, span))
        if path.startswith("/api/records/"):
            self._send(request, 200, self.record(path.rpartition("/")[2]))
            return
        name = path.removeprefix("/get/")
        if name not in self.files or name in self.gone:
            self._send(request, 404, b"no such file")
            return
        content, status = self.files[name], 200
        if span and self.with_ranges:
            content, status = content[int(span.removeprefix("bytes=").rstrip("-")) :], 206
        self._send(request, status, content, self.cut_after.pop(0) if self.cut_after else None)

    def _send(
        self, request: BaseHTTPRequestHandler, status: int, body: bytes, stop: int | None = None
    ) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[:stop])
        if stop is not None:
            request.wfile.flush()
            request.close_connection = True
