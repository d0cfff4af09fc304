"""Byte pair encoding against the `tokenizers` library and against a twin by strings; vocabularies
are trained here, on random DNA."""

import functools
import json

import naive_bpe
import numpy as np
import pytest
from fake_genome import genome_letters

from gfmtrust.bundle import bpe, bpe_file
from gfmtrust.core.alphabet import PAD, encode, reverse_complement
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError
from gfmtrust.models import vocabularies
from gfmtrust.models.bpe_family import bpe_text, bpe_window

SPECIALS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]


def dna(seed: int, length: int) -> str:
    """Random letters with repeats, for merges of many lengths."""
    rng = np.random.default_rng(seed)
    parts = [
        genome_letters(seed + 1, 40)
        if rng.random() < 0.3
        else "".join(rng.choice(list("ACGT"), 20, p=[0.4, 0.1, 0.2, 0.3]))
        for _ in range(length // 20)
    ]
    return "".join(parts)[:length]


@functools.cache
def trained(kind: str):
    """The library's own tokenizer, trained: as DNABERT-2's, with N in the vocabulary and runs of N
    as '-' as GENA-LM's, lower case, bytes, or without specials round a text and unknown letters
    fused."""
    from tokenizers import (
        Regex,
        Tokenizer,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )

    library = Tokenizer(models.BPE(unk_token="[UNK]", fuse_unk=kind == "fused"))
    text = [dna(seed, 3000) for seed in range(8)]
    if kind == "gena":
        library.normalizer = normalizers.Sequence(
            [normalizers.Strip(), normalizers.Replace(Regex("N{10,}"), "-")]
        )
        library.pre_tokenizer = pre_tokenizers.Split("-", "isolated")
        text.append("NACGTNNACG" * 20)
    elif kind == "lower":
        library.normalizer = normalizers.Lowercase()
        library.pre_tokenizer = pre_tokenizers.Whitespace()
    elif kind == "bytes":
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        library.pre_tokenizer = pre_tokenizers.Whitespace()
    specials = SPECIALS + (["-"] if kind == "gena" else [])
    library.train_from_iterator(
        text, trainers.BpeTrainer(vocab_size=400, special_tokens=specials, show_progress=False)
    )
    if kind == "gena":
        library.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    elif kind != "fused":
        library.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
    return library


def ours(kind: str, causal: bool = False) -> bpe.Bpe:
    content = json.loads(trained(kind).to_str())
    return bpe.build(bpe_text(bpe_file.parse(content), 400, causal, "" if causal else "[MASK]"))


@pytest.mark.parametrize("kind", ["plain", "gena", "lower", "bytes", "fused"])
def test_tokens_and_where_they_end_are_the_librarys(kind):
    """60 windows of real length, some with N, runs of N and IUPAC letters (which are N to us), half
    of them in lower case."""
    model, library, rng = ours(kind), trained(kind), np.random.default_rng(0)
    assert len(library.get_vocab()) > 300
    for seed in range(60):
        letters = list(dna(100 + seed, 400))
        for place in rng.choice(400, seed % 4 * 3, replace=False):
            letters[place] = rng.choice(list("NRYK"))
        if seed % 3 == 0:
            letters[50 : 50 + seed] = "N" * seed
        letters = "".join(letters)
        tokens = bpe.segment(model, encode(letters.lower() if seed % 2 else letters))
        folded = "".join(letter if letter in "ACGT" else "N" for letter in letters)
        expected = library.encode(folded)
        assert tokens.ids.tolist() == expected.ids
        body = slice(len(model.prefix), len(tokens.ids) - len(model.suffix))
        stops = np.array([stop for _, stop in expected.offsets])[body]
        assert tokens.ends[body].tolist() == stops.tolist()
        text = expected.tokens[body]
        assert tokens.scored[body].tolist() == [set(token.upper()) <= set("ACGT") for token in text]
        assert not tokens.scored[: len(model.prefix)].any()


@pytest.mark.parametrize("kind", ["plain", "lower"])
def test_tokens_are_those_of_a_twin_by_strings_and_spell_the_window(kind):
    model = ours(kind)
    token_of = {number: token for token, number in model.text.vocabulary.items()}
    merges = [(left.upper(), right.upper()) for left, right in model.text.merges]
    for seed in range(20):
        letters = dna(300 + seed, 150)
        for codes, text in (
            (encode(letters), letters),
            (reverse_complement(encode(letters)[None])[0], None),
        ):
            ids = bpe.segment(model, codes).ids[1:-1]
            spelled = [token_of[int(number)].upper() for number in ids]
            assert "".join(spelled) == (
                text or letters[::-1].translate(str.maketrans("ACGT", "TGCA"))
            )
            if text:
                assert spelled == naive_bpe.words_of(text, merges)


def test_a_text_starts_and_ends_with_the_contig():
    model, letters = ours("plain"), dna(1, 60)
    codes = encode(letters)
    inside = bpe.segment(model, codes[7:50])
    codes[:7] = codes[50:] = PAD
    padded = bpe.segment(model, codes)
    assert padded.ids.tolist() == inside.ids.tolist()
    assert padded.ends.tolist() == (inside.ends + 7).tolist()


def test_a_window_without_letters_is_its_specials():
    tokens = bpe.segment(ours("plain"), np.full(9, PAD, np.uint8))
    assert tokens.ids.tolist() == [1, 2]
    assert not tokens.scored.any()


def test_a_causal_text_has_no_suffix():
    assert bpe.segment(ours("plain", causal=True), encode("ACGT")).ids[0] == 1
    assert 2 not in bpe.segment(ours("plain", causal=True), encode("ACGT")).ids


def test_a_made_vocabulary_has_the_size_asked_for_and_one_id_a_token():
    content = vocabularies.bpe(609)
    assert sorted(content["model"]["vocab"].values()) == list(range(609))
    assert vocabularies.bpe(609) == content


def changed(**steps) -> dict:
    """tokenizer.json of a made vocabulary with another step, or another part of its model."""
    content = json.loads(json.dumps(vocabularies.bpe(60)))
    for name, value in steps.items():
        (content["model"] if name in content["model"] else content)[name] = value
    return content


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("steps", "output"),
    [
        ({"type": "WordPiece"}, "model of type 'WordPiece'"),
        ({"type": "Unigram"}, "'Unigram'"),
        ({"dropout": 0.1}, "model.dropout is 0.1"),
        ({"end_of_word_suffix": "</w>"}, "end_of_word_suffix"),
        ({"normalizer": {"type": "Prepend", "prepend": "_"}}, "normalizer Prepend"),
        (
            {"normalizer": {"type": "Replace", "pattern": {"Regex": "T"}, "content": "U"}},
            "normalizer Replace",
        ),
        (
            {
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [{"type": "NFC"}, {"type": "Precompiled"}],
                }
            },
            "normalizer Precompiled",
        ),
        (
            {
                "pre_tokenizer": {
                    "type": "Split",
                    "pattern": {"Regex": ".{6}"},
                    "behavior": "Isolated",
                }
            },
            "pre-tokenizer Split",
        ),
        ({"pre_tokenizer": {"type": "Metaspace", "replacement": "_"}}, "pre-tokenizer Metaspace"),
        (
            {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
            "pre-tokenizer ByteLevel",
        ),
        (
            {
                "post_processor": {
                    "type": "BertProcessing",
                    "cls": ["[CLS]", 101],
                    "sep": ["[SEP]", 2],
                }
            },
            "101 as the post-processor says",
        ),
        ({"post_processor": {"type": "Whatever"}}, "post-processor Whatever"),
        ({"merges": ["A C G"]}, "a merge that is no pair"),
        ({"merges": None}, "not read"),
        ({"vocab": {"A": "0"}}, "ids are not whole numbers"),
    ],
)
def test_a_file_that_cuts_dna_otherwise_is_refused(steps, output):
    with pytest.raises(BadDataError, match=r"tokenizer\.json: .*expected") as refused:
        bpe_file.parse(changed(**steps))
    assert output in str(refused.value)


