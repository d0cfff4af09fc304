"""Header lines and closing line on the exam: one per fact, read back as a program would, from
calibrations written by hand."""

import re
from dataclasses import replace

import pysam
import pytest
from hand_made_calibration import by_hand, certificate
from synthetic_run import run_facts

from gfmtrust.annotate.exam_lines import exam_lines, exam_notes, quoted
from gfmtrust.annotate.header_lines import header_lines
from gfmtrust.calibration.level_cells import level_cells
from gfmtrust.calibration.memorisation import MemoryVerdict
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.outcome import outcome_text
from gfmtrust.calibration.own_alleles import OwnAlleleRow, PopulationRow
from gfmtrust.calibration.record import ControlVerdict, Withdrawal
from gfmtrust.calibration.shift import ShiftVerdict

FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,>]*)')


def own_row(level="HIGH", stratum="single_copy", n=40, errors=0, low=0.0, high=0.072, alpha=0.05):
    return OwnAlleleRow(level, stratum, n, errors, low, high, alpha, 3)


def population_row(alt_common=3, errors=1, low=0.02, bias=0.25):
    bounds = (None, None) if bias is None else (bias - 0.1, bias + 0.1)
    return PopulationRow("MEDIUM", alt_common, errors, 376, 0.076, bias, *bounds, low, 0.2)


def fields(lines, key):
    """The fields of every `##key=<...>` line, quotes taken off."""
    return [
        {name: value.strip('"') for name, value in FIELD.findall(line.partition("<")[2])}
        for line in lines
        if line.startswith(f"##{key}=<")
    ]


def test_a_level_states_promise_probes_and_own_alleles():
    calibration = by_hand(own_alleles=(own_row(),))
    high, medium = fields(exam_lines(calibration, True), "gfmtrustLevel")
    assert high == {
        "ID": "HIGH_1",
        "Level": "HIGH",
        "Cell": "single_copy",
        "Given": "yes",
        "Promise": "0.05",
        "Probes": "500",
        "ProbeErrors": "9",
        "ProbeBound": "0.03",
        "Own": "40",
        "OwnErrors": "0",
        "OwnError": "0",
        "OwnLow": "0",
        "OwnHigh": "0.072",
        "OwnLeftOut": "3",
        "Outcome": "not contradicted",
    }
    assert (medium["Outcome"], "Own" in medium) == ("not tested: 0 of 30", False)


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (own_row(n=200, high=0.03), "confirmed"),
        (own_row(n=30), "not contradicted"),
        (own_row(n=29, errors=3, low=0.03, high=0.25), "not tested: 29 of 30"),
        (own_row(n=29, errors=29, low=0.9, high=1.0), "contradicted"),
        (own_row(n=40, errors=9, low=0.12, high=0.36), "contradicted"),
    ],
)
def test_the_outcome_of_own_alleles(row, outcome):
    high, _ = fields(exam_lines(by_hand(own_alleles=(row,)), True), "gfmtrustLevel")
    assert high["Outcome"] == outcome


def test_a_withdrawn_level_says_so_in_every_place():
    calibration = by_hand(
        own_alleles=(own_row(errors=9, low=0.12, high=0.36),),
        withdrawals=(Withdrawal("HIGH", "single_copy", "OWN_ALLELES", "9 of 40 own alleles"),),
    )
    lines = exam_lines(calibration, True)
    high, medium = fields(lines, "gfmtrustLevel")
    assert (high["Given"], medium["Given"]) == ("no", "yes")
    assert high["Why"] == "OWN_ALLELES: 9 of 40 own alleles"
    (line,) = fields(lines, "gfmtrustWithdrawn")
    assert (line["Level"], line["Cell"], line["Reason"]) == ("HIGH", "single_copy", "OWN_ALLELES")
    assert "9 of 40 own alleles" in outcome_text(calibration)
    assert any("9 of 40 own alleles" in note for note in exam_notes(calibration))


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (population_row(), "not tested: 3 of 30"),
        (population_row(200, 90, 0.38), "contradicted"),
        (population_row(200, 4, 0.007), "confirmed"),
    ],
)
def test_the_population_check(row, outcome):
    (line,) = fields(exam_lines(by_hand(population=(row,)), True), "gfmtrustPopulation")
    assert (line["ID"], line["Outcome"]) == ("MEDIUM", outcome)
    assert (line["BiasLow"], line["BiasHigh"]) == ("0.15", "0.35")


@pytest.mark.bad_input
def test_numbers_that_are_missing_are_left_out_and_never_nan():
    row = replace(population_row(0, 0, 0.0, None), ref_common=0, ref_common_error=None)
    unexamined = own_row(n=0, high=1.0)
    memory = MemoryVerdict("not tested", 7)
    lines = exam_lines(by_hand(population=(row,), own_alleles=(unexamined,), memory=memory), True)
    (line,) = fields(lines, "gfmtrustPopulation")
    assert not {"Bias", "BiasLow", "RefCommonError"} & set(line)
    (line,) = fields(lines, "gfmtrustMemory")
    assert (line["State"], line["N"], "Error" in line) == ("not tested", "7", False)
    assert not [text for text in lines if "nan" in text.lower() or "None" in text]


