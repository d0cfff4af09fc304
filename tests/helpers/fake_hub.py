"""A local HTTP server that speaks the few endpoints of the model hub which gfmtrust asks for; files
come from a directory.

    with serving(directory, revision) as hub:      hub.url, hub.asked (paths), hub.faults (file name
    -> fault)

The client is the real huggingface_hub. Faults: 'truncated' (the connection ends half-way), 'wrong
size' (half the file, and a length that says so), 'other bytes' (as long as listed, but not what is
listed).
"""

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

REPOSITORY = "lab/tiny"
REVISION = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".bin")
"""Kept as git-lfs objects, listed by sha256; other files by git's digest."""


def git_digest(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Server(ThreadingHTTPServer):
    def __init__(self, directory: Path):
        super().__init__(("127.0.0.1", 0), Handler)
        self.directory, self.asked, self.faults = directory, [], {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.directory.iterdir())}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):  # noqa: N802 (named by http.server)
        self.do_GET()

    def do_GET(self):  # noqa: N802
        path = urlsplit(self.path).path
        self.server.asked.append(f"{self.command} {path}")
        if path.startswith("/api/models/"):
            self._api(path)
        else:
            self._file(path)

    def _api(self, path: str):
        files = self.server.files()
        if path == f"/api/models/{REPOSITORY}/tree/{REVISION}":
            listed = []
            for name, content in files.items():
                entry = {
                    "type": "file",
                    "path": name,
                    "size": len(content),
                    "oid": git_digest(content),
                }
                if name.endswith(LARGE):
                    entry["lfs"] = {
                        "oid": hashlib.sha256(content).hexdigest(),
                        "size": len(content),
                        "pointerSize": 130,
                    }
                listed.append(entry)
            return self._answer(200, json.dumps(listed).encode())
        code = "RevisionNotFound" if REPOSITORY in path else "RepoNotFound"
        return self._answer(404, b"{}", {"X-Error-Code": code})

    def _file(self, path: str):
        found = re.fullmatch(rf"/{REPOSITORY}/resolve/{REVISION}/([^/]+)", path)
        files = self.server.files()
        if not found or found[1] not in files:
            return self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        content = files[found[1]]
        fault = self.server.faults.get(found[1])
        etag = (
            hashlib.sha256(content).hexdigest() if found[1].endswith(LARGE) else git_digest(content)
        )
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": REVISION}
        if self.command == "HEAD" or not fault:
            return self._answer(200, content, headers)
        if fault == "wrong size":
            return self._answer(200, content[: len(content) // 2], headers)
        if fault == "other bytes":
            return self._answer(200, bytes(len(content)), headers)
        self._answer(200, content, headers, sent=len(content) // 2)
        self.close_connection = True
        return None

    def _answer(
        self, status: int, content: bytes, headers: dict | None = None, sent: int | None = None
    ):
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(content)),
            "Content-Type": "application/json",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[:sent])


@contextmanager
def serving(directory: Path):
    server = Server(directory)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
