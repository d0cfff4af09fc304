//
// JSON files that a task wrote. No include in this file, so that any script may include it.
// Nothing here ends the run: an error that a function raises inside the closure of an operator reaches the user without its text
// (InvocationTargetException), so that the closure itself has to call error().
//

/** The content of a JSON file of a task, null where it is damaged. */
def contentOf(path) {
    try {
        return new groovy.json.JsonSlurper().parseText(path.text)
    }
    catch (Exception _fault) {
        return null
    }
}

/** What is said of a damaged file. */
def damageText(path) {
    return "${path.name}: not whole JSON; expected the file as its task wrote it; remove the folder ${path.parent} and give -resume".toString()
}
