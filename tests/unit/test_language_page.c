/* What `baton help language` prints: its tables are there, its example is a good file, its lines are short. */
#include "base/limits.h"
#include "cli/language_page.h"
#include "spec/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static Arena arena;
static Str page;

static int print_page(void **state) {
    (void)state;
    page = language_page(&arena);
    return page.len == 0;
}

static void each_table_is_in_it(void **state) {
    (void)state;
    static const char *const some[] = {
        "\nStep: ", "\n  on_error: ", " regex.extract ", " sum", " in_doubt", "\n  depends_on ",
    };
    for (size_t i = 0; i < ARRAY_LEN(some); i++)
        if (str_find(page, str_from(some[i])) < 0)
            fail_msg("no `%s`", some[i]);
}

static void its_lines_are_short(void **state) {
    (void)state;
    for (Str rest = page; rest.len;) {
        size_t end = (size_t)str_find(rest, STR("\n"));
        if (str_codepoints(str_slice(rest, 0, end)) > 125)
            fail_msg("%.*s", (int)end, rest.p);
        rest = str_slice(rest, end + 1, rest.len);
    }
}

static void its_example_is_a_good_file(void **state) {
    (void)state;
    Plan *plan = NULL;
    Diags diags = { .arena = &arena };
    Str from = str_slice(page, (size_t)str_find(page, STR("    baton: 1\n")), page.len);
    Str text = str_slice(from, 0, (size_t)str_find(from, STR("\n\n"))), name = STR("page.yaml");
    int r = plan_compile(closure_make(&arena, name, &name, &text, 1), &plan, &diags);
    if (r || diags.n)
        fail_msg("%.*s: %.*s", STR_FMT(text), STR_FMT(diags.items[0].message));
    plan_free(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_table_is_in_it),
        cmocka_unit_test(its_lines_are_short),
        cmocka_unit_test(its_example_is_a_good_file),
    };
    return cmocka_run_group_tests(tests, print_page, NULL);
}
