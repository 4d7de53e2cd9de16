/* Requests: queued as they come, applied in the next turn, answered when what they did is durable.
 *
 *   engine_signal ... -> inbox -> run in memory? -> apply_fact -> gather.requests -> (commit) -> answered
 *                                  \ no: load it, the request waits with it
 *
 * A request that changes nothing because it was made before (the same signal id, pausing what is paused) is answered like
 * the first, once everything the run has taken in is durable. A request owns its texts: they stand behind it. */
#include "engine/past.h"

#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES_MAX 1024
/* What a person says with a decision goes to agents, and may be a page. */
#define WORDS_BYTES_MAX (16 * KIB)

/* ---- making ---------------------------------------------------------------------------------------------------------- */

static char *put_copy(char *at, Str source, Str *ret) {
    *ret = (Str){ at, source.len };
    if (source.len)
        memcpy(at, source.p, source.len);
    return at + source.len;
}

Request *request_copy(const Request *q) {
    size_t texts = q->run.len + q->id.len + q->name.len + q->payload.len + q->from.len +
                   q->address.len + q->dir.len + q->mail.len + q->correlation.len + q->past.len;
    Request *copy = xmalloc(sizeof *copy + texts);
    *copy = *q;
    char *at = (char *)(copy + 1);
    at = put_copy(at, q->run, &copy->run);
    at = put_copy(at, q->id, &copy->id);
    at = put_copy(at, q->name, &copy->name);
    at = put_copy(at, q->payload, &copy->payload);
    at = put_copy(at, q->from, &copy->from);
    at = put_copy(at, q->address, &copy->address);
    at = put_copy(at, q->dir, &copy->dir);
    at = put_copy(at, q->mail, &copy->mail);
    at = put_copy(at, q->correlation, &copy->correlation);
    put_copy(at, q->past, &copy->past);
    return copy;
}

void request_free(Engine *e, Request *q) {
    plans_unref(e, q->plan);
    outcomes_free(q->outcomes);
    free(q);
}

void inbox_push(Engine *e, Request *q) {
    QUEUE_PUSH(&e->inbox, q);
    engine_wake(e);
}

void request_queue(Engine *e, const Request *q) { inbox_push(e, request_copy(q)); }

static bool fits(const Request *q, const char **ret_problem) {
    const Str texts[] = { q->id, q->from, q->address, q->name };
    size_t n = q->kind == REQUEST_DECIDE ? ARRAY_LEN(texts) - 1 : ARRAY_LEN(texts);
    if (q->name.len > WORDS_BYTES_MAX) {
        *ret_problem = "the words are longer than 16 KiB";
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (texts[i].len > TEXT_BYTES_MAX) {
            *ret_problem = "a name, an id or an address is longer than 1024 bytes";
            return false;
        }
    }
    if (q->payload.len > LIMIT_PAYLOAD_BYTES) {
        *ret_problem = "the data is larger than 16 MiB; put it into a file and pass its name";
        return false;
    }
    return true;
}

/* Refusals are answered by the next turn, like everything else: no caller is called back before it returns. */
void request_queue_checked(Engine *e, Request *q) {
    const char *problem = NULL;
    if (fits(q, &problem)) {
        request_queue(e, q);
        return;
    }
    request_queue(e, &(Request){ .kind = q->kind,
                                 .run = str_slice(q->run, 0, MIN(q->run.len, (size_t)64)),
                                 .name = str_from(problem),
                                 .refused = ENGINE_INVALID,
                                 .replied = q->replied,
                                 .ctx = q->ctx });
}

void engine_signal(Engine *e, Str run, Str id, Str name, Str data_json, Str from,
                   EngineReplied replied, void *ctx) {
    request_queue_checked(e, &(Request){ .kind = REQUEST_SIGNAL,
                                         .run = run,
                                         .id = id,
                                         .name = name,
                                         .payload = data_json,
                                         .from = from,
                                         .replied = replied,
                                         .ctx = ctx });
}

