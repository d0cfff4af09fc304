"""The awkward records of the demo: each kind occurs once or a few times at known places, and none
stops a run.

The kinds are those that published VCFs are known to contain. REF mismatches stay below the ten that
mean a wrong assembly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gfmtrust.core import alphabet
from gfmtrust.validation.oracle.cohort import TRANSITION_OF, Row
from gfmtrust.validation.oracle.genomes import GAP, DrawnContig, DrawnGenome

ABSENT_CONTIG = "demo_absent"
HET = ((0, 1), (0, 0), (0, 1))
ONE_SAMPLE = ((0, 0), (0, 1), (0, 0))
ABSENT = ((0, 0), (0, 0), (0, 0))
UNDECLARED = frozenset(("undeclared_info", "undeclared_filter"))
"""Kinds with keys that the header lacks: bcftools reads them, but norm, sort and annotate refuse to
write them."""
PLACE_EVERY_BP = 2_000


@dataclass(frozen=True)
class Place:
    """A free place on a contig; letters: the 12 letters of the genome there, as text."""

    contig: str
    pos: int
    letters: str

    def row(
        self, kind: str, alts: tuple[str, ...], ref: str | None = None, shift: int = 0, **fields
    ) -> Row:
        """Return a record `shift` bases behind the place; without ref, REF is the letter of the
        genome."""
        ref = self.letters[shift] if ref is None else ref
        return Row(
            self.contig, self.pos + shift, ref, alts, kind, fields.pop("genotypes", HET), **fields
        )

    def transition(self, shift: int = 0) -> str:
        """Return the letter to which a transition changes the letter `shift` bases behind the
        place."""
        return _transition(self.letters[shift])


def _transition(letter: str) -> str:
    return alphabet.BASES[TRANSITION_OF[alphabet.BASES.index(letter)]]


def awkward_rows(genome: DrawnGenome, taken: list[Row], seed: int) -> list[Row]:
    """Return all planted records. They are on the first contig, except those that need an end, a
    gap or an unknown contig.

    taken: drawn rows; planted ones are at least 30 bp away from them. Raises ValueError where the
    genome has no gap or too few free places.
    """
    places = _free_places(genome.contigs[0], taken, np.random.default_rng([seed, 2]))
    rows = []
    for plant in PLANTED:
        try:
            rows += plant(next(places))
        except StopIteration:
            raise ValueError(
                f"{genome.contigs[0].name} has no free place left for {plant.__name__}"
            ) from None
    for contig in genome.contigs:
        rows += _end_rows(contig)
    return rows + _gap_rows(genome) + _absent_rows()


def _free_places(contig: DrawnContig, taken: list[Row], rng: np.random.Generator):
    """Yield places PLACE_EVERY_BP apart that have no drawn variant within 30 bp and no N."""
    busy = np.sort([row.pos for row in taken if row.contig == contig.name])
    for start in range(1_000, len(contig.codes) - PLACE_EVERY_BP, PLACE_EVERY_BP):
        for pos in start + (rng.random(20) * 1_000).astype(int):
            letters = contig.codes[pos : pos + 12]
            near = np.searchsorted(busy, [pos - 30, pos + 42])
            if near[0] == near[1] and letters.max() < 4:
                yield Place(contig.name, int(pos), alphabet.decode(letters))
                break


def _spanning(p: Place) -> list[Row]:
    deletion = p.row("deletion", (p.letters[0],), ref=p.letters[:5])
    return [
        deletion,
        p.row(
            "spanning_deletion", (p.transition(2), "*"), shift=2, genotypes=((1, 2), (0, 0), (0, 2))
        ),
    ]


def _symbolic(p: Place) -> list[Row]:
    return [
        p.row("symbolic", ("<DEL>",), info=f"SVTYPE=DEL;END={p.pos + 401};SVLEN=-400", qual=".")
    ]


def _non_ref(p: Place) -> list[Row]:
    return [p.row("non_ref", (p.transition(), "<NON_REF>"))]


def _breakend(p: Place) -> list[Row]:
    return [
        p.row(
            "breakend",
            (f"{p.letters[0]}]{p.contig}:{p.pos + 1000}]",),
            info="SVTYPE=BND",
            id="bnd_1",
        )
    ]


def _iupac(p: Place) -> list[Row]:
    return [p.row("iupac", ("R" if p.letters[0] in "CT" else "Y",))]


def _lower_case(p: Place) -> list[Row]:
    return [p.row("lower_case", (p.transition().lower(),), ref=p.letters[0].lower())]


def _ref_mismatch(p: Place) -> list[Row]:
    return [p.row("ref_mismatch", (p.letters[0],), ref=p.transition())]


def _no_alt(p: Place) -> list[Row]:
    return [p.row("no_alt", (), genotypes=ABSENT)]


def _duplicate(p: Place) -> list[Row]:
    row = p.row("duplicate", (p.transition(),), id="rs7")
    return [row, row]


def _same_place(p: Place) -> list[Row]:
    letter = p.letters[0]
    others = [base for base in alphabet.BASES if base != letter]
    return [p.row("same_place", (base,), id=f"split_{base}") for base in others]


def _duplicate_alt(p: Place) -> list[Row]:
    return [p.row("duplicate_alt", (p.transition(), p.transition()))]


def _all_alts(p: Place) -> list[Row]:
    others = tuple(base for base in alphabet.BASES if base != p.letters[0])
    return [p.row("all_alts", (*others, p.letters[0] + "ACGT"), genotypes=((1, 2), (3, 4), (0, 1)))]


def _undeclared(p: Place) -> list[Row]:
    return [
        p.row(
            "undeclared_info",
            (p.transition(),),
            info="NOTE=by%3Bhand;XQ;DP=12",
            genotypes=ONE_SAMPLE,
        )
    ]


def _undeclared_filter(p: Place) -> list[Row]:
    return [
        p.row(
            "undeclared_filter",
            (p.transition(),),
            filter="LowConf;hard2validate",
            genotypes=ONE_SAMPLE,
        )
    ]


def _tiny_qual(p: Place) -> list[Row]:
    return [p.row("tiny_qual", (p.transition(),), qual="1e-300")]


def _large_qual(p: Place) -> list[Row]:
    return [p.row("large_qual", (p.transition(),), qual="12345678")]


def _no_info(p: Place) -> list[Row]:
    return [p.row("no_info", (p.transition(),), info=".", filter=".", qual=".")]


def _trailing_semicolon(p: Place) -> list[Row]:
    return [p.row("trailing_semicolon", (p.transition(),), info="AC=2;AN=6;")]


def _odd_floats(p: Place) -> list[Row]:
    return [
        p.row(
            "odd_floats",
            (p.transition(),),
            info="AF=0.123456789;MQ=60.00;FS=-0.0;SOR=1E-5;DP=3000000",
        )
    ]


def _repeated_key(p: Place) -> list[Row]:
    return [p.row("repeated_key", (p.transition(),), info="DP=10;DP=11;AC=2")]


def _long_insertion(p: Place) -> list[Row]:
    return [p.row("long_insertion", (p.letters[0] + "ACGTTGCA" * 40,))]


def _long_deletion(p: Place) -> list[Row]:
    return [p.row("complex", (p.letters[0] + "TT",), ref=p.letters[:7])]


PLANTED = (
    _spanning, _symbolic, _non_ref, _breakend, _iupac, _lower_case, _lower_case, _ref_mismatch, _ref_mismatch, _ref_mismatch,
    _no_alt, _no_alt, _duplicate, _same_place, _duplicate_alt, _all_alts, _undeclared, _undeclared_filter, _tiny_qual, _large_qual,
    _no_info, _trailing_semicolon, _odd_floats, _repeated_key, _long_insertion, _long_deletion,
)  # fmt: skip


def _snv_at(contig: DrawnContig, pos: int, kind: str) -> Row:
    letter = alphabet.decode(contig.codes[pos : pos + 1])
    return Row(contig.name, pos, letter, (_transition(letter),), kind, HET)


def _end_rows(contig: DrawnContig) -> list[Row]:
    """Return records at the first and last base (too few real bases on one side), and 40 bp
    inside."""
    last = len(contig.codes) - 1
    ends = [_snv_at(contig, pos, "contig_end") for pos in (0, last)]
    return ends + [_snv_at(contig, pos, "near_contig_end") for pos in (40, last - 40)]


def _gap_rows(genome: DrawnGenome) -> list[Row]:
    """Return records with N at the site itself, and with N in the window, 1, 10 and 40 bases
    outside the gap."""
    for contig in genome.contigs:
        for segment in contig.segments:
            if segment.kind == GAP:
                inside = Row(contig.name, segment.start + 100, "N", ("A",), "n_at_site", HET)
                outside = [_snv_at(contig, segment.start - bp, "n_in_window") for bp in (1, 10, 40)]
                return [*outside, inside, _snv_at(contig, segment.end + 12, "n_in_window")]
    raise ValueError("the genome has no gap; expected a contig with one")


def _absent_rows() -> list[Row]:
    return [Row(ABSENT_CONTIG, pos, "A", ("G",), "contig_absent", HET) for pos in (99, 500)]
