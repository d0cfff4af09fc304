"""The list of what is locked, as CycloneDX, and the advisories: compared with locks and documents
that are written by hand."""

import copy
import json
import sys

import pytest
from paths import ROOT

sys.path.insert(0, str(ROOT / "dev"))

import supply_chain  # noqa: E402

LOCK = """\
attrs==26.1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:11
ruamel.yaml[x]==1.2 ; python_full_version < '3.13' \\
    --hash=sha256:22
# typing-extensions==9 is a comment
"""


def component(name, version):
    source = {"type": "distribution", "url": "x", "hashes": [{"alg": "SHA-256", "content": "00"}]}
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "externalReferences": [source],
    }


DOCUMENT = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {},
    "components": [component("attrs", "26.1.0"), component("ruamel-yaml", "1.2")],
}


def test_a_lock_is_read_as_names_and_versions():
    assert supply_chain.locked(LOCK) == {("attrs", "26.1.0"), ("ruamel-yaml", "1.2")}


def test_every_role_has_a_lock_with_a_digest_for_each_file():
    for role in supply_chain.ROLES:
        text = (supply_chain.REQUIREMENTS / f"{role}.txt").read_text()
        packages = supply_chain.locked(text)
        assert len(packages) == sum(line[:1].isalnum() for line in text.splitlines()), role
        assert text.count("--hash=sha256:") >= len(packages), role


def test_a_document_that_lists_its_lock_has_no_fault():
    assert supply_chain.document_faults(DOCUMENT, supply_chain.locked(LOCK)) == []


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda document: document.pop("specVersion"), "no specVersion"),
        (lambda document: document.update(bomFormat="SPDX"), "bomFormat is not CycloneDX"),
        (lambda document: document["components"].pop(), "ruamel-yaml 1.2 is missing"),
        (
            lambda document: document["components"].append(component("requests", "2")),
            "requests 2 is not locked",
        ),
        (lambda document: document["components"][0].pop("purl"), "attrs has no purl"),
        (
            lambda document: document["components"][1].update(externalReferences=[]),
            "ruamel-yaml has no digest",
        ),
    ],
)
def test_what_a_document_lacks_is_named(change, fault):
    document = copy.deepcopy(DOCUMENT)
    change(document)
    faults = supply_chain.document_faults(document, supply_chain.locked(LOCK))
    assert len(faults) == 1
    assert faults[0].startswith(fault)


def printed(*rows):
    return json.dumps({"dependencies": list(rows), "fixes": []})


CLEAN = {"name": "attrs", "version": "26.1.0", "vulns": []}
WITH_ONE = {
    "name": "idna",
    "version": "1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2", "3"], "aliases": [], "description": ""}],
}
UNKNOWN = {"name": "six", "skip_reason": "Dependency not found on PyPI"}


def test_an_audit_without_advisories_ends_with_0():
    lines, code = supply_chain.verdict("score", supply_chain.audited(printed(CLEAN)))
    assert (lines, code) == (["score: 1 packages looked up, 0 advisories"], 0)


@pytest.mark.bad_input
def test_an_advisory_ends_with_1_and_names_the_correction():
    audit = supply_chain.audited(printed(CLEAN, WITH_ONE, UNKNOWN))
    lines, code = supply_chain.verdict("score", audit)
    assert code == 1
    assert lines[1:] == ["idna 1: PYSEC-1, corrected in 2, 3", "score: not looked up: six"]


@pytest.mark.bad_input
@pytest.mark.parametrize("text", ["", "Traceback", "[]", "{}", printed(), printed(UNKNOWN)])
def test_an_audit_that_looked_up_nothing_is_no_audit(text):
    """pip-audit says 'No known vulnerabilities found' and ends with 0 where no package is known."""
    lines, code = supply_chain.verdict("score", supply_chain.audited(text), "a\nno network")
    assert code == 75
    assert len(lines) == 1
    assert lines[0].startswith("score: no advisory data")


@pytest.mark.skipif(
    not (supply_chain.TOOLS / "cyclonedx-py").is_file(), reason="no .gfmtrust/supply: make sbom"
)
@pytest.mark.long
def test_the_documents_of_the_real_locks(tmp_path, capsys):
    assert supply_chain.write_documents(tmp_path, supply_chain.TOOLS) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{role}.cdx.json" for role in supply_chain.ROLES
    }
