"""The parts of the GPN duel that need neither the peer nor a clock."""

import gzip

import pytest
from gpn_duel_parts.figures import Duel
from gpn_duel_parts.sites import all_alts, read_sites

RECORDS = "chr1\t5\t.\tA\tC\nchr1\t5\t.\tA\tT\nchr1\t7\t.\tGT\tG\nchr1\t8\t.\tT\t*\nchr1\t9\t.\tC\tG,T\nchr2\t3\t.\tG\tA\n"


@pytest.fixture
def vcf(tmp_path):
    path = tmp_path / "sites.vcf.gz"
    with gzip.open(path, "wt") as file:
        file.write(
            "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
            + RECORDS.replace("\n", "\t.\t.\t.\n")
        )
    return path


def figures(**changed):
    values = {
        "n_sites": 1,
        "n_alts": 3,
        "threads": 1,
        "batch": 1,
        "max_difference": 1e-6,
        "llr_sd": 1.0,
        "ours_s": [1.0, 9.0, 2.0],
        "neighbours_s": [4.0, 3.0, 9.0],
        "bare_s": [2.0, 2.0, 2.0],
        "peer_s": [12.0, 13.0, 11.0],
        "peer_first_s": 40.0,
        "peer": {},
        "versions": {},
        "cpu": "",
    }
    return Duel(**values | changed)


def test_sites_are_distinct_snv_positions(vcf):
    assert read_sites(vcf, 2).values.tolist() == [["chr1", 5, "A", "C"], ["chr2", 3, "G", "A"]]


def test_every_site_has_its_three_alts(vcf):
    variants = all_alts(read_sites(vcf, 2))
    items = [f"{row.pos}{row.ref}{row.alt}" for row in variants.itertuples()]
    assert items == ["5AC", "5AG", "5AT", "3GA", "3GC", "3GT"]


def test_figures_are_of_medians():
    result = figures()
    assert (result.over_bare, result.faster, result.compile_s) == (1.0, 6.0, 28.0)
    assert result.neighbours_cost == 2.0
    assert result.missed() == []


def test_one_alt_of_a_site_has_a_bar_of_its_own():
    """Ours then runs as many passes as the peer."""
    assert figures(n_alts=1, peer_s=[4.1]).missed() == []
    assert len(figures(n_alts=3, peer_s=[4.1]).missed()) == 1
    assert len(figures(n_alts=1, peer_s=[3.9]).missed()) == 1


@pytest.mark.bad_input
def test_too_few_sites(vcf, capsys):
    with pytest.raises(SystemExit) as stopped:
        read_sites(vcf, 3)
    assert stopped.value.code == 66
    assert "2 SNV positions; expected 3" in capsys.readouterr().err


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "changed",
    [
        {"max_difference": 2e-5},
        {"max_difference": float("nan")},
        {"bare_s": [1.0]},
        {"peer_s": [11.9]},
    ],
)
def test_a_missed_bar_is_said(changed):
    assert len(figures(**changed).missed()) == 1
