"""One spelling per variant: bcftools' left alignment, all spellings of one change, and what is left
of odd ones."""

import shutil
import subprocess

import numpy as np
import pytest
from fake_genome import FakeGenome
from hypothesis import given, settings
from hypothesis import strategies as st

from gfmtrust.core.vocabulary import VariantClass
from gfmtrust.inputs.variants import Variant, normalised

LETTERS = st.sampled_from("AC")
"""Two letters repeat often."""


def normalised_of(genome, pos, ref, alt):
    return normalised(genome, "c", pos, ref, alt)


@pytest.mark.parametrize(
    ("pos", "ref", "alt", "expected"),
    [
        (3, "CA", "CT", Variant(4, "A", "T")),
        (2, "TCAG", "TCTG", Variant(4, "A", "T")),
        (2, "TCA", "TGG", Variant(3, "CA", "GG")),
        (4, "AG", "A", Variant(5, "G", "")),
        (4, "A", "AGG", Variant(5, "", "GG")),
        (2, "TCAG", "TA", Variant(3, "CAG", "A")),
        (3, "CA", "CA", Variant(3, "C", "C")),
    ],
)
def test_what_changes(pos, ref, alt, expected):
    assert normalised_of(FakeGenome(c="GGTCAGTT"), pos, ref, alt) == expected


@pytest.mark.parametrize(
    ("ref", "alt", "kind"),
    [
        ("A", "C", "SNV"),
        ("AC", "GT", "MNV"),
        ("ACG", "TCA", "MNV"),
        ("A", "", "DEL"),
        ("", "A", "INS"),
        ("AC", "T", "COMPLEX"),
        ("A", "CC", "COMPLEX"),
    ],
)
def test_kinds(ref, alt, kind):
    assert Variant(5, ref, alt).kind == VariantClass(kind)


def test_every_spelling_in_a_repeat_is_one_variant():
    genome = FakeGenome(c="G" + "CA" * 30 + "T")
    spellings = [
        (pos, genome._letters["c"][pos : pos + 3], genome._letters["c"][pos])
        for pos in range(1, 58)
    ]
    assert {normalised_of(genome, *spelling) for spelling in spellings} == {Variant(1, "CA", "")}
    longer = [(pos, ref[0], ref[0] + "CACA"[pos % 2 :][:2]) for pos, ref, _ in spellings]
    assert {normalised_of(genome, *spelling) for spelling in longer} == {Variant(1, "", "CA")}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "pos", "ref", "alt", "expected"),
    [
        ("AAAAC", 3, "AC", "C", Variant(0, "A", "")),  # as far left as the contig goes
        ("AAAAC", 0, "A", "AA", Variant(0, "", "A")),
        ("ACGT", 3, "T", "TA", Variant(4, "", "A")),  # behind the last base
        ("NAAC", 2, "AC", "C", Variant(1, "A", "")),  # an N ends the repeat
        ("GAA" + "N" * 300 + "AAC", 304, "AC", "C", Variant(303, "A", "")),
        ("ACGT", 0, "ACGT", "A", Variant(1, "CGT", "")),
    ],
)
def test_ends_and_gaps(text, pos, ref, alt, expected):
    assert normalised_of(FakeGenome(c=text), pos, ref, alt) == expected


@pytest.mark.bad_input
def test_a_long_repeat_is_walked_in_pieces():
    genome = FakeGenome(c="G" + "A" * 1_000)
    assert normalised_of(genome, 999, "AA", "A") == Variant(1, "A", "")


@settings(max_examples=200, deadline=None)
@given(st.text(LETTERS, min_size=8, max_size=40), st.data())
def test_the_variant_makes_the_same_sequence_and_cannot_move(text, data):
    pos = data.draw(st.integers(0, len(text) - 2))
    ref = text[pos : pos + data.draw(st.integers(1, 6))]
    alt = data.draw(st.text(LETTERS, min_size=1, max_size=6))
    product = normalised_of(FakeGenome(c=text), pos, ref, alt)
    assert (
        text[: product.pos] + product.alt + text[product.pos + len(product.ref) :]
        == text[:pos] + alt + text[pos + len(ref) :]
    )
    assert text[product.pos : product.pos + len(product.ref)] == product.ref
    if ref != alt and not (product.ref and product.alt):
        assert product.pos == 0 or text[product.pos - 1] != (product.ref or product.alt)[-1]


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
def test_bcftools_norm_agrees(tmp_path):
    """400 random alleles of a repetitive contig, compared in bcftools' own spelling."""
    rng = np.random.default_rng(5)
    text = "".join("ACG"[i] for i in rng.integers(0, 3, 300)) + "CA" * 40 + "A" * 30 + "GATTACA"
    (tmp_path / "g.fa").write_text(f">c\n{text}\n")
    rows = []
    for number in range(400):
        pos = int(rng.integers(0, len(text) - 8))
        ref = text[pos : pos + int(rng.integers(1, 7))]
        alt = text[pos] + "".join("ACGT"[i] for i in rng.integers(0, 4, int(rng.integers(0, 6))))
        if ref != alt:
            rows.append((pos, f"v{number}", ref, alt))
    body = "".join(
        f"c\t{pos + 1}\t{name}\t{ref}\t{alt}\t.\t.\t.\n" for pos, name, ref, alt in sorted(rows)
    )
    header = f"##fileformat=VCFv4.2\n##contig=<ID=c,length={len(text)}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (tmp_path / "in.vcf").write_text(header + body)
    completed = subprocess.run(
        ["bcftools", "norm", "-f", tmp_path / "g.fa", tmp_path / "in.vcf"],
        capture_output=True,
        check=True,
        text=True,
    )
    theirs = {
        name: (int(pos) - 1, ref, alt)
        for _, pos, name, ref, alt, *_ in (
            line.split("\t") for line in completed.stdout.splitlines() if not line.startswith("#")
        )
    }
    genome = FakeGenome(c=text)
    ours = {
        name: spelled(normalised_of(genome, pos, ref, alt), text) for pos, name, ref, alt in rows
    }
    assert ours == theirs


def spelled(variant, text):
    """An indel has the base before it, or at the contig's start the one after."""
    if variant.ref and variant.alt:
        return variant.pos, variant.ref, variant.alt
    if variant.pos:
        before = text[variant.pos - 1]
        return variant.pos - 1, before + variant.ref, before + variant.alt
    after = text[len(variant.ref)]
    return 0, variant.ref + after, variant.alt + after
