"""The context model: counts and law against a twin of strings, the graph against the law, and what
leaving blocks out prevents."""

import json
import subprocess
import sys
from itertools import combinations

import naive_context as naive
import numpy as np
import pytest
from fake_genome import FakeGenome
from paths import ROOT

from gfmtrust.baseline import counts, evaluate, members, mixture
from gfmtrust.baseline.fit import fit_model
from gfmtrust.baseline.members import Members
from gfmtrust.baseline.write import fit_context_model
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.alphabet import PAD, N, decode, encode, reverse_complement
from gfmtrust.core.errors import BadDataError, CannotWriteError, MissingInputError

pytestmark = pytest.mark.long

DATA = ROOT.parent / "shared" / "data"
PATTERNS = members.patterns()


def random_text(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def windows_at(codes: np.ndarray, pos: np.ndarray, reach: int) -> np.ndarray:
    padding = np.full(reach, PAD, np.uint8)
    return np.concatenate([padding, codes, padding])[pos[:, None] + np.arange(2 * reach + 1)]


def mean_of_admitted(
    model, codes: np.ndarray, pos: np.ndarray, admitted: np.ndarray | None = None
) -> np.ndarray:
    """Mean of the admitted members' distributions at positions of the only contig, (n, 4)."""
    probs = np.exp(model.law.log_probs(windows_at(codes, pos, model.law.reach)))
    votes = model.members.admitted(np.zeros(len(pos), int), pos) if admitted is None else admitted
    return (probs * votes[:, :, None]).sum(axis=1) / votes.sum(axis=1)[:, None]


def surprisal(probs, real):
    return float(-np.log2(probs[np.arange(len(real)), real]).mean())


def entropy(probs):
    return float(-(probs * np.log2(probs)).sum(axis=1).mean())


def two_alternative_error(probs, real, seed=5):
    decoy = (real + np.random.default_rng(seed).integers(1, 4, len(real))) % 4
    row = np.arange(len(real))
    return float((probs[row, real] <= probs[row, decoy]).mean())


# --- members


def test_every_pattern_leaves_out_four_and_every_pair_shares_alike():
    assert PATTERNS.shape == (14, 8)
    assert (PATTERNS.sum(axis=1) == 4).all()
    assert (PATTERNS.sum(axis=0) == 7).all()
    assert {int((PATTERNS[:, a] & PATTERNS[:, b]).sum()) for a, b in combinations(range(8), 2)} == {
        3
    }


def test_blocks_are_dealt_evenly_and_by_the_seed():
    occupied = np.arange(70) % 10 > 0
    dealt = [members.deal({"a": 400, "b": 300}, 10, occupied, seed) for seed in (1, 1, 2)]
    assert (
        np.bincount(dealt[0].pattern[occupied]).tolist().count(4)
        + np.bincount(dealt[0].pattern[occupied]).tolist().count(5)
        == 14
    )
    assert (dealt[0].pattern[~occupied] == -1).all()
    assert (dealt[0].pattern == dealt[1].pattern).all()
    assert (dealt[0].pattern != dealt[2].pattern).any()


def test_members_come_back_from_their_file(tmp_path):
    dealt = members.deal(
        {"a": 25, "empty": 0, "b": 10}, 10, np.array([True, True, True, False, True]), 0
    )
    dealt.write(tmp_path / "members.json")
    opened = Members.open(tmp_path)
    contig, pos = np.array([0, 0, 0, 2, 2, 0]), np.array([0, 9, 24, 0, 9, 700])
    assert opened.block_of(contig, pos).tolist() == [0, 0, 2, 4, 4, 2]
    admitted = opened.admitted(contig, pos)
    assert (admitted == ~PATTERNS[dealt.pattern[[0, 0, 2, 4, 4, 2]]]).all()
    assert (admitted.sum(axis=1) == 4).all()


@pytest.mark.bad_input
def test_missing_members_are_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"members.json: not found"):
        Members.open(tmp_path)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"schema": 1, "block_size": 5, "contigs": [{"name": "a", "patterns": [14]}]}',
        '{"schema": 2, "block_size": 5, "contigs": [{"name": "a", "patterns": [1]}]}',
        '{"schema": 1, "block_size": 0, "contigs": [{"name": "a", "patterns": [1]}]}',
    ],
)
def test_a_wrong_members_file_is_refused(tmp_path, text):
    (tmp_path / "members.json").write_text(text)
    with pytest.raises(BadDataError, match="members.json"):
        Members.open(tmp_path)


