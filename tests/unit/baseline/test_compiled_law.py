"""The compiled law against the dictionary twin and against the graph in ONNX Runtime, and what is
given to ONNX Runtime instead."""

import copy
import subprocess
import sys

import naive_context as naive
import numpy as np
import onnx
import pytest
from fake_genome import FakeGenome, genome_letters
from onnx import numpy_helper

from gfmtrust.baseline import counts, evaluate, members, written_graph
from gfmtrust.baseline.answered import Answered
from gfmtrust.baseline.counts import Table
from gfmtrust.baseline.evaluate import Law
from gfmtrust.baseline.fit import ContextModel
from gfmtrust.baseline.members import Members
from gfmtrust.baseline.permuted_law import permuted_counts
from gfmtrust.baseline.scorer import PROVIDER, CompiledLaw, open_scorer
from gfmtrust.baseline.write import write_bundle
from gfmtrust.bundle import bundle as bundles
from gfmtrust.bundle.permuted_weights import permuted_weights
from gfmtrust.bundle.session import Session
from gfmtrust.core.alphabet import PAD, N, decode, encode, reverse_complement
from gfmtrust.core.errors import BadDataError, ConfigurationError
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.inputs.variants import Variant
from gfmtrust.readers.context_sites import n_places
from gfmtrust.readers.options import ReadingOptions
from gfmtrust.readers.registry import reader_of
from gfmtrust.scoring.negative_controls import Control, ShuffledGenome, score_control
from gfmtrust.store.answers import Answers

pytestmark = pytest.mark.long

TOLERANCE = 2e-5
PATTERNS = members.patterns()
GENOME = FakeGenome(
    chr1=genome_letters(1, 700)
    + "n" * 9
    + genome_letters(2, 40).lower()
    + "N"
    + genome_letters(3, 260),
    short=genome_letters(4, 20),
    ends=genome_letters(5, 64).lower(),
)


def a_law(orders: tuple[int, ...], kind: str, seed: int = 0) -> Law:
    """A law of random counts, of which many are 0. kind: the type of the shorter tables' cells."""
    rng = np.random.default_rng(seed)
    step, tables = counts.code_step(1_000_000), []
    for length in range(1, orders[-1] + 2):
        size = (4**length, members.N_MEMBERS)
        cells = rng.geometric(min(1.0, 4.0**length / 40_000), size) - 1
        is_coded = length >= counts.CODED_LENGTH
        cells = np.minimum(cells, 255) if is_coded or kind == "uint8" else cells
        dtype = np.uint8 if is_coded else kind
        tables.append(Table(cells.astype(dtype), step if is_coded else 0.0))
    weights = rng.uniform(-0.1, 0.3, (4, len(orders))).astype(np.float32)
    return Law(orders, tables, np.array([0.5, 1.5, 7.5], np.float32), weights)


def some_members(genome) -> Members:
    n = sum(members.n_blocks(genome.contigs, 50))
    return members.deal(genome.contigs, 50, np.ones(n, bool), 3)


LAWS = {
    "plain": ((0, 1, 2, 3, 4, 6), "float32"),
    "bytes": ((0, 1, 2, 3, 4), "uint8"),
    "coded": ((0, 1, 2, 3, 4, 6, 8, 9), "float32"),
}


@pytest.fixture(scope="module", params=list(LAWS))
def written(request, tmp_path_factory):
    """A law, and the reader of its bundle."""
    folder = tmp_path_factory.mktemp("law") / "context_model"
    law = a_law(*LAWS[request.param])
    return law, reader_of(write_bundle(ContextModel(law, some_members(GENOME), 1_000), folder, {}))


@pytest.fixture(scope="module")
def both(written):
    """A law, its reader, and the model opened in ONNX Runtime and as the compiled law."""
    law, reader = written
    return law, reader, reader.open_scorer("cpu", 1, None, False), by_machine_code(reader)


def by_machine_code(reader, *options, **named) -> CompiledLaw:
    """The compiled law, which leaves no place to numpy."""
    scorer = open_scorer(reader, "cpu", *options, **named)
    assert isinstance(scorer, CompiledLaw)
    scorer.few_places = -1
    return scorer


def the_reading(reader, **options) -> ReadingOptions:
    return ReadingOptions(admitted=Members.open(reader.model.directory).admitted, **options)


