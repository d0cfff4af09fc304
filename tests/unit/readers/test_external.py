"""Scores from elsewhere: a model's own answers handed back through a table must give what the model
gives; and what is refused."""

import numpy as np
import pysam
import pytest
import small_run
from external_run import CONTIG, answers, flagged, imported, table_of_laws
from step_calls import call

from gfmtrust.cli import main as cli
from gfmtrust.core.alphabet import BASES
from gfmtrust.io import tables
from gfmtrust.readers.registry import reader_of

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished small run of the context model; its folder, the list of what it asks, and the
    answers it gave."""
    folder = tmp_path_factory.mktemp("external")
    small_run.finish(folder)
    call(
        "list_sites",
        "--plan",
        folder / "plan",
        "--fasta",
        folder / "genome.fa",
        "--out",
        folder / "asked.vcf.gz",
    )
    return folder


@pytest.mark.long
def test_the_list_names_all_that_is_asked(run):
    """Every base with three ALTs, probes among them; every indel in VCF's spelling; htslib finds
    them by the index."""
    asked = [
        (record.pos - 1, record.ref, record.alts)
        for record in pysam.VariantFile(str(run / "asked.vcf.gz"))
    ]
    laws, indels = answers(run)
    bases = {pos: (ref, alts) for pos, ref, alts in asked if len(ref) == 1 and len(alts) == 3}
    assert set(bases) >= set(laws["pos"]) | set(
        tables.read(run / "plan" / "probes.parquet").to_pandas()["pos"]
    )
    letters = (run / "genome.fa").read_text().split("\n")[1]
    assert all(letters[pos : pos + len(ref)] == ref for pos, ref, _ in asked)
    assert all(set(alts) == set("ACGT") - {ref} for ref, alts in bases.values())
    lengths = [(ref, alts[0]) for _, ref, alts in asked if len(ref) != len(alts[0])]
    assert (
        len(lengths)
        == len({key for key in indels if len(key[1]) != len(key[2])})
        == len(asked) - len(bases)
    )
    assert len(list(pysam.TabixFile(str(run / "asked.vcf.gz")).fetch(CONTIG, 0, 12_000))) == len(
        asked
    )


@pytest.mark.long
def test_probabilities_come_back_as_the_model_gave_them(run, tmp_path):
    laws, _ = answers(run)
    bundle = imported(run, table_of_laws(laws), tmp_path, file="scores.tsv.gz")
    assert (bundle.family, bundle.gate, bundle.precision, bundle.quantity) == (
        "external",
        "failed",
        "external",
        "direct",
    )
    alleles = flagged(run, bundle, out=tmp_path / "run")
    theirs = tables.read(run / "results" / "scores" / "sites.parquet").to_pandas()
    both = alleles.merge(theirs, on=["contig", "pos", "ref", "alt"], suffixes=("", "_context"))
    snv = both[
        (both["ref"].str.len() == 1)
        & (both["alt"].str.len() == 1)
        & (both["status_context"] == "SCORED")
    ]
    assert len(snv) > 40
    assert np.abs(snv["llr"] - snv["llr_context"]).max() < 1e-5
    assert set(both["rank"]) <= {0, 1}  # 400 probes prove nothing


def test_ratios_of_alleles_and_indels_come_back_too(run, tmp_path):
    """As a VCF: three ALTs a base, an indel each in VCF's spelling."""
    laws, indels = answers(run)
    letters = (run / "genome.fa").read_text().split("\n")[1]
    rows = []
    for row in laws.itertuples():
        ref = letters[row.pos]
        others = [base for base in BASES if base != ref]
        ratios = ",".join(
            repr(float(np.log(getattr(row, base) / getattr(row, ref)))) for base in others
        )
        rows.append(
            (row.pos, f"{CONTIG}\t{row.pos + 1}\t.\t{ref}\t{','.join(others)}\t.\t.\tLL={ratios}\n")
        )
    for (start, ref, alt), llr in indels.items():
        if len(ref) != len(alt) and np.isfinite(llr):
            rows.append(
                (
                    start - 1,
                    f"{CONTIG}\t{start}\t.\t{letters[start - 1]}{ref}\t{letters[start - 1]}{alt}\t.\t.\tLL={llr!r}\n",
                )
            )
    header = (
        '##fileformat=VCFv4.2\n##contig=<ID=c,length=12000>\n##INFO=<ID=LL,Number=A,Type=Float,Description="x">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
    bundle = imported(
        run,
        header + "".join(text for _, text in sorted(rows)),
        tmp_path,
        file="scores.vcf",
        options=("--external_key", "LL"),
    )
    content = reader_of(bundle)
    assert len(content.variants) == sum(
        1 for (_, ref, alt), llr in indels.items() if len(ref) != len(alt) and np.isfinite(llr)
    )
    assert bundle.quantity == "direct"
    for key, llr in zip(
        content.variants[["pos", "ref", "alt"]].itertuples(index=False),
        content.variants["llr"],
        strict=True,
    ):
        assert llr == pytest.approx(indels[tuple(key)], abs=1e-5)
    law = laws.set_index("pos").loc[content.sites["pos"]].to_numpy()
    assert np.abs(np.log(np.stack(content.sites["probs"])) - np.log(law)).max() < 1e-4


def test_a_base_without_an_answer_is_unsupported(run, tmp_path):
    laws, _ = answers(run)
    bundle = imported(run, table_of_laws(laws.iloc[::2]), tmp_path)
    alleles = flagged(run, bundle, out=tmp_path / "run")
    assert {"SCORED", "UNSUPPORTED"} <= set(alleles["status"])
    assert (alleles["rank"][alleles["status"] == "UNSUPPORTED"] == 0).all()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("chrom\tpos\tref\talt\n", "columns chrom pos ref alt"),
        ("chrom\tpos\tref\talt\tscore\nc\t0\tA\tC\t1\n", "line 2: pos is 0"),
        ("chrom\tpos\tref\talt\tscore\nc\tx\tA\tC\t1\n", "line 2: pos is x"),
        ("chrom\tpos\tref\talt\tscore\nc\t5\tA\tC\tinf\n", "line 2: score is inf"),
        ("chrom\tpos\tref\talt\tscore\nc\t5\tZ\tC\t1\n", "line 2: c:5 Z>C is"),
        ("chrom\tpos\tref\talt\tscore\nd\t5\tA\tC\t1\n", "is NO_CONTIG (1 such)"),
        ("chrom\tpos\tref\talt\tscore\nc\t99999\tA\tC\t1\n", "is OUT_OF_RANGE (1 such)"),
        ("chrom\tpos\tA\tC\tG\tT\nc\t5\t0.5\t0.5\t0.5\t0.5\n", "line 2: sum is 2.0"),
        ("chrom\tpos\tA\tC\tG\tT\nc\t5\t1.5\t-0.5\t0\t0\n", "line 2: sum is 1.0"),
        ("chrom\tpos\tA\tC\tG\tT\nd\t5\t1\t0\t0\t0\n", "line 2: chrom is d"),
        ("chrom\tpos\tA\tC\tG\tT\nc\t5\t1\t0\t0\t0\nc\t5\t0\t1\t0\t0\n", "c:5 is answered twice"),
        ("chrom\tpos\tref\talt\tscore\n", "no scores of bases or indels"),
        ("", "columns ; expected chrom pos ref alt score"),
    ],
)
def test_tables_that_are_refused(run, tmp_path, capsys, text, words):
    (tmp_path / "scores.tsv").write_text(text)
    code = cli.main(
        [
            "import_scores",
            "--scores",
            str(tmp_path / "scores.tsv"),
            "--model_id",
            "x",
            "--fasta",
            str(run / "genome.fa"),
            "--out_dir",
            str(tmp_path / "models"),
        ]
    )
    said = capsys.readouterr().err
    assert code == 65
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "models").exists() or not list((tmp_path / "models").iterdir())


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("info", "words"),
    [
        ("LL=1", "1 values of LL; expected 2"),
        ("LL=1,x", "LL is x"),
        ("DP=3", "no record has INFO/LL"),
        ("LL=.,.", "no record has INFO/LL"),
    ],
)
def test_vcfs_that_are_refused(run, tmp_path, capsys, info, words):
    ref = (run / "genome.fa").read_text().split("\n")[1][9]
    others = [base for base in BASES if base != ref]
    (tmp_path / "s.vcf").write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"c\t10\t.\t{ref}\t{others[0]},{others[1]}\t.\t.\t{info}\n"
    )
    assert (
        cli.main(
            [
                "import_scores",
                "--scores",
                str(tmp_path / "s.vcf"),
                "--model_id",
                "x",
                "--fasta",
                str(run / "genome.fa"),
                "--out_dir",
                str(tmp_path / "models"),
                "--external_key",
                "LL",
            ]
        )
        == 65
    )
    assert words in capsys.readouterr().err


@pytest.mark.bad_input
def test_an_external_bundle_with_a_changed_table_is_refused(run, tmp_path):
    laws, _ = answers(run)
    bundle = imported(run, table_of_laws(laws), tmp_path)
    path = bundle.directory / "sites.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert (
        cli.main(
            [
                "score_sites",
                "--fasta",
                str(run / "genome.fa"),
                "--bundle",
                str(bundle.directory),
                "--shard",
                str(next((run / "plan" / "shards").glob("shard_*.parquet"))),
                "--out_dir",
                str(tmp_path),
            ]
        )
        == 65
    )