void engine_control(Engine *e, Str run, Control verb, Str from, Str reason, Str limits_json,
                    EngineReplied replied, void *ctx) {
    request_queue_checked(e, &(Request){ .kind = REQUEST_CONTROL,
                                         .run = run,
                                         .verb = verb,
                                         .name = reason,
                                         .payload = limits_json,
                                         .from = from,
                                         .replied = replied,
                                         .ctx = ctx });
}

void engine_decide(Engine *e, Str run, const EngineDecision *d, EngineReplied replied, void *ctx) {
    request_queue_checked(e, &(Request){ .kind = REQUEST_DECIDE,
                                         .run = run,
                                         .verb = d->verb,
                                         .address = d->address,
                                         .payload = d->value_json,
                                         .from = d->from,
                                         .id = d->shown,
                                         .name = d->words,
                                         .replied = replied,
                                         .ctx = ctx });
}

/* ---- answering ------------------------------------------------------------------------------------------------------- */

static void tell(const Request *q, const EngineReply *reply) {
    if (!q->replied)
        return;
    q->replied(q->ctx, reply);
    if (MUTANT(reply_twice))
        q->replied(q->ctx, reply);
}

/* What came by mail and can never be done is told nobody but the log. What another try may do stays where it is. */
static void settle_mail(Engine *e, const Request *q, EngineAnswer answer, Str why) {
    if (!q->mail.len || q->kind != REQUEST_START)
        return;
    if (answer == ENGINE_STOPPING || answer == ENGINE_FAILED) {
        e->mail_at_ms = MIN(e->mail_at_ms, e->now_ms + 1000);
        return;
    }
    if (answer)
        engine_log(e, "run %.*s cannot begin: %.*s", STR_FMT(q->run), STR_FMT(why));
    commit_mail_done(e, q->mail);
}

void request_answer(Engine *e, Request *q, EngineAnswer answer, const char *fmt, ...) {
    char text[2048];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : MIN((size_t)n, sizeof text - 1);
    tell(q, &(EngineReply){ .answer = answer, .run = q->run, .message = { text, len } });
    settle_mail(e, q, answer, (Str){ text, len });
    request_free(e, q);
}

void request_ok(Engine *e, Request *q) {
    tell(q, &(EngineReply){ .run = q->run,
                            .existing = q->existing,
                            .kept = q->kept,
                            .message = STR(""),
                            .seq = q->seq });
    settle_mail(e, q, ENGINE_OK, STR(""));
    request_free(e, q);
}

void request_when_durable(Engine *e, Resident *r, Request *q) {
    bool gathering = r->row && !row_empty(&r->row->w);
    q->seq = r->head_seq + gathering;
    q->r = r;
    if (gathering && !MUTANT(ack_before_commit))
        QUEUE_PUSH(&e->gather.requests, q);
    else if (r->in_batch && !MUTANT(ack_before_commit))
        QUEUE_PUSH(&e->batch->requests, q);
    else if (q->kind == REQUEST_START && q->existing)
        start_compare(e, q);
    else
        request_ok(e, q);
}

void request_conflict(Engine *e, Request *q) {
    q->r = NULL;
    q->seq = 0;
    switch (q->kind) {
    case REQUEST_START: start_compare(e, q); return;
    case REQUEST_SIGNAL: mail_post(e, q); return;
    case REQUEST_CONTROL:
    case REQUEST_DECIDE:
    case REQUEST_MIGRATE:
    case REQUEST_RETRY:
    case REQUEST_FORGET:
    case REQUEST_SEEN:
        request_answer(e, q, ENGINE_CONFLICT,
                       "another engine owns run %.*s: ask that one, or try again", STR_FMT(q->run));
        return;
    case REQUEST_MAIL: request_free(e, q); return;
    }
}

/* ---- applying -------------------------------------------------------------------------------------------------------- */

