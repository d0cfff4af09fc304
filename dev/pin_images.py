"""Write the digest of each base image into containers/*.Dockerfile, with its source and the date
above it.

    python dev/pin_images.py [DOCKERFILE ...]

Asks the registry of each FROM for the manifest of its tag (OCI distribution specification, "Pulling
manifests") and takes the SHA-256 of the manifest's own bytes, which must be what the registry calls
it. A digest that is there already is read anew: the tag decides. Ends with 74 where the registry is
not reached or refuses, with 65 where the bytes are not those of the digest. Either every file is
written or none is.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from dockerfile import BASE, CONTAINERS, SOURCE, instructions

from gfmtrust.core.errors import BadDataError, GfmtrustError, InputOutputError, message

DEFAULT_REGISTRY = "registry-1.docker.io"
"""Where a name without a host lies, below library/ where it has no owner: docker's own rule."""
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
WAIT_S = 20


def address(name: str, tag: str) -> str:
    """Address of a tag's manifest. http for this machine's own registry, as docker does."""
    host, _, rest = name.partition("/")
    if not rest or not re.search(r"[.:]|^localhost$", host):
        host, rest = DEFAULT_REGISTRY, name if rest else f"library/{name}"
    scheme = "http" if host.split(":")[0] in ("localhost", "127.0.0.1") else "https"
    return f"{scheme}://{host}/v2/{rest}/manifests/{tag}"


def get(url: str, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    with urllib.request.urlopen(
        urllib.request.Request(url, headers=headers), timeout=WAIT_S
    ) as answer:
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}


def token(challenge: str) -> str:
    """Token for reading that the registry's own challenge names: Bearer
    realm="...",service="...",scope="..."."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    answer = json.loads(get(f"{asked.pop('realm')}?{urllib.parse.urlencode(asked)}", {})[0])
    return answer.get("token") or answer["access_token"]


def manifest(url: str) -> tuple[bytes, dict[str, str]]:
    """The manifest's bytes and headers; a registry that answers 401 is asked once more with the
    token it names."""
    headers = {"Accept": ", ".join(MANIFESTS)}
    try:
        return get(url, headers)
    except urllib.error.HTTPError as error:
        challenge = error.headers.get("WWW-Authenticate", "")
        if error.code != 401 or not challenge.startswith("Bearer "):
            raise
        return get(url, headers | {"Authorization": f"Bearer {token(challenge)}"})


def digest(url: str) -> str:
    """sha256:... of a tag. Raises InputOutputError (74) without an answer, BadDataError (65) for
    bytes that are not the digest's."""
    try:
        body, headers = manifest(url)
    except (OSError, KeyError, ValueError) as error:  # URLError and HTTPError are OSError
        raise InputOutputError(
            message(
                url, f"no manifest ({error})", "a network and an image of that tag", "run again"
            )
        ) from error
    result = f"sha256:{hashlib.sha256(body).hexdigest()}"
    named = headers.get("docker-content-digest", result)
    if named != result:
        raise BadDataError(message(url, f"bytes of {result}", named, "ask another mirror"))
    return result


def pinned(path: Path, today: str, digests: dict[str, str]) -> str:
    """The Dockerfile's text with its base pinned; `digests` holds the digests asked for already, by
    address."""
    text = path.read_text()
    lines = text.splitlines()
    for step in (step for step in instructions(text, path.name) if step.keyword == "FROM"):
        base = BASE.fullmatch(step.value)
        if base is None:
            raise BadDataError(
                message(
                    f"{path.name} line {step.line}", step.value, "name:tag", "name an exact tag"
                )
            )
        url = address(base["name"], base["tag"])
        if url not in digests:
            digests[url] = digest(url)
        above = step.line - 2 if SOURCE.fullmatch(step.comment) else step.line - 1
        lines[above : step.line] = [
            f"# source: {url}, {today}",
            f"FROM {base['name']}:{base['tag']}@{digests[url]}",
        ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "dockerfiles", nargs="*", type=Path, default=sorted(CONTAINERS.glob("*.Dockerfile"))
    )
    digests: dict[str, str] = {}
    try:
        texts = {
            path: pinned(path, datetime.date.today().isoformat(), digests)
            for path in parser.parse_args().dockerfiles
        }
    except GfmtrustError as error:
        print(f"pin-images: {error}", file=sys.stderr)
        return error.exit_code
    for path, text in texts.items():
        path.write_text(text)
        print(f"pin-images: wrote {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
