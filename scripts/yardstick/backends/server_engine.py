"""What engines share whose model lives in a server: requests in parallel, prefixes, and who listens."""

from __future__ import annotations

import itertools
import secrets
import socket
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil

from yardstick.backends.base import Completion, Engine, TimedCompletion
from yardstick.backends.http_client import HttpClient
from yardstick.errors import YardstickError


class ServerEngine(Engine):
    """A model in a server that is asked over HTTP."""

    @abstractmethod
    def _client(self) -> HttpClient:
        """Return the client of the server in use."""

    def render_chat(self, question: str) -> str:
        """Return the question as it is: the server applies the model's chat template."""
        return question

    def stream_together(self, prompts: Sequence[str], new_tokens: int) -> list[TimedCompletion]:
        """Send all prompts at the same moment, each from a thread of its own."""
        with ThreadPoolExecutor(len(prompts)) as threads:
            return list(threads.map(lambda prompt: self.stream(prompt, new_tokens), prompts))

    def process_ids(self) -> list[int]:
        """Return the processes that listen at the server's address, none where they cannot be seen from here."""
        return listeners(self._client().url)

    def _whole(self, completion: Completion, asked: int) -> Completion:
        """Return a completion unless the context was too short for it: some servers stop there without a word."""
        if completion.finish == "length" and completion.output_tokens < asked:
            raise YardstickError(
                f"{self.spec.name}: a prompt of {completion.prompt_tokens} tokens and {asked} new ones exceed the "
                "server's context; shorten the prompt or max_new_tokens in config/config.yaml"
            )
        return completion

    def _with_prefix(self, prompt: str) -> str:
        """Return a prompt that no cache of earlier prompts can serve: it begins with tokens that are new."""
        # Digits of one width: letters would be cut into a varying number of tokens.
        return f"{secrets.randbelow(10**8):08} {prompt}"


def listeners(url: str) -> list[int]:
    """Return the processes of this machine that listen at an address, none if it is another machine's or another user's."""
    address = urlsplit(url)
    port = address.port or (443 if address.scheme == "https" else 80)
    if not _is_here(address.hostname or ""):
        return []
    try:
        sockets = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return []
    return sorted(
        {
            found.pid
            for found in sockets
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port and found.pid
        }
    )


def _is_here(host: str) -> bool:
    """Tell whether a host name is one of this machine's addresses."""
    own = {found.address for interface in psutil.net_if_addrs().values() for found in interface}
    try:
        return any(str(found[4][0]) in own for found in socket.getaddrinfo(host, None))
    except OSError:
        return False


def arrivals(chunk_times_s: Sequence[float], chunk_tokens: Sequence[int | None], total: int) -> tuple[float, ...]:
    """Return when each token arrived, from when each chunk did.

    Args:
        chunk_times_s: arrival of each chunk, going up.
        chunk_tokens: tokens in each, None where the server does not tell.
        total: tokens that the server counted in the end.

    Where the server tells every chunk's tokens and they add up, a token has its chunk's time. Otherwise tokens are
    spread evenly over the chunks, first to first and last to last: first and last times are right, gaps between may not be.
    """
    told = [tokens for tokens in chunk_tokens if tokens is not None]
    if len(told) == len(chunk_tokens) and sum(told) == total:
        pairs = zip(chunk_times_s, told, strict=True)
        return tuple(itertools.chain.from_iterable(itertools.repeat(time_s, tokens) for time_s, tokens in pairs))
    if not chunk_times_s or total < 1:
        return ()
    last = len(chunk_times_s) - 1
    return tuple(chunk_times_s[round(place * last / max(1, total - 1))] for place in range(total))
