"""The oracle model: closed forms against a slow twin, every scorer against the closed forms, and a
self-check that can fail."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import toy_models
from fake_genome import FakeGenome
from naive_markov import draw_sequence, entropy_rate, q_causal, q_kmer, q_masked
from naive_markov import log_likelihood as naive_log_likelihood
from reading import score_sites, views_of

from gfmtrust.bundle import onnx_file, tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.graph_contract import GRAPH_FILE
from gfmtrust.bundle.session import Session
from gfmtrust.cli import main as cli
from gfmtrust.core.alphabet import PAD, N, decode, encode, reverse_complement
from gfmtrust.core.errors import BadDataError, CannotWriteError, InternalError
from gfmtrust.readers import reader, windows
from gfmtrust.validation.oracle import closed_forms, markov_bundle, markov_graph, selfcheck
from gfmtrust.validation.oracle.law import word_reverse_complements
from gfmtrust.validation.oracle.markov import (
    MAX_ORDER,
    MarkovTable,
    draw_table,
    uniform_table,
)
from gfmtrust.validation.oracle.markov_bundle import (
    KMER,
    Oracle,
    Reading,
    bundle_meta,
    text_of,
    write_bundle,
)

pytestmark = pytest.mark.long

ORDERS = range(MAX_ORDER + 1)
EXACT = 1e-12


def table_of(order: int, symmetric: bool = False) -> MarkovTable:
    return draw_table(order, seed=order + 1, symmetric=symmetric)


def random_codes(seed: int, length: int, n_unknown: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, length).astype(np.uint8)
    codes[rng.choice(length, n_unknown, replace=False)] = N
    return codes


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    return selfcheck.write_genome(tmp_path_factory.mktemp("oracle"))


def opened(oracle: Oracle, folder):
    bundle = write_bundle(oracle, folder / "bundle")
    return bundle, Session.open(bundle, "cpu")


def scores_of(oracle: Oracle, folder, letters: str, pos, preset="default"):
    bundle, session = opened(oracle, folder)
    return score_sites(
        session, bundle, FakeGenome(chr1=letters), np.zeros(len(pos), int), np.array(pos), preset
    )


# --- tables
# ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_tables_are_stationary_and_the_symmetric_one_is_its_own_reverse_complement(order):
    turned = word_reverse_complements(order + 1)
    for symmetric in (True, False):
        table = table_of(order, symmetric)
        words = table.word_law.reshape(-1, 4)
        stepped = (words.sum(axis=1)[:, None] * table.transitions).reshape(4, -1).sum(axis=0)
        np.testing.assert_allclose(stepped, words.sum(axis=1) if order else [1], atol=1e-13)
        assert (np.abs(table.word_law - table.word_law[turned]).max() < 1e-13) == symmetric
        assert table.is_symmetric == symmetric


def test_the_uniform_table_has_two_bits_a_letter():
    assert entropy_rate(uniform_table(2)) == pytest.approx(2, abs=EXACT)


def test_drawn_sequences_cost_the_entropy_rate_and_the_two_sided_reading_is_calibrated():
    table = table_of(2)
    codes = draw_sequence(table, 100_000, seed=1)
    assert -closed_forms.log_likelihood(table, codes) / len(codes) / np.log(2) == pytest.approx(
        entropy_rate(table), abs=0.01
    )
    index = np.arange(len(codes))
    q = closed_forms.base_distribution(table, codes, index)
    gap = -np.log2(q[index, codes]).mean() - closed_forms.entropy_bits(q).mean()
    assert abs(gap) < 0.01


# --- closed forms against the slow twin
# -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_log_likelihood_equals_the_twin(order):
    table = table_of(order)
    for seed, (length, n_unknown) in enumerate([(1, 0), (order + 1, 0), (30, 0), (30, 4), (9, 9)]):
        codes = random_codes(seed, length, n_unknown)
        assert closed_forms.log_likelihood(table, codes) == pytest.approx(
            naive_log_likelihood(table, decode(codes)), abs=EXACT
        )


def test_likelihoods_of_all_sequences_sum_to_one():
    for order in (0, 1, 2):
        every = closed_forms.all_words(5)
        assert np.exp(closed_forms.log_likelihood(table_of(order), every)).sum() == pytest.approx(
            1, abs=EXACT
        )


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n_unknown", [0, 3])
def test_masked_and_causal_equal_the_twin(order, n_unknown):
    table, codes = table_of(order), random_codes(order, 25, n_unknown)
    index = np.flatnonzero(codes < N)
    masked = closed_forms.base_distribution(table, codes, index)
    causal = closed_forms.causal_distribution(table, codes, index, np.zeros_like(index))
    for row, at in enumerate(index):
        np.testing.assert_allclose(masked[row], q_masked(table, decode(codes), at), atol=EXACT)
        np.testing.assert_allclose(causal[row], q_causal(table, decode(codes), at), atol=EXACT)


@pytest.mark.parametrize("order", ORDERS)
def test_letters_of_a_token_follow_each_other_as_in_the_chain(order):
    """Told the token's letters before it, a letter has the law the whole left flank gives it;
    trying each base sees both flanks."""
    table, codes = table_of(order), random_codes(order, 60)
    index = np.arange(12, 40)
    plain = closed_forms.causal_distribution(table, codes, index, np.zeros_like(index))
    by_token = closed_forms.causal_distribution(table, codes, index, index % KMER, KMER)
    np.testing.assert_allclose(by_token, plain, atol=EXACT)
    masked = closed_forms.base_distribution(table, codes, index)
    for k_letters in (1, KMER):
        np.testing.assert_allclose(
            closed_forms.right_posterior(table, codes, index, 15, k_letters), masked, atol=EXACT
        )


def test_unknown_letters_to_the_right_count_in_none_of_the_four():
    table, codes = table_of(2), random_codes(4, 40)
    whole = closed_forms.right_posterior(table, codes, np.array([20]), 12)
    codes[22] = N
    cut = closed_forms.right_posterior(table, codes, np.array([20]), 12)
    np.testing.assert_allclose(
        cut, closed_forms.base_distribution(table, codes, np.array([20])), atol=EXACT
    )
    assert np.abs(cut - whole).max() > 1e-3


@pytest.mark.parametrize("order", [0, 1, 2, 4])
@pytest.mark.parametrize("offset", range(KMER))
@pytest.mark.parametrize("method", ["marginal", "conditional"])
def test_kmers_equal_the_twin(order, offset, method):
    table, codes = table_of(order), random_codes(order, 21, 2)
    index = np.array([at for at in range(6 + offset, 15, KMER) if codes[at] < N])
    result_array = closed_forms.kmer_distribution(
        table, codes, index, np.full(len(index), offset), KMER, method
    )
    for row, at in enumerate(index):
        np.testing.assert_allclose(
            result_array[row],
            q_kmer(table, decode(codes), at, offset, KMER, method == "conditional"),
            atol=EXACT,
        )


def test_conditional_kmers_ask_what_single_bases_ask_and_marginal_ones_know_less():
    table = table_of(2)
    codes = draw_sequence(table, 3000, seed=3)
    index = np.arange(30, 2970)
    single = closed_forms.base_distribution(table, codes, index)
    conditional, marginal = (
        closed_forms.kmer_distribution(table, codes, index, index % KMER, KMER, method)
        for method in ("conditional", "marginal")
    )
    np.testing.assert_allclose(conditional, single, atol=EXACT)
    assert (
        closed_forms.entropy_bits(marginal).mean()
        > closed_forms.entropy_bits(conditional).mean() + 0.05
    )


def test_changes_further_apart_than_the_order_add_up_and_nearer_ones_do_not():
    table, ref = table_of(2), random_codes(8, 40)

    def gain(*places):
        alt = ref.copy()
        alt[list(places)] = (alt[list(places)] + 1) % 4
        return closed_forms.log_likelihood(table, alt) - closed_forms.log_likelihood(table, ref)

    assert gain(15, 18) == pytest.approx(gain(15) + gain(18), abs=1e-12)
    assert abs(gain(15, 17) - gain(15) - gain(17)) > 1e-3


def test_spellings_of_one_deletion_have_one_likelihood():
    table = table_of(4)
    codes = np.concatenate([random_codes(1, 20), encode("AAAAAA"), random_codes(2, 20)])
    by_name = {
        closed_forms.log_likelihood(table, np.delete(codes, place)).tobytes()
        for place in range(20, 26)
    }
    assert len(by_name) == 1


def test_letters_masked_in_the_same_pass_are_unknown():
    table, codes = table_of(3), random_codes(4, 30)
    blanked = codes.copy()
    blanked[[13, 17]] = N
    index = np.array([15])
    hidden = closed_forms.base_distribution(table, codes, index, hidden=(-2, 2, 9))
    np.testing.assert_array_equal(hidden, closed_forms.base_distribution(table, blanked, index))


# --- every scorer against the closed forms
# --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "symmetric"),
    [
        # a chessboard in every run: each reading with each order, and with both kinds of law
        pytest.param(
            *(order, symmetric),
            marks=[pytest.mark.slow] if (order + symmetric) % 2 else [],
            id=f"{order}-{'symmetric' if symmetric else 'asymmetric'}",
        )
        for order in ORDERS
        for symmetric in (False, True)
    ],
)
@pytest.mark.parametrize("reading", Reading)
def test_every_scorer_view_and_site_is_the_closed_form(tmp_path, genome, reading, order, symmetric):
    """Thorough views, both contig ends, sites beside N, neighbours: everything `score_sites`
    returns."""
    oracle = Oracle(table_of(order, symmetric), reading)
    compared = selfcheck.compare(oracle, *opened(oracle, tmp_path), genome)
    assert len(compared.observed) > 900
    assert compared.difference.max() <= selfcheck.TOLERANCE, compared.names[
        compared.difference.argmax()
    ]
    first, last = (
        any(name.startswith(place) for name in compared.names) for place in ("long:1 ", "long:170 ")
    )
    assert first == last
    assert first or oracle.is_causal  # one strand has no context there, so that there is no score


@pytest.mark.parametrize("reading", [Reading.MASKED, Reading.KMER_CONDITIONAL])
def test_strands_agree_on_the_symmetric_table_and_differ_as_told_on_the_other(tmp_path, reading):
    letters = decode(random_codes(0, 300))
    pos = np.arange(70, 230)
    both = {}
    for symmetric in (True, False):
        oracle = Oracle(table_of(2, symmetric), reading)
        (tmp_path / str(symmetric)).mkdir()
        probs = scores_of(oracle, tmp_path / str(symmetric), letters, pos).probs.astype(np.float64)
        both[symmetric] = np.log(probs[:, 0]) - np.log(probs[:, 1])
    assert np.abs(both[True]).max() < 2e-6
    table, codes = table_of(2), encode(letters)
    forward = closed_forms.base_distribution(table, codes, pos)
    reverse = closed_forms.base_distribution(
        table, reverse_complement(codes), len(codes) - 1 - pos
    )[:, ::-1]
    np.testing.assert_allclose(both[False], np.log(forward) - np.log(reverse), atol=2e-6)
    assert np.abs(both[False]).mean() > 0.1


def test_an_equivariant_model_is_read_on_one_strand(tmp_path, genome):
    oracle = Oracle(table_of(3, symmetric=True), Reading.MASKED, rc_equivariant=True)
    bundle, session = opened(oracle, tmp_path)
    assert {view.strand for view in views_of(bundle, "thorough")} == {"+"}
    assert (
        selfcheck.compare(oracle, bundle, session, genome).difference.max() <= selfcheck.TOLERANCE
    )


@pytest.mark.parametrize("order", [1, 3, 5])
@pytest.mark.parametrize("reading", [Reading.MASKED, Reading.CAUSAL])
def test_letters_further_than_the_order_change_no_bit(tmp_path, reading, order):
    codes = random_codes(1, 200)
    far = (codes + 1) % 4
    far[100 - order : 101 + order] = codes[100 - order : 101 + order]
    near = codes.copy()
    near[100 - order] = (near[100 - order] + 1) % 4
    items = []
    for number, changed in enumerate((codes, far, near)):
        (tmp_path / str(number)).mkdir()
        items.append(
            scores_of(
                Oracle(table_of(order), reading), tmp_path / str(number), decode(changed), [100]
            )
            .probs[0, 0]
            .tobytes()
        )
    assert items[0] == items[1]
    assert items[0] != items[2]


@pytest.mark.parametrize("reading", Reading)
def test_the_uniform_table_of_order_0_knows_nothing(tmp_path, reading):
    array = scores_of(
        Oracle(uniform_table(), reading),
        tmp_path,
        decode(random_codes(2, 120)),
        np.arange(45, 75),
        "thorough",
    )
    assert (array.probs == 0.25).all() or reading not in (Reading.MASKED, Reading.CAUSAL)
    np.testing.assert_allclose(array.probs, 0.25, rtol=1e-7)
    np.testing.assert_allclose(array.local_surprisal, 2, rtol=1e-6)


@pytest.mark.parametrize("reading", Reading)
def test_mass_outside_the_alphabet_is_told_and_changes_no_distribution(tmp_path, genome, reading):
    oracle = Oracle(table_of(2), reading, junk=0.4)
    compared = selfcheck.compare(oracle, *opened(oracle, tmp_path), genome)
    assert compared.difference.max() <= selfcheck.TOLERANCE
    masses = [
        value
        for value, name in zip(compared.observed, compared.names, strict=True)
        if "off-alphabet" in name
    ]
    np.testing.assert_allclose(masses, 0.4, rtol=1e-6)


def test_a_causal_window_hides_its_last_letter():
    """Where the window ends with the site, that letter is the answer."""
    text = text_of(Oracle(table_of(1), Reading.CAUSAL))
    network = tokenizers.feeds(tokenizers.build(text), encode("ACGTA")[None], np.array([[4, 1]]))
    assert network["input_ids"].tolist() == [
        [text.vocabulary[token] for token in ("<s>", "A", "C", "G", "T")]
    ]
    assert network["pos"].tolist() == [[4, 1]]  # <s> in front: T answers for the last A, A for C


# --- the files
# ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reading", Reading)
def test_graphs_are_valid_and_equal_oracles_give_equal_bytes(tmp_path, reading):
    import onnx

    oracle = Oracle(table_of(2), reading, junk=0.1)
    content = markov_graph.build(oracle.table, text_of(oracle), oracle.junk)
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert model.SerializeToString(deterministic=True) == model.FromString(
        content
    ).SerializeToString(deterministic=True)
    first, second = (write_bundle(oracle, tmp_path / name) for name in "ab")
    assert (
        (first.directory / GRAPH_FILE).read_bytes()
        == content
        == (second.directory / GRAPH_FILE).read_bytes()
    )
    assert first.sha256 == second.sha256
    summary = onnx_file.read_graph(first.directory / GRAPH_FILE)
    assert {value.name for value in summary.outputs} == {"logp", "off_alphabet"}


def test_golden_windows_are_of_all_kinds():
    golden = bundle_meta(Oracle(table_of(3), Reading.MASKED))["golden"]
    assert [one["name"] for one in golden] == ["plain", "reverse", "with N", "end"]
    assert [str(N) in one["codes"] for one in golden] == [False, False, True, False]
    assert [str(PAD) in one["codes"] for one in golden] == [False, False, False, True]


# --- the self-check
# -------------------------------------------------------------------------------------------------------


def test_selfcheck_needs_no_torch():
    """The scoring environment does not install it."""
    program = (
        "import sys; sys.modules.update(torch=None, transformers=None)\n"
        "from gfmtrust.validation.oracle import selfcheck; print(next(selfcheck.run('cpu')))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert out.endswith("largest difference 0.0e+00, pass\n")


@pytest.fixture
def one_oracle(monkeypatch):
    """The self-check of one model alone."""

    def choose(reading, order=2):
        monkeypatch.setattr(selfcheck, "oracles", lambda: [Oracle(table_of(order), reading)])

    return choose


def failed(capsys) -> str:
    """The one line on stderr of a self-check that fails as it must."""
    assert cli.main(["selfcheck", "--device", "cpu"]) == 70
    out, err = capsys.readouterr()
    assert "selfcheck passed" not in out
    assert err.count("\n") == 1
    assert "do not trust scores of this installation" in err
    return err


@pytest.mark.bad_input
def test_swapped_columns_are_found_by_the_golden_windows(capsys, monkeypatch, one_oracle):
    one_oracle(Reading.MASKED)
    right = markov_graph.build

    def swapped(table, text, junk):
        vocabulary = {**text.vocabulary, "a": text.vocabulary["c"], "c": text.vocabulary["a"]}
        return right(table, tokenizers.Text(**{**vars(text), "vocabulary": vocabulary}), junk)

    monkeypatch.setattr(markov_graph, "build", swapped)
    assert "selfcheck masked order 2: golden window 0: logp differs by" in failed(capsys)


@pytest.mark.bad_input
def test_the_first_number_that_is_off_is_named(capsys, monkeypatch, one_oracle):
    """A wrong graph whose own golden windows are as wrong: only the comparison can tell."""
    one_oracle(Reading.MASKED)
    wrong = Oracle(table_of(3), Reading.MASKED)
    monkeypatch.setattr(
        markov_bundle, "golden", lambda _oracle, right=markov_bundle.golden: right(wrong)
    )
    monkeypatch.setattr(
        markov_graph,
        "build",
        lambda _table, text, junk, right=markov_graph.build: right(wrong.table, text, junk),
    )
    line = failed(capsys)
    assert line.startswith("gfmtrust: selfcheck masked order 2, long:1 strand + shift -9, LLR of ")
    assert "on cpu (CPUExecutionProvider); expected " in line
    assert " within 1e-06; do not trust" in line


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("module", "name", "value", "reading", "output"),
    [
        (reader, "COMPLEMENT_ORDER", [0, 1, 2, 3], Reading.MASKED, "strand - shift"),
        # the first site has no answer, since its reverse window seems to be outside the contig
        (windows, "reverse_complement", lambda codes: codes, Reading.MASKED, "long:1 strand"),
        (
            reader,
            "site_index",
            lambda bundle, placement: bundle.site_forward - placement.shift - placement.crop[0],
            Reading.KMER_MARGINAL,
            "strand - shift",
        ),
        (
            reader,
            "site_index",
            lambda bundle, placement: (
                (bundle.site_forward if placement.strand == "+" else bundle.site_reverse)
                - placement.crop[0]
            ),
            Reading.KMER_MARGINAL,
            "shift",
        ),
        (
            reader,
            "local_surprisal",
            lambda beside, *_: np.zeros(len(beside), np.float32),
            Reading.CAUSAL,
            "local surprisal",
        ),
    ],
)
def test_a_slip_of_the_scorer_is_found(
    capsys, monkeypatch, one_oracle, module, name, value, reading, output
):
    one_oracle(reading)
    monkeypatch.setattr(module, name, value)
    assert output in failed(capsys)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("reading", "name", "slip"),
    [
        (Reading.CAUSAL, "pos", lambda pos: np.maximum(pos - 1, 0)),  # off by one
        (Reading.MASKED, "pos", lambda pos: pos - 1),  # the prefix forgotten
        (
            Reading.KMER_CONDITIONAL,
            "letters",
            np.zeros_like,
        ),  # told A throughout: what a leaking mask does
        (Reading.KMER_MARGINAL, "letters", np.zeros_like),
        (Reading.KMER_MARGINAL, "offset", lambda offset: (offset + 1) % KMER),
        (Reading.CAUSAL_KMER, "input_ids", lambda ids: np.roll(ids, 1, axis=1)),
        (
            Reading.CAUSAL_KMER_FULL,
            "letters",
            lambda letters: np.full_like(letters, 4),
        ),  # nothing told: letters do not multiply to the token
    ],
)
def test_a_slip_of_the_tokenizer_is_found(capsys, monkeypatch, one_oracle, reading, name, slip):
    one_oracle(reading)
    right = tokenizers.feeds

    def wrong(*given):
        product = right(*given)
        return {**product, name: slip(product[name])}

    monkeypatch.setattr(tokenizers, "feeds", wrong)
    assert "order 2: golden window 0" in failed(capsys)


@pytest.mark.bad_input
def test_a_site_without_an_answer_is_off(capsys, monkeypatch, one_oracle):
    one_oracle(Reading.MASKED)
    right = windows.window_status
    monkeypatch.setattr(
        reader,
        "window_status",
        lambda windows, *given: (
            np.where(np.arange(len(windows)) == 7, "NONFINITE", right(windows, *given)[0]),
            *right(windows, *given)[1:],
        ),
    )
    assert "long:8 strand + shift -9, LLR of" in failed(capsys)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "arguments", [["--device", "tpu"], ["--threads", "0"], ["--threads", "many"]]
)
def test_a_wrong_command_line_is_64(capsys, arguments):
    assert cli.main(["selfcheck", *arguments]) == 64
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.bad_input
def test_cuda_that_is_not_there_is_69(capsys, monkeypatch):
    monkeypatch.setattr("gfmtrust.bundle.devices.cuda_works", lambda: False)
    assert cli.main(["selfcheck", "--device", "cuda"]) == 69
    assert "CUDAExecutionProvider" in capsys.readouterr().err


@pytest.mark.bad_input
def test_a_device_that_falls_back_is_told_once(capsys, caplog, monkeypatch):
    monkeypatch.setattr("gfmtrust.bundle.devices.cuda_works", lambda: False)
    monkeypatch.setattr(
        selfcheck,
        "oracles",
        lambda: [Oracle(table_of(1), reading) for reading in (Reading.MASKED, Reading.CAUSAL)],
    )
    assert cli.main(["selfcheck"]) == 0
    assert sum("no working CUDA provider" in record.message for record in caplog.records) == 1


# --- refusals
# -------------------------------------------------------------------------------------------------------------


@pytest.mark.bad_input
@pytest.mark.parametrize("order", [-1, 6])
def test_an_order_outside_0_to_5_is_refused(order):
    with pytest.raises(ValueError, match="expected 0..5"):
        draw_table(order, 0, True)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("order", "law", "output"),
    [
        (1, np.full(4, 0.25), "expected 16 probabilities"),
        (0, np.array([0.5, 0.5, 0, 0]), "above 0"),
        (0, np.full(4, 0.3), "sum to 1"),
        (1, np.repeat([0.1, 0.05, 0.05, 0.05], 4), "not stationary"),
        (7, np.full(4, 0.25), "expected 0..5"),
    ],
)
def test_a_law_that_is_none_is_refused(order, law, output):
    with pytest.raises(ValueError, match=output):
        MarkovTable(order, law)


@pytest.mark.bad_input
@pytest.mark.parametrize("junk", [-0.1, 1.0])
def test_junk_that_is_no_share_is_refused(junk):
    with pytest.raises(ValueError, match="junk is"):
        markov_graph.build(table_of(1), text_of(Oracle(table_of(1), Reading.MASKED)), junk)


@pytest.mark.bad_input
def test_more_mass_outside_the_alphabet_than_inside_ends_the_run(tmp_path):
    with pytest.raises(InternalError, match="outside A,C,G,T"):
        scores_of(
            Oracle(table_of(1), Reading.MASKED, junk=0.6),
            tmp_path,
            decode(random_codes(0, 120)),
            np.arange(50, 60),
        )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("reading", "symmetric"),
    [(Reading.MASKED, False), (Reading.CAUSAL, True), (Reading.KMER_MARGINAL, True)],
)
def test_what_differs_by_strand_cannot_be_called_equivariant(reading, symmetric):
    with pytest.raises(ValueError, match="expected masked, and a symmetric table"):
        Oracle(table_of(2, symmetric), reading, rc_equivariant=True)


@pytest.mark.bad_input
def test_closed_forms_refuse_what_they_cannot_answer():
    table, codes = table_of(2), random_codes(0, 30)
    with pytest.raises(ValueError, match="codes hold 255; expected 0..5"):
        closed_forms.log_likelihood(table, encode("ACGUACG"))
    with pytest.raises(ValueError, match="codes hold 255"):
        closed_forms.causal_distribution(table, encode("ACGUACG"), np.array([5]), np.array([0]))
    with pytest.raises(ValueError, match="'marginal' or 'conditional'"):
        closed_forms.kmer_distribution(table, codes, np.array([9]), np.array([0]), KMER, "joint")
    with pytest.raises(ValueError, match="place in its token"):
        Oracle(table, Reading.KMER_MARGINAL).distribution(codes, [9])
    with pytest.raises(ValueError, match="multiples of 3"):
        Oracle(table, Reading.KMER_MARGINAL).distribution(codes, [9], [0], hidden=(2,))


@pytest.mark.bad_input
def test_a_bundle_is_never_written_over(tmp_path):
    oracle = Oracle(table_of(1), Reading.MASKED)
    write_bundle(oracle, tmp_path / "bundle")
    with pytest.raises(CannotWriteError, match="exists"):
        write_bundle(oracle, tmp_path / "bundle")


@pytest.mark.bad_input
@pytest.mark.parametrize("reading", Reading)
def test_a_golden_window_that_was_changed_is_refused(tmp_path, reading):
    write_bundle(Oracle(table_of(1), reading), tmp_path / "bundle")
    toy_models.reseal(tmp_path / "bundle", lambda meta: meta["golden"][2]["logp"][0][0].reverse())
    with pytest.raises(BadDataError, match="golden window 2: logp differs"):
        Session.open(Bundle.open(tmp_path / "bundle"), "cpu")


@pytest.mark.bad_input
def test_a_graph_that_was_changed_is_refused(tmp_path):
    path = (
        write_bundle(Oracle(table_of(1), Reading.MASKED), tmp_path / "bundle").directory
        / GRAPH_FILE
    )
    path.write_bytes(markov_graph.build(table_of(2), text_of(Oracle(table_of(2), Reading.MASKED))))
    with pytest.raises(BadDataError, match="sha256 is"):
        Bundle.open(tmp_path / "bundle")


@pytest.mark.bad_input
def test_rna_is_refused(tmp_path):
    bundle, session = opened(Oracle(table_of(1), Reading.MASKED), tmp_path)
    with pytest.raises(BadDataError, match="RNA"):
        session.distributions(
            np.full((1, bundle.window_bp), 255, np.uint8), np.array([[bundle.site_forward]])
        )
