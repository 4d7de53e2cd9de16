/* The values of a step's modifiers: limits for repeat join retry timeout on_error. */
#include "spec/read.h"

#include "base/limits.h"

/* These maps hold no expressions but those that their rows read later. */
static const Sight nothing;

/* ---- limits ---------------------------------------------------------------------------------------------------------- */

static int64_t *limit_of(void *target, Bound bound, const Yaml *value) {
    Limits *limits = target;
    limits->pos[bound] = yaml_pos(value);
    return &limits->most[bound];
}

#define COUNT_ROW(field, bound)                                                                    \
    static void limit_##field(Reader *r, const Yaml *key, const Yaml *value, void *target) {       \
        (void)key;                                                                                 \
        read_count(r, value, "`" #field "`", 0, INT64_C(1000000000000),                            \
                   limit_of(target, bound, value));                                                \
    }
COUNT_ROW(tokens, BOUND_TOKENS)
COUNT_ROW(calls, BOUND_CALLS)
COUNT_ROW(agents, BOUND_AGENTS)
COUNT_ROW(retries, BOUND_RETRIES)
COUNT_ROW(depth, BOUND_DEPTH)

static void limit_cost(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_money(r, value, limit_of(target, BOUND_COST, value));
}

static void limit_time(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`time`", limit_of(target, BOUND_TIME, value));
}

static void limit_deadline(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`deadline`", limit_of(target, BOUND_DEADLINE, value));
}

static void limit_degrade_at(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    int32_t percent;
    if (!read_percent(r, value, "`degrade_at`", &percent))
        return;
    if (percent < 1 || percent > 100)
        error_at(r, value, "value", "like 80%", "`degrade_at` is from 1%% to 100%%");
    ((Limits *)target)->degrade_percent = percent;
}

void read_on_breach(Reader *r, const Yaml *y, bool *ret_fail) {
    static const char *const words[] = { "pause", "fail" };
    size_t which;
    if (read_choice(r, y, "`on_breach`", words, ARRAY_LEN(words), &which))
        *ret_fail = which == 1;
}

static void limit_on_breach(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_on_breach(r, value, &((Limits *)target)->on_breach_fail);
}

static const KeyRow limit_rows[] = {
    { "cost", limit_cost },
    { "tokens", limit_tokens },
    { "calls", limit_calls },
    { "time", limit_time },
    { "deadline", limit_deadline },
    { "agents", limit_agents },
    { "depth", limit_depth },
    { "retries", limit_retries },
    { "degrade_at", limit_degrade_at },
    { "on_breach", limit_on_breach },
};

void read_limits(Reader *r, const Yaml *y, Limits *ret_limits) {
    if (!read_is_map(r, y, "`limits`"))
        return;
    ret_limits->any = true;
    read_block(r, y, language_block(STR("Limits")), limit_rows, ARRAY_LEN(limit_rows), &nothing,
               ret_limits);
}

/* ---- retry ----------------------------------------------------------------------------------------------------------- */

static const char *const kinds[] = {
    "refused",    "rejected",        "invalid",     "denied",       "check",    "not_found",
    "conflict",   "rate_limited",    "unavailable", "breaker_open", "timeout",  "cancelled",
    "crashed",    "content_refused", "budget",      "limit",        "no_route", "no_quorum",
    "all_failed", "in_doubt",        "internal",
};

static void retry_times(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`retry`", 0, 1000, &((Retry *)target)->times);
}

static void retry_delay(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`delay`", &((Retry *)target)->delay_ms);
}

static void retry_max_delay(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`max_delay`", &((Retry *)target)->max_delay_ms);
}

static void retry_factor(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    double factor;
    if (!read_number(r, value, "`factor`", &factor))
        return;
    if (!(factor >= 1 && factor <= 100))
        error_at(r, value, "value", NULL, "`factor` is from 1 to 100");
    ((Retry *)target)->factor = factor;
}

static void retry_jitter(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_percent(r, value, "`jitter`", &((Retry *)target)->jitter_percent);
}

/* Own kinds are allowed; a near miss of a known one is probably that one. */
static void warn_near_kind(Reader *r, const Yaml *y, Str kind) {
    Str names[ARRAY_LEN(kinds)];
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        names[i] = str_from(kinds[i]);
    Str near = str_nearest(kind, names, ARRAY_LEN(kinds));
    if (near.p && !str_eq(near, kind))
        warn_at(r, y, "unknown_name", near_remedy(r, kind, names, ARRAY_LEN(kinds)),
                "`%.*s` is no kind of error that Baton makes", STR_FMT(kind));
}

static void retry_except(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Retry *retry = target;
    if (!read_texts(r, value, "a kind of error", &retry->except, &retry->n_except))
        return;
    for (size_t i = 0; i < retry->n_except; i++)
        warn_near_kind(r, value->kind == YAML_LIST ? value->items[i] : value, retry->except[i]);
}

