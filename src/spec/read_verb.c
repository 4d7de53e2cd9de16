/* The verbs whose value is more than a name: wait and fail. */
#include "spec/read.h"

#include "base/limits.h"
#include "base/time.h"

enum { BODY = SEES_STEPS | SEES_LOOP | SEES_ROUND };

/* ---- wait ------------------------------------------------------------------------------------------------------------ */

/* An expression, or a moment as text, which is no expression. */
static void wait_until(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Node *n = target;
    int64_t seconds;
    uint32_t nanos;
    if (value->kind != YAML_SCALAR || !time_parse(value->text, &seconds, &nanos)) {
        Template *t = n->until = ARENA_NEW(r->arena, Template);
        *t = (Template){ .kind = TEMPLATE_EXPR, .pos = yaml_pos(value) };
        read_later(r, value, n, BODY, NULL, &t->program);
        return;
    }
    Template *t = n->until = ARENA_NEW(r->arena, Template);
    *t = (Template){ .kind = TEMPLATE_CONST,
                     .pos = yaml_pos(value),
                     .constant = { .type = V_TIMESTAMP, .len = nanos, .i = seconds } };
}

static void wait_signal(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_text(r, value, "the name of a signal", &((Node *)target)->signal);
}

Str read_events(Reader *r, const Yaml *y, Str **ret_types, size_t *ret_n) {
    read_event_types(r, y, ret_types, ret_n);
    Buf b = BUF_INIT(4 * KIB);
    for (size_t i = 0; i < *ret_n; i++)
        buf_fmt(&b, "%s%.*s", i ? ", " : "event ", STR_FMT((*ret_types)[i]));
    Str waits_for = arena_str(r->arena, buf_str(&b));
    buf_deinit(&b);
    return waits_for;
}

static void wait_event(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Node *n = target;
    (void)key;
    n->waits_for = read_events(r, value, &n->events, &n->n_events);
}

/* Sees the one thing that is waited for: read when it is known which that is. */
static void wait_if(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key, (void)value, (void)target;
}

static void wait_timeout(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`timeout`", &((Node *)target)->wait_timeout_ms);
}

static const KeyRow wait_rows[] = {
    { "until", wait_until }, { "signal", wait_signal },   { "event", wait_event },
    { "if", wait_if },       { "timeout", wait_timeout },
};

void read_wait(Reader *r, const Yaml *y, Node *node) {
    if (y->kind != YAML_MAP) {
        read_duration(r, y, "`wait`", &node->wait_ms);
        return;
    }
    Sight sight = { .node = node };
    read_block(r, y, language_block(STR("Wait")), wait_rows, ARRAY_LEN(wait_rows), &sight, node);
    const Yaml *signal = yaml_get(y, "signal"), *until = yaml_get(y, "until");
    const Yaml *event = yaml_get(y, "event"), *if_ = yaml_get(y, "if");
    if (if_)
        read_later(r, if_, node, BODY | (event ? SEES_EVENT : SEES_SIGNAL), NULL, &node->wait_if);
    if ((signal != NULL) + (until != NULL) + (event != NULL) != 1)
        error_at(r, y, "value",
                 "`wait: 2h`, `wait: { until: ... }`, `wait: { signal: NAME }` or `wait: { event: "
                 "TYPE }`",
                 "`wait` is for one thing: a time, a signal or an event");
    else if (until && (yaml_get(y, "if") || yaml_get(y, "timeout")))
        error_at(r, y, "value", NULL, "`if` and `timeout` go with `signal` and `event` only");
}

/* ---- fail ------------------------------------------------------------------------------------------------------------ */

static void fail_message(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_later(r, value, target, BODY, &((Node *)target)->fail_message, NULL);
}

static void fail_data(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_later(r, value, target, BODY, &((Node *)target)->fail_data, NULL);
}

static void fail_kind(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Str kind;
    if (read_id(r, value, "the kind of an error", &kind))
        ((Node *)target)->fail_kind = kind;
}

static const KeyRow fail_rows[] = {
    { "message", fail_message },
    { "kind", fail_kind },
    { "data", fail_data },
};

void read_fail(Reader *r, const Yaml *y, Node *node) {
    if (y->kind != YAML_MAP) {
        fail_message(r, y, y, node);
        return;
    }
    Sight sight = { .node = node };
    read_block(r, y, language_block(STR("Fail")), fail_rows, ARRAY_LEN(fail_rows), &sight, node);
}
