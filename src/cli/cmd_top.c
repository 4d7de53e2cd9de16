/* baton top: the rates, pools and breakers of an engine, drawn again every second on a terminal. */
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"

#include <unistd.h>

#define REDRAW_US (1000 * 1000)
#define UP_AND_CLEAR "\r\033[%uA\033[J"

static Str text_of(Value v, const char *key) {
    Value t = value_getz(v, key);
    return value_is(t, V_STRING) ? value_as_str(t) : STR("");
}

static long long number_of(Value v, const char *key) {
    Value n = value_getz(v, key);
    return value_is(n, V_INT) ? n.i : value_is(n, V_UINT) ? (long long)n.u : 0;
}

/* "10:31:02" of a time in full. */
static Str clock_of(Value v, const char *key) {
    Str s = text_of(v, key);
    return s.len >= 19 ? str_slice(s, 11, 19) : s;
}

/* ---- one limit ------------------------------------------------------------------------------------------------------- */

static void write_between(Buf *b, bool *any) {
    if (*any)
        buf_str_add(b, STR("; "));
    *any = true;
}

static void write_rate(Buf *b, Value rate, const char *of, bool *any) {
    if (!value_is(rate, V_MAP))
        return;
    write_between(b, any);
    buf_fmt(b, "%.*s%s, %lld free", STR_FMT(text_of(rate, "rate")), of,
            MAX(0, number_of(rate, "free")));
    if (text_of(rate, "next").len)
        buf_fmt(b, ", the next at %.*s", STR_FMT(clock_of(rate, "next")));
}

static void write_breaker(Buf *b, Value breaker, bool *any) {
    if (!value_is(breaker, V_MAP))
        return;
    write_between(b, any);
    buf_fmt(b, "breaker %.*s", STR_FMT(text_of(breaker, "state")));
    if (text_of(breaker, "until").len)
        buf_fmt(b, " until %.*s", STR_FMT(clock_of(breaker, "until")));
    if (number_of(breaker, "failures"))
        buf_fmt(b, ", %lld of %lld failures, the last %.*s", number_of(breaker, "failures"),
                number_of(breaker, "opens_at"), STR_FMT(text_of(breaker, "last")));
}

static void write_line_of_keys(Buf *b, Value limit, bool *any) {
    Value keys = value_getz(limit, "keys"), queue = value_getz(value_getz(limit, "pool"), "queue");
    if (value_is(queue, V_INT)) {
        write_between(b, any);
        buf_fmt(b, "queue of %lld", (long long)queue.i);
    }
    for (size_t i = 0; value_is(keys, V_LIST) && i < keys.len && i < 4; i++) {
        buf_str_add(b, i || *any ? STR(", ") : STR(""));
        *any = true;
        words_clean(b, text_of(keys.items[i], "key"), 20);
        buf_fmt(b, " %lld", number_of(keys.items[i], "waiting"));
    }
}

