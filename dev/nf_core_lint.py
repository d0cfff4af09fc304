"""nf-core's lints of the pipeline, its modules, its schema and the folder of modules for others,
without a network.

    python dev/nf_core_lint.py [--nf_core COMMAND]

One line a lint; ends with 1 where one fails, with 66 where nf-core is not there. nf-core asks
GitHub for its own modules before it looks at ours: git is pointed to an empty repository of that
address, by environment alone. With it go nf-core's schemas of meta.yml and environment.yml; those
two checks accept everything here. Switches of the pipeline's lint are in .nf-core.yml, their
reasons in docs/extend/lint.md.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nf_core_modules

ROOT = Path(__file__).resolve().parent.parent
INSTALLED_COMMAND = ROOT / ".gfmtrust" / "lint" / "bin" / "nf-core"
ADDRESS = "https://github.com/nf-core/modules.git"
SCHEMAS = (
    "modules/environment-schema.json",
    "modules/meta-schema.json",
    "subworkflows/yaml-schema.json",
)
UNRESOLVED = ("docker_tag:", "singularity_tag:")
"""Checks that ask Nextflow for the container of a module alone, which Nextflow 25.04 does not
answer."""


def command() -> str | None:
    """nf-core of PATH, or the one that `make lint` installs."""
    return shutil.which("nf-core") or (
        str(INSTALLED_COMMAND) if INSTALLED_COMMAND.exists() else None
    )


def commit(folder: Path, branch: str) -> None:
    """Make the folder a git repository of one commit."""
    who = [
        "-c",
        "user.name=gfmtrust",
        "-c",
        "user.email=nobody@localhost",
        "-c",
        "commit.gpgsign=false",
    ]
    for arguments in (
        ["init", "--quiet", "--initial-branch", branch],
        ["add", "--all"],
        [*who, "commit", "--quiet", "--message", "lint"],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def environment(scratch: Path, repositories: dict[str, Path]) -> dict[str, str]:
    """Environment in which each address is a repository of this machine, and nothing is written
    outside scratch."""
    empty = scratch / "nf-core-modules"
    (empty / "modules" / "nf-core").mkdir(parents=True)
    (empty / "subworkflows" / "nf-core").mkdir(parents=True)
    for path in (*SCHEMAS, "modules/nf-core/.keep", "subworkflows/nf-core/.keep"):
        (empty / path).write_text("{}\n" if path.endswith(".json") else "")
    (empty / ".nf-core.yml").write_text("repository_type: modules\norg_path: nf-core\n")
    commit(empty, "master")
    pairs = {ADDRESS: empty} | repositories
    variables = {
        "GIT_CONFIG_COUNT": str(len(pairs)),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    for number, (address, folder) in enumerate(pairs.items()):
        variables |= {
            f"GIT_CONFIG_KEY_{number}": f"url.{folder}.insteadOf",
            f"GIT_CONFIG_VALUE_{number}": address,
        }
    for name in ("home", "nxf", "config", "cache"):
        (scratch / name).mkdir()
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return (
        os.environ
        | variables
        | {
            "HOME": str(scratch / "home"),
            "NXF_HOME": str(scratch / "nxf"),
            "XDG_CONFIG_HOME": str(scratch / "config"),
            "XDG_CACHE_HOME": str(scratch / "cache"),
            "NXF_OFFLINE": "true",
            "NFCORE_NO_VERSION_CHECK": "1",
            "COLUMNS": "400",
            "NO_COLOR": "1",
            "PATH": paths,
        }
    )


def failures(text: str) -> list[str]:
    """Failed checks of a lint's output, e.g. ['files_exist: File not found: CHANGELOG.md'].
    ValueError: it did not come to its end."""
    counted = re.search(r"\[✗\]\s+(\d+) Tests? Failed", text)
    if not counted:
        raise ValueError(text[-2000:])
    panel = re.search(r"\[✗\] \d+ \w+ Tests? Failed(.*?)LINT RESULTS SUMMARY", text, re.DOTALL)
    lines = re.findall(r"(\w+: \S[^│\n]*?)\s*│?\n", panel.group(1)) if panel else []
    if int(counted.group(1)) and not lines:
        raise ValueError(text[-2000:])
    return lines


def schema_failures(text: str) -> list[str]:
    """Nothing where `schema lint` says that the schema is valid, else its output."""
    return [] if "Pipeline schema looks valid" in text else [text[-2000:]]


def lints(nf_core: str) -> dict[str, list[str]]:
    """Lint -> what failed."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = scratch / "modules"
        nf_core_modules.write(folder)
        commit(folder, "main")
        variables = environment(scratch, {})

        def run(where: Path, *arguments: str) -> str:
            ended = subprocess.run(
                [nf_core, *arguments],
                cwd=where,
                env=variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            return ended.stdout + ended.stderr

        return {
            "pipelines lint": failures(run(ROOT, "pipelines", "lint")),
            "pipelines schema lint": schema_failures(run(ROOT, "pipelines", "schema", "lint")),
            "modules lint": failures(run(ROOT, "modules", "lint", "--local", "--all")),
            "modules lint of the folder": [
                line
                for line in failures(run(folder, "modules", "lint", "--all"))
                if not line.startswith(UNRESOLVED)
            ],
            "subworkflows lint of the folder": failures(
                run(folder, "subworkflows", "lint", "--all")
            ),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--nf_core", default=command(), help="the command [nf-core of PATH, or of .gfmtrust/lint]"
    )
    nf_core = parser.parse_args().nf_core
    if not nf_core:
        print(
            "lint: nf-core: not found; expected it on PATH or in .gfmtrust/lint; run make lint",
            file=sys.stderr,
        )
        return 66
    result = lints(nf_core)
    for lint, failed in result.items():
        print(f"nf-core {lint}: {len(failed)} failed")
        for line in failed:
            print(f"  {line}")
    return int(any(result.values()))


if __name__ == "__main__":
    sys.exit(main())