def all_places(genome=GENOME):
    lengths = list(genome.contigs.values())
    contig_index = np.repeat(np.arange(len(lengths)), lengths)
    return contig_index, np.concatenate([np.arange(length) for length in lengths])


def equal_sites(one, other, tolerance=TOLERANCE):
    assert one.status.tolist() == other.status.tolist()
    for name in ("n_share", "pad_share", "off_alphabet"):
        assert (getattr(one, name) == getattr(other, name)).all()
    assert np.allclose(np.log(one.probs), np.log(other.probs), 0, tolerance, equal_nan=True)
    assert np.allclose(one.local_surprisal, other.local_surprisal, 0, tolerance, equal_nan=True)


# --- the numbers


def test_the_compiled_law_is_that_of_the_dictionary_twin():
    """Counts of a text; a twin of strings and dictionaries; known letters, N, the end of a
    contig."""
    text, orders = genome_letters(9, 900), (0, 1, 2, 3)
    rank = {letter: code for code, letter in enumerate("ACGT")}
    by_name = {length: naive.count([text], length) for length in range(1, 5)}
    tables = []
    for length in range(1, 5):
        cells = np.zeros((4**length, 8), np.float32)
        for word, times in by_name[length].items():
            cells[sum(rank[c] * 4**at for at, c in enumerate(reversed(word)))] = times
        tables.append(Table(cells))
    rng = np.random.default_rng(2)
    weights = rng.uniform(0, 0.3, (3, 4)).astype(np.float32)
    law = Law(orders, tables, np.array([3.5, 15.5], np.float32), weights)
    lookup = written_graph.WrittenGraph(law, np.float32(0))
    from gfmtrust.baseline.lookup import Lookup

    letters = encode(
        "N" + text[:60] + "N" + text[100:130] + "NN" + text[200:203] + "NNN" + text[:9]
    )
    letters = np.concatenate([np.full(3, PAD, np.uint8), letters, np.full(3, PAD, np.uint8)])
    at = np.arange(3, len(letters) - 3)
    answers = Lookup.of(lookup.law, lookup.scale).log_probs(
        letters, at, np.ones((len(at), 8), bool)
    )
    alphas = [evaluate.alpha(order) for order in orders]
    for place, answer in zip(at, answers, strict=True):
        window = decode(letters[place - 3 : place + 4])
        expected = naive.log_probs(
            by_name, orders, alphas, law.edges.tolist(), weights.tolist(), window
        )
        assert answer == pytest.approx(np.tile(expected, (8, 1)), abs=3e-6)


def test_windows_get_the_answers_of_the_graph(both):
    """Random letters with N and padding, both strands, any position of the window."""
    _, _, session, compiled = both
    rng = np.random.default_rng(5)
    windows = rng.integers(0, 4, (120, 63)).astype(np.uint8)
    windows[rng.random(windows.shape) < 0.05] = N
    windows[:20, :25] = windows[20:30, 40:] = PAD
    index = np.tile([31, 0, 62, 11, 51, 30], (120, 1))
    for letters in (windows, reverse_complement(windows)):
        expected, _ = session.distributions(letters, index)
        probs, mass = compiled.distributions(letters, index)
        assert np.abs(np.log(probs) - np.log(expected)).max() < TOLERANCE
        assert not mass.any()
    assert compiled.passes >= 240


def test_sites_and_neighbours_get_the_answers_of_the_graph(both):
    """Every place of the genome: ends of contigs, N, soft-masked letters, blocks of other
    members."""
    _, reader, session, compiled = both
    for options in ({}, {"neighbours": False}, {"max_n": 0.5}):
        expected, scores = (
            reader.score_sites(scorer, GENOME, *all_places(), the_reading(reader, **options))
            for scorer in (session, compiled)
        )
        equal_sites(expected, scores)
        assert len(set(expected.status)) > 1


