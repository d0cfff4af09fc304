"""The checks of benchmarks/audit_families.py on audits whose numbers are written by hand."""

from audit_families_parts import checks

from gfmtrust.core.contracts.audit import Audit, AuditedModel, Measured, Statistic


def audit(*measures):
    model = AuditedModel("m", "gpn", "ab" * 32, 128, 10)
    parts = tuple(
        Measured(name, "archetypes", "?", "share", "null", "read", "", "", tuple(rows))
        for name, rows in measures
    )
    return Audit(model, ("m",), "g.fa", "77" * 16, 1, "cpu", 5, 1.5, parts, ())


def needle(value, low, high, null=0.0, null_high=0.04):
    return Statistic(
        "exact match, depth 0", value, low, high, null, 100, 0.0, null_high,
        series="exact match", x=0.0,
    )  # fmt: skip


def test_recall_beyond_the_range_of_its_control_is_named():
    rows, compared = checks.beaten(
        audit(("needle", [needle(0.2, 0.13, 0.29), needle(0.05, 0.02, 0.11)]))
    )
    assert compared == 2
    assert [str(one) for one in rows] == [
        "needle: exact match, depth 0 0.200 (0.130 to 0.290), null 0.000"
    ]


def test_fewer_bits_and_a_lower_divergence_are_better():
    bits = Statistic("bits, gap 0", 1.7, 1.6, 1.8, 2.1, 100, 2.0, 2.2, series="bits per letter")
    apart = Statistic("divergence from b", 0.1, 0.05, 0.15, 0.3, 100, 0.25, 0.35)
    rows, compared = checks.beaten(audit(("copy", [bits]), ("disagreement", [apart])))
    assert [(one.measure, one.is_agreement) for one in rows] == [
        ("copy", False), ("disagreement", True),
    ]  # fmt: skip
    assert compared == 1


def test_more_bits_than_a_guess_are_no_knowledge():
    bits = Statistic("bits, gap 0", 3.0, 2.9, 3.1, 6.0, 100, 5.9, 6.1, series="bits per letter")
    assert checks.beaten(audit(("copy", [bits]))) == ([], 1)


def test_worse_than_the_null_beats_nothing():
    gain = Statistic("gain of the whole window", -0.2, -0.3, -0.1, 0.0, 100)
    assert checks.beaten(audit(("context_gain", [gain]))) == ([], 1)


def test_a_null_that_is_elsewhere_is_counted():
    """Three of 100 controls match 12 random letters, whose chance is 4^-12; a control of 1.5 bits
    knows letters that are random."""
    low_bits = Statistic("x", 2.0, 1.9, 2.1, 1.5, 100, 1.4, 1.6, series="bits per letter")
    rows = checks.nulls(
        [audit(("needle", [needle(0, 0, 0), needle(0, 0, 0, 0.03)]), ("copy", [low_bits]))]
    )
    assert [(one.n, one.elsewhere) for one in rows] == [(2, 1), (1, 1)]
    assert (rows[0].low, rows[0].high) == (0.0, 0.03)


def test_the_chance_of_a_short_period_is_that_of_its_letters():
    """A period of one letter is guessed once in four times."""
    row = Statistic("period 1", 0.2, 0.1, 0.3, 0.25, 100, 0.17, 0.35, series="exact match", x=1.0)
    (one,) = checks.nulls([audit(("tandem", [row]))])
    assert (one.value, one.elsewhere) == ("0.25", 0)
