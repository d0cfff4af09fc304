"""The parts of `audit duel` against slow obvious twins, and the labels that it refuses."""

import audit_bundles
import numpy as np
import pytest
from planted_motifs import planted, write_table

from gfmtrust.audit.duel import ridge, scores
from gfmtrust.audit.duel.embed import Distinct, embedded, opened
from gfmtrust.audit.duel.examples import Alleles, LabelSource, read_examples
from gfmtrust.audit.duel.folds import Folds, sizes_of
from gfmtrust.audit.measure import NotRun
from gfmtrust.bundle.permuted_weights import permuted_weights
from gfmtrust.cli import main as cli
from gfmtrust.core.alphabet import PAD
from gfmtrust.core.errors import BadDataError, MissingInputError
from gfmtrust.core.progress import Progress
from gfmtrust.io.genome import Genome
from gfmtrust.scoring.options import ScoringOptions

WINDOW = 32


def test_words_are_counted_as_by_hand():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 5, (3, 17)).astype(np.uint8)
    counts = ridge.word_counts(codes, 3)
    for row, one in enumerate(codes):
        text, expected = "".join("ACGTN"[code] for code in one), []
        for k in (1, 2, 3):
            words = [
                "".join("ACGT"[(i // 4**j) % 4] for j in reversed(range(k))) for i in range(4**k)
            ]
            expected += [sum(text[i:].startswith(word) for i in range(len(text))) for word in words]
        assert counts[row].tolist() == expected


@pytest.mark.parametrize("shape", [(40, 7), (12, 30)])
def test_a_ridge_is_the_solution_of_its_equations(shape):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=shape), rng.normal(size=(shape[0], 3))
    fit = ridge.Ridge.of(x, y)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    eigenvalues = np.linalg.eigvalsh(z.T @ z if shape[0] >= shape[1] else z @ z.T)
    penalty = 0.3 * eigenvalues.mean()
    weights = np.linalg.solve(z.T @ z + penalty * np.eye(shape[1]), z.T @ (y - y.mean(axis=0)))
    assert fit.at(x, 0.3) == pytest.approx(z @ weights + y.mean(axis=0), abs=1e-9)


def test_scores_with_weights_are_those_of_repeated_rows():
    rng = np.random.default_rng(2)
    predicted, label = rng.integers(0, 6, 30).astype(float), rng.normal(size=30)
    binary, times = (rng.random(30) < 0.4).astype(float), rng.integers(0, 4, 30)
    rows = np.repeat(np.arange(30), times)
    weights = times[None].astype(float)
    assert scores.pearson(weights, predicted, label)[0] == pytest.approx(
        np.corrcoef(predicted[rows], label[rows])[0, 1]
    )
    ones, zeros = (predicted[rows][binary[rows] == one] for one in (1, 0))
    wins = (ones[:, None] > zeros).mean() + (ones[:, None] == zeros).mean() / 2
    assert scores.auroc(weights, predicted, binary)[0] == pytest.approx(wins)


@pytest.mark.bad_input
def test_scores_of_what_does_not_vary():
    weights, flat, label = np.ones((1, 4)), np.full(4, 0.1), np.arange(4.0)
    nearly = np.nextafter(flat, [0, 1, 0, 1])  # what is left of a sum
    for predicted in (flat, nearly):
        assert scores.pearson(weights, predicted, label)[0] == 0
        assert np.isnan(scores.pearson(weights, label, predicted)[0])
    drawn = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]], np.float32)
    expected = pytest.approx([0, 1], abs=1e-9)
    assert scores.pearson(drawn, np.array([0.3, 0.3, 1, 2]), label).tolist() == expected
    assert np.isnan(scores.auroc(weights, label, flat)[0])


@pytest.mark.parametrize("unit", [1e-9, 1e-6, 1.0, 1e9])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_a_correlation_does_not_depend_on_the_unit(unit, offset):
    """Labels of 1e-7 had a correlation of 0 with everything."""
    rng = np.random.default_rng(3)
    label = rng.normal(size=200)
    predicted = label + rng.normal(size=200)
    expected = np.corrcoef(predicted, label)[0, 1]
    both = (predicted * unit, (label + offset) * unit)
    assert scores.pearson(np.ones((1, 200)), *both)[0] == pytest.approx(expected, abs=1e-9)


