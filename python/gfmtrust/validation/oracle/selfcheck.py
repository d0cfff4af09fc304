"""A self-check of the installation: oracle models are scored like any other and compared with their
closed forms.

The truth is computed on the whole contig, not on windows, so an error in an index, a strand, a
shift, a phase, a prefix or a column causes a difference. Whether a foundation model was exported
correctly is checked by the parity certificate of `export_model`, not here.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.alphabet import BASES, N, decode, reverse_complement
from gfmtrust.core.errors import BadDataError, InternalError, message
from gfmtrust.core.vocabulary import Placement, Status, View
from gfmtrust.io.genome import Genome
from gfmtrust.io.vcf.reader import format_position
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.windows import MIN_REAL_BASES
from gfmtrust.validation.oracle.closed_forms import entropy_bits, neighbourhood
from gfmtrust.validation.oracle.markov import MAX_ORDER, draw_table, uniform_table
from gfmtrust.validation.oracle.markov_bundle import Oracle, Reading, write_bundle
from gfmtrust.validation.oracle.variant_truth import some_variants, true_llrs

log = logging.getLogger(__name__)

TOLERANCE = 1e-6
"""Relative to max(1, |value|): what float32 log-probabilities of up to 8 nats still resolve."""
CONTIGS = {"long": 170, "short": 75}
"""Name -> bases. The short contig is hardly longer than a window, so most of its windows extend
over both ends."""
UNKNOWN = (59, 60, 117)
"""The positions of N in the long contig: two adjacent, one alone."""
SEED = 4
VARIANTS = 12
"""The number of variants per contig that are not substitutions, in addition to four at its ends."""
REMEDY = "do not trust scores of this installation: try --device cpu, install gfmtrust again, and report this line"
EVERY_VIEW = ReadingOptions("thorough", neighbours=True, max_n=1.0)
"""All views, and windows with any number of N."""


@dataclass(frozen=True)
class Truth:
    """The required scores at n sites of one contig. probs: float64 (n, V, 4), forward strand;
    local_surprisal: float64 (n,), bits.

    scored: bool (n,), whether the letters around the site allow it to be scored.
    """

    probs: np.ndarray
    local_surprisal: np.ndarray
    scored: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """The observed and the expected values with their names, in the order of the report: float64
    (n,), (n,), n texts."""

    observed: np.ndarray
    expected: np.ndarray
    names: list[str]

    @property
    def difference(self) -> np.ndarray:
        """|observed - expected| / max(1, |expected|), float64 (n,); infinite where one of them is
        not finite."""
        difference = np.abs(self.observed - self.expected) / np.maximum(1.0, np.abs(self.expected))
        return np.where(np.isfinite(difference), difference, np.inf)


def run(device: str = "auto", threads: int = 1) -> Iterator[str]:
    """Check every oracle; yield a line for each and one at the end.

    Raises InternalError (70) with the first wrong value, and DeviceError (69) where the device does
    not work.
    """
    n_values, worst, where = 0, 0.0, ""
    every = oracles()
    with tempfile.TemporaryDirectory(prefix="gfmtrust_selfcheck.") as folder:
        genome = write_genome(Path(folder))
        for number, oracle in enumerate(every):
            opened = write_bundle(oracle, Path(folder) / str(number))
            session = _open(opened, oracle, device, threads)
            device, where = (
                session.device,
                f"{session.device} ({session.provider})",
            )  # 'auto' is resolved, with its warning, only once
            compared = compare(oracle, opened, session, genome)
            off = np.flatnonzero(compared.difference > TOLERANCE)
            largest = compared.difference.max()
            yield f"{oracle.label}: {len(compared.observed):,} values, largest difference {largest:.1e}, {'fail' if len(off) else 'pass'}"
            if len(off):
                first = off[0]
                raise InternalError(
                    message(
                        f"selfcheck {oracle.label}, {compared.names[first]}",
                        f"{compared.observed[first]:.9g} on {where}",
                        f"{compared.expected[first]:.9g} within {TOLERANCE:g}",
                        REMEDY,
                    )
                )
            n_values += len(compared.observed)
            worst = max(worst, largest)
        genome.close()
    yield f"selfcheck passed on {where}: {len(every)} models, {n_values:,} values, largest difference {worst:.1e}"


def oracles() -> list[Oracle]:
    """Return the models to check. Asymmetric tables distinguish the strands and the ends; the
    symmetric one must answer both alike."""
    symmetric = draw_table(3, seed=11, symmetric=True)
    asymmetric = [
        draw_table(order, seed=order + 1, symmetric=False) for order in range(MAX_ORDER + 1)
    ]
    return [
        Oracle(uniform_table(), Reading.MASKED),
        *(Oracle(table, Reading.MASKED) for table in asymmetric),
        *(Oracle(table, Reading.CAUSAL) for table in asymmetric),
        Oracle(asymmetric[2], Reading.KMER_MARGINAL),
        Oracle(asymmetric[2], Reading.KMER_CONDITIONAL),
        *(
            Oracle(asymmetric[4], reading)
            for reading in (Reading.CAUSAL_FULL, Reading.CAUSAL_KMER, Reading.CAUSAL_KMER_FULL)
        ),
        Oracle(symmetric, Reading.MASKED),
        Oracle(symmetric, Reading.MASKED, rc_equivariant=True),
        Oracle(asymmetric[3], Reading.MASKED, junk=0.3),
        Oracle(asymmetric[2], Reading.KMER_MARGINAL, junk=0.3),
    ]


def write_genome(folder: Path, seed: int = SEED) -> Genome:
    """Write a random FASTA of the CONTIGS to `folder`, half of it in lower case, and open it."""
    rng = np.random.default_rng(seed)
    text = ""
    for name, length in CONTIGS.items():
        codes = np.floor(rng.random(length) * 4).astype(np.uint8)
        if name == "long":
            codes[list(UNKNOWN)] = N
        letters = decode(codes)
        text += f">{name}\n{letters[: length // 2]}{letters[length // 2 :].lower()}\n"
    path = folder / "genome.fa"
    path.write_text(text, encoding="utf-8")
    return Genome.open(path, folder)


def compare(oracle: Oracle, opened: Bundle, session: Session, genome: Genome) -> Comparison:
    """Score every position of the genome with all views and return the values with the truth: LLR
    of the three other bases, entropy, local surprisal and off-alphabet probability at the sites
    that can be scored, then the variants that change the length."""
    reader = reader_of(opened)
    views = reader.views(EVERY_VIEW.views)
    parts = []
    for contig, (name, length) in enumerate(genome.contigs.items()):
        codes, pos = genome.codes(name, 0, length), np.arange(length)
        scores = reader.score_sites(session, genome, np.full(length, contig), pos, EVERY_VIEW)
        truth = true_scores(oracle, opened, codes, pos, views)
        rows = np.flatnonzero(truth.scored | (scores.status == ""))
        sites = [f"{name}:{format_position(at)}" for at in pos[rows]]
        reads = [str(view.placement) for view in views]
        observed, expected = (
            scores.probs[rows].astype(np.float64),
            np.where(truth.scored[rows, None, None], truth.probs[rows], np.nan),
        )
        ref = codes[rows] % 4
        alts = (ref[:, None] + np.arange(1, 4)) % 4
        changes = [
            [f"{BASES[base]}>{BASES[alt]}" for alt in others]
            for base, others in zip(ref, alts, strict=True)
        ]
        parts += [
            Comparison(
                _llrs(observed, ref, alts),
                _llrs(expected, ref, alts),
                [
                    f"{site} {read}, LLR of {change}"
                    for site, site_changes in zip(sites, changes, strict=True)
                    for read in reads
                    for change in site_changes
                ],
            ),
            Comparison(
                entropy_bits(observed).ravel(),
                entropy_bits(expected).ravel(),
                [f"{site} {read}, entropy" for site in sites for read in reads],
            ),
            Comparison(
                scores.local_surprisal[rows].astype(np.float64),
                truth.local_surprisal[rows],
                [f"{site}, local surprisal" for site in sites],
            ),
            Comparison(
                scores.off_alphabet[rows].astype(np.float64),
                np.full(len(rows), oracle.junk),
                [f"{site}, off-alphabet mass" for site in sites],
            ),
            _compare_variants(oracle, opened, session, genome, contig, views),
        ]
    return Comparison(
        np.concatenate([part.observed for part in parts]),
        np.concatenate([part.expected for part in parts]),
        [name for part in parts for name in part.names],
    )


def _compare_variants(
    oracle: Oracle, opened: Bundle, session: Session, genome: Genome, contig: int, views: list[View]
) -> Comparison:
    """Return the LLRs of insertions, deletions and complex alleles of one contig, including its
    ends, with the truth."""
    name = genome.names[contig]
    codes = genome.codes(name, 0, genome.contigs[name])
    variants = some_variants(codes, VARIANTS, SEED)
    scores = reader_of(opened).score_variants(
        session, genome, np.full(len(variants), contig), variants, EVERY_VIEW
    )
    rows = [row for row, status in enumerate(scores.status) if status != Status.OUT_OF_RANGE]
    expected = np.array([true_llrs(oracle, opened, codes, variants[row], views) for row in rows])
    names = [
        f"{name}:{format_position(variants[row].pos)} {variants[row].ref}>{variants[row].alt} {view.placement}, LLR"
        for row in rows
        for view in views
    ]
    return Comparison(scores.llr[rows].astype(np.float64).ravel(), expected.ravel(), names)


def true_scores(
    oracle: Oracle, opened: Bundle, codes: np.ndarray, pos: np.ndarray, views: list[View]
) -> Truth:
    """Return the required scores at positions of one contig, codes uint8 (length,), from the contig
    itself."""
    probs = np.stack(
        [_strand_distribution(oracle, opened, codes, pos, view.placement) for view in views], axis=1
    )
    strands = sorted({view.strand for view in views})
    return Truth(
        probs,
        _local_surprisal(oracle, opened, codes, pos, strands),
        _can_be_scored(opened, codes, pos, strands),
    )


def _strand_distribution(
    oracle: Oracle,
    opened: Bundle,
    codes: np.ndarray,
    pos: np.ndarray,
    placement: Placement,
    at: int = 0,
    hidden: tuple[int, ...] = (),
) -> np.ndarray:
    """Return q on the forward strand at letters `at` bases (in reading direction) from each site,
    with the hidden ones masked too; float64 (n, 4), NaN off the contig."""
    strand, shift, crop = placement
    site = (opened.site_forward - shift if strand == "+" else opened.site_reverse + shift) - crop[0]
    index = (pos if strand == "+" else len(codes) - 1 - pos) + at
    offset = np.full(len(pos), (site + at) % oracle.k_letters)
    read = codes if strand == "+" else reverse_complement(codes)
    q = (
        oracle.distribution(read, index, offset, hidden)
        if at or hidden
        else oracle.site_distribution(read, index, offset)
    )
    q[(index < 0) | (index >= len(codes))] = np.nan
    return q if strand == "+" else q[:, ::-1]


def _local_surprisal(
    oracle: Oracle, opened: Bundle, codes: np.ndarray, pos: np.ndarray, strands: list[str]
) -> np.ndarray:
    """Return the mean of -log2 of the neighbours' own letters, each under the mean of the strands
    that read it, bits (n,).

    The neighbours of a masked model are masked together, in a pass in which the site is visible.
    """
    offsets = opened.neighbour_offsets
    read: dict[int, list[np.ndarray]] = {}
    for strand in strands:
        for at in offsets:
            hidden = tuple(other - at for other in offsets if other != at)
            q = _strand_distribution(oracle, opened, codes, pos, Placement(strand), at, hidden)
            read.setdefault(at if strand == "+" else -at, []).append(q)
    real = {forward: neighbourhood(codes, pos + forward, 0, 0)[:, 0] for forward in read}
    bits = [
        np.where(
            real[forward] < N,
            -np.log2(np.mean(qs, axis=0)[np.arange(len(pos)), real[forward] % 4]),
            np.nan,
        )
        for forward, qs in read.items()
    ]
    finite = np.isfinite(bits)
    n_finite = finite.sum(axis=0)
    return np.divide(
        np.where(finite, bits, 0).sum(axis=0),
        n_finite,
        out=np.full(len(pos), np.nan),
        where=n_finite > 0,
    )


def _can_be_scored(
    opened: Bundle, codes: np.ndarray, pos: np.ndarray, strands: list[str]
) -> np.ndarray:
    """Whether the site is a base with enough bases beside it in the window of every strand that is
    read (docs/understand/scoring.md, "Windows and views"), bool (n,)."""
    last = opened.window_bp - 1
    left = {"+": opened.site_forward, "-": last - opened.site_reverse}
    n_beside = [
        (neighbourhood(codes, pos, left[strand], last - left[strand]) < N).sum(axis=1) - 1
        for strand in strands
    ]
    least = min(opened.window_bp / 4, MIN_REAL_BASES)
    return (codes[pos] < N) & (np.min(n_beside, axis=0) >= least)


def _llrs(probs: np.ndarray, ref: np.ndarray, alts: np.ndarray) -> np.ndarray:
    """Return the LLR of each of the other bases in every view, nats, float64, flattened in the
    order site, view, base."""
    with np.errstate(divide="ignore"):
        logs = np.log(probs)
    rows = np.arange(len(ref))
    return (
        logs[rows[:, None], :, alts].transpose(0, 2, 1) - logs[rows, :, ref][:, :, None]
    ).ravel()


def _open(opened: Bundle, oracle: Oracle, device: str, threads: int) -> Session:
    """Return the bundle's session. Its golden windows are closed forms too, so a difference is an
    error of this installation and not of a file."""
    try:
        return Session.open(opened, device, threads)
    except BadDataError as error:
        observed = str(error).removeprefix(f"bundle {oracle.model_id}, ").split(";")[0]
        raise InternalError(
            message(f"selfcheck {oracle.label}", observed, "the closed form", REMEDY)
        ) from error
