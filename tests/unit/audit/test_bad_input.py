"""Input that an audit refuses, and input of which it measures what it can."""

import audit_bundles
import pytest
import toy_models
from fake_bundle import FakeBundle

from gfmtrust.audit import page
from gfmtrust.audit import run as audit_run
from gfmtrust.audit.replicate.settings import Settings
from gfmtrust.audit.run import joined
from gfmtrust.audit.subject import Subject
from gfmtrust.baseline.write import fit_context_model
from gfmtrust.cli import main as cli
from gfmtrust.core.contracts.audit import Audit, AuditedModel, Measured, Statistic
from gfmtrust.core.errors import ConfigurationError, InternalError, UsageError
from gfmtrust.scoring.options import ScoringOptions

FEW = ("--sites", "120", "--windows", "100", "--probes", "10", "--device", "cpu")


def run(folder, monkeypatch, *arguments):
    monkeypatch.chdir(folder)
    return cli.main(["audit", *map(str, arguments), *FEW, "--out_dir", str(folder / "out")])


def measured(name="league", group="model", statistics=(), reason=""):
    return Measured(name, group, "q?", "bits", "0", "r", "", reason, statistics)


def audit_of(sha="ab" * 32, measures=(), genome="77" * 16, name="m"):
    model = AuditedModel(name, "gpn", sha, 96, 10)
    return Audit(model, (name,), "g.fa", genome, 1, "cpu", 5, 1.5, tuple(measures), ("a line",))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        (FakeBundle(96, quantity="likelihood"), "reads whole tokens"),
        (FakeBundle(96, family="external"), "table of scores"),
    ],
)
def test_a_model_without_a_distribution_is_refused(bundle, words):
    with pytest.raises(ConfigurationError, match=words):
        Subject.open(bundle, ScoringOptions())


@pytest.mark.bad_input
def test_a_genome_that_is_too_small(tmp_path, monkeypatch, capsys):
    fasta = audit_bundles.random_fasta(tmp_path / "g.fa", 5_000)
    audit_bundles.write_bundle(tmp_path / "a", audit_bundles.hidden_graph(), "a", window=32)
    assert run(tmp_path, monkeypatch, "model", "--fasta", fasta, "--bundles", tmp_path / "a") == 65
    assert "g.fa: 5000 bases" in capsys.readouterr().err


@pytest.mark.bad_input
def test_an_audit_of_no_model(tmp_path, monkeypatch, capsys):
    fasta = audit_bundles.random_fasta(tmp_path / "g.fa", 100)
    assert run(tmp_path, monkeypatch, "model", "--fasta", fasta) == 64
    assert "--bundles: no model" in capsys.readouterr().err


@pytest.mark.bad_input
def test_two_models_of_one_name(tmp_path, monkeypatch, capsys):
    fasta = audit_bundles.random_fasta(tmp_path / "g.fa", 30_000)
    for name in ("a", "b"):
        audit_bundles.write_bundle(tmp_path / name, audit_bundles.hidden_graph(), "same", window=32)
    bundles = (tmp_path / "a", tmp_path / "b")
    assert run(tmp_path, monkeypatch, "model", "--fasta", fasta, "--bundles", *bundles) == 64
    assert "same twice" in capsys.readouterr().err


@pytest.mark.bad_input
@pytest.mark.long
def test_an_audit_of_another_bundle_in_the_folder(tmp_path, monkeypatch, capsys, random_genome):
    audit_bundles.write_bundle(tmp_path / "a", audit_bundles.hidden_graph(), "m", window=32)
    audit_of().write(tmp_path / "out" / "m" / "audit.json")
    given = ("archetypes", *random_genome[1], "--bundles", tmp_path / "a")
    assert run(tmp_path, monkeypatch, *given) == 78
    assert "audit of bundle abababababab" in capsys.readouterr().err


@pytest.mark.bad_input
def test_an_audit_of_another_genome(tmp_path):
    audit_of().require(tmp_path, "ab" * 32)
    with pytest.raises(ConfigurationError, match="audit of genome"):
        audit_of().require(tmp_path, "ab" * 32, "12" * 16)


@pytest.mark.bad_input
@pytest.mark.long
def test_a_window_shorter_than_the_probes(tmp_path, monkeypatch, random_genome):
    """The toy reads 16 letters: each probe that does not fit says so, and the others run."""
    toy_models.write_toy(tmp_path / "toy")
    given = ("archetypes", *random_genome[1], "--bundles", tmp_path / "toy")
    assert run(tmp_path, monkeypatch, *given) == 0
    audit = Audit.read(tmp_path / "out" / "toy" / "audit.json")
    for name in ("needle", "copy", "pairs", "frame", "long_range"):
        assert "shorter than the probe" in audit.measure(name).reason
    assert not audit.measure("tandem").reason


@pytest.mark.bad_input
@pytest.mark.long
def test_a_bed_that_is_none(tmp_path, monkeypatch, capsys, random_genome):
    audit_bundles.write_bundle(tmp_path / "a", audit_bundles.hidden_graph(), "a", window=32)
    (tmp_path / "x.bed").write_text("c 1 2\n")
    bundles, regions = ("--bundles", tmp_path / "a"), ("--regions", tmp_path / "x.bed")
    arguments = ("model", *random_genome[1], *bundles, *regions)
    assert run(tmp_path, monkeypatch, *arguments) == 65
    assert "x.bed" in capsys.readouterr().err


