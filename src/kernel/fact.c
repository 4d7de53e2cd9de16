/* Names of the closed lists and the text forms of facts and moves.
 *
 * The names of error kinds and statuses are stored and shown everywhere; the text forms are for people and tests only
 * and are never read back. */
#include "kernel/fact.h"

#include "kernel/run.h"

static const char *const kind_names[KIND_COUNT] = {
    [KIND_NONE] = "",
    [KIND_REFUSED] = "refused",
    [KIND_REJECTED] = "rejected",
    [KIND_INVALID] = "invalid",
    [KIND_DENIED] = "denied",
    [KIND_CHECK] = "check",
    [KIND_NOT_FOUND] = "not_found",
    [KIND_CONFLICT] = "conflict",
    [KIND_RATE_LIMITED] = "rate_limited",
    [KIND_UNAVAILABLE] = "unavailable",
    [KIND_BREAKER_OPEN] = "breaker_open",
    [KIND_TIMEOUT] = "timeout",
    [KIND_CANCELLED] = "cancelled",
    [KIND_CRASHED] = "crashed",
    [KIND_CONTENT_REFUSED] = "content_refused",
    [KIND_BUDGET] = "budget",
    [KIND_LIMIT] = "limit",
    [KIND_NO_ROUTE] = "no_route",
    [KIND_NO_QUORUM] = "no_quorum",
    [KIND_ALL_FAILED] = "all_failed",
    [KIND_IN_DOUBT] = "in_doubt",
    [KIND_INTERNAL] = "internal",
};

static const char *const status_names[] = {
    [STATUS_NEW] = "new",
    [STATUS_RUNNING] = "running",
    [STATUS_RETRYING] = "retrying",
    [STATUS_IN_DOUBT] = "in_doubt",
    [STATUS_OK] = "ok",
    [STATUS_FAILED] = "failed",
    [STATUS_SKIPPED] = "skipped",
    [STATUS_CANCELLED] = "cancelled",
    [STATUS_HELD] = "held",
    [STATUS_WAITING] = "waiting",
};

static const char *const fact_names[] = {
    [FACT_ACCEPTED] = "accepted",   [FACT_DISPATCHING] = "dispatching",
    [FACT_FINISHED] = "finished",   [FACT_PROGRESS] = "progress",
    [FACT_TIMER] = "timer",         [FACT_SIGNAL] = "signal",
    [FACT_EVENT] = "event",         [FACT_DECISION] = "decision",
    [FACT_CHILD] = "child",         [FACT_MAIL] = "mail",
    [FACT_CONTROL] = "control",     [FACT_MIGRATED] = "migrated",
    [FACT_RECOVERED] = "recovered",
};

static const char *const outcome_names[] = { "", "ok", "failed", "refused", "unknown" };
static const char *const sent_names[] = { "not sent", "maybe sent", "sent" };
static const char *const control_names[] = {
    "note", "pause", "resume", "cancel", "retry", "limits"
};
static const char *const decision_names[] = {
    [DECISION_DONE] = "done",     [DECISION_NOT_DONE] = "not_done", [DECISION_RETRY] = "retry",
    [DECISION_FAIL] = "fail",     [DECISION_UNDO] = "undo",         [DECISION_APPROVE] = "approve",
    [DECISION_REJECT] = "reject", [DECISION_REVISE] = "revise",     [DECISION_ANSWER] = "answer",
};
static const char *const purpose_names[] = {
    [TIMER_ATTEMPT] = "attempt", [TIMER_RETRY] = "retry",       [TIMER_WAIT] = "wait",
    [TIMER_GROUP] = "group",     [TIMER_DEADLINE] = "deadline", [TIMER_WORK] = "work",
    [TIMER_ASK] = "ask",         [TIMER_REMIND] = "remind",     [TIMER_ESCALATE] = "escalate",
    [TIMER_PROBE] = "probe",     [TIMER_STATE] = "state",       [TIMER_RETURN] = "return",
    [TIMER_DOUBT] = "doubt",     [TIMER_HEDGE] = "hedge",
};

/* Numbers come from rows that a later release may have written. */
#define NAME_IN(names, n) ((size_t)(n) < ARRAY_LEN(names) && (names)[n] ? (names)[n] : "?")

const char *error_kind_name(ErrorKind k) { return NAME_IN(kind_names, k); }

ErrorKind error_kind_from(Str name) {
    for (size_t k = KIND_NONE + 1; k < KIND_COUNT; k++) {
        if (str_is(name, kind_names[k]))
            return (ErrorKind)k;
    }
    return KIND_NONE;
}

const char *status_name(Status s) { return NAME_IN(status_names, s); }

/* ---- text ------------------------------------------------------------------------------------------------------------ */

