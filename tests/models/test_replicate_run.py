"""Whole replications in seconds, on a random genome and a text with and without order; and their bad
input."""

from dataclasses import replace

import numpy as np
import pytest

from gfmtrust.audit.replicate import claims, page, train
from gfmtrust.audit.replicate.corpora import FIRST, MASK, corpora, k_mers
from gfmtrust.audit.replicate.measure import of_distributions
from gfmtrust.audit.replicate.run import ReplicateRequest, chosen, replicate
from gfmtrust.audit.replicate.settings import Settings
from gfmtrust.audit.replicate.workers import Workers
from gfmtrust.cli import main as cli
from gfmtrust.core.alphabet import encode
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.contracts.replication import Replication
from gfmtrust.core.errors import BadDataError, ConfigurationError, TransientError
from gfmtrust.io.genome import Genome

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("one_thread")]
TINY = Settings(
    512,
    layers=1,
    width=16,
    heads=2,
    length=32,
    members=2,
    vocabulary=80,
    k=3,
    sequences=16,
    batch=4,
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A random genome, and a text that repeats a word eighty times before another follows."""
    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(1)
    letters = "".join(rng.choice(list("ACGT"), 30_000))
    (folder / "g.fa").write_text(f">c\n{letters}\n")
    words = rng.choice("cat dog sun sky red hot ice mud".split(), 4_000)
    (folder / "t.txt").write_text(" ".join(np.repeat(words, 80)))
    return folder


def request(inputs, folder, settings=TINY):
    return ReplicateRequest(inputs / "g.fa", folder, inputs / "t.txt", settings, 25, 1)


@pytest.fixture(scope="module")
def finished(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    return folder, replicate(request(inputs, folder))


def row(facts, measure, label):
    measured = next(one for one in facts.measures if one.name == measure)
    return next(one for one in measured.statistics if one.label == label)


def text_of(inputs, folder):
    with Genome.open(inputs / "g.fa", folder) as genome:
        return corpora(genome, inputs / "t.txt", TINY)["text"]


def test_a_member_learns_that_words_repeat(inputs, tmp_path):
    """3 bits by the frequencies of eight words, and far fewer by their neighbours."""
    text = text_of(inputs, tmp_path)
    settings = replace(TINY, tokens=120 * 128, rate=1e-2)
    network = train.Trainer(settings, text, True, 1).run(lambda: None)
    gain = of_distributions([network, network], text, settings)[0][claims.CONTROL].values
    assert gain.value > 0.2


@pytest.mark.bad_input
def test_text_models_that_learned_nothing_are_no_control(finished):
    """Four updates teach nothing: no claim is decided, whatever the differences say."""
    _, facts = finished
    assert {one.verdict for one in facts.verdicts[:4]} == {claims.UNDECIDED}
    assert all("no positive control" in one.reason for one in facts.verdicts[:4])


def test_shares_of_the_fisher_information_sum_to_one(finished):
    _, facts = finished
    for tied in ("tied", "untied"):
        shares = [
            row(facts, f"C4_{tied}", f"text: {group}, as published").value
            for group in ("embeddings", "head", "encoder")
        ]
        assert sum(shares) == pytest.approx(1)


def test_every_claim_has_a_verdict_and_a_line(finished):
    folder, facts = finished
    assert [one.claim for one in facts.verdicts] == ["C1", "C2", "C3", "C4", "C5"]
    assert facts.verdicts[-1].verdict == claims.NOT_TESTED
    assert Replication.read(folder / "replicate.json") == facts
    html = (folder / page.PAGE).read_text()
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")


def test_members_of_an_earlier_run_are_read(finished, inputs):
    """A member that is lost is trained again, and equals the one before."""
    folder, facts = finished
    lost = train.path_of(folder, "text", False, 2)
    before, others = lost.read_bytes(), train.path_of(folder, "text", False, 1).stat().st_mtime_ns
    lost.unlink()
    again = replicate(request(inputs, folder, replace(TINY, tokens=0)))
    assert lost.read_bytes() == before
    assert train.path_of(folder, "text", False, 1).stat().st_mtime_ns == others
    assert again.verdicts == facts.verdicts


@pytest.mark.slow
@pytest.mark.bad_input
def test_members_of_several_processes_have_the_same_weights(finished, inputs, tmp_path):
    folder, _ = finished
    paths = [tmp_path / f"text_tied_{member}.npz" for member in (1, 2)]
    jobs = [(member, True, "text", path) for member, path in enumerate(paths, start=1)]
    steps = []
    workers = Workers(TINY, {"text": text_of(inputs, tmp_path)}, 2)
    workers.train(jobs, lambda n, _finished: steps.append(n))
    assert steps[-1] == 2 * TINY.steps
    for path in paths:
        one, two = np.load(folder / "members" / path.name), np.load(path)
        assert all(np.array_equal(one[name], two[name]) for name in one.files)


def test_a_folder_of_other_settings_is_refused(finished, inputs):
    folder, _ = finished
    with pytest.raises(ConfigurationError, match="settings of another run"):
        chosen(request(inputs, folder, replace(TINY, seed=2)))


@pytest.mark.bad_input
def test_a_folder_of_another_genome_is_refused(finished, inputs, tmp_path):
    folder, _ = finished
    other = tmp_path / "other.fa"
    other.write_text(">c\n" + "".join(np.random.default_rng(2).choice(list("ACGT"), 30_000)) + "\n")
    with pytest.raises(ConfigurationError, match="another genome"):
        replicate(replace(request(inputs, folder), fasta=other))


@pytest.mark.bad_input
def test_a_damaged_member_is_named(inputs, finished, tmp_path):
    path = train.path_of(tmp_path, "text", True, 1)
    path.parent.mkdir()
    path.write_bytes(train.path_of(finished[0], "text", True, 1).read_bytes()[:500])
    with pytest.raises(BadDataError, match="text_tied_1"):
        replicate(request(inputs, tmp_path))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("g.fa", ">c\n" + "ACGT" * 100 + "\n", 65, "letters in stretches"),
        ("t.txt", "too short", 65, "9 letters of text"),
        ("t.txt", None, 66, "a text file that can be read"),
    ],
)
def test_inputs_that_are_too_small(tmp_path, monkeypatch, capsys, name, content, code, words):
    rng = np.random.default_rng(1)
    (tmp_path / "g.fa").write_text(">c\n" + "".join(rng.choice(list("ACGT"), 600_000)) + "\n")
    if content is not None:
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    arguments = ["--fasta", "g.fa", "--text", "t.txt", "--out_dir", "out", "--tokens", "1000"]
    assert cli.main(["audit", "replicate", *arguments]) == code
    assert words in capsys.readouterr().err


@pytest.mark.bad_input
def test_memory_that_runs_out_halves_the_batch():
    sizes = []

    def work(piece):
        sizes.append(piece)
        if piece > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    assert train.in_pieces(work, 8, "text") == 2
    assert sizes == [8, 4, 2]


@pytest.mark.bad_input
def test_no_memory_for_one_sequence():
    def work(piece):
        raise MemoryError

    with pytest.raises(TransientError, match="one sequence"):
        train.in_pieces(work, 2, "text")


@pytest.mark.bad_input
def test_another_error_of_a_step_is_not_hidden():
    def work(piece):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes"):
        train.in_pieces(work, 2, "text")


def test_verdicts_from_intervals():
    def drawn(low, high):
        return Statistic("x", 0.0, low, high, 0.0, 3)

    assert claims.word((drawn(0.1, 0.2), drawn(0.1, 0.3))) == claims.REPLICATES
    assert claims.word((drawn(-0.3, -0.2), drawn(-0.2, -0.1))) == claims.DOES_NOT
    assert claims.word((drawn(0.1, 0.2), drawn(-0.2, -0.1))) == claims.UNDECIDED


def test_k_mers_are_numbers_of_base_four():
    assert k_mers(encode("ACGTTTG"), 3).tolist() == [FIRST + 6, FIRST + 63]


def test_masks_are_those_of_the_step_and_of_nothing_else(inputs, tmp_path):
    text = text_of(inputs, tmp_path)
    shown, truth, asked = train.batch(text, replace(TINY, batch=200), 3)
    again = train.batch(text, replace(TINY, batch=200), 3)
    assert all((a == b).all() for a, b in zip((shown, truth, asked), again, strict=True))
    assert asked.mean() == pytest.approx(0.15, abs=0.02)
    assert (shown == MASK)[asked].mean() == pytest.approx(0.8, abs=0.03)
    assert (shown == truth)[~asked].all()