static void write_limit(Buf *b, Value limit, const Ink *ink) {
    Str ceiling = text_of(limit, "ceiling");
    Value pool = value_getz(limit, "pool");
    Buf busy = BUF_INIT(64), name = BUF_INIT(512);
    bool any = false;
    buf_fmt(&busy, "%lld", number_of(limit, "in_flight"));
    if (value_is(pool, V_MAP))
        buf_fmt(&busy, "/%lld", number_of(pool, "max"));
    buf_fmt(&name, "%.*s ", STR_FMT(text_of(limit, "of")));
    words_clean(&name, text_of(limit, "name"), 40);
    buf_fmt(b, "%-32.*s %10.*s %8lld  %s%-8.*s%s ", STR_FMT(buf_str(&name)),
            STR_FMT(buf_str(&busy)), number_of(limit, "waiting"),
            ceiling.len ? ink_status(ink, STATUS_RETRYING) : "",
            STR_FMT(ceiling.len ? ceiling : STR("-")), ceiling.len ? ink_end(ink) : "");
    write_rate(b, value_getz(limit, "rate"), "", &any);
    write_rate(b, value_getz(limit, "tokens"), " tokens", &any);
    write_breaker(b, value_getz(limit, "breaker"), &any);
    write_line_of_keys(b, limit, &any);
    buf_char(b, '\n');
    buf_deinit(&busy);
    buf_deinit(&name);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

static void write_ceiling(Buf *b, Value ceiling) {
    if (!value_is(ceiling, V_MAP)) {
        buf_str_add(b, STR("nothing waits for a limit\n"));
        return;
    }
    Str limit = text_of(ceiling, "limit");
    buf_fmt(b, "the ceiling is %s%.*s of %.*s ", limit.len ? "the " : "a turn",
            STR_FMT(limit.len ? limit : STR("")), STR_FMT(text_of(ceiling, "of")));
    words_clean(b, text_of(ceiling, "name"), 60);
    buf_fmt(b, ": %lld wait\n", number_of(ceiling, "waiting"));
}

static void write_top(Buf *b, Value top, size_t lines_max, const Ink *ink) {
    Value limits = value_getz(top, "limits"), running = value_getz(top, "running");
    if (!value_is(running, V_BOOL) || !running.b) {
        buf_str_add(b, STR("no engine runs here: `baton serve` or any run starts one\n"));
        return;
    }
    buf_fmt(b, "%.*s  %lld in flight, %lld attempts so far; ", STR_FMT(clock_of(top, "now")),
            number_of(top, "in_flight"), number_of(top, "attempts"));
    write_ceiling(b, value_getz(top, "ceiling"));
    if (limits.len == 0) {
        buf_str_add(b, STR("no `rate`, `pool` or `breaker` has been met since the engine began\n"));
        return;
    }
    buf_fmt(b, "%s%-32s %10s %8s  %-8s %s%s\n", ink_dim(ink), "LIMIT", "IN FLIGHT", "WAITING",
            "CEILING", "STATE", ink_end(ink));
    size_t shown = lines_max ? MIN((size_t)limits.len, lines_max) : limits.len;
    for (size_t i = 0; i < shown; i++)
        write_limit(b, limits.items[i], ink);
    if (shown < limits.len)
        buf_fmt(b, "and %zu more\n", limits.len - shown);
}

static unsigned count_lines(Str s) {
    unsigned n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.p[i] == '\n';
    return n;
}

/* Two lines above the table, its head, and what says that there are more. */
#define LINES_ROUND 4

static unsigned draw(Value top, unsigned drawn, bool live) {
    unsigned columns = 0, lines = 0;
    Ink ink = say_ink(1);
    Buf b = BUF_INIT(1 << 20), out = BUF_INIT(2 << 20);
    if (live)
        say_size(&columns, &lines);
    write_top(&b, top, live && lines > LINES_ROUND + 1 ? lines - LINES_ROUND : 0, &ink);
    if (drawn)
        buf_fmt(&out, UP_AND_CLEAR, drawn);
    buf_str_add(&out, buf_str(&b));
    out_str(buf_str(&out));
    drawn = count_lines(buf_str(&b));
    buf_deinit(&b);
    buf_deinit(&out);
    return drawn;
}

/* An arena for each look: this may go on for days. */
static int look(const Args *args, Link *link, bool live, unsigned *drawn) {
    Arena arena;
    Value top;
    Args once = *args;
    arena_init(&arena, 0);
    once.arena = &arena;
    int code = place_ask(&once, link, API_GET, STR("/v1/governor"), STR(""), VALUE_ABSENT, &top);
    if (code == 0 && args->json)
        out_json(top);
    else if (code == 0)
        *drawn = draw(top, *drawn, live);
    arena_deinit(&arena);
    return code;
}

int cmd_top(Args *args) {
    Link *link = NULL;
    bool live = !args->json && !args_flag(args, "once") && say_terminal(1);
    unsigned drawn = 0;
    int code = place_open(args, LINK_READ, &link);
    while (code == 0) {
        code = look(args, link, live, &drawn);
        if (!live || out_error() || usleep(REDRAW_US))
            break;
    }
    link_close(link, 0);
    return code;
}