def test_an_element_is_never_in_two_parts():
    rng = np.random.default_rng(3)
    element = rng.integers(0, 12, 900)
    folds, earlier = Folds.of(element, 1), {}
    for size in folds.sizes:
        for split in folds.splits(size):
            parts = [set(element[rows]) for rows in (split.train, split.valid, split.test)]
            assert not parts[0] & parts[1]
            assert not (parts[0] | parts[1]) & parts[2]
            assert len(split.both) == size
            assert earlier.get(split.fold, set()) <= set(split.both)
            earlier[split.fold] = set(split.both)
    assert sorted(np.concatenate([one.test for one in folds.splits(100)])) == list(range(900))


def test_the_points_of_the_curve():
    assert sizes_of(80) == (80,)
    assert sizes_of(310) == (100, 300)
    assert sizes_of(700) == (100, 300, 700)
    assert sizes_of(40_000) == (100, 300, 1_000, 3_000, 10_000)


def test_windows_of_alleles_are_the_letters_of_their_haplotypes(tmp_path):
    text = "ACGTTGCAAGCTTAGGCATCGATTACAGGC"
    audit_bundles.write_fasta(tmp_path / "g.fa", np.array(["ACGT".index(one) for one in text]))
    alleles = [(4, "T", "G"), (2, "GT", ""), (9, "", "TTA"), (0, "A", "C"), (28, "G", "T")]
    pos, ref, alt = (np.array(column, dtype=object) for column in zip(*alleles, strict=True))
    with Genome.open(tmp_path / "g.fa", tmp_path) as genome:
        letters = Alleles(genome, np.zeros(5, np.int64), pos.astype(np.int64), ref, alt)
        changed, reference = letters.windows(9)
    for row, (at, old, new) in enumerate(alleles):
        haplotype = text[:at] + new + text[at + len(old) :]
        for whole, codes in ((haplotype, changed[row]), (text, reference[row])):
            padded = "." * 9 + whole + "." * 9
            assert "".join("ACGTN."[code] for code in codes) == padded[at + 5 : at + 14]
    assert letters.single.tolist() == [True, False, False, True, True]


@pytest.fixture(scope="module")
def hidden(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hidden")
    graph = audit_bundles.hidden_graph()
    return audit_bundles.write_bundle(folder / "m", graph, "m", window=WINDOW)


def by_hand(codes: np.ndarray) -> np.ndarray:
    """The hidden layer of the toy network at all letters, nothing masked: (n, W, 16)."""
    embedding, first, _ = audit_bundles.hidden_weights()
    letters = np.pad(embedding[3 + codes], ((0, 0), (2, 2), (0, 0)))
    beside = [letters[:, 2 + by : 2 + by + codes.shape[1]] for by in (-2, -1, 1, 2)]
    return np.tanh(np.concatenate(beside, axis=2) @ first)


def test_a_layer_is_that_of_the_network_with_nothing_masked(hidden):
    layers = opened(hidden, ScoringOptions(device="cpu"))
    codes = np.random.default_rng(4).integers(0, 4, (3, WINDOW)).astype(np.uint8)
    values, inside = layers.maps(codes)[-1]
    assert layers.index.tolist() == list(range(WINDOW))
    assert values == pytest.approx(by_hand(codes), abs=1e-5)
    assert (inside == 1).all()


def test_a_long_sequence_is_read_in_pieces_and_padding_does_not_count(hidden):
    layers = opened(hidden, ScoringOptions(device="cpu"))
    codes = np.random.default_rng(5).integers(0, 4, (2, 2 * WINDOW)).astype(np.uint8)
    codes[1, WINDOW + 10 :] = PAD
    result = embedded(layers, codes, WINDOW, Progress("test", "passes"))
    pairs = [layers.maps(codes[:, start : start + WINDOW])[-1] for start in (0, WINDOW)]
    for row in range(2):
        values = np.concatenate([values[row][inside[row] > 0] for values, inside in pairs])
        assert result.pooled[-1][row] == pytest.approx(values.mean(axis=0), abs=1e-5)
    assert result.map.shape == (2, 16, 2 * len(layers.index))


def test_permuted_weights_give_another_layer(hidden):
    codes = np.random.default_rng(6).integers(0, 4, (2, WINDOW)).astype(np.uint8)
    options = ScoringOptions(device="cpu")
    values, twin = (
        opened(hidden, options, weights).maps(codes)[-1][0] for weights in (None, permuted_weights)
    )
    assert np.abs(values - twin).max() > 0.1


def test_equal_windows_are_run_once_and_an_allele_is_a_difference():
    changed, reference = np.eye(4, dtype=np.uint8)[:3], np.zeros((3, 4), np.uint8)
    distinct = Distinct.of_pair(changed, reference)
    assert len(distinct.windows) == 4
    values = distinct.windows.astype(float)
    assert (distinct.difference(values) == changed - reference).all()


@pytest.mark.bad_input
def test_a_graph_without_a_layer_has_no_probe(tmp_path):
    bundle = audit_bundles.write_bundle(tmp_path / "c", audit_bundles.copying_graph(), "c")
    with pytest.raises(NotRun, match="no linear layer"):
        opened(bundle, ScoringOptions(device="cpu"))


HEAD = "sequence\tlabel\telement\n"
PLACES = "contig\tstart\tend\telement\tlabel\n"
ROWS = "".join(f"ACGTACGTAC\t{row}\te{row % 7}\n" for row in range(120))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "ACGT\t1\ta\n" * 99, "99 labelled examples; expected at least 100"),
        (HEAD + "ACGT\t1\ta\nACGT\t1\tb\n" * 60, "all 120 labels are 1"),
        (HEAD + ROWS.replace("e1", "e0"), ""),
        (HEAD + "".join(f"ACGT\t{row}\ta\n" for row in range(120)), "all examples are of one element"),
        ("sequence\tlabel\n" + "ACGT\t1\nACGT\t0\n" * 60, "no column element"),
        ("sequence\tvalue\n" + "ACGT\t1\n" * 120, "no column label"),
        (
            "sequence\tlabel\telement\tnote\n" + 'ACGT\t1\te\t"x\nACGT\t0\tf\ty"\n' * 120,
            "a field that goes on over lines",
        ),
        (HEAD + ROWS + "ACGU\t1\te0\n", "row 121: sequence 'ACGU'"),
        (HEAD + ROWS + "ACGT\tlow\te0\n", "row 121: label is 'low'"),
        ("contig\tstart\tend\tlabel\n" + "c\t5\t9\t1\n" * 119 + "d\t5\t9\t0\n", "no place of the FASTA, first d:5-9"),
        ("contig\tstart\tend\tlabel\n" + "c\t5\t9\t1\n" * 119 + "c\t9\t99999\t0\n", "no place of the FASTA"),
        (PLACES + "c\t5\t9\te\t1\n" * 119 + "c\t9\t15\t\t0\n" * 2, "2 rows without an element"),
        (HEAD + ROWS + "ACGT\t1\t \n", "1 rows without an element"),
    ],
)  # fmt: skip
def test_tables_that_allow_no_duel(tmp_path, text, words):
    path = tmp_path / "t.tsv"
    path.write_text(text)
    audit_bundles.random_fasta(tmp_path / "g.fa", 3_000)
    with Genome.open(tmp_path / "g.fa", tmp_path) as genome:
        if not words:
            assert len(read_examples(LabelSource(path), genome)) == 120
            return
        with pytest.raises(BadDataError, match=words):
            read_examples(LabelSource(path), genome)