static Fact fact_of(const Engine *e, const Request *q, Arena *a) {
    if (q->kind == REQUEST_MAIL &&
        (q->verb == FACT_CHILD || q->verb == FACT_CONTROL || q->verb == FACT_MAIL))
        return child_fact(e, q, a);
    Fact f = { .time_ms = e->now_ms,
               .from = q->from,
               .payload = q->payload.len ? q->payload : STR_NULL };
    switch (q->kind) {
    case REQUEST_MAIL:
    case REQUEST_SIGNAL:
        f.kind = q->verb == FACT_EVENT ? FACT_EVENT : FACT_SIGNAL;
        f.id = q->id;
        f.name = q->name;
        f.correlation = q->correlation;
        break;
    case REQUEST_CONTROL:
        f.kind = FACT_CONTROL;
        f.verb = q->verb;
        f.message = q->name;
        break;
    case REQUEST_DECIDE:
        f.kind = FACT_DECISION;
        f.verb = q->verb;
        f.address = q->address;
        f.shown = q->id;
        f.message = q->name;
        break;
    case REQUEST_START:
    case REQUEST_RETRY:
    case REQUEST_FORGET:
    case REQUEST_SEEN:
    case REQUEST_MIGRATE: break;
    }
    return f;
}

/* A decision that changes nothing: the kernel says why. */
static void answer_refused(Engine *e, Resident *r, Request *q) {
    static const EngineAnswer answers[] = { [REFUSAL_NONE] = ENGINE_CONFLICT,
                                            [REFUSAL_CONFLICT] = ENGINE_CONFLICT,
                                            [REFUSAL_DENIED] = ENGINE_DENIED,
                                            [REFUSAL_INVALID] = ENGINE_INVALID };
    Arena a = ARENA_NULL;
    Str why;
    Fact fact = fact_of(e, q, &a);
    Refusal refusal = run_refuses(r->run, &fact, &a, &why);
    if (run_finished(r->run))
        request_answer(e, q, ENGINE_CONFLICT, "run %.*s has finished (%s)", STR_FMT(q->run),
                       run_status_name(run_status(r->run)));
    else if (refusal == REFUSAL_CONFLICT && str_is(why, "nothing is asked there"))
        request_answer(
            e, q, ENGINE_CONFLICT,
            "nothing is asked or in doubt at `%.*s` of run %.*s; it may have been decided already",
            STR_FMT(q->address), STR_FMT(q->run));
    else
        request_answer(e, q, answers[refusal], "`%.*s` of run %.*s: %.*s", STR_FMT(q->address),
                       STR_FMT(q->run), STR_FMT(why));
    arena_deinit(&a);
}

/* Nothing waited for it: done already, too late, or never asked for. */
static void answer_ignored(Engine *e, Resident *r, Request *q) {
    bool finished = run_finished(r->run);
    bool durable = !r->in_batch && row_empty(resident_row(e, r));
    if (q->kind == REQUEST_MAIL) {
        /* It may be the second copy of mail whose fact is not durable yet: then it goes with that fact, or comes again. */
        if (durable)
            commit_mail_done(e, q->mail);
        request_free(e, q);
    } else if (q->kind == REQUEST_DECIDE) {
        answer_refused(e, r, q);
    } else if (finished) {
        request_answer(e, q, ENGINE_CONFLICT, "run %.*s has finished (%s)", STR_FMT(q->run),
                       run_status_name(run_status(r->run)));
    } else {
        request_when_durable(e, r, q);
    }
}

void request_take_mail(Resident *r, Str id) {
    r->mail_taken = xrealloc(r->mail_taken, (r->n_mail_taken + 1) * sizeof *r->mail_taken);
    r->mail_taken[r->n_mail_taken++] = (Str){ xstrndup(id.p, id.len), id.len };
}

static void applied(Engine *e, Resident *r, Request *q) {
    if (q->kind != REQUEST_MAIL) {
        request_when_durable(e, r, q);
        return;
    }
    request_take_mail(r, q->mail);
    request_free(e, q);
}