static const KeyRow retry_rows[] = {
    { "times", retry_times },         { "delay", retry_delay },   { "factor", retry_factor },
    { "max_delay", retry_max_delay }, { "jitter", retry_jitter }, { "except", retry_except },
};

void read_retry(Reader *r, const Yaml *y, Retry *ret_retry) {
    ret_retry->declared = true;
    if (y->kind != YAML_MAP) {
        read_int32(r, y, "`retry`", 0, 1000, &ret_retry->times);
        return;
    }
    read_block(r, y, language_block(STR("Retry")), retry_rows, ARRAY_LEN(retry_rows), &nothing,
               ret_retry);
}

/* ---- doubt ----------------------------------------------------------------------------------------------------------- */

static void doubt_deadline(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Doubt *d = target;
    if (read_duration(r, value, "`deadline`", &d->deadline_ms) && d->deadline_ms <= 0)
        error_at(r, value, "value", "like 24h", "nobody could settle it in no time");
}

static void doubt_on_timeout(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    static const char *const words[] = {
        [DOUBT_PARKS] = "park", [DOUBT_FAILS] = "fail", [DOUBT_UNDOES] = "undo"
    };
    (void)key;
    for (size_t i = 0; value->kind == YAML_SCALAR && i < ARRAY_LEN(words); i++)
        if (str_is(value->text, words[i])) {
            ((Doubt *)target)->on_timeout = (DoubtEnd)i;
            return;
        }
    bool again = value->kind == YAML_SCALAR &&
                 (str_is(value->text, "retry") || str_is(value->text, "not_done"));
    error_at(r, value, "value",
             again ? "a person may say so: `baton resolve RUN STEP --retry`"
                   : "`park`, `fail` or `undo`",
             again ? "nothing is done again because nobody answered" : "what then?");
}

static const KeyRow doubt_rows[] = { { "deadline", doubt_deadline },
                                     { "on_timeout", doubt_on_timeout } };

void read_doubt(Reader *r, const Yaml *y, bool undoes, Doubt *ret_doubt) {
    if (!read_is_map(r, y, "`doubt`"))
        return;
    read_block(r, y, language_block(STR("Doubt")), doubt_rows, ARRAY_LEN(doubt_rows), &nothing,
               ret_doubt);
    if (ret_doubt->on_timeout == DOUBT_UNDOES && !undoes)
        error_at(r, yaml_get(y, "on_timeout"), "missing", "add `undo: STEP` beside `doubt`",
                 "nothing here can take it back");
}

/* ---- timeout --------------------------------------------------------------------------------------------------------- */

typedef struct Timeout {
    int64_t attempt_ms, queue_ms;
} Timeout;

static void read_some_time(Reader *r, const Yaml *y, int64_t *ret_ms) {
    if (read_duration(r, y, "`timeout`", ret_ms) && *ret_ms == 0)
        error_at(r, y, "value", NULL, "`timeout` is longer than nothing");
}

static void timeout_attempt(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_some_time(r, value, &((Timeout *)target)->attempt_ms);
}

static void timeout_queue(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_some_time(r, value, &((Timeout *)target)->queue_ms);
}

static const KeyRow timeout_rows[] = {
    { "attempt", timeout_attempt },
    { "queue", timeout_queue },
};

void read_timeout(Reader *r, const Yaml *y, int64_t *ret_attempt_ms, int64_t *ret_queue_ms) {
    Timeout t = { *ret_attempt_ms, *ret_queue_ms };
    if (y->kind == YAML_MAP)
        read_block(r, y, language_block(STR("Timeout")), timeout_rows, ARRAY_LEN(timeout_rows),
                   &nothing, &t);
    else
        timeout_attempt(r, y, y, &t);
    *ret_attempt_ms = t.attempt_ms;
    *ret_queue_ms = t.queue_ms;
}

/* ---- for ------------------------------------------------------------------------------------------------------------- */

static ForEach *loop_of(void *target) { return ((Node *)target)->for_; }

/* Names an expression has anyway. */
static bool is_free(Reader *r, const Yaml *y, Str name) {
    static const char *const taken[] = { "input",   "state",      "vars",   "run",    "event",
                                         "steps",   "round",      "last",   "with",   "output",
                                         "detail",  "error",      "status", "signal", "task",
                                         "secrets", "evaluation", "board",  "post",   "votes",
                                         "text" };
    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        if (str_is(name, taken[i])) {
            error_at(r, y, "name", "choose another word",
                     "`%.*s` means something else in expressions already", STR_FMT(name));
            return false;
        }
    return true;
}

static void for_each(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Str name;
    if (read_id(r, value, "the name of a loop's item", &name) && is_free(r, value, name))
        loop_of(target)->each = name;
}

static void for_index(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Str name;
    if (read_id(r, value, "the name of a loop's index", &name) && is_free(r, value, name))
        loop_of(target)->index = name;
}

static void for_in(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    if (value->kind == YAML_MAP ||
        (value->kind == YAML_SCALAR && !text_has_expression(value->text)))
        error_at(r, value, "value", "like `in: \"${{ steps.plan.output.parts }}\"` or `in: [a, b]`",
                 "`in` is a list or an expression");
    read_later(r, value, target, SEES_STEPS, &loop_of(target)->in, NULL);
}

