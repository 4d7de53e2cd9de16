/* Runs that call each other: letters of the kernel (kernel/child.c) as mail, and mail as what it becomes.
 *
 *   start    -> the run begins, with the closure of the workflow as its parent's plan has it
 *   control  -> FACT_CONTROL
 *   result   -> FACT_CHILD
 *   asks     -> FACT_MAIL, of the parent
 *   granted  -> FACT_MAIL, of the child
 *
 * Mail is inserted with the row that it follows from and deleted with the row that it became part of. What is read twice, since
 * that row is still on its way, changes nothing the second time. A start that cannot be is answered with a result that says
 * why: first that is in the store, then the start goes. */
#include "engine/events.h"

#include "base/json.h"

/* ---- taking in: texts ------------------------------------------------------------------------------------------------- */

static Str text_of(Value v, const char *key) {
    Value text = value_getz(v, key);
    return value_is(text, V_STRING) ? value_as_str(text) : STR("");
}

static int64_t number_of(Value v, const char *key) {
    Value n = value_getz(v, key);
    return n.type == V_INT ? n.i : 0;
}

/* As a fact of the parent; its texts stand in `a`. */
static void read_result(Value v, Arena *a, Fact *f) {
    Value spent = value_getz(v, "spent"), output = value_getz(v, "output");
    Value error = value_getz(v, "error");
    bool ok = str_is(text_of(v, "status"), run_status_name(RUN_OK));
    f->kind = FACT_CHILD;
    f->run = text_of(v, "run");
    f->address = text_of(v, "step");
    f->attempt = (uint32_t)number_of(v, "attempt");
    f->outcome = ok ? OUTCOME_OK : OUTCOME_FAILED;
    f->payload = value_text(a, ok ? output : error);
    f->usage = (Usage){ .tokens_in = MAX((int64_t)0, number_of(spent, "tokens")),
                        .cost_nano = MAX((int64_t)0, number_of(spent, "cost_nano")) };
    f->took_us = number_of(v, "took_ms") * 1000;
    f->shown = value_text(a, spent);
    if (ok)
        return;
    Str step = text_of(error, "step");
    f->error_kind = text_of(error, "kind");
    f->message = arena_fmt(a, "%.*s (%s%.*s%srun %.*s)", STR_FMT(text_of(error, "message")),
                           step.len ? "`" : "", STR_FMT(step), step.len ? "` of " : "",
                           STR_FMT(f->run));
    f->message = str_slice(f->message, 0, MIN(f->message.len, (size_t)MESSAGE_BYTES_MAX));
}

/* What is asked and answered is the kernel's own; the rest says of whom. */
static void read_more(Value v, Arena *a, Fact *f) {
    static const char *const words[] = { "number", "limit", "most", "had", "or_fail", "refused" };
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!value_absent(value_getz(v, words[i])))
            map_addz(&m, words[i], value_getz(v, words[i]));
    f->kind = FACT_MAIL;
    f->name = text_of(v, "child");
    f->run = text_of(v, "run");
    f->address = text_of(v, "step");
    f->attempt = (uint32_t)number_of(v, "attempt");
    f->payload = value_text(a, map_done(&m, NULL));
}

Fact child_fact(const Engine *e, const Request *q, Arena *a) {
    Fact f = { .time_ms = e->now_ms };
    Value v;
    if (json_read(a, q->payload, &v, NULL))
        return f;
    if (q->verb == FACT_CHILD) {
        read_result(v, a, &f);
        return f;
    }
    if (q->verb == FACT_MAIL) {
        read_more(v, a, &f);
        return f;
    }
    f.kind = FACT_CONTROL;
    f.verb = (uint32_t)number_of(v, "verb");
    f.from = text_of(v, "from");
    f.message = text_of(v, "why");
    return f;
}

/* ---- a start that cannot be ------------------------------------------------------------------------------------------ */

typedef struct RefusalJob {
    Pending p; /* first */
    StoreMail result;
    Str start; /* the mail that it answers */
} RefusalJob;

static void post(StoreJob *job, Store *store) {
    RefusalJob *j = (RefusalJob *)job;
    j->p.err = store->ops->post(store, &j->result, 1);
}

