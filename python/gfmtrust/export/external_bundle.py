"""What bundle.json says of a model whose scores come from elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gfmtrust.bundle import schema
from gfmtrust.export import sanity_check
from gfmtrust.inputs import training
from gfmtrust.io.genome import Genome
from gfmtrust.score_tables.layout import Meaning

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoresStated:
    """What the user states of scores from elsewhere. key: of the INFO of a VCF; contig_map: as
    `--contig_map`; licence: of the scores; layout: a preset or the text of a `ScoreLayout`, '' for
    a table or VCF of our own layout; heldout_contigs: that the model never saw in its training."""

    key: str = "SCORE"
    contig_map: str | Path = "none"
    licence: str = ""
    layout: str = ""
    heldout_contigs: Sequence[str] = ()

    def written(self, meta: dict, genome: Genome) -> dict:
        """The groups of bundle.json with what is stated of the training. Raises UsageError (64) for
        a held-out contig that the genome lacks."""
        heldout = training.contigs_of(self.heldout_contigs, genome.names, genome.name)
        return {**meta, "training": training.with_heldout({}, heldout)} if heldout else meta


def quantity_of(meaning: Meaning, gives_distributions: bool) -> str:
    """What the models of a run are told: distributions, or a score without a preference between
    bases that a decoy could test."""
    return "direct" if meaning.is_preference and gives_distributions else "score"


def say_only_differences(name: str) -> None:
    """Say once why a table of a model of whole tokens is read as a score."""
    log.warning(
        "%s: the header says that only differences have a meaning, as the model reads whole tokens and "
        "has no distribution; it is read as a score, so levels come from --labels alone. For decoy levels "
        "give the model itself in --models",
        name,
    )


def say_meaning(name: str, quantity: str, meaning: Meaning) -> None:
    """Say once what no decoy level follows from."""
    if quantity != "score":
        return
    log.warning(
        "%s: %s; no decoy can test them, so levels come from --labels alone. For decoy levels give the "
        "log-likelihood ratios of all three ALTs of every base that sites_to_score.vcf.gz asks for "
        "(--dry_run writes it)",
        name,
        "magnitudes, which prefer no base"
        if meaning is Meaning.MAGNITUDE
        else "scores of single alleles, without all three ALTs of a base",
    )


def judged(nll: float, n_bases: int) -> dict:
    """The group `proof`. nll: mean -ln p of the genome's own bases, nats, NaN where the scores are
    no distributions, which nothing is judged by."""
    passed = not nll >= sanity_check.THRESHOLD_NATS
    if not passed:
        log.warning(
            "mean NLL of the genome's own bases is %.3f, chance is %.3f: the scores do not prefer them",
            nll,
            sanity_check.THRESHOLD_NATS,
        )
    return {
        "gate": "passed" if passed else "failed",
        "nll_nats": round(nll, 6) if n_bases else -1.0,
        "n_bases": n_bases,
    }


def groups(name: str, licence: str, quantity: str, judged: dict, source: dict) -> dict:
    """Groups of bundle.json of a model that is a table: one base wide, one strand, nothing to
    run."""
    return {
        "identity": {
            "model_id": name,
            "family": schema.EXTERNAL,
            "repository": "",
            "revision": "",
            "licence": licence,
            "licence_url": "",
            "n_parameters": 0,
            "citation": "",
        },
        "text": {
            "k": 1,
            "vocabulary": {},
            "mask": "",
            "unknown": "",
            "outside": "",
            "prefix": [],
            "suffix": [],
            "lower_case": False,
            "vocabulary_sha256": "",
        },
        "scoring": {
            "causal": False,
            "quantity": quantity,
            "kmer_method": "",
            "n_members": 1,
            "rc_equivariant": True,
            "neighbour_offsets": [],
            "neighbours_in_same_pass": False,
        },
        "window": {
            "window_bp": 1,
            "trained_bp": 1,
            "site_forward": 0,
            "site_reverse": 0,
            "shifts": [],
            "batch": 0,
        },
        "source": {"sha256": source},
        "proof": judged,
        "golden": [],
    }
