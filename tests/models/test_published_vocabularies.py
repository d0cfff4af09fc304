"""Vocabularies as published: tokenizer classes, one and two fields a line, tokens without a row,
siblings; and their refusals."""

import hashlib
import json
import logging
from dataclasses import replace

import layouts
import numpy as np
import pytest
from layouts import caduceus, generator, hyenadna, nucleotide_transformer, plant_dnamamba

from gfmtrust import models
from gfmtrust.bundle import tokenizers, vocabulary
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError

LAYOUTS = {
    name: layout
    for name, layout in layouts.all_of().items()
    if layout.family in ("hyenadna", "caduceus", "nt_v1", "nt_v2", "ntv3", "generator")
}
V1, V2 = nucleotide_transformer.V1_TOKENS, nucleotide_transformer.V2_TOKENS


def folder(tmp_path, **files):
    """Files by name, '.' written as '__'; an object is written as JSON."""
    for name, content in files.items():
        path = tmp_path / name.replace("__", ".")
        path.write_bytes(
            content
            if isinstance(content, bytes)
            else content.encode()
            if isinstance(content, str)
            else json.dumps(content).encode()
        )
    return tmp_path


def of_class(tmp_path, family="hyenadna", **changes):
    """What is read of a folder with HyenaDNA's tokenizer_config.json, some of its keys changed."""
    config = hyenadna.tokenizer_config("HyenaDNATokenizer", "tokenization_hyena", 1026) | changes
    return vocabulary.read_vocabulary(
        folder(tmp_path, tokenizer_config__json=config), models.family(family).character_tokenizers
    )


def text_of(name, config, tokens):
    """The Text of a family for a list of tokens or a vocabulary."""
    family = models.family(name)
    ids = (
        tokens
        if isinstance(tokens, dict)
        else {token: number for number, token in enumerate(tokens)}
    )
    return vocabulary.checked(family.text(family.read_config(config), ids))


@pytest.mark.parametrize(
    ("family", "class_name"), [("hyenadna", "HyenaDNATokenizer"), ("caduceus", "CaduceusTokenizer")]
)
def test_a_tokenizer_class_gives_the_ids(tmp_path, caplog, family, class_name):
    """Against the table of the published class, written down by hand in layouts.hyenadna."""
    config = hyenadna.tokenizer_config(class_name, "tokenization", 1026)
    folder(tmp_path, tokenizer_config__json=config, special_tokens_map__json=hyenadna.ROLES)
    with caplog.at_level(logging.INFO):
        result = vocabulary.read_vocabulary(tmp_path, models.family(family).character_tokenizers)
    assert result.ids == hyenadna.IDS
    assert result.path.name == "tokenizer_config.json"
    assert result.source == f"tokenizer_config.json: {class_name}"
    assert (
        result.sha256
        == hashlib.sha256((tmp_path / "tokenizer_config.json").read_bytes()).hexdigest()
    )
    assert class_name in caplog.text


def test_the_class_may_be_named_by_the_map_alone(tmp_path):
    assert of_class(tmp_path, tokenizer_class=None).ids == hyenadna.IDS


def test_a_vocabulary_file_comes_before_the_class(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(hyenadna.IDS))
    assert of_class(tmp_path).source == "vocab.txt"


@pytest.mark.parametrize("name", LAYOUTS)
def test_ten_sequences_have_the_published_ids(tmp_path, name):
    """Against the layout's own rule, on 72 random bases; a causal model reads no token at or behind
    the last letter."""
    layout, family = LAYOUTS[name], models.family(LAYOUTS[name].family)
    for file_name, content in layout.files.items():
        (tmp_path / file_name).write_text(content)
    result = vocabulary.read_vocabulary(tmp_path, family.character_tokenizers)
    config = family.read_config(
        layout.config | ({"model_type": "esm"} if layout.family == "nt_v2" else {})
    )
    text = replace(vocabulary.checked(family.text(config, result.ids), result.start), mask="")
    codes = np.random.default_rng(0).integers(0, 4, (10, 72), dtype=np.uint8)
    ids = tokenizers.feeds(tokenizers.build(text), codes, np.full((10, 1), 36))["input_ids"][
        :, len(text.prefix) :
    ]
    for row, letters in zip(ids, codes, strict=True):
        expected = layout.tokens("".join("ACGT"[code] for code in letters))
        assert len(expected) == 72 // text.k
        assert row.tolist() == expected[: len(expected) - text.causal]


