/* budgets: { team: { per: month, label: customer, cost: 50.00, on_breach: fail } }: what all runs of the project together
 * may spend. The engine keeps the accounts (engine/account.c); a run pins the limits as they stood when it began. */
#include "spec/read.h"

/* An attempt asks each of them. */
#define BUDGETS_MAX 64

static const Sight nothing;

static ProjectBudget *budget_of(void *target) { return target; }

static void set_per(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Str s;
    if (!read_text(r, value, "`per`", &s))
        return;
    if (!str_is(s, "day") && !str_is(s, "month"))
        error_at(r, value, "value", "`day` or `month`", "`per` cannot be `%.*s`",
                 (int)MIN(s.len, 40), s.p);
    budget_of(target)->monthly = str_is(s, "month");
}

static void set_label(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_text(r, value, "`label`", &budget_of(target)->label);
}

static void set_cost(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_money(r, value, &budget_of(target)->most[BOUND_COST]);
}

static void set_tokens(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_count(r, value, "`tokens`", 0, INT64_C(1000000000000000),
               &budget_of(target)->most[BOUND_TOKENS]);
}

static void set_calls(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_count(r, value, "`calls`", 0, INT64_C(1000000000000),
               &budget_of(target)->most[BOUND_CALLS]);
}

static void set_on_breach(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_on_breach(r, value, &budget_of(target)->on_breach_fail);
}

static const KeyRow rows[] = {
    { "per", set_per },       { "label", set_label }, { "cost", set_cost },
    { "tokens", set_tokens }, { "calls", set_calls }, { "on_breach", set_on_breach },
};

static void read_budget(Reader *r, const Yaml *key, const Yaml *value, ProjectBudget *b) {
    *b = (ProjectBudget){ .label = STR(""), .most = { -1, -1, -1 }, .pos = yaml_pos(key) };
    if (!read_id(r, key, "the name of a budget", &b->name) || !read_is_map(r, value, "a budget"))
        return;
    size_t errors = r->diags->errors;
    read_block(r, value, language_block(STR("Budget")), rows, ARRAY_LEN(rows), &nothing, b);
    if (errors != r->diags->errors)
        return;
    if (!yaml_get(value, "per"))
        error_at(r, key, "missing", "`per: day` or `per: month`",
                 "a budget says when a new one begins");
    if (b->most[BOUND_COST] < 0 && b->most[BOUND_TOKENS] < 0 && b->most[BOUND_CALLS] < 0)
        error_at(r, key, "missing", "like `cost: 50.00`",
                 "a budget has at least one of `cost`, `tokens` and `calls`");
}

void read_budgets(Reader *r, const Yaml *y) {
    if (!read_is_map(r, y, "`budgets`"))
        return;
    if (y->n > BUDGETS_MAX) {
        error_at(r, y, "limit", NULL, "too many budgets: at most %d", BUDGETS_MAX);
        return;
    }
    r->plan->budgets = ARENA_ARRAY(r->arena, ProjectBudget, y->n);
    for (size_t i = 0; i < y->n; i++)
        read_budget(r, y->entries[i].key, y->entries[i].value,
                    &r->plan->budgets[r->plan->n_budgets++]);
}
