/* baton emit, baton events, baton on: events from outside, what happened, and which files are started by what happens. */
#include "base/json.h"
#include "base/limits.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"
#include "host/host.h"

#define GRACE_MS (60 * 1000)

/* ---- emit ------------------------------------------------------------------------------------------------------------ */

typedef struct Sender {
    Link *link;
    bool answered;
} Sender;

static void turned(void *ctx) {
    Sender *s = ctx;
    if (s->answered && engine_quiet(link_engine(s->link)))
        link_quit(s->link);
}

/* With no other engine this process is it, and carries what the event sets going until that rests. */
static int open_sender(Args *args, Sender *s) {
    char problem[HOST_PROBLEM_BYTES] = "";
    LinkOptions options = { .dir = place_data(args), .mode = LINK_ACT, .turned = turned, .ctx = s };
    int err = link_open(&options, &s->link, problem);
    return err == 0 ? 0
                    : say_error(err == -ERR_BUSY ? EXIT_CONFLICT : EXIT_INTERNAL, "%s", "",
                                *problem ? problem : err_text(err));
}

static Value with_flag(Args *args, Value body, const char *key) {
    const char *text = args_flag(args, key);
    return text ? value_with(args->arena, body, str_from(key), value_str(str_from(text))) : body;
}

int cmd_emit(Args *args) {
    Sender s = { 0 };
    Value data, answer;
    int code = inputs_untyped(args, 1, &data);
    if (code != 0)
        return code;
    Value body =
        value_with(args->arena, VALUE_EMPTY_MAP, STR("type"), value_str(str_from(args->words[0])));
    body = with_flag(args, with_flag(args, body, "id"), "correlation");
    body = value_with(args->arena, body, STR("data"), data);
    code = open_sender(args, &s);
    if (code == 0)
        code = place_ask(args, s.link, API_POST, STR("/v1/events"), STR(""), body, &answer);
    s.answered = true;
    if (code == 0 && link_engine(s.link) && !engine_quiet(link_engine(s.link)))
        link_run(s.link);
    link_close(s.link, GRACE_MS);
    if (code == 0 && args->json)
        out_json(answer);
    else if (code == 0)
        say_line("%.*s: %s", STR_FMT(answer_text(answer, "run")),
                 answer_yes(answer, "existing") ? "it had happened already" : "emitted");
    return code;
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */

static void write_names(Buf *b, Value list) {
    for (uint32_t i = 0; value_is(list, V_LIST) && i < list.len; i++) {
        buf_str_add(b, i ? STR(", ") : STR(""));
        words_clean(b, value_as_str(list.items[i]), 80);
    }
}

static void write_event(Buf *b, Args *args, Value e, const Ink *ink) {
    Str time = answer_text(e, "time");
    if (answer_yes(e, "forgotten")) {
        buf_fmt(b, "%.*s was forgotten\n", STR_FMT(answer_text(e, "run")));
        return;
    }
    buf_fmt(b, "%s%.*s%s  %s%.*s%s  ", ink_dim(ink), STR_FMT(time), ink_end(ink), ink_bold(ink),
            STR_FMT(answer_text(e, "type")), ink_end(ink));
    Value data = value_getz(e, "data");
    if (!value_absent(data))
        words_clean(b, value_text(args->arena, data), 120);
    buf_fmt(b, "\n  %.*s from ", STR_FMT(answer_text(e, "run")));
    words_clean(b, answer_text(e, "source"), 120);
    Value to = value_getz(e, "to"), began = value_getz(e, "began");
    if (value_is(to, V_LIST) && to.len) {
        buf_str_add(b, STR("\n  told "));
        write_names(b, to);
    } else {
        buf_str_add(b, STR("\n  nobody heard it"));
    }
    if (value_is(began, V_LIST) && began.len) {
        buf_str_add(b, STR("\n  began "));
        write_names(b, began);
    }
    buf_char(b, '\n');
}

static Str query_of(Args *args) {
    static const char *const flags[] = { "type", "correlation", "limit" };
    Str query = STR("");
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        const char *value = args_flag(args, flags[i]);
        if (value)
            query = arena_fmt(args->arena, "%.*s%s%s=%.*s", STR_FMT(query), query.len ? "&" : "",
                              flags[i], STR_FMT(place_encode(args->arena, str_from(value))));
    }
    return query;
}

static int ask_list(Args *args, const char *path, Str query, Value *ret) {
    Link *link = NULL;
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code = place_ask(args, link, API_GET, str_from(path), query, VALUE_ABSENT, ret);
    link_close(link, 0);
    return code;
}

int cmd_events(Args *args) {
    Value answer;
    int code = ask_list(args, "/v1/events", query_of(args), &answer);
    if (code != 0)
        return code;
    Value events = value_getz(answer, "events");
    if (args->json) {
        out_json(events);
        return EXIT_OK;
    }
    Buf b = BUF_INIT(16 * MIB);
    Ink ink = say_ink(1);
    for (uint32_t i = events.len; i-- > 0;) /* the newest stands last, where the eye is */
        write_event(&b, args, events.items[i], &ink);
    if (events.len)
        out_str(buf_str(&b));
    else
        say_line("nothing happened yet: `emit` of a step and `baton emit` tell of it");
    buf_deinit(&b);
    return EXIT_OK;
}

/* ---- on -------------------------------------------------------------------------------------------------------------- */

typedef struct Watched {
    Str name, closure, hash, dir;
    Plan *plan;
} Watched;

static void say_later(const Plan *plan, const char *file) {
    for (size_t i = 0; i < plan->n_triggers; i++)
        if (plan->triggers[i].later.len)
            say_line("%s:%u: `%.*s` comes later: it starts nothing yet", file,
                     plan->triggers[i].pos.line, STR_FMT(plan->triggers[i].later));
}

