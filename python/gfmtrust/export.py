"""From a checkpoint to a certified bundle: load, fold, export, compare with torch, gate on the user's genome, write.

    export_model("gpn-animal-promoter" | "weights/" | "bundle/", "genome.fa", "models")   ->   models/<model id>/

A model that is not what its files say does not get through: see `models.checkpoint` (loading), `parity` (the graph), `gate` (the weights).
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gfmtrust import bpe, gate, golden, graph_contract, parity, registry, session, tokenizers
from gfmtrust import bundle as bundles
from gfmtrust.errors import (
    BadDataError,
    CannotWriteError,
    ConfigurationError,
    DeviceError,
    MissingInputError,
    TransientError,
    message,
)
from gfmtrust.genome import Genome
from gfmtrust.models import hub
from gfmtrust.records import DRAFT

LOG = logging.getLogger(__name__)

N_WINDOWS = 1000
SYMMETRY_BARS = {"fp32": 1e-4, "fp16": 1e-2}
"""Most that the strands of a network symmetric by construction may differ: its sums run in another order."""
UNCERTIFIED = "bf16"
MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Source:
    """Where a model comes from: a directory of weights or a bundle, the row that names it, if one does, and what else is known of it."""

    directory: Path
    row: registry.Row | None = None
    name: str = ""
    told: dict[str, str] = field(default_factory=dict)

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

    model: id of a row of assets/models.csv, `repository@commit` of the hub, a directory of weights, or a bundle, which is checked and
    copied. n_windows: windows of the FASTA the gate reads. window_bp: another window than the family's. precision: one of
    bundle.PRECISIONS. Raises ConfigurationError (78) for an unknown or unpinned id, a config.json not read in full and a bundle of another
    precision, MissingInputError (66), BadDataError (65) for files that do not fit, answers that are no numbers, a graph that differs from
    torch, a lower precision too far from fp32, strands that differ where they may not, or a model that fails the gate without
    allow_untrained, CannotWriteError (73) where the bundle exists, TransientError (75) where memory is short of what the weights need,
    DeviceError (69) for a precision that no device here is certified for.
    """
    if precision == UNCERTIFIED:
        raise DeviceError(message(f"--precision {precision}", "no graph certified for it", ", ".join(bundles.PRECISIONS),
                                  "the CPU provider has no bf16 kernels, and those of CUDA were not measured"))
    source = resolve(str(model))
    if source.is_bundle:
        return accept_bundle(source.directory, Path(out_dir), model_id, threads, precision)
    from gfmtrust.models import checkpoint

    loaded = checkpoint.load(source.directory)
    if source.row:
        check_row(source.row, loaded)
    name = model_id or loaded.card.get("model_id") or source.name or source.directory.resolve().name
    target = _target(Path(out_dir), name)
    window_bp = window_bp or loaded.card.get("window_bp") or (int(source.row.window_bp) if source.row else None)
    choices = Choices(allow_untrained, n_windows, window_bp, threads, precision)
    # an index or a decompressed copy the genome needs goes to the scratch folder too
    with tempfile.TemporaryDirectory() as scratch, Genome.open(fasta, scratch) as genome, _enough_memory(name):
        meta, cuda_graph = _proven(loaded, _identity(loaded, source, name), genome, Path(scratch), choices)
        return bundles.write(target, meta, Path(scratch) / graph_contract.GRAPH_FILE, precision=precision, cuda_graph_path=cuda_graph)


