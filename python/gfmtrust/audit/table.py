"""The table of measures: what an audit asks, in the order of the page. A new measure is one entry here
and one function; the page and the table of the docs are made from it."""

from __future__ import annotations

from gfmtrust.audit import (
    archetypes,
    context_gain,
    cost,
    dependency,
    fisher,
    frame,
    functional,
    league,
    population,
    stability,
)
from gfmtrust.audit.measure import ARCHETYPES, MODEL, Measure

CONTROL = "the same letters where the source is another one"

MEASURES: tuple[Measure, ...] = (
    Measure(
        name="league",
        group=MODEL,
        question="Does the model predict bases better than simple counts?",
        unit="bits per base",
        null="2 bits for the uniform distribution; skill 0 for composition alone",
        reading="Lower bits are better. Skill is the model's gain over the composition divided by the "
        "context model's: 1 equals the counts, more beats them, 0 knows the composition only, and "
        "below 0 is worse than the composition. The permuted twin has the same weights in another "
        "order and must not be above 0.",
        function=league.league,
    ),
    Measure(
        name="entropy",
        group=MODEL,
        question="How often does the model say that it does not know?",
        unit="bits",
        null="2 bits and a share of 1 for a model that knows nothing",
        reading="A base is nearly uniform at 1.95 bits or more. A high share is not a fault where the "
        "genome is random there: compare it with the context model.",
        function=league.entropies,
    ),
    Measure(
        name="calibration_gap",
        group=MODEL,
        question="Is the model as sure as it is right?",
        unit="bits",
        null="0 where its probabilities are right",
        reading="Mean surprisal minus mean entropy. Above 0 the model is too sure, below 0 it is not "
        "sure enough. 0 does not mean that it knows much.",
        function=league.calibration_gap,
    ),
    Measure(
        name="strands",
        group=MODEL,
        question="Do both strands give the same answer?",
        unit="share",
        null="strands paired with those of another site, 100 permutations",
        reading="The strands are the same DNA. A share of other preferences near the null means that "
        "the answer depends on the strand and not on the sequence. A causal model that reads only what "
        "precedes a base sees the other side of it on the other strand, so that its strands differ by "
        "right.",
        function=league.strands,
    ),
    Measure(
        name="shifts",
        group=MODEL,
        question="Does the answer move with the window?",
        unit="1",
        null="shifts paired with those of other sites, 100 permutations",
        reading="Standard deviation of the LLR over shifts or k-mer phases, divided by its mean size. "
        "Near 0 is steady; near the null the place of the window decides.",
        function=league.shifts,
    ),
    Measure(
        name="disagreement",
        group=MODEL,
        question="Do models that differ only by their seed agree?",
        unit="bits",
        null="answers paired with those of another site, permutations",
        reading="Jensen-Shannon divergence is 0 for equal answers and at most 1 bit. The same first "
        "choice should be far above the null.",
        function=league.disagreement,
    ),
    Measure(
        name="context_gain",
        group=MODEL,
        question="How far does the model read?",
        unit="bits per base",
        null="the surprisal with no flank kept; the letters beyond the flank are shuffled",
        reading="The curve falls as far as the model uses its context. The effective context is the "
        "shortest flank with 95 % of the gain; it is a property of the model and of this genome, and "
        "it has no value where there is no gain.",
        function=context_gain.gain,
        passes=context_gain.gain_passes,
        x_label="flank kept on either side (bp)",
    ),
    Measure(
        name="functional_gap",
        group=MODEL,
        question="Does the model know functional bases better?",
        unit="bits",
        null="labels of functional bases permuted, 100 times",
        reading="Mean log2-likelihood of bases in the BED file minus that of other bases. Compare it with "
        "the context model's, which knows repeats and composition only.",
        function=functional.gap,
        passes=functional.passes,
    ),
    Measure(
        name="embeddings_of_members",
        group=MODEL,
        question="Do other members of the ensemble represent the same windows alike?",
        unit="1",
        null="windows of one member permuted, 100 times",
        reading="CKA is debiased: 1 is equal up to rotation and scale, 0 unrelated. Procrustes is 0 for "
        "equal and 1 for unrelated. Neighbours are shared by chance as often as the null. Networks of "
        "random weights read the same letters and may be as alike: only what lies beyond the permuted "
        "twins was learned.",
        function=stability.members,
        passes=lambda study, subject: 2 * stability.passes(study, subject),
    ),
    Measure(
        name="embeddings_of_strands",
        group=MODEL,
        question="Does a window have the same representation on the other strand?",
        unit="1",
        null="windows of one strand permuted, 100 times; for the rank, columns permuted apart",
        reading="As for the members. CKA is high between collapsed spaces too: an effective rank near 1 "
        "means that all windows lie on one line.",
        function=stability.views,
        passes=lambda study, subject: 2 * stability.passes(study, subject),
    ),
    Measure(
        name="static_embeddings",
        group=MODEL,
        question="Do other members of the ensemble give words the same neighbours?",
        unit="1",
        null="words of one member permuted, 100 times",
        reading="The table of word embeddings of a model of k-mers, read from its graph. As for the "
        "embeddings of members; a static table of DNA words is often little better than its null.",
        function=stability.static,
    ),
    Measure(
        name="memorisation",
        group=MODEL,
        question="Does one changed letter in a hundred surprise the model more than counts?",
        unit="bits per base",
        null="0; and the rise of the context model, which never counted the site",
        reading="A model that recites this genome loses much more than the context model when its cue "
        "is changed. A difference near 0 shows no sign of memory; a large one may be memory or long "
        "context, so that the archetypes and the population check have to decide.",
        function=context_gain.memorisation,
        passes=context_gain.memorisation_passes,
    ),
    Measure(
        name="population",
        group=MODEL,
        question="Do the alleles that people have surprise the model as any changed letter does?",
        unit="bits per base",
        null="0; and the rise of the context model",
        reading="Common alleles of a population replace the reference in the window of a site. A model "
        "that recites the reference loses more than the context model, and as much as with other "
        "letters at the same places; a model of the sequence loses less with alleles that occur.",
        function=population.surprise,
        passes=population.passes,
    ),
    Measure(
        name="fisher",
        group=MODEL,
        question="Which parameters carry what the model answers?",
        unit="share",
        null="the group's share of all parameters",
        reading="Inter-token layers are attention, convolutions and mixers: what relates one place to "
        "another. Per sequence, with targets drawn from the model, is the Fisher information; as "
        "published is the squared gradient of a batch's mean, which counts a tied decoder as embeddings. "
        "The closed form of the head is large where the model is unsure, and not because it is useful.",
        function=fisher.shares,
    ),
    Measure(
        name="cost",
        group=MODEL,
        question="What does a million variants cost?",
        unit="per million SNVs",
        null="the context model on the same machine",
        reading="Both strands of every SNV, without calibration. A price needs --price_per_hour.",
        function=cost.cost,
        passes=cost.passes,
    ),
    Measure(
        name="needle",
        group=ARCHETYPES,
        question="Does the model find a value by its key?",
        unit="share",
        null=CONTROL,
        reading="A key of 12 bp and its value of 12 bp stand in real sequence; the key comes again and "
        "the value is asked. Exact match is the strict test; bits below 2 without exact match mean "
        "only a hint.",
        x_label="depth in the window (0 its start, 1 beside the question)",
        **archetypes.probe(1, archetypes.depth_points),
    ),
    Measure(
        name="distractors",
        group=ARCHETYPES,
        question="Is the value still found beside a similar key?",
        unit="share",
        null=CONTROL,
        reading="Between the needle and the question stands a key that differs in 4, 2 or 1 letters, "
        "with another value.",
        x_label="letters in which the distractor differs",
        **archetypes.probe(3, archetypes.distractor_points),
    ),
    Measure(
        name="copy",
        group=ARCHETYPES,
        question="Does the model copy a stretch after a gap?",
        unit="share",
        null=CONTROL,
        reading="The recall horizon is the longest gap up to which the copy costs less than half a bit "
        "per letter. A claimed effect at a longer distance has no support from this model.",
        function=archetypes.recall_copy,
        passes=archetypes.probe(2, lambda subject: archetypes.copy_points(subject, "copy"))[
            "passes"
        ],
        x_label="gap (bp)",
    ),
    Measure(
        name="inverted_copy",
        group=ARCHETYPES,
        question="Does the model recognise the reverse complement of a stretch?",
        unit="share",
        null="the mirror image of the stretch at the source, which must stay at 2 bits",
        reading="As for the copy. Inverted repeats are common in genomes, but no architecture has them "
        "for nothing.",
        x_label="gap (bp)",
        **archetypes.probe(4, lambda subject: archetypes.copy_points(subject, "inverted")),
    ),
    Measure(
        name="pairs",
        group=ARCHETYPES,
        question="How many key and value pairs does the model hold?",
        unit="share",
        null=CONTROL,
        reading="Keys of 8 bp with values of 4 bp side by side; chance is 1 in 256.",
        x_label="pairs",
        **archetypes.probe(5, archetypes.pair_points),
    ),
    Measure(
        name="tandem",
        group=ARCHETYPES,
        question="Does the model track the period of a tandem repeat?",
        unit="share",
        null="fresh letters instead of the earlier copies",
        reading="Periods of up to 60 bp; eight copies, more of short periods, or what the window holds. A copy mechanism that looks at fixed "
        "distances fails at some periods. Period 1 alone is no tracking: a causal network of random weights "
        "whose decoder is its embedding repeats the last letter.",
        x_label="period (bp)",
        **archetypes.probe(6, archetypes.tandem_points),
    ),
    Measure(
        name="stem",
        group=ARCHETYPES,
        question="Does the model fold a stem?",
        unit="share",
        null="the mirror image of the first arm, which must stay at 2 bits",
        reading="An arm of 12 bp, a loop, and its reverse complement, of which six letters are asked.",
        x_label="loop (bp)",
        **archetypes.probe(7, archetypes.stem_points),
    ),
    Measure(
        name="stem_map",
        group=ARCHETYPES,
        question="Does a letter of a stem decide its partner?",
        unit="AUROC",
        null="0.5; the same places where the first arm is its mirror image",
        reading="A letter of the first arm is replaced, and the change at its partner is compared with "
        "that at the same places without a stem. 1 tells every pair from its control; 0.5 is chance, "
        "also where nothing changes at all.",
        function=dependency.stem_pairs,
        passes=dependency.passes,
        x_label="loop (bp)",
    ),
    Measure(
        name="frame",
        group=ARCHETYPES,
        question="Does the model follow a reading frame, and a shifted one?",
        unit="probability of G or C",
        null="the 95 % range of four permuted twins; without them, windows with their letters shuffled",
        reading="Third letters of codons are mostly G or C. Above the null behind the insertion, the "
        "model has found the new frame; below it, it still reads the old one. Any filter of the letters "
        "round a base answers differently by their phase, in one direction or the other, so that the "
        "null is wide.",
        function=frame.recovery,
        passes=frame.passes,
        x_label="distance from the insertion (bp)",
    ),
    Measure(
        name="long_range",
        group=ARCHETYPES,
        question="Is the value found over kilobases?",
        unit="share",
        null=CONTROL,
        reading="The needle at 1 to 64 kb. Published exact matches of Genome-NIAH at 98 kb: Carbon 3B "
        "0.73, Evo 2 7B 0.97.",
        x_label="distance (kb)",
        **archetypes.probe(8, archetypes.long_points),
    ),
)
"""All measures, in the order of the page."""


def of_group(group: str) -> tuple[Measure, ...]:
    return tuple(one for one in MEASURES if one.group == group)