def changes() -> tuple[np.ndarray, list[Variant]]:
    """Indels and complex alleles along the genome: at ends of contigs, beside N, long and short."""
    rng = np.random.default_rng(6)
    contig_index, variants = [], []
    for index, name in enumerate(GENOME.names):
        length = GENOME.contigs[name]
        text = decode(GENOME.codes(name, 0, length))
        places = {*range(0, length, 23), 0, 1, length - 1, length, 700, 745, 760} & {
            *range(length + 1)
        }
        for pos in sorted(places):
            n_ref = int(rng.integers(0, 7)) if pos % 2 else 40 * int(rng.random() < 0.1)
            ref = text[pos : pos + n_ref]
            alt = genome_letters(pos, int(rng.integers(0 if ref else 1, 9)))
            if "N" not in ref and ref != alt:
                contig_index.append(index)
                variants.append(Variant(pos, ref, alt))
    return np.array(contig_index), variants


def test_haplotypes_get_the_answers_of_the_graph(both):
    _, reader, session, compiled = both
    for max_n in (0.1, 0.6):
        expected, scores = (
            reader.score_variants(scorer, GENOME, *changes(), the_reading(reader, max_n=max_n))
            for scorer in (session, compiled)
        )
        assert expected.status.tolist() == scores.status.tolist()
        assert np.allclose(expected.llr, scores.llr, 0, 4 * TOLERANCE, equal_nan=True)
        assert np.isfinite(scores.llr).any(axis=1).sum() > 40


def test_copies_of_a_long_tract_get_the_answers_of_the_graph(both):
    """Tracts around the radius of 32 bases and beyond it; the first copy has the score of the last,
    and a member that saw either of them does not vote."""
    _, reader, session, compiled = both
    contigs, first, last = {}, [], []
    for unit, copies in (("A", 20), ("A", 33), ("A", 34), ("A", 90), ("CA", 30), ("ACCGT", 30)):
        text = genome_letters(copies, 120) + "G" + unit * copies + "T" + genome_letters(7, 120)
        contigs[f"c{len(contigs)}"], end = text, 121 + len(unit) * copies
        first.append((Variant(121, unit, ""), Variant(121, "", unit)))
        last.append((Variant(end - len(unit), unit, ""), Variant(end, "", unit)))
    genome, index = FakeGenome(**contigs), np.repeat(np.arange(len(contigs)), 2)
    spellings = [[variant for pair in pairs for variant in pair] for pairs in (first, last)]
    dealt = some_members(genome)
    for options in ({}, {"admitted": dealt.admitted}):
        reading = ReadingOptions(**options)
        expected, scores, of_last = (
            reader.score_variants(scorer, genome, index, variants, reading)
            for scorer, variants in (
                (session, spellings[0]),
                (compiled, spellings[0]),
                (compiled, spellings[1]),
            )
        )
        assert expected.status.tolist() == scores.status.tolist()
        assert np.allclose(expected.llr, scores.llr, 0, 4 * TOLERANCE, equal_nan=True)
        if options:
            begin = np.full(len(index), 121)
            end = begin + [len(variant.ref) for variant in spellings[0]]
            of_last.llr[~(dealt.admitted(index, begin) & dealt.admitted(index, end))] = np.nan
        else:
            assert (np.abs(scores.llr) > 1e-3).all()
        beyond = np.arange(4, len(index))  # tracts that are longer than the radius
        assert scores.llr[beyond].tobytes() == of_last.llr[beyond].tobytes()


def test_the_places_that_can_differ_give_the_whole_span(both):
    """Place by place, over all letters of the span, with the law in numpy of one member."""
    law, reader, _, compiled = both
    text = decode(GENOME.codes("chr1", 0, 700))
    variants = [
        Variant(200, "", "ACG"),
        Variant(301, text[301:309], ""),
        Variant(400, text[400], "TTT"),
    ]
    scores = reader.score_variants(compiled, GENOME, np.zeros(3, int), variants, ReadingOptions())
    for variant, llr in zip(variants, scores.llr, strict=True):
        total = np.zeros(8)
        n = variant.length + 64
        for allele, sign in ((variant.ref, -1), (variant.alt, 1)):
            letters = encode(text[: variant.pos] + allele + text[variant.pos + len(variant.ref) :])
            at = variant.pos - 32 + np.arange(n)
            windows = letters[at[:, None] + np.arange(-law.reach, law.reach + 1)]
            log_p = law.log_probs(windows)
            total += sign * log_p[np.arange(n), :, letters[at]].sum(axis=0, dtype=float)
        assert llr == pytest.approx(total, abs=1e-4)