def _proven(loaded, identity: dict, genome: Genome, folder: Path, choices: Choices) -> tuple[dict, Path | None]:
    """Write the graphs to the folder; the groups of its bundle, with every proof made, and CUDA's graph where it has its own."""
    from gfmtrust.models import draft
    from gfmtrust.models.graph import answerer, export_graph

    graph, cuda_graph, device = folder / graph_contract.GRAPH_FILE, folder / graph_contract.CUDA_GRAPH_FILE, "cpu"
    window = loaded.family.window(loaded.config, choices.window_bp)
    window = replace(window, trained_bp=loaded.card.get("trained_bp", window.trained_bp))
    network = loaded.family.sized(loaded.network, max(window.window_bp, parity.longest_but_window(window, loaded.text.k)))
    scorer = loaded.family.scorer(network, loaded.config, loaded.text).eval()
    is_bpe = isinstance(loaded.text, bpe.BpeText)
    if is_bpe and choices.precision != "fp32":
        raise ConfigurationError(message("--precision", f"{choices.precision} for a model of whole tokens", "fp32",
                                         "no bar of its likelihoods is known"))
    methods = ("marginal", "conditional") if loaded.text.k > 1 and not loaded.text.causal else ("",)
    texts = [replace(loaded.text, kmer_method=method) for method in methods]
    if is_bpe:
        made = parity.references_of_tokens(answerer(scorer), bpe.build(loaded.text), window)
    else:
        made = [reference for text in texts for reference in parity.references(answerer(scorer), tokenizers.build(text), window)]
    export_graph(scorer, made[0].feeds, graph)
    certificates = [parity.certify(made, session.runner(graph, choices.threads), session.PROVIDERS["cpu"], loaded.family.bar)]
    cuda_scorer = loaded.family.cuda_scorer and loaded.family.cuda_scorer(network, loaded.config, loaded.text).eval()
    if cuda_scorer:  # certified where it will run, or else by what it computes
        device = "cuda" if session.cuda_works() else "cpu"
        export_graph(cuda_scorer, made[0].feeds, cuda_graph)
        certificates.append(parity.certify(made, session.runner(cuda_graph, choices.threads, device), session.PROVIDERS[device],
                                           loaded.family.bar, cuda_graph.name))

    meta = {"identity": identity} | _groups(loaded, window)
    running = session.start(meta, graph, "cpu", choices.threads)
    cut = gate.windows(genome, window.window_bp, _n_windows(loaded.text, choices.n_windows))
    index = np.array(sorted({window.site_forward, *(window.site_forward + offset for offset in window.neighbour_offsets)}))
    found = gate.token_evidence(running, cut) if is_bpe else gate.evidence(running, cut, index)
    if len(methods) > 1:
        found, running = _choose_method(meta, found, running, graph, cut, index, choices.threads)
    if choices.precision != "fp32":
        if choices.precision == DRAFT:
            draft.quantise(graph)
            meta["window"]["batch"], cuda_scorer = 1, None  # activations are scaled by what the batch holds; for the CPU alone
        else:
            export_graph(scorer.halved(), made[0].feeds, graph)
        full, running = running, session.start(meta, graph, "cpu", choices.threads)
        certificates.append(parity.certify_lower(full, running, cut, window.site_forward, choices.precision))
        if cuda_scorer:
            half = session.start(meta, export_graph(cuda_scorer.halved(), made[0].feeds, cuda_graph), device, choices.threads)
            certificates.append(parity.certify_lower(full, half, cut, window.site_forward, choices.precision, cuda_graph.name))
        found = gate.evidence(running, cut, index)
    judged = gate.judge(found, cut, genome.digest(), choices.allow_untrained)
    symmetric = gate.token_symmetry if is_bpe else gate.strand_symmetry
    symmetry = symmetric(running, cut, window.site_forward, window.site_reverse)
    if meta["scoring"]["rc_equivariant"] and not symmetry["max_logp"] <= SYMMETRY_BARS.get(choices.precision, np.inf):
        found = f"logp of the two strands differs by {symmetry['max_logp']:.2g}"
        raise BadDataError(message(f"model {identity['model_id']}", found, "the same on both, as its network is built to give",
                                   "report it with config.json"))
    versions = {package: version(package) for package in ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")}
    meta["proof"] = {**judged, "parity": certificates, "strand_symmetry": symmetry, "versions": versions}
    meta["golden"] = golden.of_tokens(running, cut, window) if is_bpe else golden.windows(running, cut, window)
    return meta, cuda_graph if cuda_scorer else None


@contextmanager
def _enough_memory(name: str) -> Iterator[None]:
    """TransientError (75) where memory runs out; torch has no class of its own for that on CPU."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            raise TransientError(message(f"model {name}", "out of memory", "room for its weights and one window",
                                         "run it on a larger machine, or give it a shorter window_bp")) from error
        raise


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


def _identity(loaded, source: Source, name: str) -> dict:
    """Who made the model, under which licence; from our card in the directory, else the row or the id given, else its model card."""
    row = asdict(source.row) if source.row else {}
    told = hub.licence(loaded.directory) | source.told
    known = {key: loaded.card.get(key) or row.get(key) or told.get(key, "")
             for key in ("repository", "revision", "licence", "licence_url", "citation")}
    LOG.info("%s: licence %s, the checkpoint's own", name, known["licence"] or "not stated")
    return {"model_id": name, "family": loaded.family.name, "n_parameters": loaded.n_parameters, **known}


def _groups(loaded, window) -> dict:
    """The groups of bundle.json that are known before the graph runs."""
    text, family = loaded.text, loaded.family
    return {
        "text": {"k": text.k, "vocabulary": text.vocabulary, "mask": text.mask, "unknown": text.unknown, "outside": text.outside,
                 "prefix": list(text.prefix), "suffix": list(text.suffix), "lower_case": text.lower_case,
                 "vocabulary_sha256": loaded.vocabulary_sha256} | _bpe_fields(text),
        "scoring": {"causal": text.causal, "quantity": family.quantity, "kmer_method": text.kmer_method, "n_members": 1,
                    "rc_equivariant": family.rc_equivariant(loaded.config), "neighbour_offsets": list(window.neighbour_offsets),
                    "neighbours_in_same_pass": window.neighbours_in_same_pass},
        "window": {"window_bp": window.window_bp, "trained_bp": window.trained_bp, "site_forward": window.site_forward,
                   "site_reverse": window.site_reverse, "shifts": list(window.shifts), "batch": 0},
        "source": {"sha256": loaded.sha256, "weights_dtypes": loaded.dtypes},
        **({"training": loaded.card["training"]} if loaded.card.get("training") else {}),
    }


def _bpe_fields(text) -> dict:
    """What the text group of a BPE model holds beside the rest."""
    if not isinstance(text, bpe.BpeText):
        return {}
    own = {name: getattr(text, name) for name in bundles.BPE_FIELDS}
    return {"kind": "bpe"} | own | {"merges": [list(pair) for pair in text.merges]}


def resolve(model: str) -> Source:
    """A directory as given, else a checkpoint of the hub by its commit, else a pinned row's. Raises ConfigurationError (78),
    MissingInputError (66), and what `hub.fetch` raises."""
    directory = Path(model)
    if directory.is_dir():
        return Source(directory)
    if directory.suffix == ".onnx":
        found = "a bare .onnx file" if directory.is_file() else "not found"
        raise ConfigurationError(message(model, found, "a bundle directory or a directory of weights", "a graph alone names no tokenizer"))
    if named := hub.HUB_ID.fullmatch(model):
        repository, revision = named["repository"], named["revision"]
        return Source(_fetch(repository, revision), name=repository.split("/")[1], told={"repository": repository, "revision": revision})
    if "@" in model:
        raise ConfigurationError(message(model, f"revision is {model.rpartition('@')[2]!r}", "org/name@ and a commit of 40 hex digits",
                                         "a branch or tag moves; copy the commit from the repository's history"))
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", model):
        raise ConfigurationError(message(model, "not a folder, and no revision if it is a repository of the hub",
                                         f"a folder of weights, a bundle, or {model}@ and a commit of 40 hex digits"))
    if "/" in model:
        raise MissingInputError(message(model, "not found", "a directory of weights or a bundle"))
    row = registry.find(model)
    return Source(_fetch(row.repository, row.revision), row, row.id)


def _fetch(repository: str, revision: str) -> Path:
    from gfmtrust.models import family_of

    return hub.fetch(repository, revision, family_of)


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
