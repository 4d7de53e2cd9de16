#include "engine/events.h"

#include "base/json.h"
#include "base/uuid.h"

/* The file of an event's run: it has begun, and is over. Who is told stands in its input, so that the mail follows from it. */
static const char event_file[] = "baton: 1\n"
                                 "name: event\n"
                                 "input: object\n"
                                 "steps:\n"
                                 "  - { id: told, return: \"${{ input.to }}\" }\n";

static Str text_of(Value v, const char *key) {
    Value text = value_getz(v, key);
    return value_is(text, V_STRING) ? value_as_str(text) : STR("");
}

static bool is_event(Value event) {
    return event.type == V_MAP && text_of(event, "id").len && text_of(event, "type").len &&
           !value_absent(value_getz(event, "data"));
}

/* ---- who hears it: reader's side --------------------------------------------------------------------------------------- */

/* How the store knows who hears: by the type, or, where nobody waits for what answers others, by type and correlation. No type
 * has a space in it. */
static Str heard_key(Str type, Str own, Arena *a) {
    return arena_fmt(a, EVENT_PREFIX "%.*s%s%.*s", STR_FMT(type), own.len ? " " : "", STR_FMT(own));
}

/* Starts come many at a time: a loop over items sends as many as it runs at once. */
static void read_parent(Store *store, Arena *a, Letter *l, const Letter *before) {
    Str parent = text_of(value_getz(l->body, "caller"), "run");
    if (before && str_eq(before->file.id, parent)) {
        l->file = before->file;
        l->err = before->err;
    } else {
        l->err = store->ops->load(store, parent, false, a, &l->file);
    }
}

static int add_hearers(Store *store, Str key, Arena *a, ListBuilder *l) {
    Str *runs;
    size_t n;
    int err = store->ops->heard(store, key, a, &runs, &n);
    for (size_t i = 0; !err && i < n; i++)
        list_add(l, value_str(runs[i]));
    return err;
}

static int find_hearers(Store *store, Value event, Arena *a, Value *ret) {
    ListBuilder l = list_builder(a);
    Str type = text_of(event, "type"), correlation = text_of(event, "correlation");
    int err = add_hearers(store, heard_key(type, STR(""), a), a, &l);
    if (!err && correlation.len)
        err = add_hearers(store, heard_key(type, correlation, a), a, &l);
    *ret = list_done(&l);
    return err;
}

static void read_one(Store *store, Arena *a, Letter *l, const Letter *before) {
    if (json_read(a, l->mail->body, &l->body, NULL) || l->body.type != V_MAP) {
        l->body = VALUE_ABSENT;
        return;
    }
    Value event = value_getz(l->body, "event"), start = value_getz(l->body, "start");
    if (is_event(event) && is_event_run(l->mail->to))
        l->err = find_hearers(store, event, a, &l->told);
    if (start.type == V_MAP)
        l->err = store->ops->load(store, text_of(start, "on"), false, a, &l->file);
    if (str_is(text_of(l->body, "child"), "start"))
        read_parent(store, a, l, before);
}

void letters_read(Store *store, const StoreMail *mail, size_t n, Arena *a, Letter *ret) {
    for (size_t i = 0; i < n; i++) {
        ret[i] = (Letter){ .mail = &mail[i], .told = VALUE_ABSENT, .body = VALUE_ABSENT };
        read_one(store, a, &ret[i], i ? &ret[i - 1] : NULL);
    }
}

/* ---- taken in ---------------------------------------------------------------------------------------------------------- */

static PlanEntry *event_plan(Engine *e) {
    Arena a = ARENA_NULL;
    Str problem, name = STR("event.yaml"), text = str_from(event_file);
    PlanEntry *p = plans_get(e, closure_make(&a, name, &name, &text, 1), NULL, &a, &problem);
    arena_deinit(&a);
    ASSERT(p);
    return p;
}

static void begin_event(Engine *e, Value event, Value told, Str mail, EngineReplied replied,
                        void *ctx, Arena *a) {
    Str input = value_text(a, value_with(a, event, STR("to"), told));
    request_queue(
        e, &(Request){ .kind = REQUEST_START,
                       .run = arena_fmt(a, EVENT_PREFIX "%.*s", STR_FMT(text_of(event, "id"))),
                       .mail = mail,
                       .payload = input,
                       .dir = STR("/"),
                       .name = text_of(event, "source"),
                       .correlation = text_of(event, "correlation"),
                       .plan = event_plan(e),
                       .replied = replied,
                       .ctx = ctx });
}