@pytest.mark.bad_input
def test_a_checkpoint_without_the_file_or_with_another_is_refused(tmp_path):
    with pytest.raises(MissingInputError, match=r"tokenizer\.json: not found"):
        bpe_file.read(tmp_path)
    for content in ("[]", "{", "{}"):
        (tmp_path / "tokenizer.json").write_text(content)
        with pytest.raises(BadDataError, match=r"tokenizer\.json"):
            bpe_file.read(tmp_path)


def refused(n_ids: int = 60, **steps) -> str:
    with pytest.raises(BadDataError) as result:
        bpe.build(bpe_text(bpe_file.parse(changed(**steps)), n_ids, mask="[MASK]"))
    return str(result.value)


@pytest.mark.bad_input
def test_a_vocabulary_that_disagrees_with_its_merges_is_refused():
    content = vocabularies.bpe(60)["model"]
    assert "which is no token" in refused(merges=[*content["merges"], "A ACGTACGT"])
    assert "tokens that no merge makes" in refused(merges=content["merges"][:-1])
    lost = {token: number for token, number in content["vocab"].items() if token != "G"}
    assert "'G'" in refused(vocab=lost)


@pytest.mark.bad_input
def test_ids_the_network_does_not_have_are_refused():
    assert "has id 59; expected ids below 59" in refused(n_ids=59)
    vocab = vocabularies.bpe(60)["model"]["vocab"]
    assert "share id 5" in refused(vocab=vocab | {"C": vocab["A"]})


@pytest.mark.bad_input
def test_a_letter_without_a_token_is_refused_where_none_is_unknown():
    """Nothing stands for N, or for a base."""
    assert "no token 'N'" in refused(unk_token=None)
    assert "no token '[OOV]'" in refused(unk_token="[OOV]")


@pytest.mark.bad_input
def test_rna_is_refused():
    with pytest.raises(BadDataError, match="RNA"):
        bpe.segment(ours("plain"), encode("ACGU"))


@pytest.mark.bad_input
def test_a_window_too_short_to_hold_a_site_is_refused():
    with pytest.raises(ConfigurationError, match="at least 64"):
        bpe_window(63, 1024, 2048)