@pytest.mark.torch
def test_the_bundle_says_where_the_ids_came_from(tmp_path):
    from gfmtrust.export import export
    from gfmtrust.models import checkpoint

    loaded = checkpoint.load(layouts.write(tmp_path / "tiny", LAYOUTS["hyenadna-tiny-1k"]))
    text = export.groups(loaded, loaded.family.window(loaded.config, 256))["text"]
    assert text["vocabulary_source"] == "tokenizer_config.json: HyenaDNATokenizer"
    assert text["vocabulary_sha256"] == loaded.sha256["tokenizer_config.json"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"added_tokens_decoder": {"3": {"content": "[UNK]"}}},
            r"config\.json: '\[UNK\]' has id 3; expected 6, as HyenaDNATokenizer",
        ),
        (
            {"added_tokens_decoder": {"12": {"content": "U"}}},
            "'U' has id 12; expected no such token",
        ),
        (
            {"added_tokens_decoder": {"x": {"content": "[CLS]"}}},
            "added_tokens_decoder cannot be read",
        ),
        ({"added_tokens_decoder": ["[CLS]"]}, "added_tokens_decoder cannot be read"),
        ({"mask_token": "[UNK]"}, r"mask_token is '\[UNK\]'; expected '\[MASK\]'"),
        ({"pad_token": {"content": "<pad>"}}, "pad_token is '<pad>'"),
        ({"pad_token": 4}, "pad_token is 4; expected a token"),
        ({"characters": list("ACGUN")}, "characters are"),
        (
            {"tokenizer_class": "CaduceusTokenizer"},
            "auto_map names HyenaDNATokenizer and tokenizer_class CaduceusTokenizer",
        ),
    ],
)
def test_a_configuration_that_contradicts_its_class(tmp_path, changes, line):
    with pytest.raises(BadDataError, match=line):
        of_class(tmp_path, **changes)


@pytest.mark.bad_input
def test_special_tokens_that_contradict_the_class(tmp_path):
    folder(tmp_path, special_tokens_map__json={"unk_token": "N"})
    with pytest.raises(
        BadDataError, match=r"special_tokens_map\.json: unk_token is 'N'; expected '\[UNK\]'"
    ):
        of_class(tmp_path)


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_tokenizer_configuration_that_is_none(tmp_path, content):
    with pytest.raises(BadDataError, match=r"tokenizer_config\.json"):
        vocabulary.read_vocabulary(folder(tmp_path, tokenizer_config__json=content))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("family", "line"),
    [
        (
            "gpn",
            "no vocabulary file, and the tokenizer class is HyenaDNATokenizer; expected vocab.txt",
        ),
        (
            "caduceus",
            "the tokenizer class is HyenaDNATokenizer; expected .* with the class CaduceusTokenizer",
        ),
    ],
)
def test_a_class_that_the_family_does_not_know(tmp_path, family, line):
    with pytest.raises(MissingInputError, match=line):
        of_class(tmp_path, family)


@pytest.mark.bad_input
def test_neither_a_file_nor_a_class(tmp_path):
    with pytest.raises(MissingInputError, match="no vocabulary file; expected vocab.txt"):
        vocabulary.read_vocabulary(tmp_path, models.family("hyenadna").character_tokenizers)


