//
// JSON files that a task wrote. No include in this file, so that any script may include it.
// Nothing here ends the run: an error that a function raises inside the closure of an operator reaches the user without its text
// (InvocationTargetException), so that the closure itself has to call error().
//

/** The content of a JSON file of a task, null where it is damaged. Its first entry is the SHA-256 of all that stands behind it. */
def contentOf(path) {
    try {
        def text = path.getText('UTF-8')
        def seal = text =~ /^\{\s*"content_sha256": "([0-9a-f]{64})",/
        def is_whole = !seal.find() || digestOf(text.substring(seal.end())) == seal.group(1)
        return is_whole ? new groovy.json.JsonSlurper().parseText(text) : null
    }
    catch (Exception _fault) {
        return null
    }
}

/** The SHA-256 of a text in UTF-8, as hexadecimal digits. */
def digestOf(text) {
    return java.security.MessageDigest.getInstance('SHA-256').digest(text.getBytes('UTF-8')).encodeHex().toString()
}

/** What is said of a damaged file. */
def damageText(path) {
    return "${path.name}: damaged; expected the file as its task wrote it; remove the folder ${path.parent} and give -resume".toString()
}