/* Limits first, a fact of their own; then whatever else was asked for. False: it was answered here. */
static bool raise_limits(Engine *e, Resident *r, Request *q) {
    Arena a = ARENA_NULL;
    Value limits;
    Str problem = STR("limits are a map");
    if (run_finished(r->run)) {
        answer_ignored(e, r, q);
        return false;
    }
    if (json_read(&a, q->payload, &limits, NULL) ||
        !run_takes_limits(r->run, limits, &a, &problem)) {
        request_answer(e, q, ENGINE_INVALID, "%.*s", STR_FMT(problem));
        arena_deinit(&a);
        return false;
    }
    arena_deinit(&a);
    apply_fact(e, r,
               &(Fact){ .kind = FACT_CONTROL,
                        .verb = CONTROL_LIMITS,
                        .time_ms = e->now_ms,
                        .from = q->from,
                        .payload = q->payload });
    q->payload = STR("");
    if (q->verb != CONTROL_LIMITS)
        return true;
    applied(e, r, q);
    resident_settle_idle(e, r);
    return false;
}

void request_apply(Engine *e, Resident *r, Request *q) {
    if (request_is_child(q)) {
        bool durable = !r->in_batch && row_empty(resident_row(e, r));
        child_met(e, q, run_caller(r->run), durable);
        resident_settle_idle(e, r);
        return;
    }
    if (q->kind == REQUEST_START) {
        q->existing = true;
        request_when_durable(e, r, q);
        return;
    }
    if (q->kind == REQUEST_MIGRATE) {
        migrate_ask(e, r, q);
        return;
    }
    if (q->kind == REQUEST_RETRY) {
        retry_refuse_live(e, r, q);
        return;
    }
    if (q->kind == REQUEST_FORGET) {
        forget_refuse_live(e, r, q);
        return;
    }
    if (q->kind == REQUEST_MAIL && MUTANT(lose_mail)) {
        commit_mail_done(e, q->mail);
        request_free(e, q);
        return;
    }
    if (q->kind == REQUEST_CONTROL && q->payload.len && !raise_limits(e, r, q))
        return;
    Arena a = ARENA_NULL;
    Fact fact = fact_of(e, q, &a);
    size_t moves = resident_row(e, r)->n_moves;
    int err = fact.kind ? apply_fact(e, r, &fact) : RUN_E_IGNORED;
    arena_deinit(&a);
    /* A signal that somebody waited for moves that step. */
    q->kept = err == 0 && q->kind == REQUEST_SIGNAL && resident_row(e, r)->n_moves == moves;
    if (err == 0)
        applied(e, r, q);
    else if (err == RUN_E_IGNORED)
        answer_ignored(e, r, q);
    else if (q->kind == REQUEST_MAIL)
        answer_ignored(e, r, q);
    else
        request_answer(e, q, ENGINE_INVALID, "the data is not JSON; a text needs quotes");
    resident_settle_idle(e, r);
}

/* ---- a turn's share -------------------------------------------------------------------------------------------------- */

void inbox_give(Engine *e, Request *q) {
    if (q->refused) {
        request_answer(e, q, q->refused, "%.*s", STR_FMT(q->name));
        return;
    }
    if (engine_stopping(e)) {
        request_answer(e, q, ENGINE_STOPPING,
                       "the engine is stopping; start one again and repeat this");
        return;
    }
    if (q->kind == REQUEST_START) {
        start_take(e, q);
        return;
    }
    if (q->kind == REQUEST_SEEN) {
        seen_take(e, q);
        return;
    }
    Resident *r = resident_find(e, q->run);
    bool of_the_past = q->kind == REQUEST_RETRY || q->kind == REQUEST_FORGET;
    if (r && of_the_past && resident_is_over(r)) { /* it is there for what it stopped only */
        resident_drop(e, r);
        r = NULL;
    }
    if (!r || r->state == RESIDENT_LOADING)
        load_run(e, q->run, q);
    else if (r->state == RESIDENT_PARKED)
        request_answer(e, q, ENGINE_CONFLICT, "run %.*s is parked; see `baton show`",
                       STR_FMT(q->run));
    else
        request_apply(e, r, q);
}

/* Before the engine is in, requests wait. */
void inbox_take(Engine *e) {
    while (e->phase >= ENGINE_INSIDE && e->turn_facts < TURN_FACTS_MAX) {
        Request *q = QUEUE_POP(&e->inbox);
        if (!q)
            return;
        inbox_give(e, q);
    }
}
