"""Bundles of models of whole tokens: what they say, that torch agrees for hundreds of alleles, and
what must not get through."""

import json
import shutil

import checkpoints
import naive_bpe
import numpy as np
import pytest
from fake_genome import FakeGenome, genome_letters
from reading import score_sites

from gfmtrust.bundle import bpe, bpe_questions, schema
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.alphabet import encode
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError
from gfmtrust.export import export
from gfmtrust.export.options import ExportOptions
from gfmtrust.readers import likelihoods

pytestmark = pytest.mark.torch
KINDS = ("grover", "mistral")


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_holds_all_that_scoring_needs(exported, kind):
    built = exported(kind)
    assert (built.family, built.quantity, built.causal) == (
        kind,
        "likelihood",
        kind == "mistral",
    )
    assert built.meta["text"]["kind"] == "bpe"
    content = checkpoints.EXAMPLES[kind].tokenizer["model"]
    assert built.meta["text"]["vocabulary"] == content["vocab"]
    assert [" ".join(pair) for pair in built.meta["text"]["merges"]] == content["merges"]
    assert built.text.n_ids == len(content["vocab"])
    assert sorted(name for name, *_ in built.meta["graphs"]["cpu"]["inputs"]) == [
        "input_ids",
        "pos",
        "target",
    ]
    assert [name for name, *_ in built.meta["graphs"]["cpu"]["outputs"]] == ["logp"]
    assert [golden["name"] for golden in built.meta["golden"]] == [
        "plain",
        "reverse",
        "with N",
        "spread",
        "shortest",
    ]
    assert all(golden["logp"] and max(golden["logp"]) < 0 for golden in built.meta["golden"])
    proof = built.meta["proof"]
    assert (proof["gate"], proof["per"]) == ("failed", "token")
    assert (
        proof["nll_nats"]
        > proof["threshold_nats"]
        == pytest.approx(np.log(len(content["vocab"])) - 0.01, abs=1e-6)
    )
    assert len({tuple(shape["input_ids"]) for shape in proof["parity"][0]["shapes"]}) == 4
    assert proof["parity"][0]["batch_invariance_max_logp"] == 0


