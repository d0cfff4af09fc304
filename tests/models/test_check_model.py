"""`gfmtrust models check`: what it measures, against values known another way, and what it says of
models that know nothing."""

import json
from collections import Counter
from itertools import product
from pathlib import Path

import checkpoints
import naive_markov
import numpy as np
import pytest
from fake_genome import genome_letters
from huggingface_hub import constants
from paths import ROOT

from gfmtrust.baseline.fit import fit_model
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.cli import main as cli
from gfmtrust.core.alphabet import decode, encode
from gfmtrust.export import check_model, sanity_check
from gfmtrust.export.check_model import Figures, baselines, evaluate, sample, tokens
from gfmtrust.validation.oracle import closed_forms, markov
from gfmtrust.validation.oracle.markov_bundle import WINDOWS, Oracle, Reading, write_bundle

pytestmark = pytest.mark.torch
REVISION = "0123456789abcdef0123456789abcdef01234567"
CODONS = dict(
    zip(
        ("".join(codon) for codon in product("TCAG", repeat=3)),
        "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        strict=True,
    )
)


def translated(text: str) -> str:
    return "".join(CODONS[text[start : start + 3]] for start in range(0, len(text) - 2, 3))


def fasta_of(path: Path, **contigs: str) -> Path:
    path.write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    return path


def markov_text(table, length: int, seed: int = 3) -> str:
    return decode(naive_markov.draw_sequence(table, length, seed))


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = cli.main(["models", "check", *map(str, arguments)])
    return code, *capsys.readouterr()


# --- the genome that ships


def test_the_shipped_genome_is_the_sequence_its_headers_name(tmp_path):
    """Two proteins known from elsewhere: UCHL3 (P15374) starts where the human stretch does, and
    pPCP1 carries pla (P17811)."""
    shipped = sample.prepare(None, tmp_path)
    letters = {
        name: decode(part.codes(name, 0, part.contigs[name]))
        for name, part in shipped.parts.items()
    }
    assert {name: len(text) for name, text in letters.items()} == {
        "human": 48_000,
        "arabidopsis": 48_000,
        "yersinia": 9_609,
    }
    assert all(set(text) == set("ACGT") for text in letters.values())
    assert translated(letters["human"][:39]) == "MEGQRWLPLEANP"
    plasmid = letters["yersinia"]
    strands = [plasmid, plasmid[::-1].translate(str.maketrans("ACGT", "TGCA"))]
    assert any(
        "MKKSSIVATIITILSGSANAASSQLIPNISPDSFTVAASTGMLSGKSHEMLYD" in translated(strand[frame:])
        for strand in strands
        for frame in range(3)
    )
    assert shipped.ships
    assert shipped.fasta.is_file()


def test_the_shipped_genome_is_package_data():
    assert (
        '"gfmtrust.export.check_model" = ["genome.fa"]'
        in (ROOT / "python" / "pyproject.toml").read_text()
    )


# --- the user's genome


def test_a_large_fasta_is_sampled_in_pieces_that_are_its_own(tmp_path):
    whole = {"a": genome_letters(0, 900_000), "b": "N" * 300_000, "c": genome_letters(1, 130_000)}
    drawn = sample.prepare(fasta_of(tmp_path / "large.fa", **whole), tmp_path)
    (letters,) = drawn.parts.values()
    assert sample.MAX_BASES <= letters.n_known <= sample.MAX_BASES + sample.PIECE_BASES
    for name, length in letters.contigs.items():
        contig, _, start = name.rpartition("_")
        assert decode(letters.codes(name, 0, length)) == whole[contig][int(start) - 1 :][:length]
    assert not drawn.ships


def test_a_small_fasta_is_read_whole(tmp_path):
    drawn = sample.prepare(
        fasta_of(tmp_path / "small.fa", x="ACGTN" * 400, y="ACGT" * 10), tmp_path
    )
    assert drawn.parts["small.fa"].contigs == {"x": 2000, "y": 40}