def test_pieces_of_a_background_are_read_alone(both, tmp_path):
    """Nothing beyond the fence of a piece is read, by neighbours and haplotypes either."""
    _, reader, session, compiled = both
    genome = FakeGenome(user=genome_letters(1, 90), **{"background:1": genome_letters(2, 400)})
    places = np.repeat([1], 200), np.arange(60, 260)
    variants = [Variant(pos, "", "AC") for pos in range(80, 120)]
    expected, scores = (
        (
            reader.score_sites(scorer, genome, *places),
            reader.score_variants(scorer, genome, np.ones(40, int), variants),
        )
        for scorer in (session, compiled)
    )
    equal_sites(expected[0], scores[0])
    assert np.allclose(expected[1].llr, scores[1].llr, 0, 4 * TOLERANCE, equal_nan=True)


def test_shuffled_windows_get_the_answers_of_the_graph(both):
    _, reader, session, compiled = both
    places = np.zeros(20, int), np.arange(100, 300, 10)
    windows = ShuffledGenome.of(GENOME, reader.model, *places)
    votes = windows.admitted(Members.open(reader.model.directory).admitted)
    reading = ReadingOptions(admitted=votes)
    expected, scores = (
        reader.score_sites(scorer, windows, windows.contig_index, windows.pos, reading)
        for scorer in (session, compiled)
    )
    equal_sites(expected, scores)


# --- permuted weights


@pytest.fixture(scope="module")
def twins(written):
    """A reader, and its permuted twin in ONNX Runtime and as the law with permuted counts."""
    _, reader = written
    session = reader.open_scorer("cpu", 1, None, False, permuted_counts)
    return reader, session, open_scorer(reader, "cpu", permuted=True)


def test_permuted_counts_get_the_answers_of_the_permuted_graph(twins):
    """Every place of the genome, with neighbours and N; the statuses, and so the flags, are equal."""
    reader, session, compiled = twins
    places = all_places()
    reading = the_reading(reader, max_n=0.5)
    kind = ShardKind.PERMUTED_WEIGHTS
    controls = [
        Control.of(kind, reader.model, scorer, GENOME, places, reading)
        for scorer in (session, compiled)
    ]
    expected, scores = (
        score_control(kind, control, Answers(reader, control.scorer, GENOME, reading))
        for control in controls
    )
    equal_sites(expected, scores)
    real = reader.score_sites(by_machine_code(reader), GENOME, *places, reading)
    changed_rows = np.abs(np.log(real.probs) - np.log(scores.probs)) > 0.01
    assert changed_rows.any(axis=(1, 2))[real.status == ""].mean() > 0.9


def test_only_the_counts_of_a_context_model_are_permuted(tiny, tmp_path):
    """A constant of 264 values that states which letters a word of 12 holds is no weight."""

    def add(model):
        mask = np.random.default_rng(2).integers(0, 2, (22, 12)).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(mask, "beside_12"))

    graph = changed(tiny, tmp_path, add).graph_for("cpu")
    assert set(permuted_weights(graph)) - set(permuted_counts(graph)) == {"beside_12"}
    assert set(permuted_counts(graph)) == {"words_3", "words_4"}


def test_the_golden_windows_are_not_asked_of_permuted_counts(twins):
    _, _, compiled = twins
    assert isinstance(compiled, CompiledLaw)
    assert compiled.provider == PROVIDER


# --- few places, in numpy


def test_numpy_gives_the_same_bytes_as_the_machine_code(both):
    """Every place of the genome with its neighbours, every change, and windows with N and padding."""
    _, reader, _, compiled = both
    arrays, reading = open_scorer(reader, "cpu"), the_reading(reader)
    arrays.few_places = 10**9
    for ask in (
        lambda scorer: reader.score_variants(scorer, GENOME, *changes(), reading).llr,
        lambda scorer: reader.score_sites(scorer, GENOME, *all_places(), reading).probs,
    ):
        assert np.array_equal(ask(arrays), ask(compiled), equal_nan=True)
    rng = np.random.default_rng(8)
    letters = rng.integers(0, 4, 3_000).astype(np.uint8)
    letters[rng.random(3_000) < 0.03] = N
    at, votes = np.arange(40, 2_900, 3), rng.random((954, 8)) < 0.4
    answers = [scorer.log_probs(letters, at, votes) for scorer in (arrays, compiled)]
    assert answers[0].tobytes() == answers[1].tobytes()
    assert (np.isnan(answers[0]).all(axis=2) == ~votes).all()


