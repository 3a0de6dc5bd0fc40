"""What the hub states of a repository at a commit, branch or tag."""

from __future__ import annotations

import re

from huggingface_hub import HfApi, constants
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from yardstick.hub.transfer import RemoteFile


def ask(repo: str, revision: str) -> ModelInfo:
    """Return the hub's description of a repository, sizes and checksums of its files included.

    Raises:
        ValueError: the answer is not one of a hub.
        huggingface_hub and httpx2 errors: no answer, or a refusal.
    """
    timeout_s = constants.HF_HUB_DOWNLOAD_TIMEOUT
    try:
        return HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=timeout_s)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the answer lacks what a hub states") from error


def remote_files(info: ModelInfo) -> dict[str, RemoteFile]:
    """Return the files of a repository by name.

    Raises:
        ValueError: the size or the checksum of a file is missing or malformed.
    """
    return {sibling.rfilename: _remote_file(sibling) for sibling in info.siblings or []}


def _remote_file(sibling: RepoSibling) -> RemoteFile:
    digest = (sibling.lfs.sha256 if sibling.lfs else sibling.blob_id) or ""
    size = sibling.lfs.size if sibling.lfs else sibling.size
    # The digest becomes a file's name, so nothing but hex digits may pass.
    if size is None or not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", digest):
        raise ValueError(f"size or checksum of {sibling.rfilename} is not stated")
    return RemoteFile(sibling.rfilename, size, digest)
