"""The lines that we add to a VCF header: keys, models, calibration and verdicts, so that a flag can
be audited from the file alone.

They contain no path, host, user or time stamp, so the same run gives the same lines on every
machine. Other modules write them to files.
"""

from __future__ import annotations

from gfmtrust import __version__
from gfmtrust.annotate.exam_lines import exam_lines, quoted, structured
from gfmtrust.calibration.certificates import Certificate
from gfmtrust.calibration.class_calibration import ClassCalibration
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.columns import info_header_lines
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.vocabulary import VariantClass
from gfmtrust.core.warning_counts import shown
from gfmtrust.io.vcf.info_values import number_text

DECOY, LOCUS_LABELS = "decoy", "labels(locus)"
RESEARCH_USE = (
    "Research use only; not ACMG evidence; each allele is scored alone on the reference, no phase"
)
SAFE_FILTER = (
    "GFM_RANK>=2 keeps alleles flagged MEDIUM or HIGH; GFM_RANK=0 is not scored, not benign"
)
MISMATCH = "##gfmtrustMismatch=allowed: the run went on although REF or contig names may not fit the genome"
FACTS = (
    ("Family", "family"),
    ("Context", "window_bp"),
    ("Opset", "opset"),
    ("Device", "device"),
    ("Precision", "precision"),
    ("Gate", "gate"),
)
"""Fields of a ##GFM_model line and their names in the metadata of score tables."""


def header_lines(calibration: RunCalibration, facts: RunFacts, command: str) -> list[str]:
    """All our lines, without line ends, in a fixed order.

    facts: the facts that annotate_sites wrote to sites.parquet; command: subcommand and options,
    without folders.
    """
    models = facts.models
    return [
        *info_header_lines(),
        f"##gfmtrustVersion={__version__}",
        f"##gfmtrustCommand={command}",
        f"##gfmtrustUse={RESEARCH_USE}",
        f"##gfmtrustFilter={SAFE_FILTER}",
        f"##gfmtrustDevice={','.join(sorted({meta['device'] for meta in models.values() if 'device' in meta})) or 'unknown'}",
        f"##gfmtrustShift={shift_text(calibration)}",
        *(
            [f"##gfmtrustBackground={background_text(calibration)}"]
            if calibration.options.background
            else []
        ),
        *([f"##gfmtrustPercentile={facts.percentile}"] if facts.percentile else []),
        *(
            [f"##gfmtrustScores={own_scale(calibration.options.scores)}"]
            if calibration.options.scores
            else []
        ),
        *([MISMATCH] if facts.allow_mismatch else []),
        *(
            model_line(model, digest, models.get(model, {}))
            for model, digest in calibration.bundles.items()
        ),
        calibration_line(calibration),
        *(
            certificate_line(name, number, certificate, _set_name(one))
            for name, one in calibration.in_use()
            for number, certificate in enumerate(one.certificates, start=1)
        ),
        *exam_lines(calibration, facts.soft_masked),
    ]


def own_scale(models: str) -> str:
    """What GFM_LLR holds in a run of scores on a scale of their own, as one sentence."""
    return (
        f"GFM_LLR holds the score of {models} on its own scale, low is disfavoured or damaging; it is no "
        "log-likelihood ratio and prefers no base"
    )


def model_line(model: str, digest: str, facts: dict) -> str:
    """`##GFM_model=<ID=..,SHA256=..,...>`."""
    fields = [f"{name}={facts[field]}" for name, field in FACTS if field in facts]
    return f"##GFM_model=<{','.join([f'ID={model}', f'SHA256={digest}', *fields])}>"


def calibration_line(calibration: RunCalibration) -> str:
    """The run's calibration as one structured line: set, probes, limits, confidence, uses of the
    certification splits, outcome."""
    options, snv = calibration.options, calibration.snv
    fields = {
        "ID": "run",
        "Set": calibration.sets,
        "N": snv.counts.probes,
        "Failed": snv.counts.failed,
        "Blocks": snv.counts.blocks,
        "Seed": options.seed,
        "AlphaHIGH": f"{options.alpha_high:g}",
        "AlphaMEDIUM": f"{options.alpha_medium:g}",
        "Delta": f"{options.delta:g}",
        "Looks": options.looks,
        "Genome": calibration.digests.get("genome", "unknown"),
        "Shift": shift_state(calibration),
        "Outcome": quoted(calibration.outcome),
    }
    return structured("GFM_calibration", fields)


def certificate_line(kind: str, number: int, certificate: Certificate, of: str = DECOY) -> str:
    """One level of one variant class in one cell: the counts in the certification split, balanced
    and run-oriented, and whether the level exists.

    of: 'decoy', 'labels' or 'labels(locus)'; the line states it where it is not 'decoy'. Labels have
    a count of errors for the alleles with an effect and for those without one; `Bound` is then that
    of their mean error, and `BeatsCommonerP` the p-value against always calling the commoner label.
    """
    prefix = ("" if kind == VariantClass.SNV else f"{kind}_") + (
        "LOCUS_" if of == LOCUS_LABELS else ""
    )
    label_counts = certificate.by_label
    by_label = (
        {
            "EffectN": label_counts.effect.n,
            "EffectErrors": label_counts.effect.errors,
            "EffectBound": number_text(label_counts.effect.bound),
            "NoneN": label_counts.none.n,
            "NoneErrors": label_counts.none.errors,
            "NoneBound": number_text(label_counts.none.bound),
            "BeatsCommonerP": number_text(label_counts.p_commoner),
        }
        if label_counts is not None
        else {}
    )
    fields = {
        "ID": f"{prefix}{certificate.level}_{number}",
        "Level": certificate.level,
        "Certified": "yes" if certificate.exists else "no",
        "Classes": quoted(",".join(certificate.strata)),
        "Refused": quoted(",".join(certificate.refused)),
        "Threshold": "." if certificate.threshold is None else number_text(certificate.threshold),
        "Alpha": f"{certificate.alpha:g}",
        "Delta": f"{certificate.delta:g}",
        "N": certificate.balanced.n,
        "Errors": certificate.balanced.errors,
        "Bound": number_text(certificate.balanced.bound),
        "RunN": certificate.run.n,
        "RunErrors": certificate.run.errors,
        "RunBound": number_text(certificate.run.bound),
        "Tested": certificate.tested,
        "Kind": kind,
        **({"Set": of} if of != DECOY else {}),
        **by_label,
    }
    return structured("GFM_calibration", fields)


def _set_name(one: ClassCalibration) -> str:
    return LOCUS_LABELS if one.loci else one.set


def shift_state(calibration: RunCalibration) -> str:
    """ok, fired, too_few or not_tested."""
    return calibration.shift.state if calibration.shift else "not_tested"


def shift_text(calibration: RunCalibration) -> str:
    """The verdict of the shift test with its numbers."""
    verdict = calibration.shift
    if verdict is None or verdict.delta_median is None:
        return shift_state(calibration)
    return (
        f"{verdict.state}; median difference {verdict.delta_median:.3f} bit ({verdict.low:.3f} to {verdict.high:.3f}), "
        f"KS D {verdict.ks_d:.3f}"
    )


def background_text(calibration: RunCalibration) -> str:
    """The description of the background in a run that has one."""
    return (
        f"context model and probes come from {shown(calibration.options.background)}, "
        f"digest {calibration.digests.get('background', 'unknown')}; flags are at most MEDIUM"
    )