def test_a_second_group_joins_the_first():
    first = audit_of(measures=(measured("league"),))
    second = audit_of(measures=(measured("copy", "archetypes"),))
    both = joined(first, second)
    assert [one.name for one in both.measures] == ["league", "copy"]
    assert both.passes == 10
    assert [one.name for one in joined(second, first).measures] == ["league", "copy"]


@pytest.mark.bad_input
def test_the_page_escapes_names_and_shows_reasons():
    audit = audit_of(
        name="<b>x</b>",
        measures=(
            measured("league", statistics=(Statistic("<i>", None, None, None, None, 0),)),
            measured("copy", "archetypes", reason="too short"),
        ),
    )
    html = page.html(audit)
    assert "<b>x" not in html
    assert "<i>" not in html
    assert "Not run: too short." in html


@pytest.mark.bad_input
def test_the_league_warns_of_models_that_were_asked_about_other_genomes():
    html = page.league_html([audit_of(), audit_of(genome="12" * 16, name="n")])
    assert 'class="alarm"' in html
    assert 'class="alarm"' not in page.league_html([audit_of(), audit_of(name="n")])


@pytest.fixture(scope="module")
def of_another_genome(tmp_path_factory):
    """A context model of a genome with the same contig name and another length."""
    folder = tmp_path_factory.mktemp("other")
    fit_context_model(
        audit_bundles.random_fasta(folder / "other.fa", 20_000), folder / "context_model"
    )
    return folder / "context_model"


@pytest.mark.bad_input
@pytest.mark.long
@pytest.mark.parametrize("option", ["--context_model", "--bundles"])
def test_a_context_model_of_another_genome(
    tmp_path, monkeypatch, capsys, of_another_genome, random_genome, option
):
    """Its members are known by places that differ."""
    fasta, _ = random_genome
    audit_bundles.write_bundle(tmp_path / "a", audit_bundles.hidden_graph(), "a", window=32)
    bundles = () if option == "--bundles" else ("--bundles", tmp_path / "a")
    given = ("--fasta", fasta, *bundles, option, of_another_genome)
    assert run(tmp_path, monkeypatch, "model", *given) == 78
    assert "context_model: a context model of another genome" in capsys.readouterr().err


@pytest.mark.bad_input
def test_a_yardstick_that_is_none_is_refused(tmp_path, monkeypatch, capsys):
    """Any network was taken for the context model, and every gain was measured against it."""
    fasta = audit_bundles.random_fasta(tmp_path / "g.fa", 30_000)
    audit_bundles.write_bundle(tmp_path / "a", audit_bundles.hidden_graph(), "a", window=32)
    given = ("--fasta", fasta, "--bundles", tmp_path / "a", "--context_model", tmp_path / "a")
    assert run(tmp_path, monkeypatch, "model", *given) == 78
    error = capsys.readouterr().err
    assert "--context_model" in error
    assert "family gpn; expected family context_model" in error


@pytest.mark.bad_input
@pytest.mark.long
def test_two_context_models_are_refused(tmp_path):
    """That of --context_model was ignored. The same one named twice is one."""
    fasta = audit_bundles.random_fasta(tmp_path / "g.fa", 20_000)
    first, other = (
        fit_context_model(fasta, tmp_path / name, seed=seed) for name, seed in (("c", 1), ("d", 2))
    )
    request = audit_run.AuditRequest(
        (first.directory,), fasta, tmp_path / "out", context_model=first.directory
    )
    assert audit_run.given_context_model(request, [first]).sha256 == first.sha256
    with pytest.raises(ConfigurationError, match="another context model than .*d of --bundles"):
        audit_run.given_context_model(request, [other])


@pytest.mark.bad_input
def test_members_of_a_replication_are_compared_with_each_other(tmp_path, monkeypatch, capsys):
    """One member was trained, and then there was no pair to be measured."""
    given = ("replicate", "--fasta", tmp_path / "g.fa", "--members", "1")
    assert run(tmp_path, monkeypatch, *given) == 64
    assert "--members: '1' is not an integer of at least 2" in capsys.readouterr().err
    with pytest.raises(UsageError, match="--members: 1; expected at least 2"):
        Settings(1_000, members=1)


@pytest.mark.bad_input
@pytest.mark.long
def test_a_model_that_answers_no_bases_is_left_out(tmp_path, monkeypatch, caplog, random_genome):
    """Random weights put the probability on other tokens: the first measure ends with 70."""
    for name in ("a", "b"):
        audit_bundles.write_bundle(tmp_path / name, audit_bundles.hidden_graph(), name, window=32)
    measure = audit_run.audited

    def audited(request, study, subject, genome):
        if subject.bundle.model_id == "a":
            raise InternalError("model a: output is not finite or outside A,C,G,T")
        return measure(request, study, subject, genome)

    monkeypatch.setattr(audit_run, "audited", audited)
    given = ("model", *random_genome[1], "--bundles", tmp_path / "a", tmp_path / "b")
    assert run(tmp_path, monkeypatch, *given) == 70
    assert run(tmp_path, monkeypatch, *given, "--skip_unfit") == 0
    assert "outside A,C,G,T; it is not audited" in caplog.text
    assert not (tmp_path / "out" / "a").exists()
    assert (tmp_path / "out" / "b" / "audit.json").is_file()