/* One line stays one line, whatever a message or a signal's name holds; JSON is written without newlines by most. */
static void write_one_line(Buf *b, Str s) {
    for (size_t i = 0; i < s.len; i++)
        buf_char(b, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
}

static void write_word(Buf *b, const char *before, Str s) {
    if (!s.len)
        return;
    buf_str_add(b, str_from(before));
    write_one_line(b, s);
}

static void write_count(Buf *b, const char *name, int64_t n) {
    if (n)
        buf_fmt(b, " %s=%lld", name, (long long)n);
}

static void write_finished(Buf *b, const Fact *f) {
    buf_fmt(b, " %s", NAME_IN(outcome_names, f->outcome));
    if (f->outcome != OUTCOME_OK) {
        write_word(b, " ", f->error_kind);
        buf_fmt(b, " (%s)", NAME_IN(sent_names, f->sent));
        write_word(b, ": ", f->message);
    }
    write_count(b, "tokens_in", f->usage.tokens_in);
    write_count(b, "tokens_out", f->usage.tokens_out);
    write_count(b, "tokens_cached", f->usage.tokens_cached);
    write_count(b, "tokens_reasoning", f->usage.tokens_reasoning);
    write_count(b, "cost_nano", f->usage.cost_nano);
    write_count(b, "cpu_us", f->usage.cpu_us);
    write_count(b, "peak_bytes", f->usage.peak_bytes);
    write_count(b, "queued_us", f->queued_us);
    write_count(b, "took_us", f->took_us);
    write_count(b, "retry_after_ms", f->retry_after_ms);
    if (f->reused)
        buf_str_add(b, STR(" reused"));
    write_word(b, " of run ", f->from);
    write_word(b, " at ", f->id);
}

static void write_details(Buf *b, const Fact *f) {
    switch (f->kind) {
    case FACT_ACCEPTED:
        write_word(b, " ", f->run);
        write_word(b, " of ", f->name);
        write_word(b, " in ", f->dir);
        buf_fmt(b, " seed %llx", (unsigned long long)f->seed);
        write_word(b, " reusing ", f->from);
        if (f->upto)
            buf_fmt(b, " up to row %llu", (unsigned long long)f->upto);
        write_word(b, " before ", f->id);
        write_word(b, " by ", f->by);
        write_word(b, " correlation ", f->correlation);
        write_word(b, " past ", f->past);
        if (f->purpose == ACCEPT_LISTEN)
            buf_str_add(b, STR(" to listen"));
        write_word(b, " child of ", f->shown);
        return;
    case FACT_CHILD:
        write_word(b, " ", f->run);
        write_finished(b, f);
        write_word(b, " spent ", f->shown);
        return;
    case FACT_FINISHED: write_finished(b, f); return;
    case FACT_TIMER: buf_fmt(b, " %s", NAME_IN(purpose_names, f->purpose)); return;
    case FACT_CONTROL: buf_fmt(b, " %s", NAME_IN(control_names, f->verb)); break;
    case FACT_DECISION: buf_fmt(b, " %s", NAME_IN(decision_names, f->verb)); break;
    case FACT_DISPATCHING:
        write_count(b, "generation", f->generation);
        write_count(b, "since_ms", f->since_ms);
        write_word(b, " given up by run ", f->from);
        return;
    case FACT_MAIL:
        write_word(b, " ", f->name);
        write_word(b, " run ", f->run);
        return;
    case FACT_PROGRESS:
    case FACT_SIGNAL:
    case FACT_EVENT:
    case FACT_MIGRATED:
    case FACT_RECOVERED: write_word(b, " ", f->name); break;
    }
    write_word(b, " id ", f->id);
    write_word(b, " from ", f->from);
    write_word(b, " shown ", f->shown);
    write_word(b, ": ", f->message);
}

void fact_write_text(Buf *b, const Fact *f) {
    buf_fmt(b, "@%lld %s", (long long)f->time_ms, NAME_IN(fact_names, f->kind));
    write_word(b, " ", f->address);
    if (f->attempt)
        buf_fmt(b, "#%u", f->attempt);
    write_details(b, f);
    if (f->kind != FACT_MIGRATED) /* whole files */
        write_word(b, " ", f->payload);
}

void move_write_text(Buf *b, const Move *m) {
    if (m->address.len)
        write_one_line(b, m->address);
    else
        buf_str_add(b, STR("(run)"));
    buf_fmt(b, " %s > %s", status_name(m->from), status_name(m->to));
    if (m->attempt)
        buf_fmt(b, " #%u", m->attempt);
    if (m->choice.len) {
        write_word(b, " (", m->choice);
        buf_char(b, ')');
    }
}