static void begin_run(Engine *e, const Letter *l, Value start, Arena *a) {
    Str problem = STR("");
    PlanEntry *plan = plans_get(e, l->file.closure, &l->file.closure_hash, a, &problem);
    if (!plan) {
        engine_log(e, "run %.*s cannot begin: %.*s", STR_FMT(l->mail->to), STR_FMT(problem));
        commit_mail_done(e, l->mail->id);
        return;
    }
    Value input = value_getz(start, "input");
    request_queue(e,
                  &(Request){ .kind = REQUEST_START,
                              .run = l->mail->to,
                              .mail = l->mail->id,
                              .payload = value_absent(input) ? STR("null") : value_text(a, input),
                              .dir = text_of(start, "dir"),
                              .name = text_of(start, "by"),
                              .correlation = text_of(start, "correlation"),
                              .plan = plan });
}

static void tell_run(Engine *e, const Letter *l, Value event, Arena *a) {
    request_queue(e, &(Request){ .kind = REQUEST_MAIL,
                                 .verb = FACT_EVENT,
                                 .run = l->mail->to,
                                 .mail = l->mail->id,
                                 .id = text_of(event, "id"),
                                 .name = text_of(event, "type"),
                                 .from = text_of(event, "source"),
                                 .correlation = text_of(event, "correlation"),
                                 .payload = value_text(a, event) });
}

bool letter_take(Engine *e, const Letter *l, Arena *a) {
    if (child_take(e, l, a))
        return true;
    Value event = value_getz(l->body, "event"), start = value_getz(l->body, "start");
    if (is_event(event) && is_event_run(l->mail->to)) {
        if (!l->err)
            begin_event(e, event, l->told, l->mail->id, NULL, NULL, a);
        return true;
    }
    if (is_event(event)) {
        tell_run(e, l, event, a);
        return true;
    }
    if (start.type != V_MAP || l->err == STORE_E_NOT_FOUND)
        return false;
    if (!l->err)
        begin_run(e, l, start, a);
    return true;
}

/* ---- sent -------------------------------------------------------------------------------------------------------------- */

static StoreMail tell(Arena *a, Str event, Value to, Str body) {
    Str run = value_as_str(to);
    return (StoreMail){ .id = arena_fmt(a, "%.*s>%.*s", STR_FMT(event), STR_FMT(run)),
                        .to = run,
                        .body = body };
}

static Str body_for_hearers(const Run *r, Arena *a) {
    MapBuilder event = map_builder(a), body = map_builder(a);
    Value input = run_input(r);
    for (uint32_t i = 0; i < input.len; i++) {
        ValueEntry entry = value_entry(input, i);
        if (!str_is(value_as_str(entry.key), "to"))
            map_add(&event, entry.key, entry.value);
    }
    map_addz(&body, "event", map_done(&event, NULL));
    return value_text(a, map_done(&body, NULL));
}

const StoreMail *events_mail(Run *r, bool first_row, const StoreMail *mail, Arena *a,
                             size_t *ret_n) {
    size_t n_posts, n = *ret_n;
    const Post *posts = run_posts(r, &n_posts);
    Value told = first_row && is_event_run(run_id(r)) ? value_getz(run_input(r), "to")
                                                      : VALUE_ABSENT;
    size_t n_told = value_is(told, V_LIST) && !MUTANT(event_tells_nobody) ? told.len : 0;
    if (n_posts + n_told == 0)
        return mail;
    StoreMail *all = ARENA_ARRAY(a, StoreMail, n + n_posts + n_told);
    if (n)
        memcpy(all, mail, n * sizeof *all);
    for (size_t i = 0; i < n_posts; i++)
        all[n++] = (StoreMail){ .id = arena_str(a, posts[i].id),
                                .to = arena_str(a, posts[i].to),
                                .body = value_text(a, posts[i].body) };
    Str body = n_told ? body_for_hearers(r, a) : STR("");
    for (size_t i = 0; i < n_told; i++)
        all[n++] = tell(a, run_id(r), told.items[i], body);
    run_forget_posts(r);
    *ret_n = n;
    return all;
}

