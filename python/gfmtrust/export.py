"""From a checkpoint to a certified bundle: load, fold, export, compare with torch, gate on the user's genome, write.

    export_model("gpn-animal-promoter" | "weights/" | "bundle/", "genome.fa", "models")   ->   models/<model id>/

A model that is not what its files say does not get through: see `models.checkpoint` (loading), `parity` (the graph), `gate` (the weights).
"""

from __future__ import annotations

import logging
import re
import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gfmtrust import bundle as bundles
from gfmtrust import gate, golden, parity, registry, session, tokenizers
from gfmtrust.errors import BadDataError, CannotWriteError, ConfigurationError, MissingInputError, message
from gfmtrust.genome import Genome
from gfmtrust.models import hub

LOG = logging.getLogger(__name__)

N_WINDOWS = 1000
MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Source:
    """Where a model comes from: a directory of weights or a bundle, and the row that names it, if one does."""

    directory: Path
    row: registry.Row | None = None

    @property
    def is_bundle(self) -> bool:
        return (self.directory / bundles.BUNDLE_FILE).is_file()


@dataclass(frozen=True)
class Choices:
    """What the user chose beside the model; see export_model."""

    allow_untrained: bool
    n_windows: int
    window_bp: int | None
    threads: int
    precision: str


def export_model(model: str, fasta: str | Path, out_dir: str | Path, model_id: str | None = None, allow_untrained: bool = False,
                 n_windows: int = N_WINDOWS, window_bp: int | None = None, threads: int = 1, precision: str = "fp32") -> bundles.Bundle:
    """Write the bundle out_dir/<model id>/.

    model: id of a row of assets/models.csv, a directory of weights, or a bundle, which is checked and copied. n_windows: windows of the
    FASTA the gate reads. window_bp: another window than the family's. precision: one of bundle.PRECISIONS. Raises ConfigurationError (78)
    for an unknown or unpinned id, a config.json not read in full and a bundle of another precision, MissingInputError (66), BadDataError
    (65) for files that do not fit, a graph that differs from torch, fp16 too far from fp32 or a model that fails the gate without
    allow_untrained, CannotWriteError (73) where the bundle exists.
    """
    source = resolve(str(model))
    if source.is_bundle:
        return accept_bundle(source.directory, Path(out_dir), model_id, threads, precision)
    from gfmtrust.models import checkpoint

    loaded = checkpoint.load(source.directory)
    if source.row:
        check_row(source.row, loaded)
    name = model_id or loaded.card.get("model_id") or (source.row.id if source.row else source.directory.resolve().name)
    target = _target(Path(out_dir), name)
    window_bp = window_bp or loaded.card.get("window_bp") or (int(source.row.window_bp) if source.row else None)
    choices = Choices(allow_untrained, n_windows, window_bp, threads, precision)
    # an index or a decompressed copy the genome needs goes to the scratch folder too
    with tempfile.TemporaryDirectory() as scratch, Genome.open(fasta, scratch) as genome:
        graph = Path(scratch) / bundles.GRAPH_FILE
        meta = _proven(loaded, _identity(loaded, source.row, name), genome, graph, choices)
        return bundles.write(target, meta, graph, precision=precision)


