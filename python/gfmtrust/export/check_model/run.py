"""One check, from the name of a model to its result."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

import numpy as np

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.schema import BUNDLE_FILE, EXTERNAL
from gfmtrust.bundle.session import Session
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.core.progress import Progress, duration
from gfmtrust.export import export
from gfmtrust.export.check_model import baselines, evaluate, sample, tokens
from gfmtrust.export.check_model.report import CHANCE_BITS, Check, Figures
from gfmtrust.export.options import ExportOptions
from gfmtrust.models.quiet import errors_only
from gfmtrust.readers.registry import reader_of

LOG = logging.getLogger(__name__)

EXPORT_WINDOWS = 64
"""The number of windows that the export reads, to choose between the two methods of k-mer models;
the verdict does not depend on them."""
WEIGHTS = (".safetensors", ".bin")


def check_model(
    model: str,
    fasta: Path | None = None,
    out_dir: Path | None = None,
    n_windows: int | None = None,
    threads: int = 1,
) -> Check:
    """Load, export and evaluate a model; whether it passed is part of the result.

    model: as for `export.export_model`. fasta: a genome instead of the one in the package. out_dir:
    a folder in which the bundle is kept. n_windows: per part of the genome, by default that of
    `evaluate.enough_windows`. Raises what `export.export_model` raises, except that a model which
    fails the sanity check is accepted, and what `sample.prepare` raises; BadDataError (65) where no
    part of the genome has a window, and ConfigurationError (78) for a bundle of external scores.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        genome = sample.prepare(fasta, scratch)
        if (Path(model) / BUNDLE_FILE).is_file() and Bundle.open(model).is_external:
            raise ConfigurationError(
                message(
                    model,
                    f"a bundle of family {EXTERNAL}",
                    "weights, or a bundle with a network",
                    "scores from elsewhere cannot be asked about another genome",
                )
            )
        LOG.info("%s: loading and exporting", model)
        started = time.monotonic()
        with errors_only("gfmtrust.export.sanity_check"):  # the verdict is given here
            bundle = export.export_model(
                model,
                genome.fasta,
                out_dir or scratch / "bundles",
                ExportOptions(
                    allow_untrained=True,
                    n_windows=min(n_windows or EXPORT_WINDOWS, EXPORT_WINDOWS),
                    threads=threads,
                ),
            )
        LOG.info("%s: exported in %s", bundle.model_id, duration(time.monotonic() - started))
        return _question(
            bundle,
            genome,
            n_windows or evaluate.enough_windows(bundle),
            threads,
            str(bundle.directory) if out_dir else "",
        )


def _question(
    bundle: Bundle, genome: sample.Sample, n_windows: int, threads: int, kept: str
) -> Check:
    cut = {
        name: sample.windows(letters, bundle.window_bp, n_windows)
        for name, letters in genome.parts.items()
    }
    usable = {name: one for name, one in cut.items() if one is not None}
    if not usable:
        raise BadDataError(
            message(
                genome.source,
                f"no window of {bundle.window_bp:,} bases without N",
                "at least one",
                "give --fasta with a longer sequence",
            )
        )
    session = Session.open(bundle, "cpu", threads, allow_long_window=True)
    progress = Progress(bundle.model_id, "windows", sum(len(one.start) for one in usable.values()))
    session.on_passes = progress
    started = time.monotonic()
    answers = {name: evaluate.answers(session, bundle, one.codes) for name, one in usable.items()}
    rate = session.passes / max(time.monotonic() - started, 1e-9)
    with errors_only("gfmtrust.baseline.fit"):
        figures = [
            _figures(name, genome.parts[name], usable[name], answers[name]) for name in usable
        ]
    source, text = bundle.meta["source"], bundle.text
    files = sorted(source.get("sha256", {}))
    others = (*WEIGHTS, ".index.json")
    return Check(
        identity=bundle.meta["identity"],
        kind=f"{tokens.unit(text)}, {'causal' if text.causal else 'masked'}",
        vocabulary=[name for name in files if not name.endswith(others) and name != "config.json"],
        vocabulary_size=len(text.vocabulary),
        weights=[name for name in files if name.endswith(WEIGHTS)],
        dtypes=source.get("weights_dtypes", []),
        window_bp=bundle.window_bp,
        reading=tokens.reading(bundle, next(iter(usable.values())).codes[0]),
        genome=genome.source,
        ships=genome.ships,
        figures=figures,
        skipped=[name for name in cut if name not in usable],
        parity=_parity(bundle),
        seconds=1000 * reader_of(bundle).passes_per_site("default", True) / rate,
        threads=threads,
        provider=session.provider,
        bundle=kept,
    )


def _figures(
    part: str, letters: sample.Letters, cut: sample.Windows, answers: evaluate.Answers
) -> Figures:
    """Return the bits of the model and of the baselines on the same bases of one part."""
    row, column = np.nonzero(answers.scored)
    bits = baselines.surprisals(letters, cut.contig_index[row], cut.start[row] + column)
    n_bases = answers.scored.sum(axis=1)
    asked = n_bases > 0
    model_bits = answers.nats[asked] / np.log(2) / n_bases[asked]
    counted = np.bincount(row, bits["letter_frequencies"], len(n_bases))[asked] / n_bases[asked]
    evidence = answers.evidence
    return Figures(
        part=part,
        windows=len(cut.start),
        bases=len(row),
        bits=float(answers.nats.sum() / np.log(2) / len(row)),
        se=_standard_error(model_bits),
        baselines={name: float(values.mean()) for name, values in bits.items()},
        gain_se=_standard_error(counted - model_bits),
        unit=evidence.unit,
        bits_per_unit=float(evidence.mean / np.log(2)),
        unit_se=_standard_error(evidence.nll_nats / np.log(2)),
        gate_bits=float(evidence.threshold / np.log(2)),
        is_constant=evidence.is_constant,
    )


def _standard_error(per_window: np.ndarray) -> float:
    """Return the standard error of the mean over windows; for fewer than two, the surprisal of
    chance."""
    return (
        float(per_window.std(ddof=1) / np.sqrt(len(per_window)))
        if len(per_window) > 1
        else CHANCE_BITS
    )


def _parity(bundle: Bundle) -> dict | None:
    """Return the worst shape of the certificates against torch."""
    shapes = [
        shape for one in bundle.meta["proof"].get("parity", []) for shape in one.get("shapes", [])
    ]
    return max(shapes, key=lambda shape: shape["max_logp"] / shape["allowed"], default=None)
