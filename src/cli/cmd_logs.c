/* baton logs: what commands wrote to standard error and models answered, from the facts of the journal.
 *
 *   what is there:  GET facts, row by row         --follow:  GET events, after the last of those rows
 *
 * An attempt is told when it has ended: what a command writes meanwhile is not in the journal. */
#include "base/json.h"
#include "base/limits.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"
#include "exec/sse.h"
#include "trace/tree.h"

#include <unistd.h>

#define LINE_CHARS 4000 /* what a terminal still shows; --json has all of it */
#define AWAIT_TRIES 100 /* of 50 ms, for another process to become the engine */
#define AWAIT_US (50 * 1000)

typedef struct Logs {
    const Args *args;
    Link *link;
    Str run, step;
    uint64_t seq; /* of the last row that was told */
    Sse stream;
    ListBuilder found; /* --json without --follow */
    bool follow, ended, lost;
} Logs;

static Str text_of(Value v, const char *key) {
    Value text = value_getz(v, key);
    return value_is(text, V_STRING) ? value_as_str(text) : STR("");
}

static int64_t number_of(Value v, const char *key) {
    Value n = value_getz(v, key);
    return value_is(n, V_INT) ? n.i : 0;
}

/* ---- one entry */

static void write_lines(Logs *l, Value fact, Str text) {
    Ink ink = say_ink(1);
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    while (text.len > 0) {
        ptrdiff_t end = str_find(text, STR("\n"));
        Str line = str_slice(text, 0, end < 0 ? text.len : (size_t)end);
        text = str_slice(text, MIN(line.len + 1, text.len), text.len);
        buf_str_add(&b, str_from(ink_dim(&ink)));
        words_clock(&b, number_of(fact, "time"));
        buf_str_add(&b, STR("  "));
        words_clean(&b, text_of(fact, "address"), 80);
        buf_fmt(&b, "%s  ", ink_end(&ink));
        words_clean(&b, line, LINE_CHARS);
        buf_char(&b, '\n');
    }
    out_str(buf_str(&b));
    buf_deinit(&b);
    (void)l;
}

static void tell(Logs *l, Value fact, const char *kind, Str text) {
    if (text.len == 0)
        return;
    if (!l->args->json) {
        write_lines(l, fact, text);
        return;
    }
    Arena scratch = ARENA_NULL, *a = l->follow ? &scratch : l->args->arena;
    MapBuilder m = map_builder(a);
    map_addz(&m, "time", value_int(number_of(fact, "time")));
    map_addz(&m, "step", value_str(arena_str(a, text_of(fact, "address"))));
    map_addz(&m, "attempt", value_int(number_of(fact, "attempt")));
    map_addz(&m, "kind", value_str(str_from(kind)));
    map_addz(&m, "text", value_str(arena_str(a, text)));
    Value entry = map_done(&m, NULL);
    if (l->follow) /* one line for each, so that a reader need not wait for the end */
        out_str(arena_fmt(a, "%.*s\n", STR_FMT(value_text(a, entry))));
    else
        list_add(&l->found, entry);
    arena_deinit(&scratch);
}

static void tell_model(Logs *l, Value fact, Value payload) {
    Arena a = ARENA_NULL;
    Value calls = value_getz(payload, "calls");
    tell(l, fact, "answer", text_of(payload, "content"));
    for (size_t i = 0; value_is(calls, V_LIST) && i < calls.len; i++) {
        Str with = value_text(&a, value_getz(calls.items[i], "arguments"));
        tell(l, fact, "call",
             arena_fmt(&a, "calls %.*s %.*s", STR_FMT(text_of(calls.items[i], "name")),
                       STR_FMT(with)));
    }
    arena_deinit(&a);
}

/* ---- rows */

static bool wanted(const Logs *l, Str address) {
    Str step = l->step;
    return str_starts(address, step) &&
           (address.len == step.len || step.len == 0 || strchr("./[~@", address.p[step.len]));
}

