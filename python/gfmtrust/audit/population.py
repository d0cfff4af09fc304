"""What the common alleles of a population cost the model where they replace the reference beside a site:
the second check of memory."""

from __future__ import annotations

import numpy as np

from gfmtrust.audit import numbers
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.study import Sites, Study
from gfmtrust.audit.subject import Subject, bits, causal_only
from gfmtrust.core.alphabet import N
from gfmtrust.core.contracts.audit import Statistic

LEAST_FREQUENCY = 0.01
LEAST = 50
"""Sites with an allele in the window below which their mean says nothing."""
REACH = 512
"""Alleles further from a site are not put in, bp."""


def surprise(study: Study, subject: Subject) -> list[Statistic]:
    """The rise of the surprisal with the alleles of the population in the window, with other letters
    at the same places, and the same of the context model."""
    if study.population is None:
        raise NotRun("no VCF of a population was given (--population_vcf)")
    snvs = study.once(("population",), lambda: _around(study))
    whole = study.windows(subject, study.sites)
    places, alleles = _inside(study, subject, study.sites, snvs)
    rows = np.flatnonzero(places.any(axis=1))
    if len(rows) < LEAST:
        raise NotRun(
            f"{len(rows)} sites have an allele of {LEAST_FREQUENCY:.0%} or more in the window; "
            f"expected at least {LEAST}"
        )
    rows = rows[np.linspace(0, len(rows) - 1, min(study.sizes.fewer, len(rows))).astype(int)]
    sites = study.sites.take(rows)
    windows, places, alleles = whole[rows], places[rows], alleles[rows]
    of_model = _rise(study, subject, sites, windows, np.where(places, alleles, windows))
    random = _rise(study, subject, sites, windows, _other(study, windows, places, alleles))
    at_context, with_alleles = _inside(study, study.context, sites, snvs)
    at_sites = study.windows(study.context, sites)
    context = _rise(
        study, study.context, sites, at_sites, np.where(at_context, with_alleles, at_sites)
    )
    finite = np.isfinite(of_model) & np.isfinite(random) & np.isfinite(context)
    return [
        numbers.mean(label, values[finite], sites.block[finite], null=0.0)
        for label, values in (
            ("rise with population alleles", of_model),
            ("rise with other letters at the same places", random),
            ("rise of the context model's", context),
            ("difference of model and context model", of_model - context),
            ("population alleles minus other letters", of_model - random),
        )
    ]


def passes(study: Study, subject: Subject) -> int:
    if study.population is None:
        return 0
    return 3 * study.sizes.fewer * subject.reader.passes_per_view


def _around(study: Study) -> dict[tuple[int, int], int]:
    """The common alleles near the sites: (contig, position) -> code of ALT."""
    sites, population, snvs = study.sites, study.population, {}
    assert population is not None, "the caller has asked"
    for contig in np.unique(sites.contig_index).tolist():
        near = sites.pos[sites.contig_index == contig][:, None] + np.arange(-REACH, REACH + 1)
        length = study.genome.contigs[str(study.genome.names[contig])]
        near = np.unique(near[(near >= 0) & (near < length)])
        alleles = population.common_snvs(contig, near, LEAST_FREQUENCY)
        snvs |= {(contig, place): code for place, code in alleles.items()}
    population.judge()
    return snvs


def _inside(
    study: Study, subject: Subject, sites: Sites, snvs: dict[tuple[int, int], int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where the windows of sites have an allele of the population, bool (n, W), and its code; not at
    the site, not beyond REACH, and not behind the site of a model that reads only what precedes
    it."""
    site, width = subject.bundle.site_forward, subject.width
    codes = np.full((len(sites), width), N, np.uint8)
    reach = range(max(-site, -REACH), min(width - site, REACH + 1))
    ends = range(reach.start, 0) if causal_only(subject) else reach
    for row, (contig, pos) in enumerate(
        zip(sites.contig_index.tolist(), sites.pos.tolist(), strict=True)
    ):
        for offset in ends:
            code = snvs.get((contig, pos + offset)) if offset else None
            if code is not None:
                codes[row, site + offset] = code
    return codes < N, codes  # fmt: skip


def _other(
    study: Study, windows: np.ndarray, places: np.ndarray, alleles: np.ndarray
) -> np.ndarray:
    """Windows with a letter at the places that is neither the reference nor the allele."""
    draw = study.rng(0x909).integers(0, 2, windows.shape)
    letters = np.arange(4)[:, None, None]
    allowed = (letters != windows) & (letters != alleles)
    order = np.cumsum(allowed, axis=0) - 1
    other = (allowed & (order == draw)).argmax(axis=0)
    return np.where(places, other, windows).astype(np.uint8)


def _rise(
    study: Study, subject: Subject, sites: Sites, windows: np.ndarray, changed: np.ndarray
) -> np.ndarray:
    """Rise of the surprisal at sites from windows to changed windows, bits (n,)."""
    site, voters = subject.bundle.site_forward, study.voters(subject, sites)
    after, before = (
        bits(subject.site_answers(one.astype(np.uint8), site, voters), sites.real)
        for one in (changed, windows)
    )
    return after - before
