"""From a checkpoint to a certified bundle: find, load, prove, write.

    export_model("gpn-animal-promoter" | "weights/" | "bundle/", "genome.fa", "models")   ->
    models/<model id>/

A model that is not what its files say does not get through: see `source` (whose it is),
`models.checkpoint` (loading), `proof` (the rest).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gfmtrust.bundle import bpe, graph_contract, schema, session
from gfmtrust.bundle import bundle as bundles
from gfmtrust.core.errors import (
    CannotWriteError,
    ConfigurationError,
    TransientError,
    message,
)
from gfmtrust.export import source as sources
from gfmtrust.io.genome import Genome

N_WINDOWS = 1000
MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def export_model(
    model: str,
    fasta: str | Path,
    out_dir: str | Path,
    model_id: str | None = None,
    allow_untrained: bool = False,
    n_windows: int = N_WINDOWS,
    window_bp: int | None = None,
    threads: int = 1,
    precision: str = "fp32",
) -> bundles.Bundle:
    """Write the bundle out_dir/<model id>/.

    model: id of a registered checkpoint, `repository@commit` of the hub, a directory of weights,
    or a bundle, which is checked and copied. n_windows: windows of the FASTA the gate reads.
    window_bp: another window than the family's. precision: one of bundle.PRECISIONS. Raises
    ConfigurationError (78) for an unknown or unpinned id, a config.json not read in full and a
    bundle of another precision, MissingInputError (66), BadDataError (65) for files that do not
    fit, answers that are no numbers, a graph that differs from torch, a lower precision too far
    from fp32, strands that differ where they may not, or a model that fails the gate without
    allow_untrained, CannotWriteError (73) where the bundle exists, TransientError (75) where memory
    is short of what the weights need.
    """
    source = sources.resolve(str(model))
    if source.is_bundle:
        return accept_bundle(source.directory, Path(out_dir), model_id, threads, precision)
    from gfmtrust.export import certificate
    from gfmtrust.models import checkpoint

    loaded = checkpoint.load(source.directory)
    if source.row:
        sources.check_row(source.row, loaded)
    name = model_id or loaded.card.get("model_id") or source.name or source.directory.resolve().name
    target = _target(Path(out_dir), name)
    window_bp = (
        window_bp
        or loaded.card.get("window_bp")
        or (int(source.row.window_bp) if source.row else None)
    )
    choices = certificate.Choices(allow_untrained, n_windows, threads, precision)
    # an index or a decompressed copy the genome needs goes to the scratch folder too
    with (
        tempfile.TemporaryDirectory() as scratch,
        Genome.open(fasta, scratch) as genome,
        _enough_memory(name),
    ):
        window = loaded.family.window(loaded.config, window_bp)
        window = replace(window, trained_bp=loaded.card.get("trained_bp", window.trained_bp))
        meta = {"identity": sources.identity(loaded, source, name)} | groups(loaded, window)
        meta, cuda_graph = certificate.Proof(loaded, window, meta, Path(scratch), choices).of(
            genome
        )
        return bundles.write(
            target,
            meta,
            Path(scratch) / graph_contract.GRAPH_FILE,
            precision=precision,
            cuda_graph_path=cuda_graph,
        )


@contextmanager
def _enough_memory(name: str) -> Iterator[None]:
    """TransientError (75) where memory runs out; torch has no class of its own for that on CPU."""
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


def groups(loaded, window) -> dict:
    """The groups of bundle.json that are known before the graph runs."""
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


def _bpe_fields(text) -> dict:
    """What the text group of a BPE model holds beside the rest."""
    if not isinstance(text, bpe.BpeText):
        return {}
    own = {name: getattr(text, name) for name in schema.BPE_FIELDS}
    return {"kind": "bpe"} | own | {"merges": [list(pair) for pair in text.merges]}


def accept_bundle(
    directory: Path, out_dir: Path, model_id: str | None, threads: int = 1, precision: str = "fp32"
) -> bundles.Bundle:
    """Check a bundle made elsewhere, golden windows included, and copy it. Its own model id stays:
    the digest covers it."""
    opened = bundles.Bundle.open(directory)
    if model_id not in (None, opened.model_id):
        found = f"model id is {opened.model_id}"
        raise ConfigurationError(
            message(str(directory), found, f"{model_id} as asked for", "leave --model_id out")
        )
    if precision != opened.precision:
        raise ConfigurationError(
            message(
                str(directory),
                f"precision is {opened.precision}",
                f"{precision} as asked for",
                f"give --precision {opened.precision}, or the weights instead of the bundle",
            )
        )
    session.Session.open(opened, "cpu", threads, allow_long_window=True)
    return bundles.copy(opened, _target(out_dir, opened.model_id))


def _target(out_dir: Path, name: str) -> Path:
    if not MODEL_ID.fullmatch(name):
        raise ConfigurationError(
            message("--model_id", repr(name), MODEL_ID.pattern, "give the model another name")
        )
    if (out_dir / name).exists():
        raise CannotWriteError(
            message(
                str(out_dir / name),
                "exists",
                "a new directory",
                "remove it or choose another --model_id",
            )
        )
    return out_dir / name
