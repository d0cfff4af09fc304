//
// One run at a time for each --outdir: a lock file in it, which names the process that holds it. Two runs would overwrite each other's files.
// No include in this file, as in samplesheet.nf.
//

/** The lock file of a results folder; null where the folder is remote, because an object store has no exclusive creation of a file. */
def lockFile(outdir) {
    def remote = outdir.toString() ==~ /[a-z][a-z0-9+.-]+:\/\/.*/
    return remote ? null : file(outdir.toString(), glob: false).toAbsolutePath().resolve('.gfmtrust.lock')
}

/**
 * Takes the lock of a results folder until this process ends, however it ends; kill -9 leaves the file, and the next run on the same host
 * takes it over with a warning. Ends the run with one line where another run holds the lock, or where the folder cannot be written.
 */
def takeLock(outdir, run_name) {
    def lock = lockFile(outdir)
    if (!lock) {
        return
    }
    def own = lockText(ownFacts(run_name))
    def refusal = lockRefusal(lock, own, outdir)
    if (refusal) {
        error(refusal)
    }
    Runtime.runtime.addShutdownHook(new Thread({ releaseLock(lock, own) }))
}

/** Creates the lock with this text and returns null; returns the line of the refusal where that cannot be done. */
def lockRefusal(lock, own, outdir) {
    try {
        lock.parent.mkdirs()
        return refusalAfter(5, lock, own, outdir)
    }
    catch (IOException error) {
        return "--outdir: ${outdir} cannot be written (${error.class.simpleName}: ${error.message}); expected a folder that this run may write; choose another".toString()
    }
}

/** A lock may vanish or be replaced between looking and creating; then both are repeated, at most so many times. */
def refusalAfter(attempts, lock, own, outdir) {
    if (createdLock(lock, own)) {
        return null
    }
    def held = heldText(lock, lockedBy(lock), outdir)
    return held || attempts == 1
        ? held ?: "--outdir: ${outdir} is in use (lock file ${lock} changes hands); expected one run at a time; choose another --outdir".toString()
        : refusalAfter(attempts - 1, lock, own, outdir)
}

/** Whether the lock did not exist and has been created: an atomic step, on network file systems too. */
def createdLock(lock, own) {
    try {
        java.nio.file.Files.write(lock, own.getBytes('UTF-8'), java.nio.file.StandardOpenOption.CREATE_NEW, java.nio.file.StandardOpenOption.WRITE)
        return true
    }
    catch (java.nio.file.FileAlreadyExistsException _error) {
        return false
    }
}

/** The refusal where a live run, or one of another host, holds the lock; '' where the lock has vanished or was taken from a dead run. */
def heldText(lock, text, outdir) {
    if (text == null) {
        return ''
    }
    def holder = lockFacts(text)
    def who = holder
        ? "run ${holder.run}, host ${holder.host}, process ${holder.pid}, started ${holder.start}"
        : 'a run that cannot be named, because the file is not whole'
    if (holder && isHere(holder) && !isAlive(holder)) {
        if (removedStale(lock, text)) {
            log.warn("--outdir: took over the lock file ${lock} of a run that was killed (${who}); the files of that run are replaced where this run makes them anew")
        }
        return ''
    }
    def remedy = holder && isHere(holder)
        ? 'wait until it has ended, or choose another --outdir'
        : 'wait until it has ended, or choose another --outdir; if that run no longer exists, remove the lock file'
    return "--outdir: ${outdir} is in use (${who}; lock file ${lock}); expected one run at a time; ${remedy}".toString()
}

/** Removes a stale lock, and only that one: it is renamed first, and put back if another run has replaced it since it was read. */
def removedStale(lock, text) {
    def aside = lock.resolveSibling(".gfmtrust.lock.${ProcessHandle.current().pid()}".toString())
    try {
        java.nio.file.Files.move(lock, aside, java.nio.file.StandardCopyOption.ATOMIC_MOVE)
        def moved = aside.text
        if (moved != text) {
            createdLock(lock, moved)
        }
        java.nio.file.Files.deleteIfExists(aside)
        return moved == text
    }
    catch (java.nio.file.NoSuchFileException _error) {
        return false
    }
}

/** Removes the lock where it is still ours. */
def releaseLock(lock, own) {
    if (lockedBy(lock) == own) {
        java.nio.file.Files.deleteIfExists(lock)
    }
}

/** The text of a lock file, null where there is none. */
def lockedBy(lock) {
    try {
        return lock.text
    }
    catch (java.nio.file.NoSuchFileException _error) {
        return null
    }
}

/** [run, host, namespace, pid, process, start] of this process: two processes with the same number differ in their start. */
def ownFacts(run_name) {
    def process = ProcessHandle.current()
    return [run: run_name.toString(), host: hostName(), namespace: pidNamespace(), pid: process.pid(), process: startOf(process),
        start: new Date().format('yyyy-MM-dd HH:mm:ss z')]
}

def lockText(facts) {
    return groovy.json.JsonOutput.toJson(facts) + '\n'
}

/** The facts of a lock file, null where it is not whole. */
def lockFacts(text) {
    try {
        def facts = new groovy.json.JsonSlurper().parseText(text)
        return facts instanceof Map && facts.pid instanceof Number && ['run', 'host', 'namespace', 'process', 'start'].every { name -> facts[name] instanceof String } ? facts : null
    }
    catch (IllegalArgumentException _error) {
        return null
    }
    catch (groovy.json.JsonException _error) {
        return null
    }
}

/** Whether the process of a lock can be seen from here: the same host, and not another container on it. */
def isHere(holder) {
    return holder.host == hostName() && holder.namespace == pidNamespace()
}

def isAlive(holder) {
    def process = ProcessHandle.of(holder.pid as long)
    return process.isPresent() && process.get().isAlive() && startOf(process.get()) == holder.process
}

def startOf(process) {
    return process.info().startInstant().map { instant -> instant.toString() }.orElse('')
}

def hostName() {
    def name = new File('/proc/sys/kernel/hostname')
    return name.exists() ? name.text.trim() : java.net.InetAddress.localHost.hostName
}

/** The kernel's name of the space in which process numbers hold, e.g. pid:[4026531836]; '' where there is no /proc. */
def pidNamespace() {
    def link = new File('/proc/self/ns/pid').toPath()
    return java.nio.file.Files.isSymbolicLink(link) ? java.nio.file.Files.readSymbolicLink(link).toString() : ''
}
