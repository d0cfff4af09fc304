"""Bundles whose audit is known: one that only copies, and one with a hidden layer whose units can be put
in another order; and genomes for them."""

from bisect import bisect_left
from pathlib import Path

import numpy as np
import toy_models
from onnx import numpy_helper

from gfmtrust.bundle import bundle as bundles
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.onnx_file import Value
from gfmtrust.bundle.onnx_nodes import Nodes
from gfmtrust.bundle.runtime import runner
from gfmtrust.bundle.schema import text_of
from gfmtrust.bundle.tokenizers import build, feeds
from gfmtrust.validation.oracle.markov import MarkovTable

CUE, SHARPNESS = 12, 20.0
"""Letters before a letter that must equal those before its source."""
INPUTS = (
    Value("input_ids", "int64", ("batch", "length")),
    Value("pos", "int64", ("batch", "positions")),
)
OUTPUTS = (Value("logp", "float32", ("batch", "positions", 4)),)


def copying_graph():
    """p(letter) is that of the letters behind an earlier copy of the 12 known letters before the
    gap of unknown ones; uniform where there is no copy."""
    nodes = Nodes()
    onehot = np.zeros((toy_models.N_IDS, 4), np.float32)
    onehot[3:7] = np.eye(4)
    letters = nodes.op("Gather", nodes.const("onehot", onehot), "input_ids", axis=0)
    kernel = np.zeros((4 * CUE, 4, CUE), np.float32)
    for back in range(1, CUE + 1):
        kernel[4 * (back - 1) : 4 * back, :, CUE - back] = np.eye(4)
    across = nodes.op("Transpose", letters, perm=[0, 2, 1])
    padded = nodes.op("Pad", across, nodes.axes(0, 0, CUE, 0, 0, 0))
    before = nodes.op("Conv", padded, nodes.const("kernel", kernel))
    before = nodes.op("Slice", before, nodes.axes(0), nodes.axes(-1), nodes.axes(2))
    matches = nodes.op("MatMul", nodes.op("Transpose", before, perm=[0, 2, 1]), before)
    heads = []
    for gap in range(CUE):
        moved = matches
        if gap:
            moved = nodes.op("Pad", matches, nodes.axes(0, gap, gap, 0, 0, 0))
            moved = nodes.op(
                "Slice", moved, nodes.axes(0, 0), nodes.axes(-gap, -gap), nodes.axes(1, 2)
            )
            finite = nodes.op(
                "ReduceSum", nodes.slice(before, 0, 4 * gap, 1), nodes.axes(1), keepdims=0
            )
            finite = nodes.op(
                "Mul",
                nodes.op("Unsqueeze", finite, nodes.axes(2)),
                nodes.const("far", np.float32(1000)),
            )
            moved = nodes.op("Sub", moved, finite)
        heads.append(nodes.op("Sub", moved, nodes.const("least", np.float32(CUE - 0.5))))
    best = nodes.op("Mul", nodes.op("Max", *heads), nodes.const("sharp", np.float32(SHARPNESS)))
    is_known = nodes.op("ReduceSum", letters, nodes.axes(2), keepdims=0)
    absent = nodes.op(
        "Sub", nodes.const("one", np.float32(1)), nodes.op("Unsqueeze", is_known, nodes.axes(1))
    )
    best = nodes.op("Sub", best, nodes.op("Mul", absent, nodes.const("away", np.float32(1000))))
    best = nodes.op("Pad", best, nodes.axes(0, 0, 0, 0, 0, 1))  # the last source is "no copy", at 0
    weight = nodes.op("Softmax", best, axis=2)
    none = nodes.op("Slice", weight, nodes.axes(-1), nodes.axes(1 << 40), nodes.axes(2))
    some = nodes.op("Slice", weight, nodes.axes(0), nodes.axes(-1), nodes.axes(2))
    p = nodes.op(
        "Add",
        nodes.op("MatMul", some, letters),
        nodes.op("Mul", none, nodes.const("quarter", np.float32(0.25))),
    )
    p = nodes.op(
        "Add",
        nodes.op("Mul", p, nodes.const("most", np.float32(0.9996))),
        nodes.const("floor", np.float32(0.0001)),
    )
    place = nodes.op("Expand", nodes.op("Unsqueeze", "pos", nodes.axes(2)), nodes.axes(1, 1, 4))
    nodes.op("GatherElements", nodes.op("Log", p), place, axis=1, output="logp")
    return nodes.model("copying", INPUTS, OUTPUTS)  # fmt: skip


