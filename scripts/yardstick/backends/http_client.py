"""HTTP to a server that holds a model: JSON in, JSON or lines out, every failure one clear line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from yardstick.errors import YardstickError

_CONNECT_TIMEOUT_S = 5.0


class HttpClient:
    """Requests to one server, safe to use from several threads.

    Attributes:
        url: address of the server, without a path.
    """

    def __init__(self, name: str, url: str, *, request_limit_s: float) -> None:
        self.url = url.rstrip("/")
        self._name = name
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        timeout = httpx.Timeout(request_limit_s, connect=_CONNECT_TIMEOUT_S)
        # No proxy and no address from the environment: the server is the one that the registry names.
        self._client = httpx.Client(base_url=self.url, timeout=timeout, limits=limits, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        """Return the answer to a GET, whatever its status.

        Raises:
            YardstickError: the server cannot be reached.
        """
        with self._one_line():
            return self._client.get(path)

    def get_json(self, path: str) -> dict[str, Any]:
        """Return the JSON object that a path holds, empty where the server has no such path.

        Raises:
            YardstickError: the server cannot be reached, is not ready, or answers something else.
        """
        answer = self.get(path)
        if answer.is_server_error:
            self._check(answer)
        return self._object(answer.content, path) if answer.is_success else {}

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON object that answers a body.

        Raises:
            YardstickError: the server cannot be reached, refuses, or answers something else.
        """
        with self._one_line():
            answer = self._client.post(path, json=body)
        self._check(answer)
        return self._object(answer.content, path)

    def status_of(self, path: str, body: Mapping[str, Any]) -> int:
        """Return the HTTP status that answers a body."""
        with self._one_line():
            return self._client.post(path, json=body).status_code

    @contextmanager
    def lines(self, path: str, body: Mapping[str, Any]) -> Iterator[Iterator[str]]:
        """Yield the lines of a streamed answer, each as soon as it is there.

        Raises:
            YardstickError: as for `post`; also when the connection breaks in the middle.
        """
        with self._one_line(), self._client.stream("POST", path, json=body) as answer:
            if not answer.is_success:
                answer.read()
                self._check(answer)
            yield answer.iter_lines()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _check(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            raise YardstickError(f"{self._name}: {self.url} answers {answer.status_code}: {said(answer.text)}")

    def _object(self, content: bytes, path: str) -> dict[str, Any]:
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise YardstickError(f"{self._name}: {self.url}{path} answers no JSON object; is another server there?")
        return found

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise YardstickError(
                f"{self._name}: no server at {self.url} ({_reason(error)}); start it, or mend its address"
            ) from error
        except httpx.TimeoutException as error:
            raise YardstickError(
                f"{self._name}: {self.url} does not answer in time; look at the server's log"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise YardstickError(
                f"{self._name}: {self.url} broke off ({_reason(error)}); look at the server's log"
            ) from error


def said(text: str) -> str:
    """Return what a server says of an error, in one short line, from plain text or the usual shapes of JSON."""
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    line = " ".join((found if isinstance(found, str) else json.dumps(found)).split()) or "nothing"
    return line if len(line) <= 300 else line[:297] + "..."


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