static void for_parallel(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`parallel`", 1, LIMIT_ITEMS, &loop_of(target)->parallel);
}

static void for_min(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`min`", 0, LIMIT_ITEMS, &loop_of(target)->min);
}

static void for_join(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_join(r, value, &loop_of(target)->join);
}

static const KeyRow for_rows[] = {
    { "each", for_each },         { "index", for_index }, { "in", for_in },
    { "parallel", for_parallel }, { "min", for_min },     { "join", for_join },
};

void read_for(Reader *r, const Yaml *y, Node *node) {
    if (y->kind != YAML_MAP) {
        error_at(r, y, "value", "like `for: { each: part, in: \"${{ ... }}\", parallel: 4 }`",
                 "`for` is a map");
        return;
    }
    ForEach *loop = node->for_ = ARENA_NEW(r->arena, ForEach);
    *loop = (ForEach){ .each = STR(""), .index = STR(""), .parallel = 16, .min = 1 };
    read_block(r, y, language_block(STR("For")), for_rows, ARRAY_LEN(for_rows), &nothing, node);
}

/* ---- repeat, join ---------------------------------------------------------------------------------------------------- */

static void repeat_max(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_int32(r, value, "`max`", 1, 1000000, &((Node *)target)->repeat->max);
}

static void repeat_until(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_later(r, value, target, SEES_STEPS | SEES_LOOP | SEES_ROUND | SEES_AFTER, NULL,
               &((Node *)target)->repeat->until);
}

static const KeyRow repeat_rows[] = { { "max", repeat_max }, { "until", repeat_until } };

void read_repeat(Reader *r, const Yaml *y, Node *node) {
    if (y->kind != YAML_MAP) {
        error_at(r, y, "missing", "like `repeat: { max: 3, until: output.score >= 0.8 }`",
                 "`repeat` needs `max`: no loop without a bound");
        return;
    }
    node->repeat = ARENA_NEW(r->arena, Repeat);
    node->repeat->max = 1;
    read_block(r, y, language_block(STR("Repeat")), repeat_rows, ARRAY_LEN(repeat_rows), &nothing,
               node);
}

void read_join(Reader *r, const Yaml *y, Join *ret_join) {
    if (y->kind == YAML_SCALAR && str_is(y->text, "all"))
        ret_join->kind = JOIN_ALL;
    else if (y->kind == YAML_SCALAR && str_is(y->text, "any"))
        ret_join->kind = JOIN_ANY;
    else if (read_int32(r, y, "`join` (all, any or how many)", 1, LIMIT_ITEMS, &ret_join->count))
        ret_join->kind = JOIN_COUNT;
}

/* ---- on_error -------------------------------------------------------------------------------------------------------- */

static void refuse_key_of_handler(Reader *r, const Yaml *y, const char *word) {
    for (size_t i = 0; i < y->n; i++)
        if (str_is(y->entries[i].key->text, word))
            error_at(r, y->entries[i].key, "verb", NULL, "a step of `on_error` has no `%s`", word);
}

static void read_handler(Reader *r, const Yaml *y, Node *node) {
    if (!read_is_map(r, y, "a step of `on_error`"))
        return;
    if (r->plan->n_nodes >= LIMIT_STEPS) {
        error_at(r, y, "limit", NULL, "a file has at most %d steps", LIMIT_STEPS);
        return;
    }
    refuse_key_of_handler(r, y, "id");
    refuse_key_of_handler(r, y, "needs");
    Node *step = read_new_node(r, y, STR("on_error"), node->parent);
    step->handler_of = node;
    step->index = (uint32_t)node->n_handlers;
    OnError *h = &node->handlers[node->n_handlers++];
    h->step = step;
    read_step(r, y, step, PLACE_STEP);
    const Yaml *guard = yaml_get(y, "if");
    if (guard)
        read_later(r, guard, step, SEES_STEPS, NULL, &h->if_);
}

void read_on_error(Reader *r, const Yaml *y, Node *node) {
    if (y->kind == YAML_SCALAR) {
        if (str_is(y->text, "continue"))
            node->on_error = ON_ERROR_CONTINUE;
        else if (!str_is(y->text, "fail"))
            error_at(r, y, "value", "`fail`, `continue`, a step, or a list of steps with `if`",
                     "`on_error` cannot be `%.*s`", (int)MIN(y->text.len, 40), y->text.p);
        return;
    }
    size_t n = y->kind == YAML_LIST ? y->n : 1;
    if (n == 0)
        error_at(r, y, "value", NULL, "`on_error` is empty");
    node->on_error = ON_ERROR_STEPS;
    node->handlers = ARENA_ARRAY(r->arena, OnError, n);
    for (size_t i = 0; i < n; i++)
        read_handler(r, y->kind == YAML_LIST ? y->items[i] : y, node);
}