# --- counts

AWKWARD = {
    "a": random_text(700, 1),
    "short": "ACG",
    "gaps": random_text(90, 2) + "N" * 30 + random_text(50, 3) + "NN" + "ACGTN",
    "tiny": "A",
    "all_n": "N" * 120,
    "lower": random_text(80, 4).lower(),
}


@pytest.mark.parametrize("top", [1, 2, 3, 5, 6])
def test_counts_are_those_of_a_dictionary(top, monkeypatch):
    monkeypatch.setattr(counts, "FLUSH_BASES", 200)
    counted = counts.PatternCounts(top)
    stretches = naive.blocks({name: text.upper() for name, text in AWKWARD.items()}, 64)
    for number, stretch in enumerate(stretches):
        counted.add(encode(stretch), number % 14)
    for member, of_length in enumerate(counted.of_members(PATTERNS)):
        seen = [
            stretch for number, stretch in enumerate(stretches) if PATTERNS[number % 14, member]
        ]
        for length, result in enumerate(of_length, start=1):
            expected = naive.count(seen, length)
            assert result.sum() == sum(expected.values())
            assert all(result[_rank(word)] == times for word, times in expected.items())


def _rank(word: str) -> int:
    return int("".join(str("ACGT".index(letter)) for letter in word), 4)


@pytest.mark.parametrize("n_bases", [1_000, 1_100_000, 3_100_000_000])
def test_codes_keep_counts_well_inside_their_own_noise(n_bases):
    step = counts.code_step(n_bases)
    array = np.unique(np.geomspace(1, 2 * n_bases, 4000).astype(np.int64))
    code = np.rint(np.log1p(np.arange(1 << 16) * np.expm1(step)) / step).astype(np.uint8)
    back = counts.counts_of_codes(step)[counts._coded(array, code, step)]
    assert (np.abs(back - array) <= np.maximum(0.05 * array, 0.35 * np.sqrt(array))).all()
    assert counts.counts_of_codes(step)[:2].tolist() == [0, 1]


# --- the law


