"""The dependency map of planted stems, on a model that folds one of them and on models that fold
none."""

import audit_bundles
import numpy as np
import pytest

from gfmtrust.audit import dependency
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.planted import question_end
from gfmtrust.audit.study import AuditSizes, Study, draw_sites
from gfmtrust.audit.subject import Subject
from gfmtrust.io.genome import Genome
from gfmtrust.scoring.options import ScoringOptions

WINDOW, LOOP = 96, 8
END = question_end(WINDOW, 1)


def study_of(folder, graph, window=WINDOW):
    bundle = audit_bundles.write_bundle(folder / "m", graph, "m", window=window, one_strand=True)
    fasta = audit_bundles.random_fasta(folder / "g.fa")
    genome = Genome.open(fasta, folder)
    subject = Subject.open(bundle, ScoringOptions(device="cpu"))
    sites = draw_sites(genome, 100, WINDOW, 1)
    return Study(genome, sites, [subject], subject, AuditSizes(100, 100, 40)), subject


def test_a_model_that_folds_is_told_from_its_control(tmp_path):
    """Only the stem with the loop that the model knows has pairs at its mirrored places."""
    graph = audit_bundles.folding_graph(2 * END - 1 - 24 - LOOP)
    rows = dependency.stem_pairs(*study_of(tmp_path, graph))
    areas = {row.x: row for row in rows}
    assert areas[LOOP].value == 1
    # a place may pair by chance: two neighbours with a probability of 1 in 16
    assert all(abs(row.value - 0.5) < 0.2 for loop, row in areas.items() if loop != LOOP)


def test_a_model_of_four_neighbours_folds_nothing(tmp_path):
    rows = dependency.stem_pairs(*study_of(tmp_path, audit_bundles.hidden_graph()))
    assert [row.value for row in rows] == [0.5] * len(rows)


def test_the_dependency_is_that_of_the_closed_form(tmp_path):
    """Of 0.97, 0.01, 0.01, 0.01 the largest change is that of the letter that was certain, or of the
    one that becomes so: log2 odds of 97 : 3 minus those of 1 : 99."""
    _, subject = study_of(tmp_path, audit_bundles.folding_graph(2 * END - 1 - 24 - LOOP))
    windows = np.zeros((1, WINDOW), np.uint8)
    second = np.array([END - 6])
    first = 2 * END - 1 - 24 - LOOP - second
    windows[0, first[0] - 3 : first[0] + 4] = 3  # T pairs with A
    value = dependency.dependency(subject, windows, first, second)[0]
    assert value == pytest.approx(np.log2(97 / 3) - np.log2(1 / 99), abs=1e-4)
    elsewhere = dependency.dependency(subject, windows, first - 9, second)[0]
    assert elsewhere == 0


@pytest.mark.bad_input
def test_a_window_shorter_than_a_stem(tmp_path):
    study, subject = study_of(tmp_path, audit_bundles.hidden_graph(), window=16)
    with pytest.raises(NotRun, match="shorter than the probe"):
        dependency.stem_pairs(study, subject)
    assert dependency.passes(study, subject) == 0
