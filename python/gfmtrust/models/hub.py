"""The only place that asks the model hub anything: fetching a pinned checkpoint, and reading the facts that pin one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gfmtrust.errors import BadDataError, MissingInputError, message
from gfmtrust.tokenizers import VOCABULARY_FILES


def fetch(repository: str, revision: str) -> Path:
    """Directory with config, vocabulary and weights of a repository at one commit, from the hub's own cache where they are there.

    Raises MissingInputError (66) where the hub cannot be reached. What came is compared with the row by `export.check_row`.
    """
    from huggingface_hub import snapshot_download

    wanted = ["config.json", "*.safetensors", "model.safetensors.index.json", *VOCABULARY_FILES]
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=wanted))
    except _failures() as error:
        raise _unreachable(repository, error) from error


def facts(repository: str) -> dict[str, str]:
    """The columns that pin a row, read from the repository's current commit; weights are not downloaded, their digests are listed.

    Raises MissingInputError (66) without a network, BadDataError (65) where the repository does not give all of them.
    """
    from huggingface_hub import HfApi, hf_hub_download

    try:
        told = HfApi().model_info(repository, files_metadata=True)
        files = {file.rfilename: file for file in told.siblings or []}
        vocabulary = next((name for name in VOCABULARY_FILES if name in files), "")
        weights = sorted(name for name in files if name.endswith(".safetensors"))
        licence = str((told.card_data or {}).get("license") or "")
        link = str((told.card_data or {}).get("license_link") or "")
        wanting = [what for what, is_there in (("config.json", "config.json" in files), ("a vocabulary file", vocabulary),
                                              ("safetensors weights", weights), ("a licence", licence)) if not is_there]
        if wanting or any(files[name].lfs is None for name in weights):
            found = f"no {' and no '.join(wanting)}" if wanting else "weights without a digest"
            raise BadDataError(message(repository, found, "config, vocabulary, weights with digests, licence", "pin it by hand"))
        small = {name: Path(hf_hub_download(repository, name, revision=told.sha)).read_bytes() for name in ("config.json", vocabulary)}
    except _failures() as error:
        raise _unreachable(repository, error) from error
    return {
        "revision": told.sha,
        "config_sha256": hashlib.sha256(small["config.json"]).hexdigest(),
        "vocabulary_sha256": hashlib.sha256(small[vocabulary]).hexdigest(),
        "weights_sha256": " ".join(files[name].lfs.sha256 for name in weights),
        "weights_bytes": " ".join(str(files[name].lfs.size) for name in weights),
        "licence": licence,
        "licence_url": link or f"model card of {repository} at {told.sha}",
        "pin_source": f"{repository} at {told.sha}",
    }


def _failures() -> tuple[type[Exception], ...]:
    """What a failed request raises: files and timeouts as OSError, the rest as the HTTP library's own base, whichever the hub uses."""
    from huggingface_hub.errors import HfHubHTTPError

    return (OSError, HfHubHTTPError.__bases__[0])


def _unreachable(repository: str, error: Exception) -> MissingInputError:
    found = f"not fetched ({str(error).splitlines()[0]})"
    return MissingInputError(message(repository, found, "a network", "fetch the checkpoint where there is one and give its directory"))
