"""What can go wrong between this machine and the hub, as one line each, and when trying again helps."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

from yardstick.errors import YardstickError
from yardstick.hub.cache import hub_cache

WAITS_S: tuple[float, ...] = (1, 2, 4, 8)
"""Seconds to wait after the first, second, ... failure in a row that brought no new bytes."""
_LONGEST_ASKED_WAIT_S = 60
_TRANSIENT_STATUS = {408, 429, 500, 502, 503, 504}
_TRANSIENT_ERRORS = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
_NO_CONNECTION = (httpx2.ConnectError, httpx2.ConnectTimeout)
FAULTS = (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError)
"""All that huggingface_hub and its HTTP client raise for circumstances; anything else is a bug of ours."""

T = TypeVar("T")


@contextlib.contextmanager
def explained(repo: str, revision: str) -> Iterator[None]:
    """Turn every fault of the hub, the network or the disk into a `YardstickError` that names the repository."""
    try:
        yield
    except FAULTS as error:
        raise YardstickError(f"{repo}: {explain(error, repo, revision)}") from None


def explain(error: BaseException, repo: str, revision: str) -> str:
    """Return what is wrong and what to do, in one line that holds no token and no signed address."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__:
        return explain(error.__cause__, repo, revision)
    if isinstance(error, OfflineModeIsEnabled):
        return "is not complete in the cache and HF_HUB_OFFLINE is set; unset it, or fetch where there is a network"
    if isinstance(error, HfHubHTTPError):
        return _explain_answer(error, repo, revision)
    if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL):
        return _explain_connection(error)
    if isinstance(error, HFValidationError):
        return "is not a valid repository name; give owner/name as on the hub"
    if isinstance(error, OSError) and error.errno:
        return _explain_disk(error)
    return f"the answer is not one of a hub ({type(error).__name__}); check HF_ENDPOINT, HF_TOKEN and any proxy"


def _explain_answer(error: HfHubHTTPError, repo: str, revision: str) -> str:
    page = f"{constants.ENDPOINT}/{repo}"
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return f"is gated ({status}); accept its licence at {page} and log in with: hf auth login (or set HF_TOKEN)"
    if isinstance(error, RevisionNotFoundError):
        return f"has no revision {revision}; copy the full commit hash from {page}/commits/main"
    if isinstance(error, RemoteEntryNotFoundError):
        return f"lacks a file at revision {revision}; register another revision"
    if isinstance(error, DisabledRepoError):
        return "is disabled on the hub; register another repository"
    if isinstance(error, RepositoryNotFoundError):
        return "is not on the hub, or private; check its spelling, or log in with: hf auth login (or set HF_TOKEN)"
    return _explain_status(error, status, page)


def _explain_status(error: HfHubHTTPError, status: int, page: str) -> str:
    if status == 401:
        return "the hub refuses the token (401); log in again with: hf auth login (or correct HF_TOKEN)"
    if status == 403:
        return f"access is forbidden (403); ask for it at {page}, or use a token that may read it (HF_TOKEN)"
    if status == 404:
        return f"is not there (404); check its spelling and HF_ENDPOINT ({constants.ENDPOINT})"
    if status == 429:
        wait_s = _asked_wait_s(error)
        when = f"in {wait_s:.0f} s" if wait_s else "in some minutes"
        return f"the hub limits requests (429); run again {when}, or log in for a higher limit: hf auth login"
    if status >= 500:
        return f"the hub has trouble ({status}); run the same command again later, what has come is kept"
    return f"the hub answered {status}; check HF_ENDPOINT ({constants.ENDPOINT})"


def _explain_connection(error: httpx2.HTTPError | httpx2.InvalidURL) -> str:
    endpoint = constants.ENDPOINT
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return f"HF_ENDPOINT is not a web address ({endpoint}); correct or unset it"
    if isinstance(error, httpx2.ProxyError):
        return "the proxy refuses the connection; check HTTPS_PROXY"
    if isinstance(error, httpx2.TimeoutException):
        return f"{endpoint} does not answer in {constants.HF_HUB_DOWNLOAD_TIMEOUT} s; run the same command again"
    if isinstance(error, httpx2.ConnectError):
        return f"cannot reach {endpoint} ({error}); check the network, or fetch where there is one"
    if isinstance(error, httpx2.NetworkError | httpx2.RemoteProtocolError):
        return f"the connection to {endpoint} breaks off; run the same command again, what has come is kept"
    # The text of other errors may hold request headers, and so the token.
    return f"the request cannot be made ({type(error).__name__}); check HF_TOKEN for stray characters, and HF_ENDPOINT"


def _explain_disk(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return f"no room left in {hub_cache()}; free some or set HF_HOME to a larger disk, then run the same command"
    where = error.filename or hub_cache()
    return f"{where}: {error.strerror}; mend it or set HF_HOME to a folder that you may write"


def patiently(action: Callable[[], T], *, say: Callable[[str], None], received: Callable[[], int] = lambda: 0) -> T:
    """Return what ``action`` returns, trying again after transient faults.

    Args:
        action: what to do; it goes on where the last try stopped, if it can.
        say: is told of each fault and wait, in one line.
        received: number of bytes so far; the count of failures starts anew when it grew.
    """
    failures, before = 0, received()
    while True:
        try:
            return action()
        except FAULTS as error:
            failures = 0 if received() > before else failures
            wait_s = _wait_s(error, failures)
            # A connection that was never there (no network, wrong address) is not worth waiting for.
            if wait_s is None or (isinstance(error, _NO_CONNECTION) and not received()):
                raise
            failures, before = failures + 1, received()
            say(f"{brief(error)}; try {failures + 1} of {len(WAITS_S) + 1} in {wait_s:g} s")
            time.sleep(wait_s)


def _wait_s(error: BaseException, failures: int) -> float | None:
    """Return how long to wait before the next try, or None where another would not help."""
    if failures >= len(WAITS_S) or not _is_transient(error):
        return None
    asked_s = _asked_wait_s(error) or 0
    return max(asked_s, WAITS_S[failures]) if asked_s <= _LONGEST_ASKED_WAIT_S else None


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _TRANSIENT_STATUS
    return isinstance(error, _TRANSIENT_ERRORS)


def _asked_wait_s(error: BaseException) -> float | None:
    """Return the seconds that the hub asks to wait, where it does."""
    if not isinstance(error, HfHubHTTPError):
        return None
    limit = parse_ratelimit_headers(error.response.headers)
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds
    after = error.response.headers.get("Retry-After", "")
    return int(after) if after.isdigit() else None


def brief(error: BaseException) -> str:
    """Return what happened, without a remedy."""
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(error, HfHubHTTPError):
        return f"the hub answered {error.response.status_code}"
    if isinstance(error, _NO_CONNECTION):
        return "no connection"
    if isinstance(error, httpx2.TimeoutException):
        return "no data came in time"
    return "the connection broke off" if isinstance(error, httpx2.TransportError) else "no answer of a hub"
