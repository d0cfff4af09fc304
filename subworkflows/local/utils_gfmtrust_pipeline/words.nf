//
// Numbers and errors as a person reads them.
//

/** 9571 as '9,571'; nothing counts as 0. */
def thousands(number) {
    return String.format(Locale.ROOT, '%,d', (number ?: 0) as long)
}

/** '1 VCF', '3 VCFs'. */
def counted(number, noun) {
    return "${number} ${noun}${number == 1 ? '' : 's'}"
}

/** At most 20 errors, and how many there are beside them. */
def errorText(errors) {
    return errors.take(20).join('\n') + (errors.size() > 20 ? "\n... and ${errors.size() - 20} more" : '')
}
