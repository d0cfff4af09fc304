//
// How far a long scoring run is: what there is to score, then one line per model at most every half minute, and one at its end.
//

include { thousands  } from './words'
include { counted    } from './words'
include { contentOf  } from './json'
include { damageText } from './json'

def secondsBetweenLines() {
    return 30
}

/**
 * What is to be scored, from the plan: sites, scoring tasks, passes to expect.
 *
 * plan: folder of PLAN_SITES, whose plan.json holds counts   e.g. {"counts": {"sites": 9571, "variant_sites": 1893, ...}}
 */
def planText(plan, n_shards, n_models, views) {
    def content = contentOf(plan.resolve('plan.json'))
    if (content == null) {
        return damageText(plan.resolve('plan.json'))  // CALIBRATE refuses it
    }
    def counts = content.counts ?: [:]
    def passes = n_models == 1 ? 1 : ['fast': 1, 'default': 2, 'thorough': 7][views.toString()]  // the context model: both strands at once
    def expected = thousands(((counts.sites ?: 0) + (counts.control_sites ?: 0)) * passes)
    return ["plan: ${thousands(counts.sites)} sites to score, once for the whole cohort",
        "  of variants    ${thousands(counts.variant_sites)}, and ${thousands(counts.variants)} indels and MNVs",
        "  of regions     ${thousands(counts.region_bases)} bases",
        "  of probes      ${thousands(counts.probes)}, and ${thousands(counts.variant_probes)} of indels and MNVs",
        "  tasks          ${counted(n_models, 'model')} x ${counted(n_shards, 'shard')}: ${n_models * n_shards} of SCORE_SITES",
        "  passes         about ${expected} per model at ${passes} per site; neighbours and indels cost more, regions less: --dry_run counts them"].join('\n')
}

/**
 * Takes note of a finished shard and logs how far its model is. Shards of an earlier run that -resume brings back are done, but no part of
 * the rate.
 *
 * progress: what is known so far, by model; empty at the start, changed here
 * metrics: <model>.<shard>.metrics.json   e.g. {"sites": 20000, "seconds": 95.2, "device": "cpu", "batch": 8, "halvings": 0, ...}
 */
def logProgress(progress, model, metrics, n_shards) {
    def of_shard = contentOf(metrics)
    if (of_shard == null) {
        log.warn(damageText(metrics))  // REPORT refuses it
        return
    }
    def now = System.currentTimeMillis()
    def of_model = progress.computeIfAbsent(model) { _name -> [done: 0, fresh: 0, sites: 0L, halvings: 0, began: now, said: 0L] }
    of_model.done += 1
    if (metrics.lastModified() >= workflow.start.toInstant().toEpochMilli()) {
        of_model.began = of_model.fresh ? of_model.began : (now - 1000 * (of_shard.seconds ?: 0)) as long
        of_model.fresh += 1
        of_model.sites += of_shard.sites ?: 0
        of_model.halvings += of_shard.halvings ?: 0
    }
    if (of_model.done == n_shards || (of_model.fresh && now - of_model.said >= 1000 * secondsBetweenLines())) {
        of_model.said = now
        log.info(progressText(model, of_model, of_shard, n_shards, (now - of_model.began) / 1000))
    }
}

/**
 * 'gpn-demo-1: 12 of 51 shards scored (3 by an earlier run), 240,000 sites, 208 sites/s on cpu, batch 8, 61 min left'.
 *
 * of_model: of `logProgress`; latest: metrics of the shard that ended last; seconds: since the first shard began
 */
def progressText(model, of_model, latest, n_shards, seconds) {
    def old = of_model.done - of_model.fresh
    def head = "${model}: ${of_model.done} of ${n_shards} shards scored"
    if (!of_model.fresh) {
        return "${head}, by an earlier run"
    }
    def rate = "${head}${old ? " (${old} by an earlier run)" : ''}, ${thousands(of_model.sites)} sites, ${thousands(of_model.sites / (seconds ?: 1))} sites/s"
    def batch = latest.batch ? " on ${latest.device}, batch ${latest.batch}" : ''
    def halved = of_model.halvings ? ", batch halved ${counted(of_model.halvings, 'time')} for lack of memory" : ''
    def left = (n_shards - of_model.done) * seconds / of_model.fresh
    def wait = of_model.done == n_shards ? '' : left < 120 ? ", ${thousands(left)} s left" : ", ${thousands(left / 60)} min left"
    return "${rate}${batch}${halved}${wait}"
}
