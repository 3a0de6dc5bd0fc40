"""The core of the fake servers: HTTP on loopback, faults on demand, and a record of requests with true send times.

Only the standard library is used, so that the fakes also run as programs of their own.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal, cast

from servers.schedule import Chunk, Plan, Schedule, ScriptedModel, planned

RECORD_PATH = "/_fake/requests"

FaultKind = Literal["status", "garbage", "hang", "slow_headers", "cut", "error", "end", "no_done", "no_usage"]


@dataclass
class Fault:
    """What goes wrong with a request.

    Attributes:
        kind: status: answer this status in place of the content; garbage: answer a page that is no JSON; hang: never
            answer; slow_headers: begin late; cut: break the connection off; error: tell an error in the middle of the
            stream; end: end the stream in good order without its last record; no_done: leave out the end mark alone;
            no_usage: leave out the token counts.
        path: of the request, None for any.
        times: how often, None for always.
        after: chunks that are sent before, None for all of them.
        status: HTTP status for ``status``.
        message: text of the error.
        delay_ms: milliseconds for ``slow_headers``.
    """

    kind: FaultKind
    path: str | None = None
    times: int | None = None
    after: int | None = None
    status: int = 500
    message: str = "something broke"
    delay_ms: float = 0.0


@dataclass(frozen=True)
class Sent:
    """A chunk that left: the time just before it was handed to the kernel (`time.perf_counter`), and its tokens."""

    time_s: float
    tokens: int


@dataclass
class Seen:
    """A request as it came in, and what was sent for it.

    Attributes:
        arrived_s: when its first line was there, by `time.perf_counter`.
        received_s: when all of it was; deadlines count from here.
        sent: the chunks with tokens.
        is_whole: whether the answer was sent to its end.
    """

    method: str
    path: str
    body: Any
    arrived_s: float
    received_s: float
    sent: list[Sent] = field(default_factory=list)
    is_whole: bool = False


class Exchange:
    """One request and its answer."""

    def __init__(self, handler: _Handler, seen: Seen, fault: Fault | None) -> None:
        self._handler = handler
        self.seen = seen
        self.fault = fault

    def has_fault(self, *kinds: FaultKind) -> bool:
        return self.fault is not None and self.fault.kind in kinds

    def answer(self, content: Any, status: int = 200, content_type: str = "application/json") -> None:
        """Send a whole answer: text as it is, anything else as JSON."""
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", content_type)
        self._handler.send_header("Content-Length", str(len(body)))
        self._handler.end_headers()
        self._handler.wfile.write(body)
        self.seen.is_whole = True

    def begin(self, content_type: str) -> None:
        """Send the headers of a streamed answer."""
        self._handler.send_response(200)
        self._handler.send_header("Content-Type", content_type)
        self._handler.send_header("Transfer-Encoding", "chunked")
        self._handler.end_headers()

    def send(self, data: bytes, tokens: int = 0) -> None:
        """Send a piece of a streamed answer in one write, and note when, if it holds tokens."""
        framed = b"%x\r\n%s\r\n" % (len(data), data)
        if tokens:
            self.seen.sent.append(Sent(time.perf_counter(), tokens))
        self._handler.wfile.write(framed)

    def end(self) -> None:
        """End a streamed answer in good order."""
        self._handler.wfile.write(b"0\r\n\r\n")
        self.seen.is_whole = True

    def cut(self) -> None:
        """Break the connection off with a TCP reset."""
        linger = struct.pack("ii", 1, 0)
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._handler.connection.close()
        self._handler.close_connection = True
        raise BrokenPipeError("cut on purpose")


class FakeServer:
    """A server with one model and no weights. Subclasses add the paths of a protocol.

    Attributes:
        model: name of the model.
        context_length: tokens of prompt and answer together.
        schedule: when chunks are sent.
        scripted: what is said.
        loading: requests that are still answered with 503.
        reuses_prompts: whether prefixes of earlier prompts are cached.
        requests: all requests so far, in order of arrival.
        most_in_flight: most answers that were under way at once.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        *,
        model: str = "tiny",
        context_length: int = 512,
        schedule: Schedule | None = None,
        scripted: ScriptedModel | None = None,
        loading: int = 0,
        reuses_prompts: bool = False,
        together: int = 1,
        port: int = 0,
    ) -> None:
        self.model = model
        self.context_length = context_length
        self.schedule = schedule or Schedule()
        self.scripted = scripted or ScriptedModel()
        self.loading = loading
        self.reuses_prompts = reuses_prompts
        self.requests: list[Seen] = []
        self.most_in_flight = 0
        self.closing = threading.Event()
        self.hold(together)
        self._in_flight = 0
        self._faults: list[Fault] = []
        self._prompts: list[tuple[int, ...]] = []
        self._lock = threading.Lock()
        self._http = _HttpServer(self, port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[Any]:
        """Serve from a thread of this process."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._stop()
            thread.join()

    def serve(self) -> None:
        """Serve until the process ends."""
        self._http.serve_forever(0.02)

    def fail(self, kind: FaultKind, path: str | None = None, **details: Any) -> None:
        """Switch a fault on for the coming requests."""
        self._faults.append(Fault(kind, path, **details))

    def heal(self) -> None:
        """Switch all faults off."""
        self._faults.clear()

    def hold(self, together: int) -> None:
        """Let no answer begin before that many are asked for: only requests in parallel get any."""
        self._together = threading.Barrier(together)

    def asked(self, path: str) -> list[Seen]:
        """Return the requests for a path."""
        return [seen for seen in self.requests if seen.path == path]

    def routes(self) -> dict[tuple[str, str], Callable[[Exchange], None]]:
        """Return what answers each method and path."""
        raise NotImplementedError

    def error_body(self, status: int, message: str) -> Any:
        """Return the JSON in which this protocol tells an error."""
        raise NotImplementedError

    def error_event(self, message: str) -> bytes | None:
        """Return how this protocol tells an error in the middle of a stream, None if it breaks the connection off."""
        raise NotImplementedError

    def not_found(self, exchange: Exchange) -> None:
        """Answer a path that this server does not have."""
        exchange.answer({"detail": "Not Found"}, 404)

    def not_ready(self, exchange: Exchange) -> None:
        """Answer while the model is loaded."""
        exchange.answer(self.error_body(503, "Loading model"), 503)

    def plan(self, prompt: Sequence[int], most: int, *, can_end: bool, least: int = 0, caches: bool = False) -> Plan:
        """Return the answer to a prompt, and remember the prompt for the cache."""
        with self._lock:
            cached = self._cached(prompt) if caches else 0
            if caches:
                self._prompts.append(tuple(prompt))
        ids = self.scripted.answer(prompt, most, can_end=can_end, least=least)
        is_cut = not (can_end and self.scripted.ends_after == len(ids))
        return planned(self.schedule, prompt, cached, ids, is_cut=is_cut)

    def forget_prompts(self) -> None:
        """Empty the cache of prompts, as unloading the model does."""
        with self._lock:
            self._prompts.clear()

    def play(self, exchange: Exchange, plan: Plan, content_type: str, event: Callable[[Chunk, bool], bytes]) -> bool:
        """Send the chunks of an answer, each at its deadline, and strike with the fault if there is one.

        Args:
            exchange: the request.
            plan: the answer.
            content_type: of the stream.
            event: a chunk, and whether it is the last one -> what is sent, empty for nothing.

        Returns:
            Whether the end of the stream is still to be sent.
        """
        begun, pending = False, 0
        with self._flight():
            for place, chunk in enumerate(plan.chunks):
                if self._strikes(exchange, place):
                    return self._broken(exchange, content_type, begun=begun)
                self.wait_until(exchange.seen.received_s + chunk.due_s)
                if not begun:
                    exchange.begin(content_type)
                    begun = True
                pending += len(chunk.ids)
                if data := event(chunk, place == len(plan.chunks) - 1):
                    exchange.send(data, pending)
                    pending = 0
            if not begun:
                exchange.begin(content_type)
            if self._strikes(exchange, None):
                return self._broken(exchange, content_type, begun=True)
        return True

    def sit_out(self, exchange: Exchange, plan: Plan) -> None:
        """Wait until an answer that is not streamed is ready."""
        with self._flight():
            self.wait_until(exchange.seen.received_s + plan.prefill_s + plan.decode_s)
            if exchange.has_fault("cut"):
                exchange.cut()

    def wait_until(self, time_s: float) -> None:
        """Wait for a moment of `time.perf_counter`, or for the end of the server."""
        while (left_s := time_s - time.perf_counter()) > 0 and not self.closing.wait(left_s):
            pass

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, or fail as asked."""
        fault = exchange.fault
        if fault is not None and fault.kind == "hang":
            self.closing.wait()
            exchange.cut()
        if fault is not None and fault.kind == "slow_headers":
            self.wait_until(exchange.seen.received_s + fault.delay_ms / 1000)
        if fault is not None and fault.kind == "status":
            exchange.answer(self.error_body(fault.status, fault.message), fault.status)
        elif exchange.has_fault("garbage"):
            exchange.answer("<html>It works!</html>", content_type="text/html")
        elif self._is_loading():
            self.not_ready(exchange)
        else:
            route = self.routes().get((exchange.seen.method, exchange.seen.path), self.not_found)
            route(exchange)

    def take_fault(self, path: str) -> Fault | None:
        """Return the fault that is meant for a request, and count it."""
        with self._lock:
            for fault in self._faults:
                if fault.path in (None, path) and fault.times != 0:
                    fault.times = fault.times - 1 if fault.times else None
                    return fault
        return None

    def record(self) -> list[dict[str, Any]]:
        """Return all requests so far as JSON."""
        return [asdict(seen) for seen in self.requests]

    def _is_loading(self) -> bool:
        with self._lock:
            is_loading = self.loading > 0
            self.loading -= is_loading
            return is_loading

    def _cached(self, prompt: Sequence[int]) -> int:
        return max((_common(prompt, old) for old in self._prompts), default=0)

    @staticmethod
    def _strikes(exchange: Exchange, place: int | None) -> bool:
        return exchange.has_fault("cut", "error", "end") and cast(Fault, exchange.fault).after == place

    def _broken(self, exchange: Exchange, content_type: str, *, begun: bool) -> bool:
        fault = cast(Fault, exchange.fault)
        event = self.error_event(fault.message) if fault.kind == "error" else None
        if not begun and event is not None:
            exchange.answer(self.error_body(500, fault.message), 500)
            return False
        if not begun:
            exchange.begin(content_type)
        if fault.kind == "cut" or (fault.kind == "error" and event is None):
            exchange.cut()
        if event is not None:
            exchange.send(event)
        exchange.end()
        return False

    @contextlib.contextmanager
    def _flight(self) -> Iterator[None]:
        with self._lock:
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            self._together.wait()
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def _stop(self) -> None:
        self.closing.set()
        self._together.abort()
        self._http.shutdown()
        self._http.server_close()
        self._http.drop_connections()


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, fake: FakeServer, port: int) -> None:
        self.fake = fake
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def drop_connections(self) -> None:
        """End the connections that clients keep open, as a server does that ends."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet where the other side is gone, or was cut off on purpose; print any other error."""
        if not isinstance(sys.exc_info()[1], ConnectionError | threading.BrokenBarrierError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it a chunk may wait for the acknowledgement of the one before.
    disable_nagle_algorithm = True
    server: _HttpServer

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def parse_request(self) -> bool:
        self._arrived_s = time.perf_counter()
        return super().parse_request()

    def do_GET(self) -> None:
        self._handle(None, time.perf_counter())

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        received_s = time.perf_counter()
        try:
            body = json.loads(text)
        except json.JSONDecodeError:
            body = None
        self._handle(body, received_s)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _handle(self, body: Any, received_s: float) -> None:
        fake = self.server.fake
        if self.path == RECORD_PATH:
            Exchange(self, Seen("GET", self.path, None, 0.0, 0.0), None).answer(fake.record())
            return
        seen = Seen(self.command, self.path, body, self._arrived_s, received_s)
        fake.requests.append(seen)
        fake.handle(Exchange(self, seen, fake.take_fault(self.path)))