@pytest.mark.bad_input
def test_a_configuration_that_contradicts_the_file(tmp_path):
    folder(
        tmp_path,
        vocab__txt="x\na\n",
        tokenizer_config__json={"added_tokens_decoder": {"1": {"content": "x"}}},
    )
    with pytest.raises(
        BadDataError, match=r"tokenizer_config\.json: 'x' has id 1; expected 0 as vocab\.txt says"
    ):
        vocabulary.read_vocabulary(tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x\na\nc", {"x": 0, "a": 1, "c": 2}),
        ("x\r\na\r\nc\r\n", {"x": 0, "a": 1, "c": 2}),
        ("x\na\n\n \n", {"x": 0, "a": 1}),
        ("x 0\na 1\n", {"x": 0, "a": 1}),
        ("a 7\nx\t2\n", {"a": 7, "x": 2}),
        ("7\n9\n", {"7": 0, "9": 1}),
    ],
)
def test_lines_of_a_vocabulary(tmp_path, content, expected):
    """One field: the id is the line's number. Two: the id is written, in any order and with gaps.
    Line ends of either system."""
    assert vocabulary.read_vocabulary(folder(tmp_path, vocab__txt=content.encode())).ids == expected


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "not one token"),
        ("\n\n", "not one token"),
        ("a\nc\na\n", "a token twice: 'a' has ids 0 and 2"),
        ("a\n\nc\n", "line 2 has 0 fields"),
        ("\na\n", "line 2 has 1 fields and line 1 has 0"),
        ("\ufeffa\nc\n", "byte order mark"),
        ("a 0\nc\n", "line 2 has 1 fields and line 1 has 2"),
        ("a\nc 1\n", "line 2 has 2 fields and line 1 has 1"),
        ("a 0\nc 0\n", "'a' and 'c' share id 0"),
        ("a 0\na 1\n", "a token twice"),
        ("a 0\nc -1\n", "'-1' is no id"),
        ("a 0\nc 1.0\n", "is no id"),
        ("a 0\nc \u0661\n", "is no id"),
        ("a 0 1\n", "line 1 has 3 fields"),
    ],
)
def test_lines_that_are_no_vocabulary(tmp_path, content, line):
    with pytest.raises(BadDataError, match=rf"vocab\.txt: no vocabulary \(.*{line}"):
        vocabulary.read_vocabulary(folder(tmp_path, vocab__txt=content))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"a": 0, "a": 1}', "'a' twice"),
        ('{"a": 0, "c": 0}', "'a' and 'c' share id 0"),
        ("{}", "not one token"),
        (b"\xff", "no vocabulary"),
    ],
)
def test_a_map_that_is_no_vocabulary(tmp_path, content, line):
    with pytest.raises(BadDataError, match=line):
        vocabulary.read_vocabulary(folder(tmp_path, vocab__json=content))


def test_the_generator_vocabulary_of_both_revisions(tmp_path):
    """Plain tokens in the first revision, "token id" in the later ones: the same ids."""
    both = [
        vocabulary.read_vocabulary(folder(tmp_path, vocab__txt=content)).ids
        for content in (generator.FILES["vocab.txt"], "\n".join(generator.IDS))
    ]
    assert both == [generator.IDS, generator.IDS]
    text = text_of("generator", generator.CONFIG, both[0])
    assert (text.vocabulary["AAAAAA"], text.vocabulary["GGGGGG"], text.prefix) == (
        32,
        4127,
        ("<s>",),
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda ids: ids | {"AAAAAT": ids["AAAAAC"], "AAAAAC": ids["AAAAAT"]},
            "'AAAAAT' has id 34; expected 33",
        ),
        (
            lambda ids: {token: number for token, number in ids.items() if token != "GGGGGG"},
            "'GGGGGG' is missing",
        ),
        (
            lambda ids: {token: number + (number > 31) for token, number in ids.items()},
            "'GGGGGG' has id 4128; expected ids below .* 4128",
        ),
        (lambda ids: ids | {"<s>": 4128}, "'<s>' has id 4128"),
    ],
)
def test_generator_vocabularies_of_no_checkpoint(change, line):
    with pytest.raises(BadDataError, match=line):
        text_of("generator", generator.CONFIG, change(generator.IDS))


def v2_config():
    return nucleotide_transformer.v2_config() | {"model_type": "esm"}


def test_tokens_without_a_row_are_left_out(caplog):
    with caplog.at_level(logging.INFO):
        text = text_of("nt_v1", nucleotide_transformer.v1_config("4.29.0"), V1)
    assert text.vocabulary == {token: number for number, token in enumerate(V1[:4105])}
    assert "<eos> (4105), <bos> (4106) at or above vocab_size 4105" in caplog.text
    caplog.clear()
    assert text_of("nt_v2", v2_config(), V2).vocabulary == {
        token: number for number, token in enumerate(V2)
    }
    assert not caplog.text


