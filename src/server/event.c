#include "server/event.h"

#include "base/json.h"

static const char *const fact_kinds[] = { "",         "accepted", "dispatching", "finished",
                                          "progress", "timer",    "signal",      "event",
                                          "decision", "child",    "mail",        "control",
                                          "migrated", "recovered" };
static const char *const outcomes[] = { "", "ok", "failed", "refused", "unknown" };
static const char *const sents[] = { "no", "maybe", "yes" };
static const char *const controls[] = { "", "pause", "resume", "cancel", "retry", "limits" };
static const char *const decisions[] = { "",     "done",    "not_done", "retry",  "fail",
                                         "undo", "approve", "reject",   "revise", "answer" };
static const char *const statuses[] = { "new",    "running", "retrying",  "in_doubt", "ok",
                                        "failed", "skipped", "cancelled", "held",     "waiting" };

#define WORD(names, n) str_from((size_t)(n) < ARRAY_LEN(names) ? (names)[n] : "?")

static uint32_t number_of(const char *const *names, size_t n, Value v) {
    for (uint32_t i = 0; value_is(v, V_STRING) && i < n; i++) {
        if (str_is(value_as_str(v), names[i]))
            return i;
    }
    return 0;
}
#define NUMBER(names, v) number_of(names, ARRAY_LEN(names), v)

/* ---- writing */

static void add_finished(MapBuilder *m, const Fact *f) {
    map_addz(m, "outcome", value_str(WORD(outcomes, f->outcome)));
    if (f->outcome != OUTCOME_OK)
        map_addz(m, "sent", value_str(WORD(sents, f->sent)));
    map_add_text(m, "error", f->error_kind);
    map_add_count(m, "tokens_in", f->usage.tokens_in);
    map_add_count(m, "tokens_out", f->usage.tokens_out);
    map_add_count(m, "tokens_cached", f->usage.tokens_cached);
    map_add_count(m, "tokens_reasoning", f->usage.tokens_reasoning);
    map_add_count(m, "cost_nano", f->usage.cost_nano);
    map_add_count(m, "cpu_us", f->usage.cpu_us);
    map_add_count(m, "peak_bytes", f->usage.peak_bytes);
    map_add_count(m, "queued_us", f->queued_us);
    map_add_count(m, "took_us", f->took_us);
    map_add_count(m, "retry_after_ms", f->retry_after_ms);
    if (f->reused)
        map_addz(m, "reused", value_bool(true));
}

static void add_payload(MapBuilder *m, const RowFact *f, Arena *a) {
    if (f->erased) {
        map_addz(m, "forgotten", value_bool(true));
        return;
    }
    Value v;
    if (!f->fact.payload.len)
        return;
    map_addz(m, "payload",
             json_read(a, f->fact.payload, &v, NULL) == 0 ? v : value_str(f->fact.payload));
}

static Value fact_value(const RowFact *row, bool payloads, Arena *a) {
    const Fact *f = &row->fact;
    MapBuilder m = map_builder(a);
    map_addz(&m, "kind", value_str(WORD(fact_kinds, f->kind)));
    map_addz(&m, "time", value_int(f->time_ms));
    map_add_text(&m, "address", f->address);
    map_add_count(&m, "attempt", f->attempt);
    if (f->kind == FACT_FINISHED)
        add_finished(&m, f);
    if (f->kind == FACT_CONTROL)
        map_addz(&m, "verb", value_str(WORD(controls, f->verb)));
    if (f->kind == FACT_DECISION)
        map_addz(&m, "verb", value_str(WORD(decisions, f->verb)));
    map_add_count(&m, "purpose", f->purpose);
    map_add_text(&m, "message", f->message);
    map_add_text(&m, "run", f->run);
    map_add_text(&m, "name", f->name);
    map_add_text(&m, "id", f->id);
    map_add_text(&m, "from", f->from);
    map_add_text(&m, "shown", f->shown);
    map_add_text(&m, "by", f->by);
    if (payloads)
        add_payload(&m, row, a);
    return map_done(&m, NULL);
}

static Value move_value(const Move *mv, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "cause", value_int(mv->cause));
    map_addz(&m, "address", value_str(mv->address.p ? mv->address : STR("")));
    map_addz(&m, "from", value_str(WORD(statuses, mv->from)));
    map_addz(&m, "to", value_str(WORD(statuses, mv->to)));
    map_add_count(&m, "attempt", mv->attempt);
    map_add_text(&m, "choice", mv->choice);
    return map_done(&m, NULL);
}

