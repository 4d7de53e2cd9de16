/* Linked into every test program: before main(), BATON_MUTANT chooses the planted bug and TEST_ONLY the tests (`*` is anything),
 * so that scripts/mutants can turn any bug against any test; stdout is written line by line. */
#include "base/mutant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void choose_before_main(void) {
    /* Whole lines: what the code under test says to stderr goes between them, or a case would not be counted. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    mutant_choose(getenv("BATON_MUTANT"));
    const char *only = getenv("TEST_ONLY");
    if (only && *only) /* an empty one would choose no test at all */
        cmocka_set_test_filter(only);
}
