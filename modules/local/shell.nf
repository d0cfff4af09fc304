//
// How a value reaches a command line. Nextflow escapes the names of staged files; values are quoted here,
// and a text that names a file is checked.
//

/** The text as one word of a shell, whatever it holds. */
def quoted(text) {
    return "'" + text.toString().replace("'", "'\\''") + "'"
}

/** Whether a result may carry the name: the rule of gfmtrust.core.names. */
def isName(name) {
    return name.toString() ==~ /[A-Za-z0-9][A-Za-z0-9_.-]{0,127}/
}

/** The name, where it can stand in a shell and as a file. */
def named(name) {
    if (!isName(name)) {
        error("id '${name}'; expected [A-Za-z0-9][A-Za-z0-9_.-]{0,127}; rename it")
    }
    return name
}