static void take_fact(Logs *l, Value fact) {
    Str address = text_of(fact, "address"), outcome = text_of(fact, "outcome");
    Value payload = value_getz(fact, "payload");
    if (!str_is(text_of(fact, "kind"), "finished") || !wanted(l, address))
        return;
    if (!str_is(outcome, "ok")) {
        tell(l, fact, "stderr", text_of(payload, "log"));
        tell(l, fact, "error", text_of(fact, "message"));
    } else if (address_turn_depth(address) == 1) {
        tell_model(l, fact, payload);
    } else {
        tell(l, fact, "stderr", text_of(fact, "message"));
    }
}

static void take_row(Logs *l, Value row) {
    Value facts = value_getz(row, "facts");
    uint64_t seq = (uint64_t)number_of(row, "seq");
    if (seq <= l->seq)
        return;
    l->seq = seq;
    for (size_t i = 0; value_is(facts, V_LIST) && i < facts.len; i++)
        take_fact(l, facts.items[i]);
}

static int tell_past(Logs *l) {
    Value rows;
    const Args *args = l->args;
    int code = place_ask(args, l->link, API_GET, place_run_path(args->arena, l->run, "facts"),
                         STR(""), VALUE_ABSENT, &rows);
    for (size_t i = 0; code == 0 && i < rows.len; i++)
        take_row(l, rows.items[i]);
    if (code == 0 && args->json && !l->follow)
        out_json(list_done(&l->found));
    return code;
}

/* ---- following */

static void take_event(void *ctx, Str name, Str data) {
    Logs *l = ctx;
    Arena a = ARENA_NULL;
    Value row;
    if (str_is(name, "end"))
        l->ended = true;
    else if (str_is(name, "row") && json_read(&a, data, &row, NULL) == 0)
        take_row(l, row);
    arena_deinit(&a);
}

static void events_respond(void *ctx, const ApiResponse *response) { (void)ctx, (void)response; }

static void events_send(void *ctx, Str bytes) {
    Logs *l = ctx;
    sse_take(&l->stream, bytes, take_event, l);
}

static void events_over(void *ctx) {
    Logs *l = ctx;
    l->lost = true;
    link_quit(l->link);
}

static void follow_engine(Logs *l) {
    static const ApiSink sink = { events_respond, events_send, events_over };
    Arena *a = l->args->arena;
    ApiRequest request = { .method = API_GET,
                           .path = place_run_path(a, l->run, "events"),
                           .query = STR("payloads=1"),
                           .last_event_id = arena_fmt(a, "%llu", (unsigned long long)l->seq) };
    sse_reset(&l->stream);
    l->lost = false;
    LinkCall *call = link_call(l->link, &request, &sink, events_over, l);
    while (!l->lost)
        link_run(l->link);
    link_forget(call);
}

static bool await_engine(const Logs *l) {
    for (int i = 0; i < AWAIT_TRIES; i++) {
        if (link_listens(place_data(l->args)))
            return true;
        usleep(AWAIT_US);
    }
    return false;
}

static int follow(Logs *l) {
    for (;;) {
        follow_engine(l);
        if (l->ended)
            return EXIT_OK;
        l->link = link_close(l->link, 0);
        if (!await_engine(l)) {
            say_line("no engine runs here: nothing more comes; `baton resume %.*s` goes on",
                     STR_FMT(l->run));
            return EXIT_OK;
        }
        int code = place_open(l->args, LINK_READ, &l->link);
        if (code != 0)
            return code;
    }
}

static int find_step(Logs *l) {
    Value why;
    Arena *a = l->args->arena;
    if (l->args->n_words < 2)
        return 0;
    Str step = place_encode(a, str_from(l->args->words[1]));
    int code = place_ask(l->args, l->link, API_GET, place_run_path(a, l->run, "why"),
                         arena_fmt(a, "step=%.*s", STR_FMT(step)), VALUE_ABSENT, &why);
    if (code == 0)
        l->step = text_of(why, "address");
    return code;
}

int cmd_logs(Args *args) {
    Logs l = { .args = args,
               .step = STR(""),
               .follow = args_flag(args, "follow") != NULL,
               .found = list_builder(args->arena) };
    sse_init(&l.stream, LIMIT_VALUE_BYTES);
    int code = place_open_run(args, &l.link, &l.run);
    if (code == 0)
        code = find_step(&l);
    if (code == 0)
        code = tell_past(&l);
    if (code == 0 && l.follow)
        code = follow(&l);
    link_close(l.link, 0);
    sse_deinit(&l.stream);
    return code;
}
