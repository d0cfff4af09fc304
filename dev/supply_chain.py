"""What the locked requirements contain, as CycloneDX documents, and the published advisories about it.

    python dev/supply_chain.py sbom build/sbom      one document per set of requirements
    python dev/supply_chain.py advisories           exit 1 where a locked version has an advisory

`make sbom` and `make advisories` run it with cyclonedx-py and pip-audit of .gfmtrust/supply. A
document is compared with its lock before it counts, and an audit in which no package could be looked
up is no audit: it ends with 75 and says so.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "python" / "requirements"
PROJECT = ROOT / "python" / "pyproject.toml"
TOOLS = ROOT / ".gfmtrust" / "supply" / "bin"
ROLES = ("setup", "score", "score_gpu", "export", "multiqc")
"""The sets of requirements that a user installs; those of tests, lints and benchmarks are not."""
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.MULTILINE)
NO_DATA = 75


@dataclass(frozen=True)
class Audit:
    """The packages of one set of requirements by what was found out about them; advisories: a line
    for each."""

    looked_up: tuple[str, ...]
    unknown: tuple[str, ...]
    advisories: tuple[str, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=["sbom", "advisories"])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "build" / "sbom")
    parser.add_argument("--tools", type=Path, default=TOOLS, help="folder of the two programs")
    options = parser.parse_args()
    if options.task == "sbom":
        return write_documents(options.folder, options.tools)
    return report_advisories(options.tools)


def locked(text: str) -> set[tuple[str, str]]:
    """(normalised name, version) of every requirement of a lock file."""
    return {(normalised(name), version) for name, version in PINNED.findall(text)}


def normalised(name: str) -> str:
    """The one spelling of a package's name. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def write_documents(folder: Path, tools: Path) -> int:
    """Write `<role>.cdx.json` for every role; 1 where one does not list its lock."""
    folder.mkdir(parents=True, exist_ok=True)
    for role in ROLES:
        path, lock = folder / f"{role}.cdx.json", REQUIREMENTS / f"{role}.txt"
        command = [str(tools / "cyclonedx-py"), "requirements", str(lock), "--of", "JSON"]
        command += ["--output-reproducible", "--pyproject", str(PROJECT), "-o", str(path)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        faults = document_faults(json.loads(path.read_text()), locked(lock.read_text()))
        if faults:
            print(f"{path.name}: {'; '.join(faults)}; expected every locked package")
            return 1
        print(f"{path}: {len(locked(lock.read_text()))} packages")
    return 0


def document_faults(document: dict, packages: set[tuple[str, str]]) -> list[str]:
    """What a CycloneDX document lacks: the fields that the schema requires, and each package with
    its purl and the digests of its files."""
    faults = [
        f"no {field}"
        for field in ("bomFormat", "specVersion", "version", "metadata", "components")
        if field not in document
    ]
    if document.get("bomFormat") != "CycloneDX":
        faults.append("bomFormat is not CycloneDX")
    components = {
        (normalised(one.get("name", "")), one.get("version", "")): one
        for one in document.get("components", [])
    }
    absent = sorted(packages - components.keys())
    further = sorted(components.keys() - packages)
    faults += [f"{name} {version} is missing" for name, version in absent]
    faults += [f"{name} {version} is not locked" for name, version in further]
    for (name, version), one in components.items():
        hashes = [
            entry
            for source in one.get("externalReferences", [])
            for entry in source.get("hashes", [])
        ]
        if one.get("type") != "library" or one.get("purl") != f"pkg:pypi/{name}@{version}":
            faults.append(f"{name} has no purl of its version")
        if not any(entry.get("alg") == "SHA-256" for entry in hashes):
            faults.append(f"{name} has no digest")
    return faults


def report_advisories(tools: Path) -> int:
    """Print the advisories of every role; 1 where there is one, 75 where nothing could be looked
    up."""
    codes = []
    for role in ROLES:
        lock = REQUIREMENTS / f"{role}.txt"
        command = [str(tools / "pip-audit"), "--format", "json", "--progress-spinner", "off"]
        command += ["--no-deps", "--disable-pip", "--require-hashes", "-r", str(lock)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        audit = audited(ended.stdout)
        lines, code = verdict(role, audit, ended.stderr)
        print("\n".join(lines))
        codes.append(code)
        if code == NO_DATA:
            break  # the next ones would wait for the same network
    return max(codes)


def audited(text: str) -> Audit | None:
    """What pip-audit printed as JSON; None where it printed none."""
    try:
        rows = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    looked_up = [row for row in rows if "vulns" in row]
    return Audit(
        tuple(row["name"] for row in looked_up),
        tuple(row["name"] for row in rows if "vulns" not in row),
        tuple(
            f"{row['name']} {row['version']}: {one['id']}, "
            f"corrected in {', '.join(one.get('fix_versions') or ['no version yet'])}"
            for row in looked_up
            for one in row["vulns"]
        ),
    )


def verdict(role: str, audit: Audit | None, stderr: str = "") -> tuple[list[str], int]:
    """The lines and the exit code for one set of requirements."""
    if audit is None or not audit.looked_up:
        reason = (
            f"{len(audit.unknown)} packages are unknown to it"
            if audit
            else (stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1][:120]
        )
        place = f"{role}: no advisory data from the package index ({reason})"
        remedy = "run it where PyPI, or a mirror that has advisories, can be reached"
        return [f"{place}; expected an index that serves advisories; {remedy}"], NO_DATA
    lines = [
        f"{role}: {len(audit.looked_up)} packages looked up, {len(audit.advisories)} advisories",
        *audit.advisories,
    ]
    if audit.unknown:
        lines.append(f"{role}: not looked up: {', '.join(audit.unknown)}")
    return lines, int(bool(audit.advisories))


if __name__ == "__main__":
    sys.exit(main())
