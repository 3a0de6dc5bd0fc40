"""Whether the hub would give a model out to this user."""

from __future__ import annotations

from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

from yardstick.hub.faults import FAULTS, explain

_REFUSALS = {401, 403, 404}
_TIMEOUT_S = 10.0


def access_problem(repo: str, revision: str, file: str | None = None) -> str | None:
    """Ask for one file's headers, by default config.json, and return why the hub refuses it, with the remedy, or None.

    A hub that is merely busy is no reason: fetching tries again.
    """
    try:
        get_hf_file_metadata(hf_hub_url(repo, file or "config.json", revision=revision), timeout=_TIMEOUT_S)
    except EntryNotFoundError:
        return None
    except HfHubHTTPError as error:
        return explain(error, repo, revision) if error.response.status_code in _REFUSALS else None
    except FAULTS:
        return None
    return None
