/* The row that docs/journal.md takes apart byte by byte is the golden one. */
#include "base/limits.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define GOLDEN SOURCE_ROOT "/tests/kernel/golden/row_step.hex"
#define PAGE SOURCE_ROOT "/docs/journal.md"

static bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/* The bytes at the beginning of the line, up to two spaces. */
static void add_bytes(const char *line, Buf *b) {
    for (; is_hex(*line) || (*line == ' ' && line[1] != ' '); line++)
        if (*line != ' ')
            buf_char(b, *line);
}

static void read_golden(Buf *b) {
    FILE *f = fopen(GOLDEN, "r");
    assert_non_null(f);
    for (int c = fgetc(f); c != EOF; c = fgetc(f))
        if (c != '\n')
            buf_char(b, (char)c);
    fclose(f);
}

static void read_page(Buf *b) {
    FILE *f = fopen(PAGE, "r");
    char line[400];
    bool section = false, block = false;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#')
            section = strncmp(line, "### One row", 11) == 0;
        else if (section && strncmp(line, "```", 3) == 0)
            block = strncmp(line, "```text", 7) == 0;
        else if (section && block)
            add_bytes(line, b);
    }
    fclose(f);
}

static void the_row_of_the_page_is_the_golden_one(void **state) {
    (void)state;
    Buf page = BUF_INIT(MIB), golden = BUF_INIT(MIB);
    read_page(&page);
    read_golden(&golden);
    assert_true(golden.len > 0);
    if (!str_eq(buf_str(&page), buf_str(&golden)))
        fail_msg("docs/journal.md:\n%.*s\n" GOLDEN ":\n%.*s", STR_FMT(buf_str(&page)),
                 STR_FMT(buf_str(&golden)));
    buf_deinit(&page);
    buf_deinit(&golden);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_row_of_the_page_is_the_golden_one) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
