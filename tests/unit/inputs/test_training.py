"""Training genomes: what is stated is carried under the bundle's digest and counted, what is not
stays unknown."""

import json
from dataclasses import replace

import numpy as np
import pytest
import toy_models
from synthetic_run import fitted

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.calibration.record import LabelCalibrations, RunCalibration
from gfmtrust.core import documents
from gfmtrust.core.errors import BadDataError, UsageError
from gfmtrust.inputs import training
from gfmtrust.inputs.training import Overlap, overlap
from gfmtrust.report import rows as report_rows

CONTIGS = ["chr1", "chr2", "chrM", "3"]
LABELS = np.array([0, 0, 0, 1, 2, 3])


@pytest.mark.parametrize(
    ("stated", "n"),
    [
        ({"contigs": ["chr1"]}, 3),
        ({"contigs": ["1", "2"]}, 4),
        ({"contigs": ["chr3"]}, 1),
        ({"contigs": ["MT"]}, 1),
        ({"contigs": ["chr22"]}, 0),
        ({"contigs": []}, None),
        ({}, None),
        ({"assemblies": ["hg38"]}, None),
    ],
)
def test_labels_on_training_contigs_are_counted_by_name(stated, n):
    result = overlap("m", stated, CONTIGS, LABELS)
    assert (result.n, result.labels, result.assemblies) == (
        n,
        6,
        tuple(stated.get("assemblies", ())),
    )


def test_words_never_say_more_than_is_known():
    assert overlap("m", {}, CONTIGS, LABELS).words == "training contigs not stated"
    assert (
        overlap("m", {"assemblies": ["hg38", "mm10"]}, CONTIGS, LABELS).words
        == "trained on hg38, mm10, training contigs not stated"
    )
    assert (
        overlap("m", {"contigs": ["1"]}, CONTIGS, LABELS).words
        == "training contigs hold 3 of 6 labels"
    )
    two = training.of_models(
        {"a": {"family": "x"}, "c": {"family": "context_model"}}, CONTIGS, LABELS, "context_model"
    )
    assert training.line(two).startswith("a: training contigs not stated; c: fitted to this genome")


def resealed(directory, content):
    toy_models.reseal(directory, lambda meta: meta.update(training=content))
    return Bundle.open(directory)


def test_a_bundle_carries_it_under_its_digest(tmp_path):
    plain = toy_models.write_toy(tmp_path / "a")
    assert plain.training == {}
    stated = {"assemblies": ["hg38"], "contigs": ["chr1"]}
    bundle = resealed(toy_models.write_toy(tmp_path / "b").directory, stated)
    assert bundle.training == stated
    assert bundle.sha256 != plain.sha256
    path = bundle.directory / "bundle.json"
    path.write_text(json.dumps(documents.read_json(path) | {"training": {"contigs": []}}))
    with pytest.raises(BadDataError, match="sha256 of its content"):
        Bundle.open(bundle.directory)


def test_the_calibration_keeps_it_and_the_report_has_a_row_a_model():
    calibration = replace(
        fitted()[0],
        labels=LabelCalibrations(
            overlap=(Overlap("a", ("hg38",), 3, 6), Overlap("b", (), None, 6))
        ),
    )
    assert RunCalibration.from_dict(calibration.to_dict()) == calibration
    facts = dict(report_rows.calibration_facts(calibration))
    assert (
        facts["labels on the training genome of a"]
        == "trained on hg38, training contigs hold 3 of 6 labels"
    )
    assert facts["labels on the training genome of b"] == "training contigs not stated"
    assert not [
        name
        for name in dict(report_rows.calibration_facts(fitted()[0]))
        if "training genome" in name
    ]


@pytest.mark.parametrize(
    ("stated", "contigs"),
    [
        ([{"heldout_contigs": ["chr1", "M"]}], ("chr1", "chrM")),
        ([{"heldout_contigs": ["2", "chr3"]}], ("chr2", "3")),
        ([{"heldout_contigs": ["chr1", "chr2"]}, {"heldout_contigs": ["2"]}], ("chr2",)),
        ([{"heldout_contigs": ["chr1"]}, {"contigs": ["chr2"]}], ()),
        ([{"heldout_contigs": ["chr9"]}], ()),
        ([{}], ()),
        ([], ()),
    ],
)
def test_a_contig_is_held_out_where_every_model_says_so(stated, contigs):
    assert training.heldout(stated, CONTIGS) == contigs


def test_an_option_is_resolved_to_the_names_of_the_genome_and_added_to_the_card():
    assert training.contigs_of(["MT", "chr3", "1"], CONTIGS, "g.fa") == ("chr1", "chrM", "3")
    assert training.contigs_of([], CONTIGS, "g.fa") == ()
    card = {"contigs": ["chr2"], "heldout_contigs": ["chr1"]}
    assert training.with_heldout(card, ()) == card
    assert training.with_heldout(card, ("chr1", "3"))["heldout_contigs"] == ["chr1", "3"]
    assert training.with_heldout({}, ()) == {}


@pytest.mark.bad_input
def test_a_training_contig_cannot_be_declared_held_out():
    with pytest.raises(UsageError, match="the model says that it was trained on chr2"):
        training.with_heldout({"contigs": ["2"]}, ("chr2",))


@pytest.mark.bad_input
@pytest.mark.parametrize("names", [["chr9"], ["chr1", "chr9"], ["CHR1"], [""]])
def test_an_option_with_a_contig_that_the_genome_lacks_is_refused(names):
    with pytest.raises(UsageError, match=r"--heldout_contigs: no contig .* in g.fa; expected"):
        training.contigs_of(names, CONTIGS, "g.fa")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "content",
    [
        [],
        "hg38",
        {"contigs": "chr1"},
        {"contigs": [1]},
        {"contigs": [""]},
        {"contigs": ["a\nb"]},
        {"genome": ["hg38"]},
        {"heldout_contigs": "chr8"},
        {"contigs": ["chr1", "chr8"], "heldout_contigs": ["chr8"]},
    ],
)
def test_a_training_group_of_another_shape_is_refused(tmp_path, content):
    directory = toy_models.write_toy(tmp_path / "a").directory
    with pytest.raises(
        BadDataError, match="training: .*; expected lists of names under assemblies, contigs"
    ):
        resealed(directory, content)