static bool has_events(const Plan *plan) {
    for (size_t i = 0; i < plan->n_triggers; i++)
        if (plan->triggers[i].n_types)
            return true;
    return false;
}

static int listeners(Args *args, Link *link, Value *ret) {
    Value answer;
    int code = place_ask(args, link, API_GET, STR("/v1/listeners"), STR(""), VALUE_ABSENT, &answer);
    *ret = code ? VALUE_NULL : value_getz(answer, "listeners");
    return code;
}

static int stop_one(Args *args, Link *link, Str id, const char *why) {
    Value answer,
        body = value_with(args->arena, VALUE_EMPTY_MAP, STR("reason"), value_str(str_from(why)));
    return place_ask(args, link, API_POST, place_run_path(args->arena, id, "cancel"), STR(""), body,
                     &answer);
}

static int begin_one(Args *args, Link *link, const Watched *w) {
    Arena *a = args->arena;
    MapBuilder m = map_builder(a);
    Value closure = VALUE_NULL, answer;
    json_read(a, w->closure, &closure, NULL);
    map_addz(&m, "closure", closure);
    map_addz(&m, "dir", value_str(w->dir));
    map_addz(&m, "listen", value_bool(true));
    map_addz(&m, "preflight", value_bool(true));
    return place_ask(args, link, API_POST, STR("/v1/runs"), STR(""), map_done(&m, NULL), &answer);
}

/* The new one listens before the old ones stop: what happens meanwhile starts one run all the same, since its id follows from the
 * workflow's name and the event. */
static int listen_to(Args *args, Link *link, const Watched *w) {
    Value now;
    bool same = false;
    int code = listeners(args, link, &now);
    for (uint32_t i = 0; code == 0 && i < now.len; i++)
        same |= str_eq(answer_text(now.items[i], "workflow"), w->name) &&
                str_eq(answer_text(now.items[i], "closure"), w->hash);
    if (code == 0 && !same)
        code = begin_one(args, link, w);
    for (uint32_t i = 0; code == 0 && i < now.len; i++)
        if (str_eq(answer_text(now.items[i], "workflow"), w->name) &&
            !str_eq(answer_text(now.items[i], "closure"), w->hash))
            code = stop_one(args, link, answer_text(now.items[i], "id"), "a newer file listens");
    if (code == 0)
        say_line("%.*s %s", STR_FMT(w->name),
                 same ? "listens already, with this file"
                      : "listens; `baton serve` keeps it going");
    return code;
}

static int look_at(Args *args, const char *file, Watched *ret) {
    char hex[HASH_BYTES * 2 + 1];
    int code = inputs_file(args, file, &ret->closure, &ret->plan);
    if (code != 0)
        return code;
    Hash hash = hash_bytes(ret->closure);
    hash_hex(&hash, hex);
    ret->hash = arena_str(args->arena, str_from(hex));
    ret->name = arena_str(args->arena, ret->plan->name);
    ret->dir = place_folder_of(args->arena, file);
    say_later(ret->plan, file);
    if (!has_events(ret->plan))
        code = say_error(EXIT_USAGE, "%s is started by no event", "write `on: [{ event: TYPE }]`",
                         file);
    ret->plan = plan_free(ret->plan);
    return code;
}

static int print_listeners(Args *args) {
    Value answer;
    int code = ask_list(args, "/v1/listeners", STR(""), &answer);
    if (code != 0)
        return code;
    Value list = value_getz(answer, "listeners");
    if (args->json) {
        out_json(list);
        return EXIT_OK;
    }
    Buf b = BUF_INIT(16 * MIB);
    for (uint32_t i = 0; i < list.len; i++) {
        buf_fmt(&b, "%-24.*s ", STR_FMT(answer_text(list.items[i], "workflow")));
        write_names(&b, value_getz(list.items[i], "events"));
        buf_fmt(&b, "  %.*s%s\n", STR_FMT(answer_text(list.items[i], "id")),
                answer_yes(list.items[i], "paused") ? "  paused" : "");
    }
    if (list.len)
        out_str(buf_str(&b));
    else
        say_line("nothing is started by events: `baton on FILE` makes a file's `on` hold");
    buf_deinit(&b);
    return EXIT_OK;
}

static int stop_named(Args *args, const char *name) {
    Link *link = NULL;
    Value now = VALUE_NULL;
    size_t n = 0;
    int code = place_open(args, LINK_ACT, &link);
    if (code == 0)
        code = listeners(args, link, &now);
    for (uint32_t i = 0; code == 0 && i < now.len; i++) {
        if (!str_is(answer_text(now.items[i], "workflow"), name))
            continue;
        code =
            stop_one(args, link, answer_text(now.items[i], "id"), "it shall not listen any more");
        n++;
    }
    link_close(link, GRACE_MS);
    if (code == 0 && n == 0)
        return say_error(EXIT_NOT_FOUND, "no workflow %s listens", "`baton on` lists them", name);
    if (code == 0)
        say_line("%s: events start no run of it any more", name);
    return code;
}

int cmd_on(Args *args) {
    Link *link = NULL;
    const char *off = args_flag(args, "off");
    if (off)
        return stop_named(args, off);
    if (args->n_words == 0)
        return print_listeners(args);
    Watched *w = ARENA_ARRAY(args->arena, Watched, args->n_words);
    int code = 0;
    for (size_t i = 0; code == 0 && i < args->n_words; i++)
        code = look_at(args, args->words[i], &w[i]);
    if (code == 0)
        code = place_open(args, LINK_ACT, &link);
    for (size_t i = 0; code == 0 && i < args->n_words; i++)
        code = listen_to(args, link, &w[i]);
    link_close(link, GRACE_MS);
    return code;
}
