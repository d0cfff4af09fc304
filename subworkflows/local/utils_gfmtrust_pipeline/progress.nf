//
// How far a long scoring run is: a line a model at most every half minute, and one at its end.
//

def secondsBetweenLines() {
    return 30
}

/**
 * Takes note of a finished shard and logs how far its model is. Shards of an earlier run that -resume brings back are done, but no part of
 * the rate.
 *
 * told:    what is known so far, by model; empty at the start, changed here
 * metrics: <model>.<shard>.metrics.json   e.g. {"sites": 20000, "seconds": 95.2, ...}
 */
def tellProgress(told, model, metrics, n_shards) {
    def of_shard = new groovy.json.JsonSlurper().parseText(metrics.text)
    def now = System.currentTimeMillis()
    def own = told.computeIfAbsent(model) { _name -> [done: 0, fresh: 0, sites: 0L, began: now, said: 0L] }
    own.done += 1
    if (metrics.lastModified() >= workflow.start.toInstant().toEpochMilli()) {
        own.began = own.fresh ? own.began : (now - 1000 * (of_shard.seconds ?: 0)) as long
        own.fresh += 1
        own.sites += of_shard.sites ?: 0
    }
    if (own.done == n_shards || (own.fresh && now - own.said >= 1000 * secondsBetweenLines())) {
        own.said = now
        log.info(progressText(model, own.done, own.fresh, own.sites, n_shards, (now - own.began) / 1000))
    }
}

/** 'gpn-demo-1: 12 of 51 shards scored, 240,000 sites, 208 sites/s, 61 min left'. seconds: since the first shard began. */
def progressText(model, done, fresh, sites, n_shards, seconds) {
    def head = "${model}: ${done} of ${n_shards} shards scored"
    if (!fresh) {
        return "${head}, by an earlier run"
    }
    def rate = String.format(Locale.ROOT, '%s, %,d sites, %,.0f sites/s', head, sites as long, (sites / (seconds ?: 1)) as double)
    def left = ((n_shards - done) * seconds / fresh) as double
    return done == n_shards ? rate : left < 120 ? "${rate}, ${Math.round(left)} s left" : "${rate}, ${Math.round(left / 60)} min left"
}