Value event_value(uint64_t seq, const Row *row, bool payloads, Arena *a) {
    ListBuilder facts = list_builder(a), moves = list_builder(a);
    for (size_t i = 0; i < row->n_facts; i++)
        list_add(&facts, fact_value(&row->facts[i], payloads, a));
    for (size_t i = 0; i < row->n_moves; i++)
        list_add(&moves, move_value(&row->moves[i], a));
    MapBuilder m = map_builder(a);
    map_addz(&m, "seq", value_uint(seq));
    map_addz(&m, "facts", list_done(&facts));
    map_addz(&m, "moves", list_done(&moves));
    return map_done(&m, NULL);
}

/* ---- reading */

static Str text_of(Value v, const char *key) {
    Value t = value_getz(v, key);
    return value_is(t, V_STRING) ? value_as_str(t) : STR("");
}

static int64_t count_of(Value v, const char *key) {
    Value n = value_getz(v, key);
    return value_is(n, V_INT) ? n.i : 0;
}

static Fact read_fact(Value v) {
    FactKind kind = (FactKind)NUMBER(fact_kinds, value_getz(v, "kind"));
    return (Fact){
        .kind = kind,
        .time_ms = count_of(v, "time"),
        .address = text_of(v, "address"),
        .attempt = (uint32_t)count_of(v, "attempt"),
        .purpose = (uint32_t)count_of(v, "purpose"),
        .outcome = (Outcome)NUMBER(outcomes, value_getz(v, "outcome")),
        .sent = (Sent)NUMBER(sents, value_getz(v, "sent")),
        .error_kind = text_of(v, "error"),
        .message = text_of(v, "message"),
        .usage = { .tokens_in = count_of(v, "tokens_in"),
                   .tokens_out = count_of(v, "tokens_out"),
                   .tokens_cached = count_of(v, "tokens_cached"),
                   .tokens_reasoning = count_of(v, "tokens_reasoning"),
                   .cost_nano = count_of(v, "cost_nano"),
                   .cpu_us = count_of(v, "cpu_us"),
                   .peak_bytes = count_of(v, "peak_bytes") },
        .queued_us = count_of(v, "queued_us"),
        .took_us = count_of(v, "took_us"),
        .retry_after_ms = count_of(v, "retry_after_ms"),
        .reused = value_is(value_getz(v, "reused"), V_BOOL),
        .run = text_of(v, "run"),
        .name = text_of(v, "name"),
        .id = text_of(v, "id"),
        .from = text_of(v, "from"),
        .shown = text_of(v, "shown"),
        .by = text_of(v, "by"),
        .verb = kind == FACT_CONTROL ? NUMBER(controls, value_getz(v, "verb"))
                                     : NUMBER(decisions, value_getz(v, "verb")),
    };
}

static Move read_move(Value v) {
    return (Move){ .cause = (uint32_t)count_of(v, "cause"),
                   .address = text_of(v, "address"),
                   .from = (Status)NUMBER(statuses, value_getz(v, "from")),
                   .to = (Status)NUMBER(statuses, value_getz(v, "to")),
                   .attempt = (uint32_t)count_of(v, "attempt"),
                   .choice = text_of(v, "choice") };
}

int event_row(Value v, Arena *a, uint64_t *ret_seq, Row *ret_row) {
    Value facts = value_getz(v, "facts"), moves = value_getz(v, "moves"),
          seq = value_getz(v, "seq");
    if (!value_is(facts, V_LIST) || !value_is(moves, V_LIST) || !value_is(seq, V_INT))
        return EVENT_E_INVALID;
    Row row = { .n_facts = facts.len, .n_moves = moves.len };
    row.facts = ARENA_ARRAY(a, RowFact, facts.len + 1u);
    row.moves = ARENA_ARRAY(a, Move, moves.len + 1u);
    for (size_t i = 0; i < facts.len; i++)
        row.facts[i].fact = read_fact(facts.items[i]);
    for (size_t i = 0; i < moves.len; i++)
        row.moves[i] = read_move(moves.items[i]);
    *ret_seq = (uint64_t)seq.i;
    *ret_row = row;
    return 0;
}
