"""A local HTTP server that answers the real huggingface_hub client like the model hub; files come
from a folder.

    with serving(directory) as hub:      hub.url, hub.asked (methods and paths), hub.ranges (Range
    headers), hub.faults (file name -> fault)

As on the hub, a large file is listed with its sha256 and served from another address, to which a
redirect leads that names the file's size, digest and commit; a small file is listed by git's digest
and served in place. Ranges are answered by 206. Faults: 'truncated' (half the file comes, then the
connection ends, whatever is asked), 'cut once' (the same, at the first request alone), 'wrong size'
(half the file, and a length that says so), 'other bytes' (as long as listed, but not what is
listed). `gated`: the files need consent. `status`: an answer to every request.
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
    def __init__(self, directory: Path, repository: str, revision: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.directory, self.repository, self.revision = directory, repository, revision
        self.asked, self.ranges, self.faults, self.gated, self.status, self.large = (
            [],
            [],
            {},
            False,
            0,
            LARGE,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.directory.iterdir())}

    def card(self) -> dict:
        """The head of the model card, as the hub parses it."""
        import yaml

        head = re.match(r"---\n(.*?)\n---", self.files().get("README.md", b"").decode(), re.DOTALL)
        return yaml.safe_load(head[1]) if head else {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):  # noqa: N802 (named by http.server)
        self.do_GET()

    def do_GET(self):  # noqa: N802
        path = urlsplit(self.path).path
        self.server.asked.append(f"{self.command} {path}")
        if self.server.status:
            self._answer(self.server.status, b"{}")
        elif path.startswith("/api/models/"):
            self._api(path)
        elif path.startswith("/lfs/"):
            self._send(path.removeprefix("/lfs/"))
        else:
            self._resolve(path)

    def _api(self, path: str):
        """File list of the commit, and the description of the repository, which is at that
        commit."""
        repository, revision = self.server.repository, self.server.revision
        if path == f"/api/models/{repository}/tree/{revision}":
            return self._answer(
                200,
                json.dumps(
                    [self._entry(name, content) for name, content in self.server.files().items()]
                ).encode(),
            )
        if path in (f"/api/models/{repository}", f"/api/models/{repository}/revision/{revision}"):
            siblings = [{"rfilename": name} for name in self.server.files()]
            described = {
                "id": repository,
                "sha": revision,
                "private": False,
                "gated": "manual" if self.server.gated else False,
                "tags": [],
                "siblings": siblings,
                "cardData": self.server.card(),
            }
            return self._answer(200, json.dumps(described).encode())
        code = (
            "RevisionNotFound" if path.startswith(f"/api/models/{repository}/") else "RepoNotFound"
        )
        return self._answer(404, b"{}", {"X-Error-Code": code})

    def _entry(self, name: str, content: bytes) -> dict:
        entry = {"type": "file", "path": name, "size": len(content), "oid": git_digest(content)}
        if name.endswith(self.server.large):
            entry["lfs"] = {
                "oid": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "pointerSize": 130,
            }
        return entry

    def _resolve(self, path: str):
        match = re.fullmatch(
            rf"/{self.server.repository}/resolve/{self.server.revision}/([^/]+)", path
        )
        files = self.server.files()
        if not match or match[1] not in files:
            return self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        if self.server.gated:
            return self._answer(403, b"", {"X-Error-Code": "GatedRepo"})
        name, content = match[1], files[match[1]]
        commit = {"X-Repo-Commit": self.server.revision}
        if name.endswith(self.server.large):
            linked = {
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                "X-Linked-Size": str(len(content)),
                "Location": f"http://localhost:{self.server.server_address[1]}/lfs/{name}",
            }
            return self._answer(302, b"", commit | linked)
        return self._send(name, commit | {"ETag": f'"{git_digest(content)}"'})

    def _send(self, name: str, headers: dict | None = None):
        """The file or a range of it, as its fault has it."""
        content, headers = self.server.files()[name], headers or {}
        fault = self.server.faults.get(name) if self.command == "GET" else None
        if fault == "cut once":
            del self.server.faults[name]
        if fault == "wrong size":
            return self._answer(200, content[: len(content) // 2], headers)
        if fault == "other bytes":
            return self._answer(200, bytes(len(content)), headers)
        start, status = 0, 200
        if asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            self.server.ranges.append(self.headers["Range"])
            start, status = int(asked[1]), 206
            headers = headers | {
                "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"
            }
        cut = max(0, len(content) // 2 - start) if fault in ("truncated", "cut once") else None
        self._answer(status, content[start:], headers, sent=cut)
        if cut is not None:
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
def serving(directory: Path, repository: str = REPOSITORY, revision: str = REVISION):
    server = Server(directory, repository, revision)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def client_of(server: Server, cache: Path):
    """The real client asks this server and keeps files in this cache, in this process."""
    import pytest
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", server.url)
        patch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            server.url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        yield