@pytest.mark.parametrize("step", [140, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_llrs_are_those_of_whole_torch_on_strings(exported, kind, step):
    """Through scoring, forward strand; the twin cuts strings, runs the whole network on one text
    and picks rows by hand."""
    import torch

    from gfmtrust.models import checkpoint

    built = exported(kind)
    loaded = checkpoint.load(built.directory.parent / "weights" / kind)
    letters, pos = genome_letters(11, 2000), np.arange(200, 1600, step)
    scores = score_sites(
        Session.open(built, "cpu"),
        built,
        FakeGenome(c=letters),
        np.zeros(len(pos), int),
        pos,
        "fast",
    )
    ids, merges, causal = built.text.vocabulary, list(built.text.merges), built.causal
    n_alleles = 0
    for row, place in enumerate(pos):
        start = place - built.site_forward
        window = letters[start : start + built.window_bp]
        for alt in set("ACGT") - {letters[place]}:
            other = window[: built.site_forward] + alt + window[built.site_forward + 1 :]
            texts = [
                ["[CLS]", *naive_bpe.words_of(text, merges)] + ([] if causal else ["[SEP]"])
                for text in (window, other)
            ]
            first = next(i for i, (one, two) in enumerate(zip(*texts, strict=False)) if one != two)
            tail = 0
            while (
                not causal
                and texts[0][-1 - tail] == texts[1][-1 - tail]
                and min(map(len, texts)) - tail > first
            ):
                tail += 1
            totals = []
            for tokens in texts:
                scored = range(first, len(tokens) - tail)
                read = [
                    ids["[MASK]"] if i in scored and not causal else ids[token]
                    for i, token in enumerate(tokens)
                ]
                with torch.no_grad():
                    logp = loaded.network(torch.tensor([read])).logits[0].double().log_softmax(-1)
                totals.append(sum(float(logp[i - causal, ids[tokens[i]]]) for i in scored))
            p = scores.probs[row, 0].astype(float)
            ours = np.log(p["ACGT".index(alt)] / p["ACGT".index(letters[place])])
            assert ours == pytest.approx(np.clip(totals[1] - totals[0], -69, 69), abs=1e-4)
            n_alleles += 1
    assert n_alleles == 3 * len(pos)


@pytest.mark.parametrize("kind", KINDS)
def test_no_byte_depends_on_batch_threads_or_company(exported, kind):
    built = exported(kind)
    windows = np.stack([encode(genome_letters(seed, built.window_bp)) for seed in range(30)])
    answers = set()
    for batch, threads in ((1, 1), (7, 1), (32, 1), (7, 2)):
        session = Session.open(built, "cpu", threads=threads, batch=batch)
        answers.add(likelihoods.substitutions(session, windows, built.site_forward).tobytes())
    assert len(answers) == 1
    alone = [likelihoods.substitutions(session, one[None], built.site_forward) for one in windows]
    assert np.concatenate(alone).tobytes() in answers


def tampered(built: Bundle, tmp_path, change) -> Bundle:
    """A copy of a bundle with its bundle.json changed and sealed again."""
    copy = tmp_path / "copy"
    shutil.copytree(built.directory, copy)
    meta = json.loads((copy / "bundle.json").read_text())
    change(meta)
    meta["sha256"] = schema.digest(meta)
    (copy / "bundle.json").write_text(json.dumps(meta))
    return Bundle.open(copy)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "stated"),
    [
        (lambda meta: meta["text"].pop("kind"), "with text of kind None"),
        (lambda meta: meta["text"].update(merges="A C"), "text.merges"),
        (lambda meta: meta["text"].pop("n_ids"), "text.n_ids"),
        (lambda meta: meta["scoring"].update(quantity="direct"), "'likelihood' with 'bpe'"),
    ],
)
def test_a_bundle_without_its_merges_is_refused(exported, tmp_path, change, stated):
    with pytest.raises(BadDataError, match=stated):
        tampered(exported("grover"), tmp_path, change)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "stated"),
    [
        (lambda meta: meta["text"]["merges"].pop(), "tokens that no merge makes"),
        (lambda meta: meta["text"]["merges"].append(["AC", "ACGTACGT"]), "which is no token"),
        (
            lambda meta: meta["text"]["vocabulary"].update({"A": 609}),
            "has id 609; expected ids below 609",
        ),
        (lambda meta: meta["text"]["vocabulary"].update({"A": -1}), "has id -1"),
        (
            lambda meta: meta["golden"][0]["logp"].__setitem__(0, -1.0),
            "golden window 0: logp differs",
        ),
        (lambda meta: meta["text"]["merges"].reverse(), "golden window"),
    ],
)
def test_a_bundle_whose_text_or_answers_are_others_is_refused(exported, tmp_path, change, stated):
    """The last has every merge in another order: other tokens, which only the golden windows can
    tell."""
    with pytest.raises(BadDataError, match=stated):
        Session.open(tampered(exported("grover"), tmp_path, change), "cpu")


@pytest.mark.bad_input
def test_a_token_the_network_does_not_have_is_no_answer(exported):
    session = Session.open(exported("grover"), "cpu")
    tokens = bpe.segment(session.bpe, encode(genome_letters(1, 100)))
    good = bpe_questions.ask(session.bpe, tokens, np.array([4, 5]))
    bad = bpe_questions.Ask(good.input_ids, good.pos, good.target + 10_000)
    result = session.token_logps([bad, good])
    assert np.isnan(result[0]).all()
    assert (result[1] < 0).all()


@pytest.mark.bad_input
def test_half_precision_and_a_checkpoint_without_merges_are_refused(
    exported, tmp_path, small_fasta
):
    weights = exported("grover").directory.parent / "weights" / "grover"
    with pytest.raises(ConfigurationError, match="fp16 for a model of whole tokens"):
        export.export_model(
            weights,
            small_fasta,
            tmp_path / "out",
            ExportOptions(allow_untrained=True, n_windows=8, precision="fp16"),
        )
    copy = shutil.copytree(weights, tmp_path / "weights")
    (copy / "tokenizer.json").unlink()
    (copy / "vocab.txt").write_text("A\nC\nG\nT\n")
    with pytest.raises(MissingInputError, match="tokenizer with its merges"):
        export.export_model(
            copy, small_fasta, tmp_path / "out", ExportOptions(allow_untrained=True)
        )


@pytest.mark.bad_input
def test_random_weights_do_not_pass_the_gate_per_token(exported, tmp_path, small_fasta):
    with pytest.raises(BadDataError, match=r"NLL gate: mean NLL .* per token"):
        export.export_model(
            exported("mistral").directory.parent / "weights" / "mistral",
            small_fasta,
            tmp_path / "out",
            ExportOptions(n_windows=20),
        )