def _proven(loaded, identity: dict, genome: Genome, graph: Path, choices: Choices) -> dict:
    """Write the graph of a checkpoint to `graph` and give the groups of its bundle, with every proof made."""
    from gfmtrust.models.graph import answerer, export_graph

    window = loaded.family.window(loaded.config, choices.window_bp)
    window = replace(window, trained_bp=loaded.card.get("trained_bp", window.trained_bp))
    scorer = loaded.family.scorer(loaded.network, loaded.config, loaded.text).eval()
    methods = ("marginal", "conditional") if loaded.text.k > 1 and not loaded.text.causal else ("",)
    texts = [replace(loaded.text, kmer_method=method) for method in methods]
    made = [reference for text in texts for reference in parity.references(answerer(scorer), tokenizers.build(text), window)]
    export_graph(scorer, made[0].feeds, graph)
    certificate = parity.certify(made, session.runner(graph, choices.threads), "CPUExecutionProvider", loaded.family.bar)

    meta = {"identity": identity} | _groups(loaded, window)
    running = session.start(meta, graph, "cpu", choices.threads)
    cut = gate.windows(genome, window.window_bp, _n_windows(loaded.text, choices.n_windows))
    index = np.array(sorted({window.site_forward, *(window.site_forward + offset for offset in window.neighbour_offsets)}))
    found = gate.evidence(running, cut, index)
    if len(methods) > 1:
        found, running = _choose_method(meta, found, running, graph, cut, index, choices.threads)
    certificates = [certificate]
    if choices.precision == "fp16":
        full, running = running, session.start(meta, export_graph(scorer.halved(), made[0].feeds, graph), "cpu", choices.threads)
        certificates.append(parity.certify_half(full, running, cut, window.site_forward))
        found = gate.evidence(running, cut, index)
    judged = gate.judge(found, cut, genome.digest(), choices.allow_untrained)
    symmetry = gate.strand_symmetry(running, cut, window.site_forward, window.site_reverse)
    versions = {package: version(package) for package in ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")}
    meta["proof"] = {**judged, "parity": certificates, "strand_symmetry": symmetry, "versions": versions}
    meta["golden"] = golden.windows(running, cut, window)
    return meta


def _n_windows(text, n_windows: int) -> int:
    """The choice of a k-mer method wants 10,000 bases where the gate wants 1,000 windows: 9 are scored in each."""
    return n_windows if text.k == 1 or text.causal else -(-n_windows * 10 // 9)


def _choose_method(meta, marginal, running, graph, cut, index, threads):
    """Score the same bases by the other k-mer method and keep the better, in `meta` too; both surprisals go there, bits per base."""
    meta["scoring"]["kmer_method"] = "conditional"
    other = session.start(meta, graph, "cpu", threads)
    conditional = gate.evidence(other, cut, index)
    bits = {"marginal": marginal.mean / np.log(2), "conditional": conditional.mean / np.log(2)}
    meta["scoring"]["kmer_surprisal_bits"] = {method: round(float(value), 6) for method, value in bits.items()}
    if gate.conditional_is_better(marginal, conditional):
        return conditional, other
    meta["scoring"]["kmer_method"] = "marginal"
    return marginal, running


def _identity(loaded, row: registry.Row | None, name: str) -> dict:
    """Who made the model, under which licence; from the card of the directory, else from the row."""
    known = {field: loaded.card.get(field) or (getattr(row, field) if row else "")
             for field in ("repository", "revision", "licence", "licence_url", "citation")}
    LOG.info("%s: licence %s, the checkpoint's own", name, known["licence"] or "not stated")
    return {"model_id": name, "family": loaded.family.name, "n_parameters": loaded.n_parameters, **known}


def _groups(loaded, window) -> dict:
    """The groups of bundle.json that are known before the graph runs."""
    text, family = loaded.text, loaded.family
    return {
        "text": {"k": text.k, "vocabulary": text.vocabulary, "mask": text.mask, "unknown": text.unknown, "outside": text.outside,
                 "prefix": list(text.prefix), "suffix": list(text.suffix), "lower_case": text.lower_case,
                 "vocabulary_sha256": loaded.vocabulary_sha256},
        "scoring": {"causal": text.causal, "quantity": family.quantity, "kmer_method": text.kmer_method, "n_members": 1,
                    "rc_equivariant": family.rc_equivariant(loaded.config), "neighbour_offsets": list(window.neighbour_offsets),
                    "neighbours_in_same_pass": window.neighbours_in_same_pass},
        "window": {"window_bp": window.window_bp, "trained_bp": window.trained_bp, "site_forward": window.site_forward,
                   "site_reverse": window.site_reverse, "shifts": list(window.shifts), "batch": 0},
        "source": {"sha256": loaded.sha256, "weights_dtypes": loaded.dtypes},
        **({"training": loaded.card["training"]} if loaded.card.get("training") else {}),
    }


def resolve(model: str) -> Source:
    """A directory as given, else a pinned row's checkpoint. Raises ConfigurationError (78), MissingInputError (66)."""
    directory = Path(model)
    if directory.is_dir():
        return Source(directory)
    if directory.suffix == ".onnx":
        found = "a bare .onnx file" if directory.is_file() else "not found"
        raise ConfigurationError(message(model, found, "a bundle directory or a directory of weights", "a graph alone names no tokenizer"))
    if "/" in model:
        raise MissingInputError(message(model, "not found", "a directory of weights or a bundle"))
    row = registry.find(model)
    return Source(hub.fetch(row.repository, row.revision), row)


def check_row(row: registry.Row, loaded) -> None:
    """Refuse (65) files whose sha256 is not the row's; a family of another name is refused too."""
    weights = [digest for name, digest in sorted(loaded.sha256.items()) if name.endswith((".safetensors", ".bin"))]
    pairs = (("config.json", loaded.sha256["config.json"], row.config_sha256), ("family", loaded.family.name, row.family),
             ("vocabulary", loaded.vocabulary_sha256, row.vocabulary_sha256), ("weights", " ".join(weights), row.weights_sha256))
    for what, found, expected in pairs:
        if found != expected:
            raise BadDataError(message(f"model {row.id}", f"{what} is {found}", f"{expected} as assets/models.csv says"))


def accept_bundle(directory: Path, out_dir: Path, model_id: str | None, threads: int = 1, precision: str = "fp32") -> bundles.Bundle:
    """Check a bundle made elsewhere, golden windows included, and copy it. Its own model id stays: the digest covers it."""
    opened = bundles.Bundle.open(directory)
    if model_id not in (None, opened.model_id):
        found = f"model id is {opened.model_id}"
        raise ConfigurationError(message(str(directory), found, f"{model_id} as asked for", "leave --model_id out"))
    if precision != opened.precision:
        raise ConfigurationError(message(str(directory), f"precision is {opened.precision}", f"{precision} as asked for",
                                         f"give --precision {opened.precision}, or the weights instead of the bundle"))
    session.Session.open(opened, "cpu", threads, allow_long_window=True)
    return bundles.copy(opened, _target(out_dir, opened.model_id))


def _target(out_dir: Path, name: str) -> Path:
    if not MODEL_ID.fullmatch(name):
        raise ConfigurationError(message("--model_id", repr(name), MODEL_ID.pattern, "give the model another name"))
    if (out_dir / name).exists():
        raise CannotWriteError(message(str(out_dir / name), "exists", "a new directory", "remove it or choose another --model_id"))
    return out_dir / name