size_t events_n_heard(const Run *r) {
    Str type;
    bool own;
    size_t n = 0;
    while (!run_finished(r) && run_hears(r, n, &type, &own))
        n++;
    return n;
}

size_t events_heard(const Run *r, StoreOpen *ret, Arena *a) {
    Str type;
    bool own;
    size_t n = 0;
    for (; !run_finished(r) && run_hears(r, n, &type, &own); n++)
        ret[n] = (StoreOpen){ .kind = WANT_SIGNAL,
                              .key = heard_key(type, own ? run_correlation(r) : STR(""), a),
                              .address = STR("") };
    return n;
}

/* ---- from outside ------------------------------------------------------------------------------------------------------ */

typedef struct EmitJob {
    Pending p; /* first */
    Value event, told;
    EngineReplied replied;
    void *ctx;
} EmitJob;

static void look_for_hearers(StoreJob *job, Store *store) {
    EmitJob *j = (EmitJob *)job;
    j->p.err = find_hearers(store, j->event, &j->p.arena, &j->told);
}

static void found(StoreJob *job) {
    EmitJob *j = (EmitJob *)job;
    Engine *e = j->p.e;
    if (j->p.err)
        request_queue(e, &(Request){ .kind = REQUEST_START,
                                     .run = text_of(j->event, "id"),
                                     .refused = ENGINE_FAILED,
                                     .name = STR("who hears the event cannot be read"),
                                     .replied = j->replied,
                                     .ctx = j->ctx });
    else
        begin_event(e, j->event, j->told, STR_NULL, j->replied, j->ctx, &j->p.arena);
    pending_free(&j->p);
    engine_wake(e);
}

/* What is wrong with it; NULL: nothing. */
static const char *problem_of(const EngineEmit *emit) {
    if (emit->id.len > 48)
        return "the id of an event has at most 48 characters";
    for (size_t i = 0; i < emit->id.len; i++) {
        char c = emit->id.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
        if (!good)
            return "the id of an event is made of a-z A-Z 0-9 . _ -";
    }
    if (!plan_event_type(emit->type))
        return "the type of an event is made of letters, digits and . _ - / :, at most 128, like "
               "order.paid";
    if (emit->correlation.len > 256 || emit->source.len > 256)
        return "a correlation or a source is longer than 256 bytes";
    return emit->data_json.len > LIMIT_EVENT_BYTES
               ? "the data is larger than 1 MiB; send where it is to be found"
               : NULL;
}

static Value made(Engine *e, const EngineEmit *emit, Value data, Arena *a) {
    uint8_t random[10];
    char id[UUID_CHARS + 1];
    int64_t now_ms = e->ports.now_ms(e->ports.ctx);
    e->ports.random(e->ports.ctx, random, sizeof random);
    uuid7(now_ms, random, id);
    Str known = arena_str(a, emit->id.len ? emit->id : str_from(id));
    MapBuilder m = map_builder(a);
    map_addz(&m, "id", value_str(known));
    map_addz(&m, "type", value_str(arena_str(a, emit->type)));
    map_addz(&m, "data", data);
    map_addz(&m, "correlation",
             value_str(emit->correlation.len ? arena_str(a, emit->correlation) : known));
    map_addz(&m, "source", value_str(arena_str(a, emit->source)));
    map_addz(&m, "time", value_time_text(now_ms, a));
    return map_done(&m, NULL);
}

void engine_emit(Engine *e, const EngineEmit *emit, EngineReplied replied, void *ctx) {
    EmitJob *j = pending_new(e, sizeof *j, false, look_for_hearers, found);
    const char *problem = problem_of(emit);
    Value data = VALUE_NULL;
    if (!problem && emit->data_json.len &&
        json_read_copy(&j->p.arena, emit->data_json, &data, NULL))
        problem = "the data is not JSON; a text needs quotes";
    if (problem) {
        request_queue(e, &(Request){ .kind = REQUEST_START,
                                     .run = STR(""),
                                     .refused = ENGINE_INVALID,
                                     .name = str_from(problem),
                                     .replied = replied,
                                     .ctx = ctx });
        pending_free(&j->p);
        return;
    }
    j->event = made(e, emit, data, &j->p.arena);
    j->replied = replied;
    j->ctx = ctx;
    pending_submit(&j->p);
}