def test_numpy_gives_the_same_bytes_of_both_sums_over_a_change(both):
    """The ratios in float64, and the answers beside the change that later sites look up."""
    _, _, _, compiled = both
    reach, rng = compiled.reach, np.random.default_rng(4)
    flanks = rng.integers(0, 4, (30, 2, 2 * reach)).astype(np.uint8)
    alleles = [
        [rng.integers(0, 4, n).astype(np.uint8) for n in rng.integers(0, 5, 2)] for _ in flanks
    ]
    pieces = [
        np.concatenate([left, allele, right])
        for (left, right), pair in zip(flanks, alleles, strict=True)
        for allele in pair
    ]
    ends = np.cumsum([len(piece) for piece in pieces])
    begin = (ends - [len(piece) for piece in pieces] + reach).reshape(-1, 2)
    lengths = np.array([[len(allele) for allele in pair] for pair in alleles])
    votes = rng.random((30, 8)) < 0.5
    asked = np.concatenate(pieces), begin, lengths, votes
    for one, other in zip(
        compiled.arrays.log_ratios(*asked), compiled.lookup.log_ratios(*asked), strict=True
    ):
        assert one.tobytes() == other.tobytes()


def test_a_small_task_loads_no_compiler(tiny):
    """A process that scores 20 sites and two changes of a context model."""
    text = f"""
import sys, numpy as np
from gfmtrust.baseline.scorer import open_scorer
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.readers.registry import reader_of
scorer = open_scorer(reader_of(Bundle.open({str(tiny.directory)!r})), "cpu")
letters, votes = np.arange(200, dtype=np.uint8) % 4, np.ones((20, 8), bool)
assert np.isfinite(scorer.log_probs(letters, np.arange(40, 60), votes)).all()
begin, lengths = np.array([[40, 140], [52, 152]]), np.array([[0, 4], [4, 0]])
assert np.isfinite(scorer.log_ratios(letters, begin, lengths, votes[:2])).all()
assert not {{"numba", "scipy", "onnxruntime"}} & set(sys.modules), "loaded"
"""
    subprocess.run([sys.executable, "-c", text], check=True)


def test_the_places_of_a_task_are_counted_once(tiny):
    """By hand: sites 5 apart share neighbours at 5, 10, 15 and 20; contigs share none."""
    model = reader_of(tiny).model
    beside = {-20, -15, -10, -5, 0, 5, 10, 15, 20}
    places = {(0, 100 + d) for d in beside} | {(0, 105 + d) for d in beside}
    places |= {(1, 100 + d) for d in beside}
    sites = np.array([0, 0, 1, 0]), np.array([100, 105, 100, 100])
    assert n_places(model, sites, 0, 100) == len(places)
    assert n_places(model, sites, 3, 100) == len(places) + 3 * 44
    assert n_places(model, sites, 3, 2) == 4


def test_a_large_task_is_left_to_the_machine_code(both):
    _, reader, _, _ = both
    scorer = open_scorer(reader, "cpu")
    assert open_scorer(reader, "cpu", n_places=10**6).few_places == 0
    scorer.few_places = 30
    letters, at, votes = np.zeros(99, np.uint8), np.arange(40, 60), np.ones((20, 8), bool)
    answers = [scorer.log_probs(letters, at, votes) for _ in range(3)]
    assert scorer.few_places < 0
    assert answers[0].tobytes() == answers[1].tobytes() == answers[2].tobytes()


# --- nothing else matters


def test_bytes_depend_on_the_place_alone(both, monkeypatch):
    """Order, batches, threads, and what was computed before."""
    _, reader, _, compiled = both
    (contig_index, pos), reading = all_places(), the_reading(reader)
    whole = reader.score_sites(compiled, GENOME, contig_index, pos, reading)
    of_changes = reader.score_variants(compiled, GENOME, *changes(), reading)
    monkeypatch.setattr("gfmtrust.baseline.scorer.ROWS_PER_THREAD", 40)
    monkeypatch.setattr("gfmtrust.readers.reader.CHUNK_SITES", 77)
    other = by_machine_code(reader, threads=2, batch=1)
    indexes, variants = changes()
    turned = reader.score_variants(other, GENOME, indexes[::-1], variants[::-1], reading)
    assert np.array_equal(turned.llr[::-1], of_changes.llr, equal_nan=True)
    assert len(other.answered.keys)
    order = np.random.default_rng(0).permutation(len(pos))
    scores = reader.score_sites(other, GENOME, contig_index[order], pos[order], reading)
    for name in ("probs", "local_surprisal"):
        values = getattr(whole, name)[order]
        assert np.array_equal(getattr(scores, name), values, equal_nan=True)


