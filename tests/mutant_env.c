/* Linked into every test program: before main(), BATON_MUTANT chooses the planted bug and TEST_ONLY the tests (`*` is anything),
 * so that scripts/mutants can turn any bug against any test. */
#include "base/mutant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

__attribute__((constructor)) static void choose_before_main(void) {
    mutant_choose(getenv("BATON_MUTANT"));
    const char *only = getenv("TEST_ONLY");
    if (only && *only) /* an empty one would choose no test at all */
        cmocka_set_test_filter(only);
}