@pytest.mark.bad_input
def test_the_vocabulary_of_the_other_generation_is_refused_by_name():
    """The published files have the same tokens and the same 4,107 lines."""
    assert len(V1) == len(V2) == 4107
    assert set(V1) == set(V2)
    with pytest.raises(
        BadDataError,
        match=r"first 6-mer has id 4, as in the vocabulary of Nucleotide Transformer v1; expected 6",
    ):
        text_of("nt_v2", v2_config(), V1)
    with pytest.raises(
        BadDataError,
        match=r"first 6-mer has id 6, as in the vocabulary of Nucleotide Transformer v2; expected 4",
    ):
        text_of("nt_v1", nucleotide_transformer.v1_config("4.29.0"), V2)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("tokens", "line"),
    [
        ([*V1[:4], *sorted(V1[4:4100]), *V1[4100:]], "'AAAAAT' has id 7; expected 5"),
        (V1[:4000], "is missing"),
        (["<unk>", "<pad>", "<cls>", "<mask>", *V1[4:]], "'<mask>' has id 3"),
        (
            ["<unk>", "<pad>", "<mask>", "<eos>", *V1[4:4105], "<cls>", "<bos>"],
            "'<cls>' has id 4105; expected ids below vocab_size 4105",
        ),
        (
            ["<unk>", "<pad>", "<mask>", "<cls>", *nucleotide_transformer.words(3), *"ATCGN"],
            "a vocabulary of 3-mers; expected words of 6",
        ),
    ],
)
def test_vocabularies_of_no_generation(tokens, line):
    with pytest.raises(BadDataError, match=line):
        text_of("nt_v1", nucleotide_transformer.v1_config("4.29.0"), tokens)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("mamba", plant_dnamamba.config(1035)),
        ("hyenadna", hyenadna.config("tiny", 32, 1, 130) | {"vocab_size": 1035}),
        ("caduceus", caduceus.config(1, 16, caduceus.PAIRS) | {"vocab_size": 1040}),
    ],
)
def test_kmers_are_not_read_as_single_bases(name, config):
    """The vocabulary holds every single base beside its words."""
    with pytest.raises(
        BadDataError,
        match="words of 5 letters, for example 'AAAAA': a vocabulary of 5-mers; expected single bases",
    ):
        text_of(name, config, plant_dnamamba.vocabulary(5))


@pytest.mark.bad_input
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_beginning_that_names_nothing_is_refused(number):
    with pytest.raises(
        BadDataError,
        match=r"bos_token_id names '<(unk|pad|mask)>' .* which stands for no beginning",
    ):
        text_of(
            "mamba",
            plant_dnamamba.config(11) | {"bos_token_id": number},
            plant_dnamamba.vocabulary(1),
        )


@pytest.mark.parametrize(
    ("class_name", "start"), [("EsmTokenizer", "<cls>"), ("PreTrainedTokenizerFast", "")]
)
def test_the_tokenizer_says_what_stands_in_front(tmp_path, class_name, start):
    """transformers' EsmTokenizer puts cls_token in front of every text; of other classes nothing is
    known."""
    folder(
        tmp_path,
        vocab__txt="\n".join(plant_dnamamba.vocabulary(1)),
        tokenizer_config__json={"tokenizer_class": class_name},
        special_tokens_map__json={"cls_token": "<cls>", "unk_token": "<unk>"},
    )
    result = vocabulary.read_vocabulary(tmp_path)
    assert result.start == start
    family = models.family("mamba")
    text = family.text(family.read_config(plant_dnamamba.config(11)), result.ids)
    if start:
        assert vocabulary.checked(text, result.start).prefix == ("<cls>",)
    else:
        with pytest.raises(BadDataError, match="no beginning"):
            vocabulary.checked(text, result.start)


def test_plantcaduceus_reads_lower_case_and_its_complements():
    text = text_of("caduceus", caduceus.PLANT_CONFIG, caduceus.PLANT_IDS)
    assert (text.lower_case, text.unknown, text.outside) == (True, "[UNK]", "[UNK]")
    tokenizer = tokenizers.build(text)
    assert [int(tokenizer.ids[code]) for code in range(6)] == [3, 4, 5, 6, 2, 2]
    family = models.family("caduceus")
    window = family.window(family.read_config(caduceus.PLANT_CONFIG), None)
    assert (window.window_bp, window.trained_bp) == (512, 512)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"complement_map": {"3": 4, "4": 3, "5": 6, "6": 5}},
            "the complement of a has id 4; expected 6, that of t",
        ),
        (
            {"complement_map": {"3": 6, "6": 3, "4": 5, "5": 4, "1": 2, "2": 1}},
            r"the complement of \[MASK\] has id 2",
        ),
    ],
)
def test_complements_of_another_vocabulary(change, line):
    with pytest.raises(BadDataError, match=line):
        text_of("caduceus", caduceus.PLANT_CONFIG | change, caduceus.PLANT_IDS)


@pytest.mark.bad_input
def test_mamba2_inside_caduceus_is_refused_by_name():
    config = caduceus.config(1, 16, caduceus.PAIRS)
    config["ssm_cfg"] = config["ssm_cfg"] | {"layer": "Mamba2"}
    with pytest.raises(
        ConfigurationError,
        match="ssm_cfg.layer is 'Mamba2': Caduceus over another state space than Mamba-1",
    ):
        models.family("caduceus").read_config(config)
    config["ssm_cfg"]["layer"] = "Mamba1"
    assert models.family("caduceus").read_config(config).d_model == 256
