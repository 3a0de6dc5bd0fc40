"""A small hub on loopback: what the real client asks of the real one, and faults on demand.

Two ports, as on the real hub: one for the API and small files, one ("the CDN") that large files redirect to.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_LARGE = {".safetensors", ".bin", ".gguf", ".onnx", ".h5"}


@dataclass
class Fault:
    """What goes wrong with a request.

    Attributes:
        where: "api" or the name of a file.
        times: how often; None is always.
        method: GET, HEAD, or None for both.
        status: answer this in place of the content, with `code` as X-Error-Code and `headers`.
        cut_after: break the connection off after so many bytes of the body.
        reset: break it off with a TCP reset in place of an orderly end.
        flip: change one byte of the content.
        extend: bytes added to (or, negative, taken from) the content, Content-Length included.
        stall_s: seconds of silence before the body, or before it is cut off.
        body: answer this with status 200.
    """

    where: str
    times: int | None = 1
    method: str | None = None
    status: int | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    reset: bool = False
    flip: bool = False
    extend: int = 0
    stall_s: float = 0
    body: bytes | None = None


@dataclass(frozen=True)
class Seen:
    """A request as it came in."""

    port: str
    method: str
    path: str
    range: str | None
    authorization: str | None


class Hub:
    """The repository, its faults, and a record of the requests."""

    def __init__(self, folder: Path, *, repo: str = "tiny/llama", commit: str = COMMIT) -> None:
        self.folder = folder
        self.repo = repo
        self.commit = commit
        self.safetensors: dict[str, Any] | None = None
        self.token: str | None = None
        self.ignores_ranges = False
        self.seen: list[Seen] = []
        self.sent: dict[str, int] = {}
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._api = _server(self, "api")
        self._cdn = _server(self, "cdn")

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._api.server_port}"

    @property
    def cdn(self) -> str:
        return f"http://127.0.0.1:{self._cdn.server_port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[Hub]:
        threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in (self._api, self._cdn)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            for server, thread in zip((self._api, self._cdn), threads, strict=True):
                server.shutdown()
                server.server_close()
                thread.join()

    def fail(self, where: str, **details: Any) -> None:
        self._faults.append(Fault(where, **details))

    def heal(self) -> None:
        self._faults.clear()

    def forget(self) -> None:
        self.seen.clear()
        self.sent.clear()

    def take_fault(self, where: str, method: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.where == where and fault.times != 0 and fault.method in {None, method}:
                    fault.times = fault.times - 1 if fault.times else None
                    return fault
        return None

    def count(self, name: str, sent: int) -> None:
        with self._lock:
            self.sent[name] = self.sent.get(name, 0) + sent

    def names(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def content(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def ranges(self, name: str) -> list[str | None]:
        """The Range headers with which a file's content was asked for."""
        path = f"/cdn/{name}" if is_large(name) else f"/api/resolve-cache/models/{self.repo}/{self.commit}/{name}"
        return [seen.range for seen in self.seen if seen.method == "GET" and seen.path == path]

    def asked_for(self) -> set[str]:
        """The names of the files of which anything was asked."""
        mark = f"/{self.repo}/resolve/{self.commit}/"
        return {seen.path.removeprefix(mark) for seen in self.seen if seen.path.startswith(mark)}


