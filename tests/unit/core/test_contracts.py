"""Contracts: what is written is read back alike, and nothing else is read at all."""

import json
from dataclasses import dataclass, fields
from typing import ClassVar

import pytest
from hand_made_calibration import by_hand
from synthetic_run import bed_counts, vcf_counts

from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.contracts.base import Contract, decoded, encoded, entry
from gfmtrust.core.contracts.checks import (
    Background,
    CheckedGenome,
    CheckedInput,
    Checks,
    GenomeContig,
)
from gfmtrust.core.contracts.counts import RegionCounts, VcfCounts, read_counts
from gfmtrust.core.contracts.plan import Plan, PlanCounts, PlannedContig
from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.contracts.samplesheet import Samplesheet, SheetEntry
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.core.warning_counts import CountedWarning
from gfmtrust.io import tables

CHECKS = Checks(
    CheckedGenome("g.fa", "9b2c", (GenomeContig("chr1", 1_000, "e4" * 16),)),
    contig_map={"1": "chr1"},
    background=Background("b.fa", "77aa", 2, 900, 50, 1),
    inputs=(
        CheckedInput("a", "vcf", "a.vcf", 3, 4, 0, 2, 1, warnings=(CountedWarning("x", 2, "1:5"),)),
    ),
)
PLAN = Plan(
    PlanCounts(sites=5, allele_status={"SCORED": 4}),
    seed=1,
    genome_digest="9b2c",
    contigs=(PlannedContig("chr1", 1_000),),
    merged={"gc": 2},
    background=CHECKS.background,
)
FACTS = RunFacts(("chr1",), (1_000,), {"1": "chr1"}, models={"gpn": {"device": "cpu"}})
SHARD = PlannedShard(ShardKind.VARIANTS, 3)
SHEET = Samplesheet("s.csv", (SheetEntry(2, {"id": "a"}, ("/d/a.vcf", "/a.vcf"), ()),), ("x",))
EVERY = [SHEET, CHECKS, PLAN, FACTS, SHARD, by_hand(), vcf_counts("a", 1, 2, 3, 4), bed_counts("b")]


def name_of(contract):
    return type(contract).__name__


@pytest.mark.parametrize("contract", EVERY, ids=name_of)
def test_what_is_written_is_read_back(contract, tmp_path):
    contract.write(tmp_path / "facts.json")
    assert type(contract).read(tmp_path / "facts.json") == contract
    first = (tmp_path / "facts.json").read_bytes()
    type(contract).read(tmp_path / "facts.json").write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == first


@pytest.mark.parametrize("contract", [FACTS, SHARD], ids=name_of)
def test_facts_in_a_table_are_read_back(contract, tmp_path):
    tables.write(
        tmp_path / "t.parquet", tables.SHARD.empty_table(), tables.SHARD, contract.to_dict()
    )
    assert type(contract).read(tmp_path / "t.parquet") == contract


def test_counts_are_read_by_their_kind(tmp_path):
    vcf_counts("a", 1, 2, 3, 4).write(tmp_path / "a.json")
    bed_counts("b").write(tmp_path / "b.json")
    assert isinstance(read_counts(tmp_path / "a.json"), VcfCounts)
    assert isinstance(read_counts(tmp_path / "b.json"), RegionCounts)


def test_a_calibration_keeps_the_order_of_its_models(tmp_path):
    bundles = {"z": "1", "a": "2", "m": "3"}
    written = by_hand()
    written = type(written).from_dict(
        written.to_dict()
        | {"options": encoded(written.options) | {"digests": {"bundles": bundles}}}
    )
    written.write(tmp_path / "calibration.json")
    assert list(RunCalibration.read(tmp_path / "calibration.json").bundles) == ["z", "a", "m"]


@pytest.mark.parametrize("contract", EVERY, ids=name_of)
def test_every_field_is_described(contract):
    assert all(one.metadata.get("description") for one in fields(contract))
    assert contract.NAME
    assert contract.WRITER


# ---- bad input


@pytest.mark.bad_input
@pytest.mark.parametrize("version", [None, 0, 98, "1", "99"])
@pytest.mark.parametrize("contract", EVERY, ids=name_of)
def test_another_version_is_refused_in_one_line(contract, version, tmp_path):
    content = contract.to_dict()
    del content["version"]
    if version is not None:
        content["version"] = version
    path = tmp_path / "old.json"
    path.write_text(json.dumps(content))
    with pytest.raises((BadDataError, ConfigurationError)) as caught:
        type(contract).read(path)
    text = str(caught.value)
    result = "no version (gfmtrust 0.1)" if version is None else f"version {version}"
    assert text == (
        f"old.json: {result}; expected version {contract.VERSION}; run {contract.WRITER} again"
    )


@pytest.mark.bad_input
@pytest.mark.parametrize("contract", EVERY, ids=name_of)
def test_an_unknown_field_is_named(contract):
    with pytest.raises((BadDataError, ConfigurationError), match="field luck is unknown"):
        type(contract).from_dict(contract.to_dict() | {"luck": 1})


@pytest.mark.bad_input
@pytest.mark.parametrize("text", ["", "[]", "null", "7", '"x"', "{", '{"version": 1}'])
def test_what_is_no_plan_is_refused(text, tmp_path):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(BadDataError, match=r"plan\.json: .*again") as caught:
        Plan.read(tmp_path / "plan.json")
    assert "\n" not in str(caught.value)


@pytest.mark.bad_input
def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"plan\.json: not found"):
        Plan.read(tmp_path / "plan.json")
    with pytest.raises(MissingInputError, match=r"sites\.parquet: not found"):
        RunFacts.read(tmp_path / "sites.parquet")


@dataclass(frozen=True)
class Toy(Contract):
    """A contract of every type of field."""

    NAME: ClassVar[str] = "toy.json"
    WRITER: ClassVar[str] = "TOY"

    n: int = entry("a number")
    share: float | None = entry("a share", default=None)
    yes: bool = entry("a choice", default=False)
    pair: tuple[str, int] = entry("a pair", default=("a", 1))
    kind: ShardKind = entry("a kind", default=ShardKind.SITES)
    by_name: dict[str, tuple[int, ...]] = entry("lists by name", factory=dict)


def test_a_whole_number_is_a_share_too():
    assert decoded(Toy, {"n": 1, "share": 1}) == Toy(1, 1.0)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"n": "7"}, "field n is '7', not an integer"),
        ({"n": True}, "field n is 'True', not an integer"),
        ({"n": 1.5}, "field n is '1.5', not an integer"),
        ({"share": "much"}, "field share is 'much', not a number"),
        ({"share": True}, "field share is 'True', not a number"),
        ({"yes": 1}, "field yes is '1', not true or false"),
        ({"pair": ["a"]}, "not 2 values"),
        ({"pair": "ab"}, "not a list"),
        ({"kind": "twin"}, "twin"),
        ({"by_name": [1]}, "not an object"),
        ({"by_name": {"x": [1, "2"]}}, r"field by_name\.x\[1\] is '2', not an integer"),
    ],
)
def test_a_value_of_another_type_is_named(change, fault):
    with pytest.raises(BadDataError, match=fault):
        Toy.from_dict(Toy(1).to_dict() | change)
