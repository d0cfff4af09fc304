"""From a checkpoint to a certified bundle: the model is found, loaded, certified and written.

    export_model("gpn-animal-promoter", "genome.fa", "models")  # writes models/<model id>/

A model that is not what its files state is refused: `source` resolves the checkpoint and its
provenance, `models.checkpoint` loads it, and `certificate` validates it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gfmtrust.bundle import bpe, graph_contract, schema, session
from gfmtrust.bundle import bundle as bundles
from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.errors import (
    CannotWriteError,
    ConfigurationError,
    TransientError,
    message,
)
from gfmtrust.export import source as sources
from gfmtrust.export.options import ExportOptions, checked_id
from gfmtrust.inputs import training
from gfmtrust.io.genome import Genome

if TYPE_CHECKING:
    from gfmtrust.models.checkpoint import Checkpoint
    from gfmtrust.models.family import Window

DEFAULTS = ExportOptions()


def export_model(
    model: str,
    fasta: str | Path,
    out_dir: str | Path,
    options: ExportOptions = DEFAULTS,
) -> bundles.Bundle:
    """Write the bundle out_dir/<model id>/.

    model: the id of a registered checkpoint, `repository@commit` of the hub, a directory of weights,
    or a bundle, which is checked and copied. fasta: the genome for the sanity check.

    Raises ConfigurationError (78) for an unknown or unpinned id, a config.json that was not read in
    full and a bundle of another precision; MissingInputError (66); BadDataError (65) for files that
    do not fit, outputs that are not numbers, a graph that differs from torch, a lower precision too
    far from fp32, strands that differ although they must not, or a model that fails the sanity check
    without allow_untrained; UsageError (64) for a held-out contig that the genome lacks;
    CannotWriteError (73) if the bundle exists; TransientError (75) if the
    memory is too small for the weights.
    """
    source = sources.resolve(str(model))
    if source.is_bundle:
        return accept_bundle(source.directory, Path(out_dir), options)
    from gfmtrust.models import checkpoint

    loaded = checkpoint.load(source.directory)
    if source.row:
        sources.check_row(source.row, loaded)
    name = (
        options.model_id
        or loaded.card.get("model_id")
        or source.name
        or source.directory.resolve().name
    )
    target = _target(Path(out_dir), name)
    with _enough_memory(name):
        return _certified(loaded, source, fasta, target, options)


def _certified(
    loaded: Checkpoint,
    source: sources.Source,
    fasta: str | Path,
    target: Path,
    options: ExportOptions,
) -> bundles.Bundle:
    """Export a loaded checkpoint, certify its graphs, and write the bundle `target`."""
    from gfmtrust.export import certificate

    # an index or a decompressed copy of the genome goes to the scratch folder too
    with tempfile.TemporaryDirectory() as scratch, Genome.open(fasta, scratch) as genome:
        window = _window(loaded, source, options)
        identity = sources.identity(loaded, source, target.name)
        heldout = training.contigs_of(options.heldout_contigs, genome.names, genome.name)
        meta = {"identity": identity} | groups(loaded, window)
        if heldout:
            meta["training"] = training.with_heldout(loaded.card.get("training", {}), heldout)
        proof = certificate.Proof(loaded, window, meta, Path(scratch), options)
        meta, cuda_graph = proof.of(genome)
        return bundles.write(
            target,
            meta,
            Path(scratch) / graph_contract.GRAPH_FILE,
            precision=options.precision,
            cuda_graph_path=cuda_graph,
        )


def _window(loaded: Checkpoint, source: sources.Source, options: ExportOptions) -> Window:
    window_bp = (
        options.window_bp
        or loaded.card.get("window_bp")
        or (int(source.row.window_bp) if source.row else None)
    )
    window = loaded.family.window(loaded.config, window_bp)
    return replace(window, trained_bp=loaded.card.get("trained_bp", window.trained_bp))


@contextmanager
def _enough_memory(name: str) -> Iterator[None]:
    """Raises TransientError (75) if memory runs out; torch has no error class for that on CPU."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            raise TransientError(
                message(
                    f"model {name}",
                    "out of memory",
                    "room for its weights and one window",
                    "run it on a larger machine, or give it a shorter window_bp",
                )
            ) from error
        raise


def groups(loaded: Checkpoint, window: Window) -> dict:
    """The groups of bundle.json that need no run of the graph."""
    text, family = loaded.text, loaded.family
    return {
        "text": {
            "k": text.k,
            "vocabulary": text.vocabulary,
            "mask": text.mask,
            "unknown": text.unknown,
            "outside": text.outside,
            "prefix": list(text.prefix),
            "suffix": list(text.suffix),
            "lower_case": text.lower_case,
            "vocabulary_sha256": loaded.vocabulary_sha256,
            "vocabulary_source": loaded.vocabulary_source,
        }
        | _bpe_fields(text),
        "scoring": {
            "causal": text.causal,
            "quantity": family.quantity,
            "kmer_method": text.kmer_method,
            "n_members": 1,
            "rc_equivariant": family.rc_equivariant(loaded.config),
            "neighbour_offsets": list(window.neighbour_offsets),
            "neighbours_in_same_pass": window.neighbours_in_same_pass,
        },
        "window": {
            "window_bp": window.window_bp,
            "trained_bp": window.trained_bp,
            "site_forward": window.site_forward,
            "site_reverse": window.site_reverse,
            "shifts": list(window.shifts),
            "batch": 0,
        },
        "source": {"sha256": loaded.sha256, "weights_dtypes": loaded.dtypes},
        **({"training": loaded.card["training"]} if loaded.card.get("training") else {}),
    }


def _bpe_fields(text: Text) -> dict:
    """The further fields of the text group of a BPE model."""
    if not isinstance(text, bpe.BpeText):
        return {}
    fields = {name: getattr(text, name) for name in schema.BPE_FIELDS}
    return {"kind": "bpe"} | fields | {"merges": [list(pair) for pair in text.merges]}


def accept_bundle(directory: Path, out_dir: Path, options: ExportOptions) -> bundles.Bundle:
    """Check a bundle that was made elsewhere, with its golden windows, and copy it.

    Its model id stays, because the digest covers it.
    """
    opened = bundles.Bundle.open(directory)
    if options.model_id not in (None, opened.model_id):
        raise ConfigurationError(
            message(
                str(directory),
                f"model id is {opened.model_id}",
                f"{options.model_id} as asked for",
                "leave --model_id out",
            )
        )
    if options.precision != opened.precision:
        raise ConfigurationError(
            message(
                str(directory),
                f"precision is {opened.precision}",
                f"{options.precision} as asked for",
                f"give --precision {opened.precision}, or the weights instead of the bundle",
            )
        )
    declared = training.heldout([opened.training], options.heldout_contigs)
    if missing := [name for name in options.heldout_contigs if name not in declared]:
        raise ConfigurationError(
            message(
                str(directory),
                f"{missing[0]} is not among its {training.HELD_OUT}",
                f"contigs that the bundle says were held out, as {training.OPTION} asks",
                f"leave {training.OPTION} out, or give the weights instead of the bundle",
            )
        )
    session.Session.open(opened, "cpu", options.threads, allow_long_window=True)
    return bundles.copy(opened, _target(out_dir, opened.model_id))


def _target(out_dir: Path, name: str) -> Path:
    if (out_dir / checked_id(name)).exists():
        raise CannotWriteError(
            message(
                str(out_dir / name),
                "exists",
                "a new directory",
                "remove it or choose another --model_id",
            )
        )
    return out_dir / name
