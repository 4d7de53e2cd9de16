/* Any bytes through the JSON reader. What it accepts must survive: its canonical text reads back as the same value and
 * is its own canonical text, the text for people reads back as well, and a copy is the same. What it refuses is refused
 * within the text. */
#include "base/json.h"
#include "base/limits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
    if (!good)
        abort();
}

static void check_error(Str text, const JsonError *e) {
    check(e->offset <= text.len);
    check(e->line >= 1 && e->column >= 1);
    check(e->message[0] && memchr(e->message, '\0', sizeof e->message));
}

static void check_round(Arena *a, Value v, void (*write)(Buf *, Value)) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    Value back;
    write(&b, v);
    check(!buf_over(&b));
    check(json_read_copy(a, buf_str(&b), &back, NULL) == 0);
    check(value_same(v, back) && value_same(back, v));
    Str first = arena_str(a, buf_str(&b));
    buf_reset(&b);
    write(&b, back);
    check(str_eq(first, buf_str(&b)));
    buf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Str text = { (const char *)data, size };
    Arena a;
    arena_init(&a, 0);
    Value v;
    JsonError e;
    if (json_read(&a, size ? text : STR(""), &v, &e)) {
        check_error(text, &e);
    } else {
        check(str_is_utf8(text));
        check_round(&a, v, value_write);
        check_round(&a, v, value_write_pretty);
        check(value_same(v, value_copy(&a, v)));
    }
    arena_deinit(&a);
    return 0;
}
