"""The tables of a generated cohort, read in pieces of any size: calibration and annotation give the
same bytes, and the values of a VCF are those of single look-ups."""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from cohort_parts import generate, steps

from gfmtrust.annotate import flagged_variants, sites_vcf
from gfmtrust.annotate.allele_values import AlleleValues
from gfmtrust.annotate.flagged_variants import FlaggedVariants
from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.errors import InternalError
from gfmtrust.io import position_table, tables
from gfmtrust.io.vcf import reader as vcf_reader

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """A cohort of 1,500 alleles in shards of 300 sites, finished with the usual pieces."""
    folder = tmp_path_factory.mktemp("cohort")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate, "SHARD_SITES", 300)
        patch.setattr(generate, "N_PROBES", 1_500)
        generate.cohort(folder, 1_500)
    steps.calibrate(folder)
    steps.annotate_sites(folder)
    return folder


def files_of(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("calibration", "sites")
        for path in sorted((folder / name).iterdir())
    }


@pytest.mark.parametrize("size", [37, 256])
def test_the_size_of_the_pieces_changes_no_byte(cohort, monkeypatch, size):
    whole = files_of(cohort)
    monkeypatch.setattr(tables, "batches", partial(tables.batches, rows=size))
    monkeypatch.setattr(flagged_variants, "SHARDS_KEPT", 1)
    monkeypatch.setattr(sites_vcf, "PIECE", size)
    steps.calibrate(cohort)
    steps.annotate_sites(cohort)
    in_pieces = files_of(cohort)
    assert len(whole) >= 8
    assert {name for name in whole if whole[name] != in_pieces.get(name)} == set()


def test_a_vcf_gets_the_values_of_single_look_ups(cohort):
    steps.annotate_vcf(cohort)
    with AlleleValues(cohort / "sites" / "sites.parquet") as values:
        records = list(vcf_reader.read_records(cohort / "sample.vcf.gz"))
        expected = [
            values.texts(record.contig, record.pos, record.ref, record.alts)[0]
            for record in records
        ]
    annotated = vcf_reader.read_records(cohort / "sample.gfm.vcf.gz")
    assert [record.info.split(b";", 4)[4] for record in annotated] == expected


def test_an_unsorted_vcf_gets_the_same_values(cohort, tmp_path):
    header, records = vcf_reader.read(cohort / "sample.vcf.gz")
    lines = [record.line for record in records]
    order = np.random.default_rng(1).permutation(len(lines))
    (tmp_path / "mixed.vcf").write_bytes(b"".join([*header.lines, *(lines[i] for i in order)]))
    with AlleleValues(cohort / "sites" / "sites.parquet") as values:
        _, blocks = vcf_reader.read_blocks(tmp_path / "mixed.vcf")
        assert values.snv_texts(next(blocks).fields()) is None
        _, blocks = vcf_reader.read_blocks(cohort / "sample.vcf.gz")
        texts, ranks = values.snv_texts(next(blocks).fields())
    in_order = [
        b"GFM_RANK=%d" % rank in text for text, rank in zip(texts, ranks, strict=True) if text
    ]
    assert all(in_order)
    assert len(in_order) > 1_200


@pytest.mark.parametrize("group", [50, 64])
def test_look_ups_cross_the_edges_of_row_groups(cohort, tmp_path, monkeypatch, group):
    sites = cohort / "sites" / "sites.parquet"
    monkeypatch.setattr(tables, "ROW_GROUP", group)
    tables.write(tmp_path / "sites.parquet", tables.read(sites), tables.SITES)
    _, blocks = vcf_reader.read_blocks(cohort / "sample.vcf.gz")
    fields = next(blocks).fields()
    with AlleleValues(sites) as one, AlleleValues(tmp_path / "sites.parquet") as several:
        assert (
            several._table.columns(next(several._table.stretches("chr1", 0, 1 << 40)))["pos"].size
            == group
        )
        (texts, ranks), (again, ranks_again) = (v.snv_texts(fields) for v in (one, several))
    assert again == texts
    assert ranks_again.tolist() == ranks.tolist()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "key", [(0, 5, "A", "AC"), (0, 99_000_000, "A", "AC"), (7, 1, "", "A"), "alt"]
)
def test_a_variant_that_was_not_planned_is_our_bug(cohort, key):
    scores = ScoreTables([cohort / "scores"], list(generate.MODELS))
    fitted = RunCalibration.read(cohort / "calibration" / RunCalibration.NAME)
    variants = FlaggedVariants(cohort / "plan", scores, fitted)
    names = ["contig_index", "pos", "ref", "alt"]
    planned = tables.read(cohort / "plan" / "variants.parquet").to_pandas()[names]
    assert variants.at(planned.iloc[3:9])["rank"].between(0, 3).all()
    asked = (
        planned.iloc[3:4].assign(alt="TTTT") if key == "alt" else pd.DataFrame([key], columns=names)
    )
    with pytest.raises(InternalError, match="no shard of variants"):
        variants.at(pd.concat([planned.iloc[:1], asked]))


def test_integers_and_nulls_of_arrow_are_read_without_pandas():
    column = pa.array([3, None, 5, 6], pa.int64()).slice(1)
    assert position_table.integers(column)[1:].tolist() == [5, 6]
    assert position_table.is_null(column).tolist() == [True, False, False]