@pytest.fixture(scope="module")
def small():
    """A fit to 30 kb in which an order-2 habit and a repeat give the mixture something to find."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, 30_000).astype(np.uint8)
    for at in range(2, len(codes)):
        if rng.random() < 0.5:
            codes[at] = (codes[at - 2] + 3 * codes[at - 1]) % 4
    text = decode(codes[:15_000]) + "N" * 400 + decode(codes[15_000:])
    return text, fit_model(FakeGenome(chr1=text), seed=2, sites=4_000)


@pytest.mark.long
def test_the_law_is_that_of_the_dictionary_twin(small):
    text, model = small
    law, reach = model.law, model.law.reach
    rng = np.random.default_rng(0)
    pos = np.concatenate(
        [[0, 3, len(text) - 1, 14_995, 15_401], rng.integers(reach, len(text) - reach, 10)]
    )
    windows = windows_at(encode(text), pos, reach)
    windows[7, reach + 2] = N
    windows[8, reach - 1] = windows[8, reach + 1] = N
    result = law.log_probs(windows)
    stretches = naive.blocks({"chr1": text}, model.members.block_size)
    for member in (0, 5):
        patterns = model.members.pattern
        seen = [
            stretch
            for stretch, row in zip(stretches, patterns, strict=True)
            if row >= 0 and PATTERNS[row, member]
        ]
        by_name = {length: naive.count(seen, length) for length in range(1, reach + 2)}
        for row, window in enumerate(windows):
            expected = naive.log_probs(
                by_name,
                law.orders,
                [evaluate.alpha(order) for order in law.orders],
                law.edges.tolist(),
                law.weights.tolist(),
                decode(window),
            )
            assert result[row, member] == pytest.approx(expected, abs=2e-5)


def test_orders_follow_the_genome():
    assert [
        evaluate.orders_for(n)[-1] for n in (1_000, 48_502, 880_000, 1_100_000, 3_100_000_000)
    ] == [6, 8, 11, 11, 11]


def test_the_gradient_is_that_of_differences():
    rng = np.random.default_rng(1)
    seen = mixture.Evidence(
        rng.normal(size=(3, 40, 4, 4)).astype(np.float32),
        rng.integers(0, 3, (40, 4)),
        rng.integers(0, 4, 40),
    )
    loss = mixture._Loss(seen, seen.flanks, rng.normal(size=(3, 3)), 0.1)
    at = rng.normal(size=9)
    _, gradient = loss(at)
    step = 1e-6 * np.eye(9)
    assert gradient == pytest.approx(
        [(loss(at + d)[0] - loss(at - d)[0]) / 2e-6 for d in step], abs=1e-7
    )


# --- leave-out


@pytest.fixture(scope="module")
def noise():
    return random_text(60_000, 7)


@pytest.mark.long
def test_on_random_letters_it_knows_nothing(noise):
    model, codes = fit_model(FakeGenome(chr1=noise), sites=10_000), encode(noise)
    pos = np.arange(50, len(codes) - 50, 4)
    probs, real = mean_of_admitted(model, codes, pos), codes[pos]
    assert entropy(probs) >= 1.99
    assert (probs.argmax(axis=1) == real).mean() == pytest.approx(0.25, abs=0.015)
    assert two_alternative_error(probs, real) == pytest.approx(0.5, abs=0.015)
    assert surprisal(probs, real) - entropy(probs) == pytest.approx(0, abs=0.005)


@pytest.mark.long
def test_without_leave_out_it_knows_random_letters(noise):
    model, codes = fit_model(FakeGenome(chr1=noise), sites=10_000, leave_out=False), encode(noise)
    pos = np.arange(50, len(codes) - 50, 4)
    probs, real = mean_of_admitted(model, codes, pos, np.ones((len(pos), 8), bool)), codes[pos]
    assert surprisal(probs, real) < 1.9
    assert two_alternative_error(probs, real) < 0.40


@pytest.mark.long
def test_a_block_reaches_no_member_that_left_it_out(noise):
    """Other letters in one block: not one cell changes of the members that never saw it, and all
    others do."""
    text = noise[:40_000]
    before = fit_model(FakeGenome(chr1=text), sites=500)
    size = before.members.block_size
    other = text[: 5 * size] + random_text(size, 99) + text[6 * size :]
    after = fit_model(FakeGenome(chr1=other), sites=500)
    same = np.all(
        [
            (a.cells == b.cells).all(axis=0)
            for a, b in zip(before.law.tables, after.law.tables, strict=True)
        ],
        axis=0,
    )
    assert (same == before.members.admitted(np.array([0]), np.array([5 * size + 1]))[0]).all()


# --- the bundle


@pytest.fixture(scope="module")
def written(tmp_path_factory, small):
    folder = tmp_path_factory.mktemp("context")
    short = "".join(f">c{number}\n{random_text(150, number).lower()}\n" for number in range(20))
    (folder / "genome.fa").write_text(f">chr1\n{small[0]}\n>n\n{'N' * 200}\n{short}")
    return folder, fit_context_model(folder / "genome.fa", folder / "context_model", seed=1)


def run(bundle, input_ids, pos):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(
        str(bundle.graph_for("cpu")), providers=["CPUExecutionProvider"]
    )
    return session.run(
        None, {"input_ids": input_ids.astype(np.int64), "pos": pos.astype(np.int64)}
    )[0]


@pytest.mark.long
def test_the_graph_is_the_law_at_any_length(small, written, tmp_path):
    from gfmtrust.baseline.write import write_bundle

    text, model = small
    bundle = write_bundle(model, tmp_path / "bundle", {})
    codes = encode(text)
    rng = np.random.default_rng(2)
    for length, positions in (
        (63, [31, 11, 51]),
        (64, [0, 63, 5]),
        (7, [3]),
        (1, [0]),
        (200, [100, 101]),
    ):
        windows = codes[rng.integers(0, len(codes) - length, 12)[:, None] + np.arange(length)]
        windows[:3, rng.integers(0, length, 3)] = N
        result_array = run(bundle, windows, np.tile(positions, (12, 1)))
        for column, at in enumerate(positions):
            expected = model.law.log_probs(
                np.stack([windows_at(row, np.array([at]), model.law.reach)[0] for row in windows])
            )
            assert np.abs(result_array[:, column] - expected).max() < 1e-5


@pytest.mark.long
def test_the_graph_never_reads_the_scored_base(written):
    windows = np.random.default_rng(0).integers(0, 4, (50, 63))
    centre = np.full((50, 1), 31)
    answers = []
    for base in range(5):
        windows[:, 31] = base
        answers.append(run(written[1], windows, centre))
    assert all((answer == answers[0]).all() for answer in answers)


def test_the_other_strand_gets_the_same_answer(written):
    windows = np.random.default_rng(0).integers(0, 5, (80, 63)).astype(np.uint8)
    centre = np.full((80, 1), 31)
    forward = run(written[1], windows, centre)
    reverse = run(written[1], reverse_complement(windows), centre)[..., ::-1]
    assert np.abs(forward - reverse).max() < 1e-5


def test_the_session_scores_sites_by_members_that_left_them_out(written):
    from reading import score_sites

    from gfmtrust.bundle.session import Session
    from gfmtrust.io.genome import Genome

    folder, bundle = written
    session = Session.open(bundle, "cpu")
    with Genome.open(folder / "genome.fa", folder) as genome:
        contig, pos = np.array([0, 0, 5, 5]), np.array([500, 20_000, 10, 75])
        admitted = Members.open(bundle.directory).admitted
        scores = score_sites(session, bundle, genome, contig, pos, admitted=admitted)
    assert scores.status.tolist() == [""] * 4
    assert (np.isfinite(scores.probs).all(axis=2) == admitted(contig, pos)).all()
    assert np.isfinite(scores.local_surprisal).all()


@pytest.mark.long
def test_bytes_depend_neither_on_run_nor_on_threads(written, tmp_path):
    code = "import sys; from gfmtrust.baseline.write import fit_context_model as f; f(sys.argv[1], sys.argv[2], seed=1)"
    folder, bundle = written
    environment = {
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "PYTHONPATH": str(ROOT / "python"),
    }
    subprocess.run(
        [sys.executable, "-c", code, folder / "genome.fa", tmp_path / "again"],
        check=True,
        env=environment,
    )
    for name in ("bundle.json", "model.onnx", "members.json"):
        assert (tmp_path / "again" / name).read_bytes() == (bundle.directory / name).read_bytes()


def test_the_bundle_says_what_it_is(written):
    bundle = Bundle.open(written[1].directory)
    assert (bundle.family, bundle.n_members, bundle.rc_equivariant, bundle.window_bp) == (
        "context_model",
        8,
        True,
        63,
    )
    assert bundle.meta["source"]["orders"] == [0, 1, 2, 3, 4, 6, 8]
    assert json.loads((bundle.directory / "members.json").read_text())["contigs"][1] == {
        "name": "n",
        "patterns": [-1],
    }


@pytest.mark.long
def test_lambda_is_enough_for_a_fit():
    fasta = DATA / "phage_lambda" / "lambda_virus.fa"
    if not fasta.exists():
        pytest.skip(f"real data absent: {fasta.parent.name}")
    codes = encode("".join(fasta.read_text().split("\n")[1:]))
    model = fit_model(FakeGenome(phage=decode(codes)), sites=5_000)
    pos = np.arange(len(codes))[20:-20:5]
    assert model.law.orders[-1] == 8
    assert surprisal(mean_of_admitted(model, codes, pos), codes[pos]) < 1.92


# --- faults


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("contigs", "result"),
    [({"a": "N" * 5000}, "0 A, C, G, T"), ({"a": "ACGT" * 50, "b": "N" * 900}, "200 A, C")],
)
def test_a_genome_with_nothing_to_count_is_refused(contigs, result):
    with pytest.raises(BadDataError, match=result):
        fit_model(FakeGenome(**contigs))


@pytest.mark.bad_input
def test_a_missing_fasta_is_named(tmp_path):
    with pytest.raises(MissingInputError, match="absent.fa"):
        fit_context_model(tmp_path / "absent.fa", tmp_path / "context_model")
    assert not list(tmp_path.iterdir())


@pytest.mark.bad_input
def test_an_existing_bundle_is_not_overwritten(written):
    with pytest.raises(CannotWriteError, match="exists"):
        fit_context_model(written[0] / "genome.fa", written[1].directory)


@pytest.mark.bad_input
def test_a_thousand_bases_in_short_contigs_work():
    model = fit_model(
        FakeGenome(**{f"c{i}": random_text(150, i).lower() for i in range(7)}, n="N" * 150)
    )
    probs = mean_of_admitted(model, encode(random_text(150, 0)), np.arange(150))
    assert np.isfinite(probs).all()


# --- what it must reach on real and on synthetic genomes


@pytest.mark.slow
def test_chr20_takes_at_most_1_80_bits():
    fasta = DATA / "hg19_chr20" / "chr20.fa.gz"
    if not fasta.exists():
        pytest.skip(f"real data absent: {fasta.parent.name}")
    from gfmtrust.io.genome import Genome

    with Genome.open(fasta) as genome:
        codes = genome.codes("chr20", 9_995_000, 11_095_000)
    cut = len(codes) * 8 // 10
    model = fit_model(FakeGenome(chr20=decode(codes[:cut])))
    pos = np.arange(cut + 20, len(codes) - 20, 3)
    log_probs, real = model.law.log_probs(windows_at(codes, pos, 11)), codes[pos]
    each = [surprisal(np.exp(log_probs[:, member]), real) for member in range(8)]
    assert surprisal(np.exp(log_probs).mean(axis=1), real) <= 1.80
    assert max(each) <= 1.815, each
    inside = np.arange(20, cut - 20, 17)
    probs = mean_of_admitted(model, codes, inside)
    assert surprisal(probs, codes[inside]) - entropy(probs) == pytest.approx(0, abs=0.005)


@pytest.mark.slow
def test_an_order_3_chain_is_found_to_a_hundredth_of_a_bit():
    """4 Mb of a chain of order 3 that reads alike from both strands; the truth is the chain's own
    two-sided law."""
    codes, law = symmetric_chain(4_000_000, seed=1)
    model = fit_model(FakeGenome(chr1=decode(codes)))
    pos = np.random.default_rng(0).integers(20, len(codes) - 20, 60_000)
    window = windows_at(codes, pos, 3).astype(np.int64)
    weight = np.ones((len(pos), 4))
    for base in range(4):
        window[:, 3] = base
        for start in range(4):
            weight[:, base] *= law[
                window[:, start], window[:, start + 1], window[:, start + 2], window[:, start + 3]
            ]
    truth = weight / weight.sum(axis=1, keepdims=True)
    assert (
        surprisal(mean_of_admitted(model, codes, pos), codes[pos]) - surprisal(truth, codes[pos])
        < 0.01
    )


def symmetric_chain(length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes of an order-3 chain and its law (4, 4, 4, 4), alike on both strands: words mixed with
    their reverse complements."""
    rng = np.random.default_rng(seed)
    law = rng.dirichlet([0.6] * 4, size=(4, 4, 4))
    words = np.full((4, 4, 4), 1 / 64)
    for _ in range(500):
        words = np.einsum("abc,abcd->bcd", words, law)
    joint = words[..., None] * law
    joint = (joint + joint[::-1, ::-1, ::-1, ::-1].transpose(3, 2, 1, 0)) / 2
    law = joint / joint.sum(axis=3, keepdims=True)
    bounds = np.cumsum(law.reshape(64, 4), axis=1)[:, :3]
    draws = rng.random(length).tolist()
    bounds, context, codes = bounds.tolist(), 0, bytearray(length)
    for at, draw in enumerate(draws):
        low, middle, high = bounds[context]
        base = (draw > low) + (draw > middle) + (draw > high)
        codes[at] = base
        context = (context * 4 + base) % 64
    return np.frombuffer(bytes(codes), np.uint8), law