def test_answers_are_found_by_letters_and_members():
    letters = np.array([0, 1, 2, 3, 4, 0, 1, 2], np.uint8)
    votes = np.zeros((3, 8), bool)
    votes[:, 2] = True
    answered = Answered.nothing(1, 8)
    assert answered.find(letters, np.array([1]), votes[:1]).tolist() == [-1]
    answered.add(letters, np.array([1, 4]), votes[:2], np.arange(64.0).reshape(2, 8, 4))
    answered.add(letters, np.array([2]), votes[:1], np.ones((1, 8, 4)))
    assert answered.find(letters, np.array([2, 1, 6]), votes).tolist() == [2, 0, 0]
    assert answered.find(letters, np.array([3, 5, 4]), votes)[:2].tolist() == [-1, -1]
    assert answered.find(letters, np.array([1]), ~votes[:1]).tolist() == [-1]


def test_write_protected_arrays_need_no_other_machine_code(both):
    from gfmtrust.baseline import kernel

    _, _, _, compiled = both
    letters, at, votes = np.zeros(99, np.uint8), np.array([40, 50]), np.ones((2, 8), bool)
    for array in (letters, at, votes):
        array.flags.writeable = False
    assert np.isfinite(compiled.log_probs(letters, at, votes)).all()
    assert len(kernel.log_probs.signatures) == 1


def test_scoring_another_model_loads_no_compiler():
    text = "import sys, gfmtrust.scoring.shard; assert not {'numba', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", text], check=True)


# --- what ONNX Runtime runs, and what is refused


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny") / "context_model"
    law = a_law((0, 1, 2, 3), "float32")
    return write_bundle(ContextModel(law, some_members(GENOME), 1_000), folder, {})


def changed(bundle, folder, change, **meta):
    """The bundle with its graph after `change` and with other groups of bundle.json."""
    model = onnx.load(bundle.graph_for("cpu"))
    change(model)
    onnx.save_model(model, folder / "graph.onnx")
    content = {
        name: value for name, value in bundle.meta.items() if name not in ("sizes", "sha256")
    }
    files = (bundle.directory / members.MEMBERS_FILE,)
    return bundles.write(
        folder / "changed", {**copy.deepcopy(content), **meta}, folder / "graph.onnx", files
    )


def constant(model, name):
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def replace_constant(model, name, values):
    constant(model, name).CopyFrom(numpy_helper.from_array(values, name))


def test_the_graph_of_the_writer_is_compiled(tiny):
    compiled = open_scorer(reader_of(tiny), "cpu")
    assert isinstance(compiled, CompiledLaw)
    assert (compiled.provider, compiled.device, compiled.passes) == (PROVIDER, "cpu", 0)
    law = written_graph.read(tiny.graph_for("cpu")).law
    windows = np.random.default_rng(1).integers(0, 5, (30, 7)).astype(np.uint8)
    votes = np.ones((30, 8), bool)
    log_p = compiled.log_probs(windows.ravel(), np.arange(30) * 7 + 3, votes)
    assert np.abs(log_p - law.log_probs(windows)).max() < TOLERANCE


def _another_name(model):
    model.graph.node[-1].name = "another"


def _another_operator_set(model):
    model.opset_import[0].version = 20


def _another_constant(model):
    values = numpy_helper.to_array(constant(model, "beside_2")).copy()
    values[0] = 1 - values[0]
    replace_constant(model, "beside_2", values)


def _another_shape(model):
    """A length that no position of the window uses: one node more, which changes nothing."""
    node = model.graph.node[-1]
    model.graph.node.append(onnx.helper.make_node("Identity", [node.output[0]], ["logp_too"]))


def _another_pseudocount(model):
    replace_constant(model, "pseudo_1", np.float32(1.0000001))