def is_large(name: str) -> bool:
    return Path(name).suffix in _LARGE


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def digest(name: str, content: bytes) -> str:
    return sha256(content) if is_large(name) else git_sha1(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Connections are kept alive by the client; waiting for them would hang the test.
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed or cut off is part of the tests."""


def _server(hub: Hub, port: str) -> _Server:
    class Handler(_Handler):
        pass

    Handler.hub, Handler.port = hub, port
    return _Server(("127.0.0.1", 0), Handler)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    port: str
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        headers = self.headers
        self.hub.seen.append(Seen(self.port, self.command, path, headers["Range"], headers["Authorization"]))
        if self.port == "cdn":
            self._file(path.removeprefix("/cdn/"))
        elif path.startswith("/api/resolve-cache/"):
            self._file(path.partition(f"/{self.hub.commit}/")[2])
        elif path.startswith("/api/models/"):
            self._api(path.removeprefix("/api/models/"), parse_qs(url.query))
        elif "/resolve/" in path:
            self._resolve(*path.removeprefix("/").split("/resolve/", 1))
        else:
            self._error(404, None, "no such page")

    def _api(self, rest: str, query: dict[str, list[str]]) -> None:
        fault = self.hub.take_fault("api", self.command)
        if fault and self._answered(fault):
            return
        repo = "/".join(rest.split("/")[:2])
        kind, _, revision = rest.removeprefix(repo).strip("/").partition("/")
        if not self._is_known(repo, revision or "main"):
            return
        if kind == "tree":
            self._json([{"type": "file", "path": name, **self._details(name)} for name in self.hub.names()])
        else:
            self._json(self._model(blobs="blobs" in query))

    def _is_known(self, repo: str, revision: str) -> bool:
        if repo != self.hub.repo:
            logged_in = self.headers["Authorization"] is not None
            self._error(404 if logged_in else 401, "RepoNotFound", "Repository not found")
            return False
        if self.hub.token and self.headers["Authorization"] not in {None, f"Bearer {self.hub.token}"}:
            self._error(401, None, "Invalid credentials in Authorization header")
            return False
        if revision not in {"main", self.hub.commit}:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return False
        return True

    def _details(self, name: str) -> dict[str, Any]:
        content = self.hub.content(name)
        details: dict[str, Any] = {"size": len(content), "oid": git_sha1(content)}
        if is_large(name):
            details["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
        return details

    def _sibling(self, name: str, *, blobs: bool) -> dict[str, Any]:
        if not blobs:
            return {"rfilename": name}
        details = self._details(name)
        sibling = {"rfilename": name, "size": details["size"], "blobId": details["oid"]}
        if "lfs" in details:
            sibling["lfs"] = {"sha256": details["lfs"]["oid"], "size": details["size"], "pointerSize": 134}
        return sibling

    def _model(self, *, blobs: bool) -> dict[str, Any]:
        hub = self.hub
        answer = {
            "_id": "65a0c0ffee",
            "id": hub.repo,
            "modelId": hub.repo,
            "author": hub.repo.split("/")[0],
            "sha": hub.commit,
            "private": False,
            "gated": False,
            "disabled": False,
            "downloads": 1,
            "likes": 0,
            "tags": ["transformers"],
            "lastModified": "2026-01-02T03:04:05.000Z",
            "createdAt": "2026-01-02T03:04:05.000Z",
            "siblings": [self._sibling(name, blobs=blobs) for name in hub.names()],
        }
        card = self._card()
        return {
            **answer,
            **({"cardData": card} if card else {}),
            **({"safetensors": hub.safetensors} if hub.safetensors else {}),
        }

    def _card(self) -> Any:
        readme = self.hub.folder / "README.md"
        return yaml.safe_load(readme.read_text().split("---")[1]) if readme.exists() else None

    def _resolve(self, repo: str, rest: str) -> None:
        revision, _, name = rest.partition("/")
        if not self._is_known(repo, revision):
            return
        if name not in self.hub.names():
            self._error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": self.hub.commit})
            return
        fault = self.hub.take_fault(name, self.command) if self._fails_at_resolve(name) else None
        if fault and self._answered(fault):
            return
        content = self.hub.content(name)
        headers = {
            "X-Repo-Commit": self.hub.commit,
            "X-Linked-Size": str(len(content)),
            "X-Linked-ETag": f'"{digest(name, content)}"',
            "Accept-Ranges": "bytes",
        }
        if is_large(name):
            self._redirect(302, f"{self.hub.cdn}/cdn/{name}?Signature=secret-signature", headers)
        else:
            target = f"/api/resolve-cache/models/{repo}/{self.hub.commit}/{name}"
            self._redirect(307, target, {**headers, "ETag": headers.pop("X-Linked-ETag")})

    def _fails_at_resolve(self, name: str) -> bool:
        """Tell whether the next fault of a file is one of the hub and not of the place that holds the content."""
        return any(
            fault.where == name and fault.times != 0 and fault.status in {401, 403, 404, 429}
            for fault in self.hub._faults
        )

    def _file(self, name: str) -> None:
        content = self.hub.content(name)
        fault = self.hub.take_fault(name, self.command) if self.command == "GET" else None
        if fault and self._answered(fault):
            return
        if fault and fault.flip:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if fault and fault.extend:
            content = content[: fault.extend] if fault.extend < 0 else content + b"x" * fault.extend
        start = self._start(len(content))
        if start is None:
            self._error(416, None, "Range Not Satisfiable", {"Content-Range": f"bytes */{len(content)}"})
            return
        self.send_response(206 if start or self._wants_range() else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", f'"{digest(name, self.hub.content(name))}"')
        self.send_header("X-Repo-Commit", self.hub.commit)
        self.send_header("Content-Type", "application/octet-stream")
        if self._wants_range():
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            self._send(name, content[start:], fault)

    def _wants_range(self) -> bool:
        return self.headers["Range"] is not None and not self.hub.ignores_ranges

    def _start(self, size: int) -> int | None:
        """The first byte that is asked for, or None where there is none."""
        if not self._wants_range():
            return 0
        start = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
        return start if start < size else None

    def _send(self, name: str, body: bytes, fault: Fault | None) -> None:
        if fault is None or fault.cut_after is None:
            time.sleep(fault.stall_s if fault else 0)
            self._write(name, body)
        else:
            self._write(name, body[: fault.cut_after])
            time.sleep(fault.stall_s)
            self._break_off(fault)

    def _write(self, name: str, body: bytes) -> None:
        self.hub.count(name, len(body))
        self.wfile.write(body)
        self.wfile.flush()

    def _break_off(self, fault: Fault) -> None:
        self.close_connection = True
        if fault.reset:
            # The client must have read what was sent, or the reset would discard it.
            time.sleep(0.1)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answered(self, fault: Fault) -> bool:
        """Answer for the fault, if it is one of the whole answer."""
        if fault.body is not None:
            self._body(200, fault.body, {"Content-Type": "text/html"})
        elif fault.status is not None:
            self._error(fault.status, fault.code, "as the test asked", fault.headers)
        elif fault.where == "api" and fault.cut_after is not None:
            self._break_off(fault)
        else:
            return False
        return True

    def _redirect(self, status: int, location: str, headers: dict[str, str]) -> None:
        self._body(status, b"", {**headers, "Location": location})

    def _error(self, status: int, code: str | None, message: str, headers: dict[str, str] | None = None) -> None:
        more = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **(headers or {})}
        self._body(status, json.dumps({"error": message}).encode(), {"Content-Type": "application/json", **more})

    def _json(self, answer: Any) -> None:
        self._body(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _body(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
