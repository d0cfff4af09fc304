"""Tables that are read whole say what an indexed one would."""

import logging

import numpy as np
import pytest

from gfmtrust.core.errors import BadDataError
from gfmtrust.export.external_bundle import ScoresStated
from gfmtrust.export.import_scores import import_scores
from gfmtrust.io import tables

GENOME = "ACGTACGTACNTTTGCA"
LAWS = ScoresStated(layout="gfmtrust")
ALLELES = ScoresStated(layout="gpn_msa")


def read(folder, lines: list[str], stated):
    (folder / "g.fa").write_text(f">c\n{GENOME}\n")
    (folder / "s.tsv").write_text("\n".join(lines) + "\n")
    bundle = import_scores(folder / "s.tsv", "s", folder / "g.fa", folder / "models", stated)
    return [tables.read(bundle.directory / f"{name}.parquet") for name in ("sites", "variants")]


def laws(refs: str) -> list[str]:
    head = "#contig\tpos\tref\tlogp_A\tlogp_C\tlogp_G\tlogp_T"
    law = "\t".join([repr(float(np.log(0.25)))] * 4)
    return [head, *(f"c\t{pos}\t{ref}\t{law}" for pos, ref in enumerate(refs, 1))]


@pytest.mark.bad_input
def test_a_base_with_another_ref_has_no_probabilities(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        sites, _ = read(tmp_path, laws("AcGGACGTACN"), LAWS)
    assert sites["pos"].to_pylist() == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert "1 bases have another REF than the genome" in caplog.text


@pytest.mark.bad_input
def test_probabilities_of_another_assembly_are_refused_with_the_rate(tmp_path):
    with pytest.raises(BadDataError, match=r"9 of 10 bases \(90%\) have another REF"):
        read(tmp_path, laws("ANNNNNNNNN"), LAWS)
    with pytest.raises(BadDataError, match="no scores of bases or indels"):
        read(tmp_path, laws("CA"), LAWS)


@pytest.mark.parametrize(("score", "kept"), [(-1e300, -80), (90, 80), (-80, -80), (-3, -3)])
def test_scores_that_a_probability_cannot_hold_are_cut_and_named(tmp_path, caplog, score, kept):
    with caplog.at_level(logging.WARNING):
        _, variants = read(tmp_path, [f"c\t2\tCG\tC\t{score}", "c\t5\tA\tC\t1"], ALLELES)
    assert variants["llr"].to_pylist() == [kept]
    assert ("not told apart" in caplog.text) == (abs(score) > 80)
