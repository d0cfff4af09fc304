"""The seal of a document: every flipped bit of a file of facts is seen, also where JSON stays valid."""

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gfmtrust.core import documents
from gfmtrust.core.contracts.plan import Plan, PlanCounts, PlannedContig
from gfmtrust.core.errors import BadDataError, GfmtrustError
from gfmtrust.io import tables

PLAN = Plan(PlanCounts(sites=5), seed=1, genome_digest="9b2c", contigs=(PlannedContig("é", 1_000),))


def flipped(content):
    for at in range(len(content)):
        for bit in range(8):
            yield content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


@pytest.mark.long
def test_every_flipped_bit_of_a_contract_is_refused_or_harmless(tmp_path):
    path = tmp_path / "plan.json"
    PLAN.write(path)
    refused = []
    for content in flipped(path.read_bytes()):
        path.write_bytes(content)
        try:
            assert Plan.read(path) == PLAN
        except GfmtrustError as error:
            refused.append(str(error))
    assert len(refused) > 7 * path.stat().st_size
    assert all("plan.json" in text for text in refused)


def test_a_changed_number_was_valid_json(tmp_path):
    path = tmp_path / "facts.json"
    documents.write_json(path, {"alpha": 0.05})
    path.write_text(path.read_text().replace("0.05", "0.25"))
    assert json.loads(path.read_text())["alpha"] == 0.25
    with pytest.raises(BadDataError, match=r"facts\.json: content of another digest"):
        documents.read_json(path)


def test_every_flipped_bit_of_the_metadata_of_a_table_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    tables.write(path, {"n": [1]}, pa.schema([("n", pa.int64())]), {"alpha": 0.05, "n": 1})
    text = pq.read_schema(path).metadata[tables.METADATA_KEY]
    body = text.index(b'"alpha"')
    for content in flipped(text[body:]):
        table = pq.read_table(path).replace_schema_metadata(
            {tables.METADATA_KEY: text[:body] + content}
        )
        pq.write_table(table, tmp_path / "damaged.parquet")
        with pytest.raises(BadDataError, match=r"damaged\.parquet"):
            tables.read_metadata(tmp_path / "damaged.parquet")
    assert tables.read_metadata(path) == {"alpha": 0.05, "n": 1}


@pytest.mark.parametrize("text", ["{}", "{ }\n", "[1]", '"a"', ""])
def test_what_has_no_entries_has_no_seal(text):
    assert documents.sealed(text) == text == documents.unsealed(text)


def test_a_seal_is_the_digest_of_what_stands_behind_it():
    text = '{\n  "b": [1, 2]\n}\n'
    sealed = documents.sealed(text)
    first, second, rest = sealed.split("\n", 2)
    digest = hashlib.sha256(f"\n{rest}".encode()).hexdigest()
    assert (first, second) == ("{", f'  "content_sha256": "{digest}",')
    assert documents.unsealed(sealed) == text
    assert json.loads(sealed)["b"] == [1, 2]


def test_a_document_of_another_version_without_a_seal_is_read(tmp_path):
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert documents.read_json(tmp_path / "x.json") == {"a": 1}