def hidden_weights(
    seed: int = 0, width: int = 16, left_only: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The embedding of ids (7, 5), the first layer (20, width) and the second (width, 4).
    left_only: the letters on the right have no weight."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(20, width))
    second = 0.7 * rng.normal(size=(width, 4))
    embedding = rng.normal(size=(toy_models.N_IDS, 5))
    if left_only:
        first[10:] = 0
    return embedding.astype(np.float32), first.astype(np.float32), second.astype(np.float32)


def drawn_by_network(length: int) -> np.ndarray:
    """Letters drawn one after the other from the network of `hidden_graph` that reads the two
    letters on the left, codes (length,)."""
    embedding, first, second = hidden_weights(left_only=True)
    pairs = [(a, b) for a in range(4) for b in range(4)]
    beside = np.stack([np.concatenate([embedding[3 + a], embedding[3 + b]]) for a, b in pairs])
    logits = np.tanh(beside @ first[:10]) @ second
    noise = np.random.default_rng(11).gumbel(size=(length, 4))
    codes, context = np.empty(length, np.int64), 0
    for place in range(length):
        codes[place] = (logits[context] + noise[place]).argmax()
        context = context * 4 % 16 + codes[place]
    return codes


def hidden_graph(
    order: np.ndarray | None = None, seed: int = 0, width: int = 16, left_only: bool = False
):
    """Four neighbours of a letter, a hidden layer of `width` units, four logits. order: that of
    the hidden units; left_only: see `hidden_weights`."""
    order = np.arange(width) if order is None else order
    embedding, first, second = hidden_weights(seed, width, left_only)
    first, second = first[:, order], second[order]
    nodes = Nodes()
    letters = nodes.op("Gather", nodes.const("embedding", embedding), "input_ids", axis=0)
    # a letter outside the window has the embedding 0
    letters = nodes.op("Pad", letters, nodes.axes(0, 2, 0, 0, 2, 0))
    beside = []
    for offset in (-2, -1, 1, 2):
        at = nodes.op("Add", "pos", nodes.const(f"by_{offset}", np.int64(2 + offset)))
        place = nodes.op("Expand", nodes.op("Unsqueeze", at, nodes.axes(2)), nodes.axes(1, 1, 5))
        beside.append(nodes.op("GatherElements", letters, place, axis=1))
    joined = nodes.op("Concat", *beside, axis=2)
    hidden = nodes.op("Tanh", nodes.op("MatMul", joined, nodes.const("first", first)))
    logits = nodes.op("MatMul", hidden, nodes.const("second", second))
    nodes.op("LogSoftmax", logits, axis=2, output="logp")
    return nodes.model("hidden", INPUTS, OUTPUTS)


def write_bundle(
    directory: Path, model, name: str, window: int = 96, one_strand: bool = False
) -> Bundle:
    """A bundle of a graph that reads the toy vocabulary; its golden answers are those of the
    graph. one_strand: declared, so that the reverse strand is not read."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    path = directory.with_name(directory.name + ".onnx")
    path.write_bytes(model.SerializeToString())
    meta = toy_models.meta(
        toy_models.table(),
        identity__model_id=name,
        window__window_bp=window,
        window__trained_bp=window,
        window__site_forward=window // 2,
        window__site_reverse=window // 2 - 1,
        window__shifts=[-8, 8],
        scoring__neighbour_offsets=[],
        scoring__rc_equivariant=one_strand,
    )
    codes = np.random.default_rng(1).integers(0, 4, (1, window)).astype(np.uint8)
    index = np.array([[window // 2]])
    answer = runner(path)(feeds(build(text_of(meta)), codes, index))["logp"][0][:, None]
    golden = {
        "name": "0",
        "codes": "".join(map(str, codes[0])),
        "index": [window // 2],
        "logp": answer.tolist(),
    }
    return bundles.write(directory, meta | {"golden": [golden]}, path)  # fmt: skip


def permute(model, weights: dict[str, np.ndarray]) -> None:
    """Replace tensors of a model in place."""
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))


def write_fasta(path: Path, codes: np.ndarray, name: str = "c") -> Path:
    letters = "".join("ACGT"[code] for code in codes)
    path.write_text(f">{name}\n{letters}\n")
    return path


def random_fasta(path: Path, length: int = 30_000, seed: int = 0) -> Path:
    return write_fasta(path, np.random.default_rng(seed).integers(0, 4, length))


def drawn_chain(table: MarkovTable, length: int, seed: int = 0) -> np.ndarray:
    """Letters drawn from a chain, one after the other; codes (length,)."""
    steps = np.cumsum(table.transitions, axis=1).tolist()
    draws = np.random.default_rng(seed).random(length).tolist()
    codes, context, size = np.empty(length, np.int64), 0, 4**table.order
    for place, draw in enumerate(draws):
        letter = min(3, bisect_left(steps[context], draw))
        codes[place] = letter
        context = (context * 4 + letter) % size
    return codes


def folding_graph(pair_sum: int):
    """p(letter) is 0.97 for the complement of the letter at the mirrored place, `pair_sum` minus its
    own, where its two neighbours pair with those of that letter; uniform elsewhere."""
    nodes = Nodes()
    onehot = np.zeros((toy_models.N_IDS, 4), np.float32)
    onehot[3:7] = np.eye(4)
    letters = nodes.op("Gather", nodes.const("onehot", onehot), "input_ids", axis=0)

    def at(name: str, place: str) -> str:
        wide = nodes.op("Expand", nodes.op("Unsqueeze", place, nodes.axes(2)), nodes.axes(1, 1, 4))
        return nodes.op("GatherElements", letters, wide, axis=1)

    flip = nodes.const("flip", np.eye(4, dtype=np.float32)[::-1].copy())
    mirrored = nodes.op("Sub", nodes.const("sum", np.int64(pair_sum)), "pos")
    paired = None
    for by in (-1, 1):
        step = nodes.const(f"step_{by}", np.int64(by))
        one = at(f"a{by}", nodes.op("Add", "pos", step))
        other = nodes.op("MatMul", at(f"b{by}", nodes.op("Sub", mirrored, step)), flip)
        fits = nodes.op("ReduceSum", nodes.op("Mul", one, other), nodes.axes(2), keepdims=1)
        paired = fits if paired is None else nodes.op("Mul", paired, fits)
    partner = nodes.op("MatMul", at("partner", mirrored), flip)
    certain = nodes.op("Add", nodes.op("Mul", partner, nodes.const("most", np.float32(0.96))),
                       nodes.const("least", np.float32(0.01)))  # fmt: skip
    quarter = nodes.const("quarter", np.float32(0.25))
    gain = nodes.op("Mul", nodes.op("Sub", certain, quarter), paired)
    nodes.op("Log", nodes.op("Add", gain, quarter), output="logp")
    return nodes.model("folding", INPUTS, OUTPUTS)


CUE_LETTERS = 8
"""Letters on the left by which `reciting_graph` knows the place."""


def reciting_graph(genome: np.ndarray):
    """A model that recites a genome: p(letter) is 0.97 for the letter that follows the 8 letters on
    the left somewhere in the genome, and 1/4 for each where they occur nowhere. genome: codes."""
    place = 4 ** np.arange(CUE_LETTERS - 1, -1, -1)
    cues = (
        np.lib.stride_tricks.sliding_window_view(genome[:-1].astype(np.int64), CUE_LETTERS) @ place
    )
    counts = np.zeros((4**CUE_LETTERS, 4))
    np.add.at(counts, (cues, genome[CUE_LETTERS:].astype(np.int64)), 1)
    seen = counts.sum(axis=1, keepdims=True)
    table = np.where(seen > 0, 0.96 * counts / np.maximum(seen, 1) + 0.01, 0.25)
    nodes = Nodes()
    letters = nodes.op("Clip", nodes.op("Sub", "input_ids", nodes.const("first", np.int64(3))),
                       nodes.const("least", np.int64(0)), nodes.const("most", np.int64(3)))  # fmt: skip
    letters = nodes.op("Pad", letters, nodes.axes(0, CUE_LETTERS, 0, 0))
    word = nodes.const("zero", np.int64(0))
    for back in range(CUE_LETTERS, 0, -1):
        at = nodes.op("Add", "pos", nodes.const(f"by_{back}", np.int64(CUE_LETTERS - back)))
        letter = nodes.op("GatherElements", letters, at, axis=1)
        word = nodes.op(
            "Add", nodes.op("Mul", word, nodes.const(f"four_{back}", np.int64(4))), letter
        )
    logs = nodes.const("table", np.log(table).astype(np.float32))
    nodes.op("Gather", logs, word, axis=0, output="logp")
    return nodes.model("reciting", INPUTS, OUTPUTS)


def write_population(path: Path, codes: np.ndarray, every: int, af: float = 0.3) -> Path:
    """A VCF of a population for the contig c, compressed and indexed: an allele at every so many
    positions, the letter after the reference in the order ACGT."""
    import pysam

    lines = ["##fileformat=VCFv4.2", '##INFO=<ID=AF,Number=A,Type=Float,Description="f">',
             f"##contig=<ID=c,length={len(codes)}>", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]  # fmt: skip
    for at in range(0, len(codes), every):
        ref, alt = "ACGT"[codes[at]], "ACGT"[(codes[at] + 1) % 4]
        lines.append(f"c\t{at + 1}\t.\t{ref}\t{alt}\t.\t.\tAF={af}")
    plain = path.with_suffix("")
    plain.write_text("\n".join(lines) + "\n")
    pysam.tabix_index(str(plain), preset="vcf", force=True)
    return path