static void posted(StoreJob *job) {
    RefusalJob *j = (RefusalJob *)job;
    Engine *e = j->p.e;
    if (!j->p.err)
        commit_mail_done(e, j->start);
    e->mail_at_ms = e->now_ms; /* for the parent */
    pending_free(&j->p);
    engine_wake(e);
}

static Value refusal(Str run, Value caller, ErrorKind kind, Str why, Arena *a) {
    MapBuilder m = map_builder(a), error = map_builder(a);
    map_addz(&error, "kind", value_str(str_from(error_kind_name(kind))));
    map_addz(&error, "message", value_str(why));
    map_addz(&m, "child", value_str(STR("result")));
    map_addz(&m, "run", value_str(run));
    map_addz(&m, "step", value_getz(caller, "step"));
    map_addz(&m, "attempt", value_getz(caller, "attempt"));
    map_addz(&m, "status", value_str(str_from(run_status_name(RUN_FAILED))));
    map_addz(&m, "spent", map_done(&(MapBuilder){ .arena = a }, NULL));
    map_addz(&m, "error", map_done(&error, NULL));
    return map_done(&m, NULL);
}

/* Frees q. */
void child_refuse(Engine *e, Request *q, ErrorKind kind, Str why) {
    RefusalJob *j = pending_new(e, sizeof *j, true, post, posted);
    Arena *a = &j->p.arena;
    Value caller = VALUE_NULL;
    json_read_copy(a, q->address, &caller, NULL);
    Str run = arena_str(a, q->run);
    j->start = arena_str(a, q->mail);
    j->result =
        (StoreMail){ .id = arena_fmt(a, "%.*s:refused", STR_FMT(run)),
                     .to = text_of(caller, "run"),
                     .body = value_text(a, refusal(run, caller, kind, arena_str(a, why), a)) };
    request_free(e, q);
    pending_submit(&j->p);
}

/* The run is there. Is it the one that this start means? Then the mail has done what it is for. Frees q. */
void child_met(Engine *e, Request *q, Str caller, bool durable) {
    if (!str_eq(caller, q->address)) {
        child_refuse(e, q, KIND_CONFLICT,
                     STR("another run has the id that this one would have had"));
        return;
    }
    if (durable)
        commit_mail_done(e, q->mail);
    request_free(e, q);
}

/* ---- taking in -------------------------------------------------------------------------------------------------------- */

static void begin(Engine *e, const Letter *l, Arena *a) {
    Value v = l->body;
    Request *q = request_copy(&(Request){ .kind = REQUEST_START,
                                          .run = l->mail->to,
                                          .mail = l->mail->id,
                                          .payload = value_text(a, value_getz(v, "input")),
                                          .address = value_text(a, value_getz(v, "caller")),
                                          .name = text_of(v, "by"),
                                          .correlation = text_of(v, "correlation"),
                                          .dir = text_of(v, "dir") });
    Str problem = STR("its file is not among those of the run that calls it");
    PlanEntry *parent = l->err ? NULL
                               : plans_get(e, l->file.closure, &l->file.closure_hash, a, &problem);
    q->plan = parent ? plans_called(e, parent, text_of(v, "file"), a, &problem) : NULL;
    plans_unref(e, parent);
    if (q->plan)
        inbox_push(e, q);
    else
        child_refuse(e, q, KIND_INVALID, problem);
}

bool child_take(Engine *e, const Letter *l, Arena *a) {
    Str what = text_of(l->body, "child");
    bool start = str_is(what, "start"), result = str_is(what, "result");
    bool more = str_is(what, "asks") || str_is(what, "granted");
    if (start && l->err && l->err != STORE_E_NOT_FOUND)
        return true; /* it stays, and is looked at again */
    if (start)
        begin(e, l, a);
    else if (result || more || str_is(what, "control"))
        request_queue(e, &(Request){ .kind = REQUEST_MAIL,
                                     .verb = result ? FACT_CHILD
                                             : more ? FACT_MAIL
                                                    : FACT_CONTROL,
                                     .run = l->mail->to,
                                     .mail = l->mail->id,
                                     .payload = l->mail->body });
    else
        return false;
    return true;
}
