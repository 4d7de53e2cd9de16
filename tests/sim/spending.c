/* 11: what is spent stays within its limit. Counted from the rows alone: each attempt at a model that a row wants is a call of the
 * step it stands in and of all that is around it, unless it was not let through or its outcome was recorded before. */
#include "sim.h"

#include "base/json.h"
#include "spec/plan.h"

typedef struct Purse { /* of one step, in one of its items and rounds; empty: the run's */
    Str address;
    int64_t most, calls; /* most < 0: no limit */
} Purse;
typedef struct Purses {
    World *w;
    const SimRun *run;
    const Plan *plan;
    Arena *a;
    Purse items[128];
    size_t n;
} Purses;

/* "t1/t2[0]~1" stands in "t1/t2[0]", that in "t1/t2", that in "t1", that in the run; a turn "t1.2" in "t1"; "t1/t2:3" is one step
 * of "t1", come to for the third time. */
static bool parts(Str address, size_t at) {
    bool serial = address.p[at] == ':' && at + 1 < address.len && address.p[at + 1] <= '9';
    return strchr("/[~.:", address.p[at]) && !serial;
}

static Str outside(Str address) {
    size_t n = address.len;
    while (n > 0 && !parts(address, n - 1))
        n--;
    return str_slice(address, 0, n ? n - 1 : 0);
}

static bool is_a_turn(Str address) {
    size_t n = outside(address).len;
    return n > 0 && address.p[n] == '.' && str_find(outside(address), STR(".")) < 0;
}

/* The limit stands at the step, around its items and rounds. */
static int64_t declared(const Purses *p, Str address) {
    if (address.len == 0)
        return p->plan->limits.most[BOUND_CALLS];
    char last = address.p[outside(address).len];
    if (outside(address).len && last != '/')
        return -1;
    const Node *node = oracle_node(p->plan, address);
    return node ? node->limits.most[BOUND_CALLS] : -1;
}

static Purse *purse(Purses *p, Str address) {
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->items[i].address, address))
            return &p->items[i];
    if (p->n == ARRAY_LEN(p->items))
        return NULL;
    p->items[p->n] = (Purse){ .address = address, .most = declared(p, address) };
    return &p->items[p->n++];
}

static void count(Purses *p, Str turn, int calls) {
    for (Str at = outside(turn);; at = outside(at)) {
        Purse *one = purse(p, at);
        if (one)
            one->calls += calls;
        if (one && calls > 0 && one->most >= 0 && one->calls > one->most)
            world_fail(p->w, "11: %.*s calls for the %lldth time in `%.*s`, which may %lld times",
                       STR_FMT(p->run->id), (long long)one->calls, STR_FMT(at),
                       (long long)one->most);
        if (at.len == 0)
            return;
    }
}

/* { "t1/t2.calls": 7, "calls": 9 }: of the step wherever it stands, or of one item of it. */
static void raise(Purses *p, Str limits) {
    Value map;
    if (json_read(p->a, limits, &map, NULL))
        return;
    for (uint32_t i = 0; i < map.len; i++) {
        Str name = value_as_str(value_entry(map, i).key);
        bool step = name.len > 6 && str_is(str_slice(name, name.len - 6, name.len), ".calls");
        bool calls = step || str_is(name, "calls");
        Purse *one = calls ? purse(p, step ? str_slice(name, 0, name.len - 6) : STR("")) : NULL;
        if (one)
            one->most = value_entry(map, i).value.i;
    }
}

/* False: a person has it done again, and what was spent before that is beyond any limit. */
static bool take_fact(Purses *p, const Fact *f) {
    if (f->kind == FACT_FINISHED && is_a_turn(f->address) &&
        (f->reused || f->outcome == OUTCOME_REFUSED))
        count(p, f->address, -1);
    if (f->kind == FACT_CONTROL && f->verb == CONTROL_LIMITS)
        raise(p, f->payload);
    return f->kind != FACT_CONTROL || f->verb != CONTROL_RETRY;
}

void oracle_spending(World *w, const SimRun *run, const History *h, const Plan *plan, Arena *a) {
    Purses *p = ARENA_NEW(a, Purses);
    *p = (Purses){ .w = w, .run = run, .plan = plan, .a = a };
    for (size_t i = 0; i < h->stored.n_rows; i++) {
        const Row *row = &h->rows[i];
        size_t m = 0;
        for (size_t f = 0; f < row->n_facts; f++) {
            if (!take_fact(p, &row->facts[f].fact))
                return;
            for (; m < row->n_moves && row->moves[m].cause == f; m++)
                if (row->moves[m].attempt && is_a_turn(row->moves[m].address))
                    count(p, row->moves[m].address, 1);
        }
    }
}
