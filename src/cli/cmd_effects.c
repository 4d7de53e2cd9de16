/* baton effects: what is in doubt, with the evidence, and how each could be settled. */
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"

#include "base/time.h"

#include <uv.h>

static Str text_of(Value v, const char *key) {
    Value t = value_getz(v, key);
    return value_is(t, V_STRING) ? value_as_str(t) : STR("");
}

static int64_t number_of(Value v, const char *key) {
    Value n = value_getz(v, key);
    return value_is(n, V_INT) ? n.i : value_is(n, V_UINT) ? (int64_t)n.u : 0;
}

static bool is_true(Value v, const char *key) {
    Value b = value_getz(v, key);
    return value_is(b, V_BOOL) && b.b;
}

/* ---- one doubt ------------------------------------------------------------------------------------------------------- */

static void write_head(Buf *b, Value d, const Ink *ink) {
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    int64_t since = number_of(d, "since_ms");
    buf_fmt(b, "%s%.*s %.*s%s  ", ink_bold(ink), STR_FMT(text_of(d, "run")),
            STR_FMT(text_of(d, "step")), ink_end(ink));
    words_clean(b, is_true(d, "stuck") ? STR("an undo that is stuck") : STR("in doubt"), 40);
    if (is_true(d, "cancelled"))
        buf_str_add(b, STR(", cancelled under way"));
    if (since) {
        buf_str_add(b, STR(", since "));
        time_write_ms(b, since);
        buf_str_add(b, STR(" ("));
        duration_write(b, MAX(now.tv_sec * 1000 - since, 0) / 1000 * 1000);
        buf_char(b, ')');
    }
    buf_char(b, '\n');
}

static void write_what(Buf *b, Value d) {
    buf_fmt(b, "  %.*s:%lld", STR_FMT(text_of(d, "file")), (long long)number_of(d, "line"));
    if (text_of(d, "callee").len)
        buf_fmt(b, "  %.*s, %.*s", STR_FMT(text_of(d, "callee")), STR_FMT(text_of(d, "effect")));
    if (text_of(d, "key").len)
        buf_fmt(b, ", key %.*s", STR_FMT(text_of(d, "key")));
    buf_str_add(b, STR("\n  "));
    words_clean(b, text_of(d, "why"), 200);
    if (text_of(d, "message").len) {
        buf_str_add(b, STR(": "));
        words_clean(b, text_of(d, "message"), 400);
    }
    buf_char(b, '\n');
}

static void write_attempts(Buf *b, Value d) {
    Value attempts = value_getz(d, "attempts");
    for (uint32_t i = 0; value_is(attempts, V_LIST) && i < attempts.len; i++) {
        Value at = attempts.items[i];
        buf_fmt(b, "  attempt %lld  began ", (long long)number_of(at, "attempt"));
        time_write_ms(b, number_of(at, "began_ms"));
        if (number_of(at, "took_us"))
            buf_fmt(b, ", took %.1f ms", (double)number_of(at, "took_us") / 1000.0);
        buf_fmt(b, ", %.*s", STR_FMT(text_of(at, "outcome")));
        if (text_of(at, "kind").len)
            buf_fmt(b, " (%.*s)", STR_FMT(text_of(at, "kind")));
        buf_fmt(b, ", sent: %.*s\n", STR_FMT(text_of(at, "sent")));
    }
}

static void write_late(Buf *b, Value d, Arena *a) {
    Value late = value_getz(d, "late");
    for (uint32_t i = 0; value_is(late, V_LIST) && i < late.len; i++) {
        Value v = value_getz(late.items[i], "output");
        buf_fmt(b, "  too late: attempt %lld said ",
                (long long)number_of(late.items[i], "attempt"));
        words_clean(b, text_of(late.items[i], "says"), 100);
        if (!value_absent(v)) {
            buf_char(b, ' ');
            words_clean(b, value_text(a, v), 300);
        }
        buf_char(b, '\n');
    }
}

static void write_ways(Buf *b, Value d) {
    Str run = text_of(d, "run"), step = text_of(d, "step");
    buf_fmt(b, "  baton resolve %.*s %.*s --done JSON | --not-done", STR_FMT(run), STR_FMT(step));
    if (!is_true(d, "cancelled"))
        buf_str_add(b, STR(" | --retry"));
    if (is_true(d, "undo"))
        buf_str_add(b, STR(" | --undo"));
    buf_str_add(b, STR(" | --fail\n  "));
    if (number_of(d, "deadline_ms")) {
        buf_str_add(b, STR("until "));
        time_write_ms(b, number_of(d, "deadline_ms"));
        buf_fmt(b, ", then: %.*s\n  ", STR_FMT(text_of(d, "on_timeout")));
    }
    words_clean(b, text_of(d, "avoid"), 400);
    buf_char(b, '\n');
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

static void print_all(const Args *args, Value answer) {
    Value list = value_getz(answer, "effects");
    Buf b = BUF_INIT(16 << 20);
    Ink ink = say_ink(1);
    for (uint32_t i = 0; i < list.len; i++) {
        Value d = list.items[i];
        if (i)
            buf_char(&b, '\n');
        write_head(&b, d, &ink);
        write_what(&b, d);
        write_attempts(&b, d);
        write_late(&b, d, args->arena);
        write_ways(&b, d);
    }
    out_str(buf_str(&b));
    buf_deinit(&b);
    if (!list.len)
        say_line("nothing is in doubt");
    if (is_true(answer, "more"))
        say_line("there is more: settle these first, or name a run");
}

int cmd_effects(Args *args) {
    Link *link = NULL;
    Str id, query = STR("");
    Value answer = VALUE_ABSENT;
    int code = args->n_words ? place_open_run(args, &link, &id)
                             : place_open(args, LINK_READ, &link);
    if (code == 0 && args->n_words)
        query = arena_fmt(args->arena, "run=%.*s", STR_FMT(place_encode(args->arena, id)));
    if (code == 0)
        code = place_ask(args, link, API_GET, STR("/v1/effects"), query, VALUE_ABSENT, &answer);
    link_close(link, 0);
    if (code == 0 && args->json)
        out_json(value_getz(answer, "effects"));
    else if (code == 0)
        print_all(args, answer);
    return code;
}
