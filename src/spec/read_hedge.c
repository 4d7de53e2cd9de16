/* hedge: who does not answer in time is asked a second time, beside the first. Only where that does no harm. */
#include "spec/read.h"

void read_hedge(Reader *r, const Yaml *y, int64_t *ret_ms) {
    if (read_duration(r, y, "`hedge`", ret_ms) && *ret_ms == 0)
        error_at(r, y, "value", "like `hedge: 2s`", "`hedge` is longer than nothing");
}

typedef struct Asked {
    const Callee *callee;
    Effect effect;
    bool undone, keyed;
    int64_t hedge_ms, timeout_ms;
} Asked;

/* A model is asked for words: whatever its tools do, each says for itself. */
static void check(Reader *r, const Yaml *at, const Asked *a) {
    CalleeKind kind = a->callee->kind;
    if (kind == CALLEE_CALL || kind == CALLEE_HUMAN)
        error_at(r, at, "verb",
                 kind == CALLEE_CALL ? "say it on what its steps ask"
                                     : "say `remind` or `escalation`",
                 "%s is not asked a second time", kind == CALLEE_CALL ? "a workflow" : "a person");
    else if (kind != CALLEE_MODEL && a->effect == EFFECT_UNSAFE)
        error_at(
            r, at, "effect",
            "say `effect: read`, `idempotent` or `keyed` if it may be sent again; else leave it out",
            "`hedge` sends it a second time while the first may still be done, and this is "
            "`unsafe`");
    else if (kind != CALLEE_MODEL && a->keyed)
        error_at(r, at, "effect", "`effect: keyed` without `key:` may be hedged",
                 "`key:` makes one effect of it in every run; `hedge` would have two on the way");
    else if (kind != CALLEE_MODEL && a->undone)
        error_at(r, at, "effect", "leave one of them out",
                 "what `hedge` leaves behind may still happen after `undo` has taken it back");
    else if (a->timeout_ms && a->hedge_ms >= a->timeout_ms)
        warn_at(r, at, "unused", "a shorter time", "`hedge` is not shorter than `timeout`");
}

void check_hedge_of_callee(Reader *r, const Yaml *y, const Callee *c) {
    const Yaml *at = yaml_get(y, "hedge");
    if (c->hedge_ms && c->kind)
        check(r, at ? at : y,
              &(Asked){ .callee = c,
                        .effect = c->effect,
                        .undone = c->undo,
                        .hedge_ms = c->hedge_ms,
                        .timeout_ms = c->timeout_ms });
}

/* What stands here, or what the callee says and this step makes harmful. */
void check_hedge_of_step(Reader *r, const Yaml *y, const Node *n) {
    static const char *const words[] = { "hedge", "effect", "key", "undo" };
    const Callee *c = n->callee;
    const Yaml *at = NULL;
    for (size_t i = 0; i < ARRAY_LEN(words) && !at; i++)
        at = yaml_get(y, words[i]);
    if (at && c && (n->hedge_ms || c->hedge_ms))
        check(r, at,
              &(Asked){ .callee = c,
                        .effect = c->kind == CALLEE_A2A ? c->effect : n->effect,
                        .undone = n->undo || c->undo,
                        .keyed = yaml_get(y, "key") != NULL,
                        .hedge_ms = n->hedge_ms ? n->hedge_ms : c->hedge_ms,
                        .timeout_ms = n->timeout_ms ? n->timeout_ms : c->timeout_ms });
}
