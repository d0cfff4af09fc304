"""The sanity check: has a model learned anything about this genome? Its mean surprisal on windows
of the user's FASTA is measured before a bundle is written.

A model whose weights are random, shuffled or misread has at least ln 4 nats per base; such a bundle
is refused, or marked `gate: failed` where the user insists. The same windows decide between the two
k-mer methods and measure the strand symmetry.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from gfmtrust.core.alphabet import N, reverse_complement
from gfmtrust.core.errors import BadDataError, message
from gfmtrust.readers import likelihoods

LOG = logging.getLogger(__name__)

MARGIN_NATS = 0.01
THRESHOLD_NATS = float(np.log(4)) - MARGIN_NATS
"""The mean of a random network is at least ln 4 = 1.386; a model must be below that by more than
the noise of the windows."""
MIN_GAIN_BITS = 0.01
"""`conditional` replaces `marginal` where it saves at least this many bits per base, with
significance."""
N_BOOTSTRAP = 1000
MAX_DRAWS = 8
"""At most this many times the requested number of windows are drawn; a genome that needs more is
mostly N."""
SYMMETRY_WINDOWS = 32


@dataclass(frozen=True)
class Evidence:
    """The result of scoring windows.

    nll_nats: float64 (n_windows,), mean surprisal of the scored bases of each window.
    n_bases: number of scored bases. is_constant: whether all windows had the same answer.
    unit: what is scored, 'base' or 'token'. threshold: that of the sanity check, nats per unit.
    composition: entropy of the units by their frequency, nats; None where it is that of the
        windows' bases.
    """

    nll_nats: np.ndarray
    n_bases: int
    is_constant: bool = False
    unit: str = "base"
    threshold: float = THRESHOLD_NATS
    composition: float | None = None

    @property
    def mean(self) -> float:
        """The mean surprisal of the real letters, in nats per base or token (`unit`)."""
        return float(self.nll_nats.mean())


def windows(genome, width: int, n: int) -> np.ndarray:
    """Return n windows without N, spread evenly over the genome, or all there are; codes uint8 (<=
    n, width), in genome order.

    Raises BadDataError (65) where there is none.
    """
    starts_per_contig = np.array(
        [max(0, genome.contigs[name] - width + 1) for name in genome.names]
    )
    ends = np.cumsum(starts_per_contig)
    total = int(ends[-1]) if len(ends) else 0
    clean = np.empty((0, width), np.uint8)
    for times in (1, 2, 4, MAX_DRAWS):
        n_drawn = min(total, n * times)
        drawn = (np.arange(n_drawn) * total) // max(1, n_drawn)
        contig = np.searchsorted(ends, drawn, side="right")
        cut = [
            genome.windows(
                genome.names[i], drawn[contig == i] - (ends[i] - starts_per_contig[i]), width
            )
            for i in np.unique(contig)
        ]
        clean = np.concatenate(cut) if cut else clean
        clean = clean[(clean < N).all(axis=1)]
        if len(clean) >= n or n_drawn == total:
            break
    if not len(clean):
        raise BadDataError(
            message(
                "FASTA",
                f"no window of {width} bases without N",
                "at least one",
                "is it the right genome?",
            )
        )
    return clean[(np.arange(min(n, len(clean))) * len(clean)) // min(n, len(clean))]


def evidence(session, cut: np.ndarray, index: np.ndarray) -> Evidence:
    """Return the surprisal of the real bases at `index` int64 (P,) of every window; all P are
    scored in one pass.

    A window without a finite answer counts as ln 4 + 1, so that a broken model fails.
    """
    probs, _ = session.distributions(cut, np.broadcast_to(index, (len(cut), len(index))).copy())
    mean = probs.mean(axis=2, dtype=np.float64)
    real = cut[:, index]
    with np.errstate(divide="ignore"):
        nll = -np.log(np.take_along_axis(mean, real[..., None].astype(np.int64), axis=-1)[..., 0])
    nll[~np.isfinite(nll)] = np.log(4) + 1
    return Evidence(nll.mean(axis=1), nll.size, len(cut) > 1 and bool((probs == probs[:1]).all()))


def token_evidence(session, cut: np.ndarray, _index: np.ndarray | None = None) -> Evidence:
    """Return the surprisal of the real tokens of every window: every eighth masked at once, or, for
    a causal model, all of them.

    The threshold is ln V with V the number of the network's tokens, the value of weights that have
    learned nothing. A token without a finite answer counts as ln V + 1. A model is constant if its
    answer for a token never depends on the token's place.
    """
    uniform = float(np.log(session.bpe.text.n_ids))
    asked = [one for one in likelihoods.spread_asks(session.bpe, cut) if one is not None]
    answers = session.token_logps(asked)
    nll = [np.where(np.isfinite(answer), -answer, uniform + 1) for answer in answers]
    target, token_nll = np.concatenate([one.target for one in asked]), np.concatenate(nll)
    n_of = np.bincount(target, minlength=session.bpe.text.n_ids)
    order = np.argsort(target, kind="stable")
    alike = (np.diff(target[order]) != 0) | (np.diff(token_nll[order]) == 0)
    share = n_of[n_of > 0] / len(target)
    return Evidence(
        np.array([values.mean() for values in nll]),
        len(token_nll),
        bool(n_of.max() > 1 and alike.all()),
        "token",
        uniform - MARGIN_NATS,
        float(-(share * np.log(share)).sum()),
    )


def conditional_is_better(marginal: Evidence, conditional: Evidence, seed: int = 0) -> bool:
    """Whether `conditional` has a lower mean surprisal by at least MIN_GAIN_BITS, with a 95 % lower
    bound of a bootstrap over windows above 0."""
    gain = (marginal.nll_nats - conditional.nll_nats) / np.log(2)
    rng = np.random.default_rng(seed)
    means = [gain[rng.integers(0, len(gain), len(gain))].mean() for _ in range(N_BOOTSTRAP)]
    return bool(gain.mean() >= MIN_GAIN_BITS and np.quantile(means, 0.05) > 0)


def strand_symmetry(session, cut: np.ndarray, site_forward: int, site_reverse: int) -> dict:
    """Return the mean and maximum difference of logp between a window and its reverse complement,
    with the bases in the same order, over a few windows.

    It is exactly zero only for a network that is symmetric by construction. For a causal model it
    is large, because the model reads another context on each strand.
    """
    cut = cut[:SYMMETRY_WINDOWS]
    answers = []
    for codes, site in ((cut, site_forward), (reverse_complement(cut), site_reverse)):
        probs, _ = session.distributions(codes, np.full((len(codes), 1), site, np.int64))
        with np.errstate(divide="ignore"):
            answers.append(np.log(probs[:, 0].astype(np.float64)))
    return difference_summary(cut, np.abs(answers[0] - answers[1][..., [3, 2, 1, 0]]), "logp")


def token_symmetry(session, cut: np.ndarray, site_forward: int, site_reverse: int) -> dict:
    """Return the same for a model of whole tokens, from the LLRs of the three other bases at the
    site."""
    cut = cut[:SYMMETRY_WINDOWS]
    return difference_summary(
        cut, likelihoods.strand_difference(session, cut, site_forward, site_reverse), "llr"
    )


def difference_summary(cut: np.ndarray, difference: np.ndarray, of: str) -> dict:
    """Return the mean and the largest difference with three significant digits, as they are written
    to bundle.json. of: what differs, logp or llr."""
    return {
        "n_windows": len(cut),
        f"mean_{of}": float(f"{difference.mean():.3g}"),
        f"max_{of}": float(f"{difference.max():.3g}"),
    }


def composition_nats(cut: np.ndarray) -> float:
    """Return the entropy of the windows' base composition, in nats: the surprisal of a model that
    only knows the four frequencies."""
    share = np.bincount(cut.ravel(), minlength=4)[:4] / cut.size
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


def judge(evidence: Evidence, cut: np.ndarray, fasta_digest: str, allow_untrained: bool) -> dict:
    """Return the sanity check's part of the certificate. Raises BadDataError (65) where the model
    fails and untrained ones are not allowed."""
    composition = composition_nats(cut) if evidence.composition is None else evidence.composition
    is_low = evidence.mean < evidence.threshold
    passed = (
        is_low and not evidence.is_constant
    )  # constant answers can be below the threshold: in an AT-rich genome the composition is
    if not passed:
        observed, wanted = (
            ("the same answer for every window", "one that depends on the window")
            if is_low
            else (
                f"mean NLL {evidence.mean:.3f} per {evidence.unit}",
                f"below {evidence.threshold:.3f}",
            )
        )
        line = message(
            "NLL gate",
            observed,
            wanted,
            "weights untrained or misread? --allow_untrained exports it all the same",
        )
        if not allow_untrained:
            raise BadDataError(line)
        LOG.warning("%s", line)
    elif evidence.mean > composition:
        LOG.warning(
            "mean NLL is %.3f per %s, above the windows' composition entropy %.3f: this model knows little of this genome",
            evidence.mean,
            evidence.unit,
            composition,
        )
    return {
        "gate": "passed" if passed else "failed",
        "nll_nats": round(evidence.mean, 6),
        "threshold_nats": round(evidence.threshold, 6),
        "per": evidence.unit,
        "composition_nats": round(composition, 6),
        "n_windows": len(cut),
        "n_bases": evidence.n_bases,
        "fasta_digest": fasta_digest,
    }