def test_memory_is_loud_and_says_what_no_decoy_can():
    memory = MemoryVerdict("suspected", 900, 0.0, 0.1, 1.7, text="0.0% are wrong")
    calibration = by_hand(memory=memory)
    (line,) = fields(exam_lines(calibration, True), "gfmtrustMemory")
    assert line["Text"].startswith("MEMORISED? 0.0% are wrong")
    assert "no decoy" in line["Text"]
    assert any("MEMORISED?" in note for note in exam_notes(calibration))
    silent = by_hand(memory=MemoryVerdict("no sign", 900, 0.4))
    assert not [note for note in exam_notes(silent) if "MEMORISED?" in note]


def test_switches_and_a_genome_without_lower_case():
    plain = exam_lines(by_hand(), True)
    assert not fields(plain, "gfmtrustSwitch")
    assert not [line for line in plain if "SoftMasking" in line]
    lines = exam_lines(by_hand(options=Options(copied_high=True, trust_training=True)), False)
    switches = [line["ID"] for line in fields(lines, "gfmtrustSwitch")]
    assert switches == ["copied_high", "trust_training"]
    assert [line for line in lines if line.startswith("##gfmtrustSoftMasking=none")]


@pytest.mark.bad_input
def test_a_control_that_did_not_run_does_not_look_passed():
    external = Options(digests={"precision": ["external"]})
    first, second = fields(exam_lines(by_hand(options=external), True), "GFM_null")
    assert first["Run"] == second["Run"] == "not run: scores come from elsewhere"
    assert "HIGH" not in first
    ran = (ControlVerdict("permuted weights", 600, 0, 0, 0.5),)
    first, second = fields(exam_lines(by_hand(controls=ran), True), "GFM_null")
    assert (first["N"], first["HIGH"], "Run" in first) == ("600", "0", False)
    assert (second["ID"], second["Run"]) == ("shuffled_windows", "not run")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"shift": ShiftVerdict("fired", 50, 50)}, "SHIFT"),
        ({"high_withheld": "a control earned a flag"}, "HIGH is withheld"),
        ({"options": Options(background="other.fa")}, "at most MEDIUM"),
        ({"certificates": (certificate("HIGH", None),)}, "UNCERTIFIED"),
        ({"certificates": (certificate("HIGH", 0.9, ("near_copy/cpg",)),)}, "COPIED"),
        (
            {"certificates": (certificate("HIGH", 0.9, ("a", "b"), refused=("a",)),)},
            "UNCERTIFIED",
        ),
    ],
)
def test_a_cell_without_the_level_says_why(changed, reason):
    cell = level_cells(by_hand(**changed))[0]
    assert not cell.is_given
    assert reason in cell.why_not


def test_strata_of_bed_files_count_to_the_cell_of_their_certificate():
    shared = certificate("HIGH", 0.9, ("exons:single_copy/cpg", "single_copy/cpg"))
    alone = certificate("HIGH", 0.9, ("exons:repeat_family/cpg",))
    own_rows = (
        own_row(stratum="single_copy/cpg"),
        own_row(stratum="exons:repeat_family/cpg", n=50),
    )
    cells = level_cells(by_hand(certificates=(shared, alone), own_alleles=own_rows))
    assert [(cell.name, cell.own_alleles.n) for cell in cells] == [
        ("single_copy/cpg", 40),
        ("exons:repeat_family/cpg", 50),
    ]


@pytest.mark.bad_input
def test_cells_with_nothing_to_say_are_left_out():
    empty = replace(certificate("HIGH", None, ("a/1bp",)), n_probes=0)
    assert level_cells(by_hand(certificates=(empty,))) == ()
    assert level_cells(by_hand(certificates=())) == ()
    carried = level_cells(by_hand(certificates=(empty,), own_alleles=(own_row(stratum="a/1bp"),)))
    assert [cell.own_alleles.n for cell in carried] == [40]


@pytest.mark.bad_input
def test_htslib_reads_every_line_also_of_an_awkward_text(tmp_path):
    awkward = 'a "quoted" \\ text, with > and\nlines'
    calibration = by_hand(
        withdrawals=(Withdrawal("HIGH", "", "REF_BIAS", awkward),),
        own_alleles=(own_row(),),
        population=(population_row(),),
        memory=MemoryVerdict("suspected", 900, 0.0, text=awkward),
        options=Options(copied_high=True),
    )
    lines = header_lines(calibration, run_facts(soft_masked=False), "annotate_sites")
    header = "\n".join(
        ["##fileformat=VCFv4.3", *lines, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    )
    (tmp_path / "a.vcf").write_text(header + "\n")
    with pysam.VariantFile(str(tmp_path / "a.vcf")) as file:
        kept = [record for record in file.header.records if record.key == "gfmtrustWithdrawn"]
    assert dict(kept[0])["Reason"] == "REF_BIAS"
    assert all("\n" not in line for line in lines)
    assert quoted(awkward).count("\n") == 0
