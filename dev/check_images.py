"""Check the images as far as that goes without a container daemon.

    python dev/check_images.py [IMAGE ...] [--base FOLDER]

First the rules of `dockerfile.faults`, then the instructions of each image in a clean Debian root
made by debootstrap: COPY copies, RUN runs its very line by chroot, ENV and ARG are set as docker
sets them. Last, as a user without a name and a home, the image's own commands. Debian's python3.11
stands in for the python image of FROM; that image's own layers are not seen. The machine's settings
of pip and its certificates are lent to the RUN lines, as a build on this machine has them. Needs
root and debootstrap; downloads what the image downloads. Ends with 65 where a rule is broken or a
line fails, with 66 where debootstrap or root is missing.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import dockerfile
from dockerfile import CONTAINERS, ROLES, ROOT, expand, instructions

from gfmtrust import __version__
from gfmtrust.core.errors import (
    BadDataError,
    GfmtrustError,
    InputOutputError,
    MissingInputError,
    message,
)

COMMANDS = {
    "score": (["gfmtrust", "--version"], ["gfmtrust", "selfcheck"]),
    "export": (["gfmtrust", "--version"], ["python", "-c", "import torch, transformers, onnx"]),
    "multiqc": (["multiqc", "--version"],),
}
"""What each image is asked in the end."""
ANYONE = "23456:23456"
"""A user that no file names and that has no home, as a cluster gives."""
SUITE = "bookworm"
STANDS_IN = "python3.11 python3-pip python-is-python3 ca-certificates"
PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
LENT = ("/etc/pip.conf", "/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")
TAIL_LINES = 25


def check_prerequisites() -> None:
    if os.getuid() != 0 or shutil.which("debootstrap") is None:
        result = "not root" if os.getuid() else "no debootstrap"
        raise MissingInputError(
            message(
                "this machine",
                result,
                "root and debootstrap",
                "install debootstrap and run this as root",
            )
        )


def run(arguments: list[str], what: str, variables: dict[str, str], show: bool = False) -> None:
    """Run and wait; raises BadDataError (65) with the last lines of what it printed."""
    ended = subprocess.run(
        arguments,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode:
        tail = "\n".join(ended.stdout.splitlines()[-TAIL_LINES:])
        raise BadDataError(
            f"{message(what, f'ended with {ended.returncode}', '0', 'see the lines below')}\n{tail}"
        )
    if show:
        print("".join(f"    {line}\n" for line in ended.stdout.splitlines()[-3:]), end="")


def chroot(root: Path, command: list[str], user: str = "") -> list[str]:
    return ["chroot", *([f"--userspec={user}"] if user else []), str(root), *command]


def size_mb(root: Path) -> float:
    """Bytes of all files, a hard link once, in MB."""
    return (
        int(
            subprocess.run(
                ["du", "-sxb", str(root)], capture_output=True, text=True, check=True
            ).stdout.split()[0]
        )
        / 1e6
    )


def make_root(root: Path) -> None:
    """A minimal Debian with the Python that stands in for the base image's, pip free to install as
    it is there."""
    ended = subprocess.run(
        ["debootstrap", "--variant=minbase", SUITE, str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        output = ended.stdout.strip().splitlines()[-1]
        raise InputOutputError(
            message("debootstrap", output, f"a root of {SUITE}", "run again with a network")
        )
    (root / "usr" / "sbin" / "policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (root / "usr" / "sbin" / "policy-rc.d").chmod(0o755)
    install = f"apt-get update && apt-get install -y --no-install-recommends {STANDS_IN} && apt-get clean && rm -rf /var/lib/apt/lists/*"
    run(
        chroot(root, ["sh", "-c", install]),
        "the stand-in for the base image",
        {"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive"},
    )
    for mark in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        mark.unlink()


@contextmanager
def lent(root: Path):
    """This machine's settings of pip and its certificates inside the root, and its PIP_ variables;
    taken out again."""
    before = {
        name: (root / name[1:]).read_bytes() if (root / name[1:]).exists() else None
        for name in LENT
        if Path(name).exists()
    }
    for name in before:
        (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(name, root / name[1:])
    try:
        yield {
            name: value
            for name, value in os.environ.items()
            if re.match(r"PIP_(?!FIND_LINKS)|https?_proxy$|SSL_CERT_FILE$", name)
        }
    finally:
        for name, content in before.items():
            (root / name[1:]).unlink() if content is None else (root / name[1:]).write_bytes(
                content
            )


def copy(root: Path, value: str) -> None:
    """COPY of files, or of one folder's content, as docker does it; what .dockerignore keeps out is
    kept out here."""
    *sources, target = value.split()
    place = root / target.lstrip("/")
    for source in (ROOT / name for name in sources):
        if source.is_dir():
            shutil.copytree(
                source, place, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
            )
        else:
            inside = place / source.name if target.endswith("/") else place
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, inside)


def build(root: Path, path: Path, arguments: dict[str, str]) -> dict[str, str]:
    """Follow a Dockerfile in the root, printing what each instruction adds; returns the image's
    environment."""
    given: dict[str, str] = {}
    environment = {"PATH": PATH}
    before = size_mb(root)
    for step in instructions(path.read_text(), path.name):
        values = given | environment
        if step.keyword == "ARG":
            given |= {name: arguments.get(name, default) for name, default in step.pairs().items()}
        elif step.keyword == "ENV":
            environment |= {name: expand(text, values) for name, text in step.pairs().items()}
        elif step.keyword == "COPY":
            copy(root, expand(step.value, values))
        elif step.keyword == "RUN":
            with lent(root) as settings:
                run(
                    chroot(root, ["/bin/sh", "-c", step.value]),
                    dockerfile.place(path, step),
                    settings | values,
                )
        if step.keyword in ("COPY", "RUN"):
            after = size_mb(root)
            print(f"  {after - before:8.1f} MB  {step.keyword} {step.value[:90]}")
            before = after
    return environment


def check(path: Path, base: Path, root: Path, role: str) -> None:
    """One image in a copy of the base root."""
    subprocess.run(["cp", "-a", f"{base}/.", str(root)], check=True)
    bare = size_mb(root)
    print(
        f"{dockerfile.image(path)} ({role}): Debian and its Python, in place of the base image, are {bare:.0f} MB"
    )
    environment = build(root, path, {"ROLE": role, "VERSION": __version__})
    print(f"  {size_mb(root) - bare:8.1f} MB  above the base")
    for command in COMMANDS[dockerfile.image(path)]:
        run(
            chroot(root, ["/bin/sh", "-c", 'cd /tmp && exec "$@"', "sh", *command], ANYONE),
            f"{path.name}, {' '.join(command)} as user {ANYONE}",
            environment,
            show=True,
        )
        print(f"  as user {ANYONE}: {' '.join(command)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "images", nargs="*", default=["score"], help="score, score_gpu, export, multiqc"
    )
    parser.add_argument(
        "--base", type=Path, help="where the Debian root is kept; made where it does not exist"
    )
    options = parser.parse_args()
    images = {
        role: CONTAINERS / f"{name}.Dockerfile" for name, roles in ROLES.items() for role in roles
    }
    try:
        for broken in (
            fault
            for path in sorted(CONTAINERS.glob("*.Dockerfile"))
            for fault in dockerfile.faults(path)
        ):
            raise BadDataError(broken)
        check_prerequisites()
        for role in options.images:
            if role not in images:
                raise MissingInputError(
                    message("image", role, ", ".join(images), "name one of these")
                )
        with tempfile.TemporaryDirectory(prefix="gfmtrust-images-") as scratch:
            base = options.base or Path(scratch) / "base"
            if not base.exists():
                make_root(base)
            for role in options.images:
                root = Path(scratch) / role
                root.mkdir()
                check(images[role], base, root, role)
                shutil.rmtree(root)
    except GfmtrustError as error:
        print(f"check-images: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