@pytest.mark.bad_input
def test_labels_that_are_not_there(tmp_path):
    with pytest.raises(MissingInputError, match="not found"):
        read_examples(LabelSource(tmp_path / "t.tsv"), None)


@pytest.mark.bad_input
def test_words_of_a_command_that_lack_their_input(tmp_path, monkeypatch, capsys, hidden):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.vcf").write_text("##fileformat=VCFv4.2\n")
    common = ["--bundles", str(hidden.directory), "--out_dir", str(tmp_path / "out")]
    assert cli.main(["audit", "duel", *common]) == 64
    assert cli.main(["audit", "duel", "--labels", "x.vcf", *common]) == 64
    assert cli.main(["audit", "model", *common]) == 64
    few = ["--fasta", "g.fa", "--out_dir", str(tmp_path / "out")]
    assert cli.main(["audit", "model", *few]) == 64
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "--labels",
        "--labels",
        "--fasta",
        "--bundles",
    ]


def test_a_table_gives_its_letters_and_elements(tmp_path):
    codes, label = planted(120)
    path = write_table(tmp_path / "t.tsv", codes, label)
    examples = read_examples(LabelSource(path), None)
    assert (examples.letters.windows(1)[0] == codes).all()
    assert examples.label == pytest.approx(label, abs=1e-6)
    assert len(np.unique(examples.element)) == 6


def test_a_table_is_read_as_it_is_written(tmp_path):
    """A "#" inside a row cut the row, and an element of the name NA was a missing one."""
    rows = "".join(f"ACGTACGTAC\t{row}\t{'NA' if row % 2 else 'HLA-A#2'}\n" for row in range(100))
    (tmp_path / "t.tsv").write_text("# drawn by hand\n" + HEAD + rows + "# the end\n")
    examples = read_examples(LabelSource(tmp_path / "t.tsv"), None)
    assert sorted(examples.element_names) == ["HLA-A#2", "NA"]
    assert len(examples) == 100
