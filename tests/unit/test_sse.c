/* Server-sent events: as the standard reads them, wherever the bytes are split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exec/sse.h"

static Buf heard;

static void hear(UNUSED void *ctx, Str name, Str data) {
    buf_fmt(&heard, "[%.*s|%.*s]", STR_FMT(name), STR_FMT(data));
}

/* Whole, byte by byte, and cut in two at every place. */
static void events_are(const char *text, const char *expected) {
    Str all = str_from(text);
    for (size_t cut = 0; cut <= all.len + 1; cut++) {
        Sse s;
        sse_init(&s, 1000);
        buf_reset(&heard);
        if (cut > all.len) {
            for (size_t i = 0; i < all.len; i++)
                sse_take(&s, str_slice(all, i, i + 1), hear, NULL);
        } else {
            sse_take(&s, str_slice(all, 0, cut), hear, NULL);
            sse_take(&s, str_slice(all, cut, all.len), hear, NULL);
        }
        if (!str_is(buf_str(&heard), expected))
            fail_msg("cut at %zu: expected %s, heard %.*s", cut, expected,
                     STR_FMT(buf_str(&heard)));
        assert_false(sse_over(&s));
        sse_deinit(&s);
    }
}

static void lines_end_in_three_ways(UNUSED void **state) {
    events_are("event: a\ndata: 1\n\ndata: 2\n\n", "[a|1][message|2]");
    events_are("event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", "[a|1][message|2]");
    events_are("event: a\rdata: 1\r\rdata: 2\r\r", "[a|1][message|2]");
}

static void comments_and_unknown_fields_are_passed_over(UNUSED void **state) {
    events_are(": ping\n\n:\nid: 7\nretry: 10\nfoo\ndata: x\n\n", "[message|x]");
}

static void several_data_lines_are_one_text(UNUSED void **state) {
    events_are("data: a\ndata:\ndata:  b\n\n", "[message|a\n\n b]");
    events_are("data\n\n", "[message|]");
}

static void an_event_without_data_is_none(UNUSED void **state) {
    events_are("event: a\n\ndata: x\n\n", "[message|x]");
    events_are("database: x\n\n", "");
}

static void what_is_not_whole_was_never_said(UNUSED void **state) {
    events_are("data: x\n\ndata: y\n", "[message|x]");
}

static void a_mark_of_the_byte_order_is_no_text(UNUSED void **state) {
    events_are("\xEF\xBB\xBF"
               "data: x\n\n",
               "[message|x]");
}

static void the_cap_ends_the_stream(UNUSED void **state) {
    Sse s;
    sse_init(&s, 10);
    buf_reset(&heard);
    sse_take(&s, STR("data: 1\n\ndata: 12345678\n\ndata: 2\n\n"), hear, NULL);
    assert_true(sse_over(&s));
    sse_take(&s, STR("data: 3\n\n"), hear, NULL);
    assert_true(str_is(buf_str(&heard), "[message|1]"));
    sse_deinit(&s);
    sse_init(&s, 10); /* many short lines of one event */
    buf_reset(&heard);
    for (int i = 0; i < 10; i++)
        sse_take(&s, STR("data: 12\n"), hear, NULL);
    sse_take(&s, STR("\ndata: 3\n\n"), hear, NULL);
    assert_true(sse_over(&s));
    assert_int_equal(heard.len, 0);
    sse_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_in_three_ways),
        cmocka_unit_test(comments_and_unknown_fields_are_passed_over),
        cmocka_unit_test(several_data_lines_are_one_text),
        cmocka_unit_test(an_event_without_data_is_none),
        cmocka_unit_test(what_is_not_whole_was_never_said),
        cmocka_unit_test(a_mark_of_the_byte_order_is_no_text),
        cmocka_unit_test(the_cap_ends_the_stream),
    };
    heard = BUF_INIT(100000);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_deinit(&heard);
    return failed;
}