def _a_count_below_0(model):
    values = numpy_helper.to_array(constant(model, "words_4")).copy()
    values[17, 3] = -0.25
    replace_constant(model, "words_4", values)


def _an_endless_weight(model):
    values = numpy_helper.to_array(constant(model, "weights_1")).copy()
    values[-1] = np.inf
    replace_constant(model, "weights_1", values)


def _further_constant(model):
    model.graph.initializer.append(numpy_helper.from_array(np.float32(1), "unused"))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change",
    [
        _another_name,
        _another_operator_set,
        _another_constant,
        _another_shape,
        _another_pseudocount,
        _a_count_below_0,
        _an_endless_weight,
        _further_constant,
    ],
)
def test_another_graph_is_not_compiled(tiny, tmp_path, change):
    """It is run by ONNX Runtime, or refused as ONNX Runtime refuses it."""
    other = changed(tiny, tmp_path, change)
    assert written_graph.read(other.graph_for("cpu")) is None
    try:
        scorer = open_scorer(reader_of(other), "cpu")
    except BadDataError as error:
        scorer, text = None, str(error)
    assert isinstance(scorer, Session) if scorer else PROVIDER not in text


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["weights_0", "words_1", "words_2"])
def test_a_flipped_weight_is_refused(tiny, tmp_path, name):
    """The golden windows are answered by the compiled law too."""

    def flip(model):
        values = numpy_helper.to_array(constant(model, name)).copy()
        replace_constant(model, name, (values * 3 + 1).astype(np.float32))

    other = changed(tiny, tmp_path, flip)
    assert written_graph.read(other.graph_for("cpu")) is not None
    with pytest.raises(BadDataError, match=f"golden window 0: logp differs by .* on {PROVIDER}"):
        open_scorer(reader_of(other), "cpu")


@pytest.mark.bad_input
def test_permuted_weights_of_another_graph_are_run_by_onnx_runtime(tiny, tmp_path):
    other = changed(tiny, tmp_path, _another_shape)
    assert isinstance(open_scorer(reader_of(other), "cpu", permuted=True), Session)


@pytest.mark.bad_input
def test_another_vocabulary_is_not_compiled(tiny, tmp_path):
    text = tiny.meta["text"] | {"vocabulary": {"A": 3, "C": 2, "G": 1, "T": 0, "N": 4}}
    other = changed(tiny, tmp_path, lambda model: None, text=text)
    with pytest.raises(BadDataError, match="golden window"):
        open_scorer(reader_of(other), "cpu")


@pytest.mark.bad_input
def test_a_long_window_is_refused_as_before(tiny, tmp_path):
    window = tiny.meta["window"] | {"trained_bp": 41}
    reader = reader_of(changed(tiny, tmp_path, lambda model: None, window=window))
    with pytest.raises(ConfigurationError, match="window is 63 bp; expected at most 41"):
        open_scorer(reader, "cpu")
    assert isinstance(open_scorer(reader, "cpu", allow_long_window=True), CompiledLaw)


@pytest.mark.bad_input
def test_a_window_too_short_for_its_neighbours_is_read_in_the_window(tiny, tmp_path):
    """With 41 letters a neighbour at 20 has no flank on one side: the window decides, and both give
    what the graph gives."""
    window = tiny.meta["window"] | {"window_bp": 41, "site_forward": 20, "site_reverse": 20}
    reader = reader_of(changed(tiny, tmp_path, lambda model: None, window=window))
    scorers = reader.open_scorer("cpu", 1, None, False), open_scorer(reader, "cpu")
    equal_sites(*(reader.score_sites(one, GENOME, *all_places()) for one in scorers))


@pytest.mark.bad_input
def test_a_letter_outside_the_alphabet_and_a_place_without_flanks_are_named(tiny):
    compiled = open_scorer(reader_of(tiny), "cpu")
    windows = np.zeros((1, 63), np.uint8)
    windows[0, 5] = 255
    with pytest.raises(BadDataError, match="a letter that is no DNA letter"):
        compiled.distributions(windows, np.array([[31]]))
    with pytest.raises(ValueError, match="within 3 letters of an end"):
        compiled.log_probs(np.zeros(9, np.uint8), np.array([2]), np.ones((1, 8), bool))
    with pytest.raises(ValueError, match="batch is 0"):
        open_scorer(reader_of(tiny), "cpu", batch=0)
