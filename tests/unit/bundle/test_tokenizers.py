"""Tokenizers against a slow twin that works on strings, and their refusals."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from gfmtrust.bundle import tokenizers, vocabulary
from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.alphabet import BASES, PAD, N, encode
from gfmtrust.core.errors import BadDataError, MissingInputError
from gfmtrust.models.vocabularies import kmers, numbered

GPN = Text(
    1,
    {"[PAD]": 0, "[MASK]": 1, "[UNK]": 2, "a": 3, "c": 4, "g": 5, "t": 6},
    "[MASK]",
    "[UNK]",
    "[UNK]",
    lower_case=True,
)
CLS_SEP = Text(
    1,
    {"M": 9, "N": 4, "P": 5, "A": 0, "C": 1, "G": 2, "T": 3, "cls": 6, "sep": 7},
    "M",
    "N",
    "P",
    ("cls",),
    ("sep",),
)
NT = Text(
    6,
    numbered(["<unk>", "<pad>", "<mask>", "<cls>", *kmers(), *"ATCGN"]),
    "<mask>",
    "N",
    "N",
    ("<cls>",),
    kmer_method="conditional",
)
GENERATOR = Text(
    6,
    numbered(["<oov>", "<s>", "</s>", "<pad>", *kmers()]),
    "",
    "<oov>",
    "<oov>",
    ("<s>",),
    causal=True,
)


def codes_of(*letters: str) -> np.ndarray:
    return np.stack([encode(text) for text in letters])


def feeds(text: Text, codes: np.ndarray, index) -> dict:
    return tokenizers.feeds(tokenizers.build(text), codes, np.array(index))


def naive_ids(text: Text, codes: np.ndarray, index: list[int]) -> list[int]:
    """Ids of one window, token by token, from strings."""
    k, letters = text.k, ""
    for code in codes:
        letters += "." if code == PAD else "N" if code == N else BASES[code]
    ids = [text.vocabulary[token] for token in text.prefix]
    for start in range(0, (len(letters) - 1 if text.causal else len(letters)) // k * k, k):
        word = letters[start : start + k]
        if text.mask and any(at // k == start // k for at in index):
            ids.append(text.vocabulary[text.mask])
        elif k == 1 and word == ".":
            ids.append(text.vocabulary[text.outside])
        elif "N" in word or "." in word:
            ids.append(text.vocabulary[text.unknown])
        else:
            ids.append(text.vocabulary[word.lower() if text.lower_case else word])
    return ids + [text.vocabulary[token] for token in text.suffix]


def test_single_bases_by_hand():
    built = feeds(GPN, codes_of("ACGTN"), [[1]])
    assert built["input_ids"].tolist() == [[3, 1, 5, 6, 2]]
    assert built["pos"].tolist() == [[1]]
    assert set(built) == {"input_ids", "pos"}
    assert built["input_ids"].dtype == np.int64


def test_a_prefix_shifts_the_position_and_outside_is_not_n():
    codes = np.array([[0, 3, 4, 5]], np.uint8)
    built = feeds(CLS_SEP, codes, [[0, 2]])
    assert built["input_ids"].tolist() == [[6, 9, 3, 9, 5, 7]]
    assert built["pos"].tolist() == [[1, 3]]


def test_sixmers_by_hand():
    """Ids start at 4 in A,T,C,G order, so AAAAAT is 5; a 6-mer with an N is the N token in
    place."""
    built = feeds(NT, codes_of("AAAAATACGTACAANAAA"), [[8]])
    assert built["input_ids"].tolist() == [[3, 5, 2, NT.vocabulary["N"]]]
    assert built["pos"].tolist() == [[2]]
    assert built["offset"].tolist() == [[2]]
    assert built["letters"].tolist() == [[[0, 1, 4, 3, 0, 1]]]  # the scored letter is not told


def test_marginal_tells_no_letter():
    built = feeds(replace(NT, kmer_method="marginal"), codes_of("ACGTAC"), [[3]])
    assert built["letters"].tolist() == [[[4] * 6]]


def test_an_n_beside_the_site_is_not_told_either():
    built = feeds(NT, codes_of("ACNTAC"), [[3]])
    assert built["letters"].tolist() == [[[0, 1, 4, 4, 0, 1]]]


def test_causal_reads_the_token_before_the_site():
    built = feeds(GENERATOR, codes_of("AAAAATACGTACG"), [[12, 6]])
    assert built["input_ids"].tolist() == [[1, 5, GENERATOR.vocabulary["ACGTAC"]]]
    assert built["pos"].tolist() == [
        [2, 1]
    ]  # with <s> in front: the answer after two 6-mers, after one
    assert built["letters"].tolist() == [[[4] * 6] * 2]


def test_a_causal_letter_is_told_those_before_it_in_its_token():
    built = feeds(GENERATOR, codes_of("AAAAATACNTACGT"), [[9, 6, 13]])
    assert built["input_ids"].tolist() == [[1, 5, GENERATOR.vocabulary["<oov>"]]]
    assert built["pos"].tolist() == [[1, 1, 2]]
    assert built["offset"].tolist() == [[3, 0, 1]]
    assert built["letters"].tolist() == [[[0, 1, 4, 4, 4, 4], [4] * 6, [2, 4, 4, 4, 4, 4]]]


def test_the_last_token_of_a_causal_window_is_not_read():
    built = feeds(GENERATOR, codes_of("AAAAATACGTAC"), [[6, 11]])
    assert built["input_ids"].tolist() == [[1, 5]]
    assert built["letters"].tolist() == [[[4] * 6, [0, 1, 2, 3, 0, 4]]]


@pytest.mark.parametrize(
    "text", [GPN, CLS_SEP, NT, GENERATOR], ids=["gpn", "cls_sep", "nt_v1", "generator"]
)
def test_ids_equal_the_twin(text):
    rng = np.random.default_rng(0)
    codes = rng.choice(6, (20, 48), p=[0.23, 0.23, 0.23, 0.23, 0.04, 0.04]).astype(np.uint8)
    index = rng.integers(0, 48, (20, 2))
    built = feeds(text, codes, index)
    for row in range(20):
        assert built["input_ids"][row].tolist() == naive_ids(text, codes[row], index[row].tolist())


def test_lower_case_and_iupac_are_folded_before():
    assert feeds(GPN, codes_of("acRt"), [[0]])["input_ids"].tolist() == [[1, 4, 2, 6]]


def test_one_window_does_not_change_another():
    codes = codes_of("ACGTACGTACGT", "TTTTTTNTTTTT")
    together = feeds(NT, codes, [[1], [8]])
    for row in range(2):
        alone = feeds(NT, codes[row : row + 1], [[1, 8][row : row + 1]])
        assert all((together[name][row] == alone[name][0]).all() for name in alone)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.txt", "x\na\nc\n"),
        ("vocab.json", '{"x": 0, "a": 1, "c": 2}'),
        (
            "tokenizer.json",
            json.dumps(
                {"added_tokens": [{"content": "x", "id": 0}], "model": {"vocab": {"a": 1, "c": 2}}}
            ),
        ),
    ],
)
def test_vocabulary_files(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    result = vocabulary.read_vocabulary(tmp_path)
    assert result.ids == {"x": 0, "a": 1, "c": 2}
    assert result.path.name == result.source == name
    assert result.sha256 == hashlib.sha256(content.encode()).hexdigest()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.txt", "a\na\n"),
        ("vocab.json", "[1]"),
        ("vocab.json", '{"a": -1}'),
        ("vocab.json", '{"a": true}'),
        ("vocab.json", "{"),
        ("tokenizer.json", '{"model": {}}'),
    ],
)
def test_a_broken_vocabulary_is_refused(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadDataError, match="no vocabulary"):
        vocabulary.read_vocabulary(tmp_path)


@pytest.mark.bad_input
def test_no_vocabulary_file(tmp_path):
    with pytest.raises(MissingInputError, match=r"vocab\.txt"):
        vocabulary.read_vocabulary(tmp_path)


@pytest.mark.bad_input
def test_u_is_refused():
    with pytest.raises(BadDataError, match="RNA"):
        feeds(GPN, codes_of("ACGU"), [[0]])


@pytest.mark.bad_input
def test_a_missing_word_is_refused():
    stored = {token: number for token, number in NT.vocabulary.items() if token != "ACGTAC"}
    with pytest.raises(BadDataError, match="'ACGTAC'"):
        tokenizers.build(replace(NT, vocabulary=stored))


@pytest.mark.bad_input
def test_two_words_with_one_id_are_refused():
    with pytest.raises(BadDataError, match="share id 3"):
        tokenizers.build(replace(GPN, vocabulary={**GPN.vocabulary, "c": 3}))


@pytest.mark.bad_input
def test_a_missing_mask_is_refused():
    with pytest.raises(BadDataError, match="<absent>"):
        tokenizers.build(replace(GPN, mask="<absent>"))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "width", "index"),
    [
        (NT, 13, [[0]]),
        (GPN, 4, [[4]]),
        (GPN, 4, [[-1]]),
        (GPN, 4, [0]),
        (GENERATOR, 13, [[13]]),
        (replace(GENERATOR, prefix=()), 13, [[0]]),
    ],
)
def test_shapes_a_model_cannot_read_are_refused(text, width, index):
    with pytest.raises(ValueError, match="expected"):
        feeds(text, np.zeros((1, width), np.uint8), index)