def test_windows_hold_no_n_and_are_where_they_say():
    text = genome_letters(5, 700)
    letters = sample.Letters(
        {
            "x": encode(text[:300] + "N" + text[301:]),
            "y": encode(text[:59]),
            "z": encode(text[100:180]),
        }
    )
    cut = sample.windows(letters, 60, 40)
    assert len(cut.start) == 40
    for codes, index, start in zip(cut.codes, cut.contig_index, cut.start, strict=True):
        name = letters.names[index]
        assert name != "y"
        assert (codes == letters.codes(name, start, start + 60)).all()
    assert (cut.codes < 4).all()
    free = [start for start in range(641) if not start <= 300 < start + 60]
    x = cut.start[cut.contig_index == 0]
    assert set(x) <= set(free)
    assert x.min() == 0
    assert sample.windows(letters, 701, 5) is None


# --- baselines


def naive_chain(text: str, order: int, block: int, at: int) -> float:
    """-log2 p of one base by counts of the blocks of the other parity, with strings and a
    dictionary."""
    if at < order or set(text[at - order : at + 1]) - set("ACGT"):
        return 2.0
    n_blocks = -(-len(text) // block)
    parity = min(at // block, n_blocks - 1) % 2
    seen = Counter(
        text[place - order : place + 1]
        for place in range(order, len(text))
        if min(place // block, n_blocks - 1) % 2 != parity
        and not set(text[place - order : place + 1]) - set("ACGT")
    )
    before = text[at - order : at]
    return -np.log2(
        (seen[text[at - order : at + 1]] + 1) / (sum(seen[before + base] for base in "ACGT") + 4)
    )


@pytest.mark.parametrize("order", [0, 2])
def test_the_chains_count_as_a_naive_twin_does(order):
    text = genome_letters(2, 600) + "N" + "ACCA" * 150
    letters = sample.Letters({"x": encode(text)})
    members = fit_model(letters).members
    pos = np.array([0, 1, 2, 5, 77, 300, 599, 601, 602, 603, 900, len(text) - 1])
    result_array = baselines.chain(letters, members, order, np.zeros(len(pos), int), pos)
    assert result_array == pytest.approx(
        [naive_chain(text, order, members.block_size, at) for at in pos], abs=1e-12
    )


def test_the_context_model_answers_with_members_that_never_saw_the_block():
    text = genome_letters(4, 3000)
    letters = sample.Letters({"x": encode(text)})
    context = fit_model(letters)
    pos, reach = np.array([100, 1500, 2990]), context.law.reach
    result_array = baselines.of_context(context, letters, np.zeros(3, int), pos)
    for at, bits in zip(pos, result_array, strict=True):
        flanks = "N" * reach + text + "N" * reach
        logp = context.law.log_probs(encode(flanks[at : at + 2 * reach + 1])[None])[0]
        votes = context.members.admitted(np.array([0]), np.array([at]))[0]
        assert votes.sum() == 4
        assert bits == pytest.approx(
            -np.log2(np.exp(logp[votes, encode(text)[at]]).mean()), rel=1e-5
        )


def test_order_2_approaches_the_entropy_of_an_order_2_chain():
    table = markov.draw_table(2, 1, symmetric=False)
    letters = sample.Letters({"x": naive_markov.draw_sequence(table, 40_000, 2)})
    pos = np.arange(2, 40_000, 7)
    array = baselines.surprisals(letters, np.zeros(len(pos), int), pos)
    entropy = -(table.word_law * np.log2(table.transitions.reshape(-1))).sum()
    assert array["order_2"].mean() == pytest.approx(entropy, abs=0.02)
    assert array["letter_frequencies"].mean() > array["order_2"].mean()


# --- models whose answers are known


def test_a_model_that_knows_nothing_has_exactly_2_bits_and_ends_with_65(
    capsys, tmp_path, small_fasta
):
    write_bundle(Oracle(markov.uniform_table(), Reading.MASKED), tmp_path / "uniform")
    code, out, err = run(
        capsys, tmp_path / "uniform", "--windows", 20, "--json", tmp_path / "found.json"
    )
    content = json.loads((tmp_path / "found.json").read_text())
    assert code == 65
    assert [one["part"] for one in content["figures"]] == ["human", "arabidopsis", "yersinia"]
    assert all(
        one["bits"] == pytest.approx(2, abs=1e-6) and one["is_constant"]
        for one in content["figures"]
    )
    assert content["passed"] is False
    assert out.splitlines()[-1] == content["verdict"]
    assert err.splitlines()[-1].startswith(
        "gfmtrust: model oracle_masked_0: 2.000 bits per base on "
    )
    assert run(capsys, tmp_path / "uniform", "--fasta", small_fasta, "--windows", 20)[0] == 65
    assert (
        run(
            capsys,
            tmp_path / "uniform",
            "--fasta",
            small_fasta,
            "--windows",
            20,
            "--allow_untrained",
        )[0]
        == 0
    )


@pytest.mark.parametrize(
    "reading", [Reading.MASKED, Reading.CAUSAL, Reading.KMER_CONDITIONAL, Reading.CAUSAL_KMER]
)
def test_the_bits_of_a_model_with_closed_forms(capsys, tmp_path, reading):
    oracle = Oracle(markov.draw_table(2, 4, symmetric=False), reading)
    text = markov_text(oracle.table, 4000)
    genome = fasta_of(tmp_path / "own.fa", oracle=text)
    bundle = write_bundle(oracle, tmp_path / "oracle")
    code, out, _ = run(
        capsys,
        bundle.directory,
        "--fasta",
        genome,
        "--windows",
        150,
        "--json",
        tmp_path / "found.json",
    )
    content = json.loads((tmp_path / "found.json").read_text())["figures"][0]
    index = evaluate.places(bundle)
    k = oracle.k_letters
    nats = []
    for start in sample.windows(
        sample.Letters({"oracle": encode(text)}), WINDOWS[reading][0], 150
    ).start:
        codes = encode(text[start : start + WINDOWS[reading][0]])
        for at in index:
            hidden = tuple((other // k - at // k) * k for other in index if other // k != at // k)
            q = (
                closed_forms.causal_distribution(oracle.table, codes, [at], np.array([at % k]), k)
                if oracle.is_causal
                else oracle.distribution(codes, [at], [at % k], hidden)
            )
            nats.append(-np.log(q[0, codes[at]]))
    assert content["bits"] == pytest.approx(np.mean(nats) / np.log(2), abs=1e-4)
    assert (code, content["bases"], content["windows"]) == (0, len(nats), 150)
    assert "reads DNA" in out.splitlines()[-1]


def test_a_trained_model_reads_the_genome_of_its_law_and_counting_does_worse(capsys, tmp_path):
    from gfmtrust.io.genome import Genome

    with Genome.open(ROOT / "assets" / "demo" / "genome.fa.gz", tmp_path) as demo:
        genome = fasta_of(tmp_path / "demo.fa", demo1=decode(demo.codes("demo1", 0, 40_000)))
    code, out, _ = run(
        capsys,
        ROOT / "assets" / "demo" / "models" / "gpn-demo-1",
        "--fasta",
        genome,
        "--windows",
        150,
        "--json",
        "-",
    )
    content = json.loads(out)
    bits, counted = content["figures"][0]["bits"], content["figures"][0]["baselines"]
    assert code == 0
    assert (
        bits + 0.2
        < counted["context_model"]
        < counted["order_2"]
        < counted["letter_frequencies"]
        < 2
    )
    assert content["parity"]["max_logp"] <= content["parity"]["allowed"]


# --- checkpoints in the layout of the hub's cache


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """Function kind -> the name of a checkpoint with random weights, placed where the hub's cache
    keeps it."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def write(kind: str) -> str:
        checkpoints.write(tmp_path / "hub" / f"models--lab--{kind}" / "snapshots" / REVISION, kind)
        return f"lab/{kind}@{REVISION}"

    return write


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("hyenadna", "single bases, causal"),
        pytest.param("nt_v2", "6-mers, masked", marks=pytest.mark.slow),
        pytest.param("grover", "whole tokens (byte pair encoding), masked", marks=pytest.mark.slow),
    ],
)
def test_random_weights_in_the_cache_open_and_fail(
    capsys, tmp_path, small_fasta, cached, kind, says
):
    code, out, err = run(
        capsys,
        cached(kind),
        "--fasta",
        small_fasta,
        "--windows",
        12,
        "--json",
        tmp_path / "found.json",
        "--out_dir",
        tmp_path / "kept",
    )
    content = json.loads((tmp_path / "found.json").read_text())
    assert code == 65, err
    assert "better than" in content["verdict"]
    assert (
        content["kind"],
        content["identity"]["repository"],
        content["identity"]["revision"],
    ) == (
        says,
        f"lab/{kind}",
        REVISION,
    )
    assert content["weights"] == ["model.safetensors"]
    assert content["vocabulary"] in (["vocab.txt"], ["tokenizer.json"])
    assert content["parity"]["max_logp"] <= content["parity"]["allowed"]
    assert content["seconds"] > 0
    kept = Bundle.open(tmp_path / "kept" / kind)
    assert kept.gate == "failed"
    best = min(
        content["figures"], key=lambda one: one["bits"] - one["baselines"]["letter_frequencies"]
    )
    assert best["unit"] == ("token" if kind == "grover" else "base")
    assert f"{best['part']}" in out


@pytest.mark.parametrize("kind", ["hyenadna", "nt_v1", "gpn"])
def test_a_window_is_shown_with_the_ids_of_the_vocabulary(exported, kind):
    bundle = exported(kind)
    text = genome_letters(8, bundle.window_bp)
    one = tokens.reading(bundle, encode(text))
    output = bundle.text
    written = text.lower() if output.lower_case else text
    cut = [written[start : start + output.k] for start in range(0, len(written), output.k)]
    assert one.tokens == [*output.prefix, *cut, *output.suffix]
    assert one.ids == [output.vocabulary[token] for token in one.tokens]
    within = bundle.site_forward % output.k
    assert one.tokens[one.site][within].upper() == text[bundle.site_forward]
    assert f">{one.tokens[one.site]}={one.ids[one.site]}<" in tokens.shown(one)


def test_whole_tokens_are_shown_and_counted_in_bases(exported):
    bundle = exported("grover")
    text = genome_letters(9, bundle.window_bp)
    one = tokens.reading(bundle, encode(text))
    body = one.tokens[len(bundle.text.prefix) : len(one.tokens) - len(bundle.text.suffix)]
    assert "".join(body) == text
    assert sum(map(len, body[: one.site - len(bundle.text.prefix)])) <= bundle.site_forward
    assert sum(map(len, body[: one.site - len(bundle.text.prefix) + 1])) > bundle.site_forward


def test_bits_per_base_of_whole_tokens_are_their_surprisal_over_their_letters(exported):
    from gfmtrust.bundle.session import Session

    bundle = exported("grover")
    session = Session.open(bundle, "cpu")
    codes = np.stack([encode(genome_letters(seed, bundle.window_bp)) for seed in range(3)])
    answers = evaluate.answers(session, bundle, codes)
    fresh = sanity_check.token_evidence(session, codes)
    assert answers.evidence.nll_nats == pytest.approx(fresh.nll_nats, abs=1e-6)
    for row, window in enumerate(codes):
        one = tokens.reading(bundle, window)
        letters = [token for token in one.tokens if not set(token) - set("ACGT")]
        asked = [
            letters[place - 1]
            for place in [at for at in range(len(one.ids)) if 0 < at < len(one.ids) - 1][4::8]
        ]
        assert answers.scored[row].sum() == sum(map(len, asked))


# --- the verdict


def figures(
    part="x", bits=1.9, letters=1.95, unit="base", per_unit=None, se=0.01, **more
) -> Figures:
    counted = {
        "letter_frequencies": letters,
        "order_2": letters - 0.02,
        "context_model": letters - 0.1,
    }
    return Figures(
        part,
        10,
        320,
        bits,
        se,
        counted,
        se,
        unit,
        bits if per_unit is None else per_unit,
        se,
        1.9856 if unit == "base" else 9.0,
        more.get("is_constant", False),
    )


@pytest.mark.parametrize(
    ("one", "passed"),
    [
        (figures(), True),
        (
            figures(bits=1.96),
            False,
        ),  # below the gate's threshold, but so are the letter frequencies
        (figures(bits=1.99, letters=2.0), False),
        (figures(is_constant=True), False),
        (figures(se=0.03), False),  # 0.05 below the letter frequencies, by luck perhaps
        (figures(bits=1.95, letters=1.99, se=0.019), False),  # likewise below chance
        (figures(bits=1.95, letters=1.99, se=0.017), True),
        (
            figures(bits=2.1, unit="token", per_unit=8.5),
            True,
        ),  # the ends of tokens are not known to a masked model: 2 bits are no bound
        (figures(bits=1.9, unit="token", per_unit=9.2), False),
    ],
)
def test_what_passes(one, passed):
    assert one.passed is passed


def test_a_model_is_judged_by_the_part_that_it_reads_best(tmp_path, small_fasta):
    from dataclasses import replace

    write_bundle(Oracle(markov.uniform_table(), Reading.MASKED), tmp_path / "uniform")
    result = replace(
        check_model.check_model(str(tmp_path / "uniform"), small_fasta, n_windows=3), ships=True
    )
    result = replace(
        result,
        figures=[
            figures("human", 2.05),
            figures("arabidopsis", 1.88, 1.92),
            figures("yersinia", 1.99, 1.98),
        ],
    )
    assert result.passed
    assert (
        "1.88 bits per base on arabidopsis, below letter frequencies (1.92) and order 2 (1.90), not below context model (1.82)"
        in (check_model.text(result))
    )


# --- bad input


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("names", "code", "words"),
    [
        (["no-such-model"], 78, "unknown model no-such-model"),
        (["lab/model@main"], 78, "revision is 'main'"),
        ([], 64, "0 names"),
        (["a", "b"], 64, "2 names"),
        (["./nowhere/weights"], 66, "not found"),
    ],
)
def test_names_that_name_no_model(capsys, names, code, words):
    result, _, err = run(capsys, *names)
    assert (result, words in err) == (code, True), err


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (">x\nACGTACGT\n", 65, "8 A, C, G, T"),
        (">x\n" + "N" * 5000 + "\n", 65, "0 A, C, G, T"),
        ("", 65, "empty"),
        ("ACGT\n", 65, "FASTA"),
        (None, 66, "genome.fa"),
        (">x\n" + "ACGTN" * 400 + "\n", 65, "no window of 72 bases"),
    ],
)
def test_a_fasta_that_cannot_serve(capsys, tmp_path, text, code, words):
    write_bundle(Oracle(markov.uniform_table(), Reading.MASKED), tmp_path / "uniform")
    if text is not None:
        (tmp_path / "genome.fa").write_text(text)
    result, _, err = run(capsys, tmp_path / "uniform", "--fasta", tmp_path / "genome.fa")
    assert (result, words in err) == (code, True), err


@pytest.mark.bad_input
def test_a_folder_without_weights(capsys, tmp_path):
    weights = checkpoints.write(tmp_path / "weights", "gpn")
    (weights / "model.safetensors").unlink()
    code, _, err = run(capsys, weights)
    assert (code, "model.safetensors" in err) == (66, True), err


@pytest.mark.bad_input
def test_a_kept_bundle_is_never_replaced(capsys, tmp_path, small_fasta):
    write_bundle(Oracle(markov.uniform_table(), Reading.MASKED), tmp_path / "uniform")
    command = (
        tmp_path / "uniform",
        "--fasta",
        small_fasta,
        "--windows",
        3,
        "--out_dir",
        tmp_path / "kept",
        "--allow_untrained",
    )
    assert run(capsys, *command)[0] == 0
    assert run(capsys, *command)[0] == 73


@pytest.mark.bad_input
def test_scores_from_elsewhere_cannot_be_checked(capsys, tmp_path):
    genome = fasta_of(tmp_path / "x.fa", x=genome_letters(0, 2000))
    text = genome_letters(0, 2000)
    rows = [f"x\t5\t{text[4]}\t{alt}\t-1\n" for alt in "ACGT" if alt != text[4]]
    (tmp_path / "scores.tsv").write_text("chrom\tpos\tref\talt\tscore\n" + "".join(rows))
    assert (
        cli.main(
            [
                "import_scores",
                "--scores",
                str(tmp_path / "scores.tsv"),
                "--model_id",
                "evo2",
                "--fasta",
                str(genome),
                "--out_dir",
                str(tmp_path / "imported"),
            ]
        )
        == 0
    )
    code, _, err = run(capsys, tmp_path / "imported" / "evo2")
    assert (code, "external" in err) == (78, True), err
