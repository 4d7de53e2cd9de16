/* docs/cli.md is what `baton help --markdown` prints. */
#include "base/limits.h"
#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static Str read_file(Arena *a, const char *path) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = arena_alloc(a, MIB);
    size_t n = fread(p, 1, MIB, f);
    fclose(f);
    return (Str){ p, n };
}

static void the_page_is_made_from_the_table(void **state) {
    (void)state;
    Arena a;
    arena_init(&a, 0);
    Str page = read_file(&a, SOURCE_ROOT "/docs/cli.md"), made = command_page(&a);
    if (!str_eq(page, made))
        fail_msg("docs/cli.md is old: build/baton help --markdown > docs/cli.md");
    arena_deinit(&a);
}

static void commands_are_sorted(void **state) {
    (void)state;
    for (size_t i = 1; i < commands_count; i++)
        assert_true(strcmp(commands[i - 1].name, commands[i].name) < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_made_from_the_table),
        cmocka_unit_test(commands_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
