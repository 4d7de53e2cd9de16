/* baton ps: runs, newest first; below a run those that it called, in the order they began. */
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"

#include "base/time.h"
#include "spec/table.h"

#include <uv.h>

#define SHOWN 20 /* without --all: unfinished ones, and as many of the newest as fit a screen */

static Str text_of(Value v, const char *key) {
    Value t = value_getz(v, key);
    return value_is(t, V_STRING) ? value_as_str(t) : STR("");
}

static Str age_of(Arena *a, Str created) {
    int64_t seconds;
    uint32_t nanos;
    uv_timeval64_t now;
    if (!time_parse(created, &seconds, &nanos))
        return STR("?");
    uv_gettimeofday(&now);
    Buf b = BUF_INIT(64);
    duration_write(&b, (now.tv_sec - seconds) * 1000);
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Str steps_of(Arena *a, Value run) {
    Value ok = value_getz(run, "steps_ok");
    if (str_is(text_of(run, "state"), "active")) /* what lists know is from when it began to move */
        return STR("");
    return value_is(ok, V_INT) ? arena_fmt(a, "%lld", (long long)ok.i) : STR("");
}

static void write_wait(Buf *b, Value wait) {
    Str what = text_of(wait, "for"), name = text_of(wait, "name");
    Value due = value_getz(wait, "due_ms"), asked = value_getz(wait, "asked");
    Str group = text_of(asked, "group"), person = text_of(asked, "person");
    if (str_is(what, "doubt") || str_is(what, "approval"))
        what = group.len ? group : person.len ? person : STR("a person");
    if (str_is(what, "grant"))
        what = STR("more, asked of run");
    words_clean(b, what, 40);
    if (name.len) {
        buf_char(b, ' ');
        words_clean(b, name, 40);
    }
    if (value_is(due, V_INT)) {
        uv_timeval64_t now;
        uv_gettimeofday(&now);
        buf_str_add(b, STR(" in "));
        duration_write(b, MAX(due.i - now.tv_sec * 1000, 0));
    }
    if (text_of(wait, "step").len)
        buf_str_add(b, STR(" at "));
    words_clean(b, text_of(wait, "step"), 40);
}

/* In the engine's own lines: the first, and how many there are. */
static void write_held(Buf *b, Value run) {
    Value held = value_getz(run, "held");
    if (!value_is(held, V_LIST) || held.len == 0)
        return;
    words_clean(b, text_of(held.items[0], "says"), 100);
    buf_str_add(b, STR(" at "));
    words_clean(b, text_of(held.items[0], "step"), 40);
    if (held.len > 1)
        buf_fmt(b, " and %u more", held.len - 1);
}

/* The first things a run waits for, as the engine wrote them for lists. */
static void write_waiting(Buf *b, Value run) {
    write_held(b, run);
    Value waiting = value_getz(run, "waiting"), error = value_getz(run, "error"),
          paused = value_getz(run, "paused");
    if (value_is(paused, V_MAP) && text_of(paused, "text").len) {
        words_clean(b, text_of(paused, "text"), 160);
        buf_str_add(b, value_is(waiting, V_LIST) && waiting.len ? STR("; ") : STR(""));
    }
    for (size_t i = 0; value_is(waiting, V_LIST) && i < waiting.len && i < 3; i++) {
        buf_str_add(b, i ? STR(", ") : STR(""));
        write_wait(b, waiting.items[i]);
    }
    if (value_is(waiting, V_LIST) && waiting.len > 3)
        buf_fmt(b, " and %u more", waiting.len - 3);
    if (value_is(error, V_MAP))
        words_clean(b, text_of(error, "message"), 60);
    words_clean(b, text_of(run, "problem"), 60);
}

static Str state_of(Value run) {
    Str state = text_of(run, "state"), status = text_of(run, "status");
    bool stored_says_more = str_is(state, "paused") || str_is(state, "parked") ||
                            str_is(state, "idle");
    return stored_says_more || !status.len ? str_is(state, "idle") ? STR("waiting") : state
                                           : status;
}

static void print_runs(Args *args, Value runs, const uint8_t *levels) {
    Buf b = BUF_INIT(16 << 20);
    Ink ink = say_ink(1);
    buf_fmt(&b, "%s%-36s  %-16s %-10s %7s %6s  %s%s\n", ink_dim(&ink), "RUN", "WORKFLOW", "STATE",
            "AGE", "STEPS", "WAITS FOR", ink_end(&ink));
    for (size_t i = 0; i < runs.len; i++) {
        Value run = runs.items[i];
        Str id = text_of(run, "id"), workflow = text_of(run, "workflow"), state = state_of(run);
        Str age = age_of(args->arena, text_of(run, "created"));
        id = arena_fmt(args->arena, "%*s%.*s", 2 * levels[i], "", STR_FMT(id));
        buf_fmt(&b, "%-36.*s  %-16.*s %-10.*s %7.*s %6.*s  ", STR_FMT(id), STR_FMT(workflow),
                STR_FMT(state), STR_FMT(age), STR_FMT(steps_of(args->arena, run)));
        write_waiting(&b, run);
        buf_char(&b, '\n');
    }
    out_str(buf_str(&b));
    buf_deinit(&b);
}

/* Only the journal says that they run: nobody is there to move them. */
static void say_unattended(Value runs) {
    size_t n = 0;
    for (size_t i = 0; i < runs.len; i++)
        n += str_is(text_of(runs.items[i], "state"), "active");
    if (n)
        say_line(
            "no engine runs here: %zu run%s stood still when the last one was lost; `baton serve` or "
            "`baton resume RUN` goes on",
            n, n == 1 ? "" : "s");
}

static bool is_finished(Value run) { return str_is(text_of(run, "state"), "done"); }

/* ---- which of them ----------------------------------------------------------------------------------------------------- */

typedef struct Filter {
    const Args *args;
    const char *status, *workflow;
    int64_t since_ms;  /* 0: whenever */
    int64_t before_ms; /* over by then; 0: or not at all */
    bool any;          /* something is asked for: then all that fit are shown */
} Filter;

static int64_t now_ms(void) {
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    return now.tv_sec * 1000 + now.tv_usec / 1000;
}

static int read_filter(const Args *args, Filter *ret) {
    const char *since = args_flag(args, "since"), *status = args_flag(args, "status"),
               *older = args_flag(args, "older-than");
    int64_t ago_ms = 0, older_ms = 0;
    if (older && !duration_parse(str_from(older), &older_ms))
        return say_error(EXIT_USAGE, "--older-than takes a time such as 30d, not `%s`", "", older);
    if (since && !duration_parse(str_from(since), &ago_ms))
        return say_error(EXIT_USAGE, "--since takes a time such as 2h or 7d, not `%s`", "", since);
    *ret = (Filter){ .args = args,
                     .status = args_flag(args, "failed") ? "failed" : status,
                     .workflow = args_flag(args, "workflow"),
                     .since_ms = since ? now_ms() - ago_ms : 0,
                     .before_ms = older ? now_ms() - older_ms : 0 };
    ret->any = ret->status || older || ret->workflow || since || args_flag(args, "label");
    return 0;
}

static bool has_labels(const Args *args, Value run) {
    Value labels = value_getz(run, "labels");
    const char *pair;
    for (size_t i = 0; (pair = args_flag_nth(args, "label", i)); i++) {
        Str text = str_from(pair);
        ptrdiff_t eq = str_find(text, STR("="));
        Str name = str_slice(text, 0, eq < 0 ? text.len : (size_t)eq);
        Value have = value_is(labels, V_MAP) ? value_get(labels, name) : VALUE_ABSENT;
        Str value = eq < 0 ? STR("") : str_slice(text, (size_t)eq + 1, text.len);
        if (value_absent(have) || (eq >= 0 && !str_eq(value_plain(args->arena, have), value)))
            return false;
    }
    return true;
}

static int64_t time_of(Value run, const char *key) {
    int64_t seconds = 0;
    uint32_t nanos = 0;
    return time_parse(text_of(run, key), &seconds, &nanos) ? seconds * 1000 + nanos / 1000000 : 0;
}

/* One that is forgotten already is not looked for to be forgotten. */
static bool long_over(const Filter *f, Value run) {
    return is_finished(run) && !str_is(text_of(run, "status"), "forgotten") &&
           time_of(run, "updated") <= f->before_ms;
}

static bool fits(const Filter *f, Value run) {
    Str state = state_of(run);
    if (f->status && !str_is(state, f->status) &&
        !(str_is(state, "active") && strcmp(f->status, "running") == 0))
        return false;
    if (f->workflow && !str_is(text_of(run, "workflow"), f->workflow))
        return false;
    if ((f->since_ms && time_of(run, "created") < f->since_ms) ||
        (f->before_ms && !long_over(f, run)))
        return false;
    return has_labels(f->args, run);
}

static void print_ids(Value runs) {
    Buf b = BUF_INIT(16 << 20);
    for (size_t i = 0; i < runs.len; i++) {
        buf_str_add(&b, text_of(runs.items[i], "id"));
        buf_char(&b, '\n');
    }
    out_str(buf_str(&b));
    buf_deinit(&b);
}

/* ---- families ---------------------------------------------------------------------------------------------------------- */

typedef struct Kin Kin;
struct Kin {
    Value run;
    Kin *parent, *first, *next; /* children: the one that began first is the first */
    bool unfinished;            /* or one below it is */
};

typedef struct Listing {
    ListBuilder runs;
    Buf levels;
} Listing;

static void mark_unfinished(Kin *k) {
    for (; k && !k->unfinished; k = k->parent)
        k->unfinished = true;
}

/* Those whose parent is not among them are the first of their families. Runs come newest first. */
static void join(Kin *kin, size_t n, Arena *a) {
    Table ids = { .arena = a };
    for (size_t i = 0; i < n; i++)
        table_put(&ids, 0, text_of(kin[i].run, "id"), &kin[i]);
    for (size_t i = 0; i < n; i++) {
        Kin *parent = table_get(&ids, 0, text_of(value_getz(kin[i].run, "parent"), "run"));
        kin[i].parent = parent == &kin[i] ? NULL : parent;
        if (!kin[i].parent)
            continue;
        kin[i].next = parent->first;
        parent->first = &kin[i];
    }
    for (size_t i = 0; i < n; i++)
        if (!is_finished(kin[i].run))
            mark_unfinished(&kin[i]);
}

static void list_family(Listing *l, const Kin *k, unsigned level) {
    list_add(&l->runs, k->run);
    buf_u8(&l->levels, (uint8_t)MIN(level, 40u));
    for (const Kin *child = k->first; child; child = child->next)
        list_family(l, child, level + 1);
}

/* A family counts as one, and is shown whole. */
static void list_families(Listing *l, Value runs, bool all, Arena *a) {
    Kin *kin = ARENA_ARRAY(a, Kin, runs.len + 1);
    size_t shown = 0;
    for (uint32_t i = 0; i < runs.len; i++)
        kin[i] = (Kin){ .run = runs.items[i] };
    join(kin, runs.len, a);
    for (uint32_t i = 0; i < runs.len; i++) {
        if (kin[i].parent || !(all || shown < SHOWN || kin[i].unfinished))
            continue;
        list_family(l, &kin[i], 0);
        shown++;
    }
}

int cmd_ps(Args *args) {
    const char *output = args_flag(args, "output");
    bool ids = output && strcmp(output, "ids") == 0,
         json = args->json || (output && strcmp(output, "json") == 0);
    Filter filter;
    if (output && !ids && !json && strcmp(output, "table") != 0)
        return say_error(EXIT_USAGE, "--output is ids, json or table, not `%s`", "", output);
    if (read_filter(args, &filter))
        return EXIT_USAGE;
    Link *link = NULL;
    ListBuilder fitting = list_builder(args->arena);
    bool all = args_flag(args, "all") != NULL || filter.any;
    int code = place_open(args, LINK_READ, &link);
    Str query = STR("limit=1000");
    while (code == 0) {
        Value answer;
        code = place_ask(args, link, API_GET, STR("/v1/runs"), query, VALUE_ABSENT, &answer);
        Value runs = value_getz(answer, "runs"), next = value_getz(answer, "next_page");
        for (size_t i = 0; code == 0 && i < runs.len; i++) {
            if (fits(&filter, runs.items[i]))
                list_add(&fitting, runs.items[i]);
        }
        if (code != 0 || !value_is(next, V_STRING) || runs.len == 0)
            break;
        query = arena_fmt(args->arena, "limit=1000&page=%.*s", STR_FMT(value_as_str(next)));
    }
    bool unattended = link && link_unattended(link);
    link_close(link, 0);
    Listing listing = { .runs = list_builder(args->arena), .levels = BUF_INIT(16 << 20) };
    list_families(&listing, list_done(&fitting), all, args->arena);
    Value runs = list_done(&listing.runs);
    if (code == 0 && ids)
        print_ids(runs);
    else if (code == 0 && json)
        out_json(runs);
    else if (code == 0)
        print_runs(args, runs, (const uint8_t *)listing.levels.p);
    if (code == 0 && unattended && !json && !ids)
        say_unattended(runs);
    buf_deinit(&listing.levels);
    return code;
}
