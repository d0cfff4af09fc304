"""Reading our Dockerfiles, and the rules they keep.

    instructions(text)    every instruction, continued lines joined
    faults(path)          what breaks a rule of ours, one line each; [] where nothing does

Reads FROM, ARG, ENV, LABEL, RUN, COPY and USER, one stage, no heredoc, no ADD: an instruction it
does not know is an error, not a guess.
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))

from gfmtrust.core.errors import BadDataError, message  # noqa: E402  (the package beside this folder)

CONTAINERS = ROOT / "containers"
KEYWORDS = ("FROM", "ARG", "ENV", "LABEL", "RUN", "COPY", "USER")
LABELS = tuple(
    f"org.opencontainers.image.{name}"
    for name in ("title", "description", "version", "licenses", "source")
)
ROLES = {"score": ("score", "score_gpu"), "export": ("export",), "multiqc": ("multiqc",)}
"""Image -> the locks it may be built from."""
BASE = re.compile(
    r"(?P<name>[a-z0-9.:/_-]+?):(?P<tag>[\w.-]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
SOURCE = re.compile(r"# source: https?://\S+, \d{4}-\d{2}-\d{2}")
RUNTIMES = {"onnxruntime", "onnxruntime-gpu"}


@dataclass(frozen=True)
class Instruction:
    """One instruction: RUN, its text with continued lines joined, the line it begins on (1-based),
    the comment line above it."""

    keyword: str
    value: str
    line: int
    comment: str = ""

    def pairs(self) -> dict[str, str]:
        """NAME=value of ARG, ENV and LABEL; an ARG without a value has ''."""
        return dict((word.split("=", 1) + [""])[:2] for word in shlex.split(self.value))


def instructions(text: str, name: str = "Dockerfile") -> list[Instruction]:
    """Every instruction in order. Raises BadDataError (65) for a keyword that is not read here,
    with its line."""
    items: list[Instruction] = []
    comment, lines = "", text.splitlines()
    at = 0
    while at < len(lines):
        line, begin = lines[at].strip(), at + 1
        at += 1
        if line.startswith("#") or not line:
            comment = line
            continue
        while line.endswith("\\") and at < len(lines):
            following = lines[at].strip()
            line = line[:-1] + ("\\" if following.startswith("#") else following)
            at += 1
        keyword, _, value = line.partition(" ")
        if keyword not in KEYWORDS:
            raise BadDataError(
                message(f"{name} line {begin}", keyword, ", ".join(KEYWORDS), "use one of these")
            )
        items.append(Instruction(keyword, value.strip(), begin, comment))
        comment = ""
    return items


def expand(value: str, variables: dict[str, str]) -> str:
    """${NAME} replaced as docker does in COPY, ENV and LABEL; a name that is not set becomes
    nothing."""
    return re.sub(r"\$\{(\w+)\}", lambda result: variables.get(result.group(1), ""), value)


def image(path: Path) -> str:
    """score of containers/score.Dockerfile."""
    return path.name.removesuffix(".Dockerfile")


def faults(path: Path, requirements: Path = ROOT / "python" / "requirements") -> list[str]:
    """Rules of ours that a Dockerfile breaks, as 'place: found; expected; remedy' lines."""
    steps = instructions(path.read_text(), path.name)
    items = [*base_faults(path, steps), *user_faults(path, steps)]
    for step in steps:
        if (
            step.keyword == "RUN"
            and re.search(r"\bpip3? install\b", step.value)
            and "--require-hashes" not in step.value
        ):
            items.append(
                message(
                    place(path, step),
                    "pip install without --require-hashes",
                    "a lock with hashes",
                    "give one with -r",
                )
            )
    labels = {name for step in steps if step.keyword == "LABEL" for name in step.pairs()}
    missing = [name for name in LABELS if name not in labels]
    if missing:
        items.append(message(path.name, f"no label {', '.join(missing)}", "all five", "add it"))
    return items + [
        fault
        for role in ROLES.get(image(path), ())
        for fault in lock_faults(requirements / f"{role}.txt", image(path))
    ]


def base_faults(path: Path, steps: list[Instruction]) -> list[str]:
    """One FROM, with an exact tag; a digest only with the line that says where and when it was
    read."""
    bases = [step for step in steps if step.keyword == "FROM"]
    if len(bases) != 1:
        return [message(path.name, f"{len(bases)} FROM", "one", "leave the others out")]
    base, result = bases[0], BASE.fullmatch(bases[0].value)
    if not result or not re.match(r"\d+\.\d+\.\d+", result["tag"]):
        return [
            message(
                place(path, base),
                base.value,
                "name:tag with a version of three numbers",
                "name one",
            )
        ]
    if result["digest"] and not SOURCE.fullmatch(base.comment):
        return [
            message(
                place(path, base),
                "a digest without its source",
                "the line '# source: <address>, <date>' above",
                "run make pin-images",
            )
        ]
    return []


def user_faults(path: Path, steps: list[Instruction]) -> list[str]:
    users = [step for step in steps if step.keyword == "USER"]
    if users and re.fullmatch(r"[1-9]\d*", users[-1].value):
        return []
    return [
        message(
            path.name,
            f"USER {users[-1].value}" if users else "no USER",
            "a number above 0 at the end",
            "use 65534",
        )
    ]


def lock_faults(lock: Path, name: str) -> list[str]:
    """torch only where models are exported; never both runtimes, which overwrite each other's
    files."""
    packages = set(re.findall(r"^([a-z0-9._-]+)==", lock.read_text(), re.MULTILINE))
    items = []
    if "torch" in packages and name != "export":
        items.append(
            message(lock.name, "torch", "it in export.txt alone", "take it out of the .in file")
        )
    if packages >= RUNTIMES:
        items.append(
            message(
                lock.name,
                "onnxruntime and onnxruntime-gpu",
                "one of them",
                "keep score.in and score_gpu.in apart",
            )
        )
    return items


def place(path: Path, step: Instruction) -> str:
    return f"{path.name} line {step.line}"
