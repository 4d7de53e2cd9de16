#include "engine/account.h"

#include "base/hash.h"
#include "base/money.h"
#include "base/time.h"
#include "kernel/run.h"

#include <stdio.h>
#include <stdlib.h>

#define ACCOUNT_BUCKETS 256

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static Account *account_keyed(Engine *e, Str key) {
    uint64_t hash = hash_fast(key, 0);
    if (!e->accounts)
        e->accounts = xcalloc(ACCOUNT_BUCKETS, sizeof *e->accounts);
    Account **bucket = &e->accounts[hash % ACCOUNT_BUCKETS];
    for (Account *a = *bucket; a; a = a->bucket_next)
        if (a->hash == hash && str_eq(str_from(a->key), key))
            return a;
    Account *a = xcalloc(1, sizeof *a);
    a->key = xstrndup(key.p, key.len);
    a->info = xstrndup("{}", 2);
    a->hash = hash;
    for (Bound i = 0; i < ACCOUNT_SUMS; i++)
        a->most[i] = -1;
    a->bucket_next = *bucket;
    *bucket = a;
    return a;
}

void accounts_deinit(Engine *e) {
    for (size_t i = 0; e->accounts && i < ACCOUNT_BUCKETS; i++) {
        for (Account *a = e->accounts[i], *next; a; a = next) {
            next = a->bucket_next;
            free(a->key);
            free(a->info);
            free(a);
        }
    }
    free(e->accounts);
}

/* Before anything may pass: what earlier engines left. */
void accounts_entered(Engine *e, const StoreAccount *stored, size_t n) {
    for (size_t i = 0; e->accounts && i < ACCOUNT_BUCKETS; i++)
        for (Account *a = e->accounts[i]; a; a = a->bucket_next)
            for (Bound k = 0; k < ACCOUNT_SUMS; k++)
                a->spent[k] = a->own[k] = 0;
    for (size_t i = 0; i < n; i++) {
        Account *a = account_keyed(e, stored[i].key);
        const int64_t sums[ACCOUNT_SUMS] = { stored[i].cost, stored[i].tokens, stored[i].calls };
        for (Bound k = 0; k < ACCOUNT_SUMS; k++) {
            a->spent[k] += sums[k];
            if (stored[i].engine == e->lease.engine)
                a->own[k] = sums[k];
        }
        free(a->info);
        a->info = xstrndup(stored[i].info.p, stored[i].info.len);
    }
}

/* ---- which one ------------------------------------------------------------------------------------------------------- */

static Str window_of(const ProjectBudget *b, int64_t now_ms, Arena *a) {
    Civil c = civil_from_seconds(now_ms / 1000);
    return b->monthly ? arena_fmt(a, "%04lld-%02d", (long long)c.year, c.month)
                      : arena_fmt(a, "%04lld-%02d-%02d", (long long)c.year, c.month, c.day);
}

static Str label_of(const ProjectBudget *b, const Run *run, Arena *a) {
    Value v = b->label.len ? value_get(run_labels(run), b->label) : VALUE_ABSENT;
    return value_absent(v) || v.type == V_NULL ? STR("") : value_plain(a, v);
}

/* What lists show of it, where no run is there to ask. */
static void describe(Account *at, const ProjectBudget *b, Str window, Str label, Arena *a) {
    static const char *const names[ACCOUNT_SUMS] = { "cost_nano", "tokens", "calls" };
    MapBuilder m = map_builder(a), limit = map_builder(a);
    for (Bound i = 0; i < ACCOUNT_SUMS; i++)
        if (b->most[i] >= 0)
            map_addz(&limit, names[i], value_int(b->most[i]));
    map_addz(&m, "budget", value_str(b->name));
    map_addz(&m, "per", value_str(b->monthly ? STR("month") : STR("day")));
    map_addz(&m, "window", value_str(window));
    if (b->label.len) {
        map_addz(&m, "label", value_str(b->label));
        map_addz(&m, "value", value_str(label));
    }
    map_addz(&m, "limit", map_done(&limit, NULL));
    free(at->info);
    Str info = value_text(a, map_done(&m, NULL));
    at->info = xstrndup(info.p, info.len);
}

static Account *account_of(Engine *e, const ProjectBudget *b, const Run *run, Arena *a) {
    Str window = window_of(b, e->now_ms, a), label = label_of(b, run, a);
    Str key = arena_fmt(a, "%.*s|%.*s|%.*s", STR_FMT(b->name), STR_FMT(window), STR_FMT(label));
    Account *at = account_keyed(e, key);
    if (memcmp(at->most, b->most, sizeof at->most) != 0) {
        memcpy(at->most, b->most, sizeof at->most);
        describe(at, b, window, label, a);
    }
    return at;
}

/* ---- spending -------------------------------------------------------------------------------------------------------- */

static void stir(Engine *e, Account *a) {
    if (a->stirred || !a->first)
        return;
    a->stirred = true;
    a->next_stirred = e->stirred_accounts;
    e->stirred_accounts = a;
    engine_wake(e);
}

static void changed(Engine *e, Account *a) {
    if (a->changed)
        return;
    a->changed = true;
    a->next_changed = e->changed_accounts;
    e->changed_accounts = a;
    engine_wake(e);
}

static void spend(Engine *e, Account *a, const int64_t *amounts) {
    for (Bound i = 0; i < ACCOUNT_SUMS; i++) {
        a->spent[i] += amounts[i];
        a->own[i] += amounts[i];
    }
    changed(e, a);
}

/* What is reserved is given back; NULL: nothing was spent of it. */
static void settle(Engine *e, Flight *f, const int64_t *spent) {
    for (size_t i = 0; i < f->n_accounts; i++) {
        Account *a = f->accounts[i];
        for (Bound k = 0; k < ACCOUNT_SUMS; k++)
            a->reserved[k] -= f->reserved[k];
        if (spent)
            spend(e, a, spent);
        stir(e, a);
    }
    f->n_accounts = 0;
}

size_t accounts_changed(Engine *e, Arena *a, const StoreAccount **ret) {
    size_t n = 0;
    for (const Account *at = e->changed_accounts; at; at = at->next_changed)
        n++;
    StoreAccount *rows = ARENA_ARRAY(a, StoreAccount, n + 1);
    n = 0;
    for (Account *at = e->changed_accounts; at; at = at->next_changed) {
        at->changed = false;
        rows[n++] = (StoreAccount){ .key = str_from(at->key),
                                    .cost = at->own[BOUND_COST],
                                    .tokens = at->own[BOUND_TOKENS],
                                    .calls = at->own[BOUND_CALLS],
                                    .info = arena_str(a, str_from(at->info)) };
    }
    e->changed_accounts = NULL;
    *ret = rows;
    return n;
}

/* Another engine was lost with these under way: they may have been billed, all of what they could cost. One that left cleanly
 * has written what it left. */
void accounts_recovered(Engine *e, Resident *r) {
    const Plan *plan = run_plan(r->run);
    if (!e->lease.recovered || MUTANT(account_forgets_crash))
        return;
    for (Want *w = plan->n_budgets ? run_wants(r->run) : NULL; w; w = w->next) {
        bool gone = w->kind == WANT_ATTEMPT && !want_never_left(w);
        WantWorst worst = gone ? want_worst(w) : (WantWorst){ 0 };
        for (size_t i = 0; worst.calls && i < plan->n_budgets; i++)
            spend(e, account_of(e, &plan->budgets[i], r->run, &e->scratch),
                  (int64_t[]){ worst.cost, worst.tokens, worst.calls });
    }
}

/* ---- the gate -------------------------------------------------------------------------------------------------------- */

static void write_sum(Buf *b, Bound bound, int64_t n) { bound_write(b, bound, n); }

static void join(Account *a, Flight *f) {
    f->account = a;
    f->account_next = NULL;
    f->account_prev = a->last;
    *(a->last ? &a->last->account_next : &a->first) = f;
    a->last = f;
}

static void part(Engine *e, Flight *f) {
    Account *a = f->account;
    if (!a)
        return;
    bool was_first = a->first == f;
    *(f->account_prev ? &f->account_prev->account_next : &a->first) = f->account_next;
    *(f->account_next ? &f->account_next->account_prev : &a->last) = f->account_prev;
    f->account = NULL;
    f->account_prev = f->account_next = NULL;
    if (was_first)
        stir(e, a);
}

static GateAnswer breach(Engine *e, Flight *f, const ProjectBudget *b, const Account *a, Bound i) {
    Buf text = BUF_INIT(1024);
    if (b->on_breach_fail)
        buf_fmt(&text, "budget %.*s: ", STR_FMT(b->name));
    buf_fmt(&text, "limit of %s reached: ", bound_name(i));
    write_sum(&text, i, a->spent[i]);
    buf_str_add(&text, STR(" spent in "));
    buf_str_add(&text, window_of(b, e->now_ms, &f->attempt.arena));
    buf_str_add(&text, STR(", up to "));
    write_sum(&text, i, f->reserved[i]);
    buf_str_add(&text, STR(" more, limit "));
    write_sum(&text, i, b->most[i]);
    buf_fmt(&text, " (%.*s:%u)", STR_FMT(b->pos.file), b->pos.line);
    GateAnswer answer = GATE_HELD;
    if (b->on_breach_fail) {
        answer = gate_refusal(f, KIND_BUDGET, "%.*s", STR_FMT(buf_str(&text)));
    } else {
        f->breach = arena_str(&f->attempt.arena, buf_str(&text));
        f->breached = b;
    }
    buf_deinit(&text);
    return answer;
}

/* Room in this account? HELD: it waits here, or breaches. */
static GateAnswer fits(Engine *e, Flight *f, const ProjectBudget *b, Account *a) {
    for (Bound i = 0; i < ACCOUNT_SUMS; i++)
        if (b->most[i] >= 0 && f->reserved[i] && a->spent[i] + f->reserved[i] > b->most[i])
            return breach(e, f, b, a, i);
    bool room = !a->first || a->first == f;
    for (Bound i = 0; i < ACCOUNT_SUMS; i++)
        room &= b->most[i] < 0 || a->spent[i] + a->reserved[i] + f->reserved[i] <= b->most[i] ||
                MUTANT(budget_of_project_ignored);
    if (room)
        return GATE_OPEN;
    if (f->account != a) {
        part(e, f);
        join(a, f);
    }
    return GATE_HELD;
}

/* A breach is looked at when the turn comes to it: a run cannot be paused while its wants are gone through. */
static void wait_for_person(Engine *e, Flight *f) {
    part(e, f);
    f->breach_next = e->breaches;
    e->breaches = f;
    engine_wake(e);
}

static GateAnswer look(Engine *e, Flight *f) {
    const Plan *plan = run_plan(f->r->run);
    WantWorst worst = want_worst(f->want);
    if (!plan->n_budgets || !worst.calls)
        return GATE_OPEN;
    const int64_t next[ACCOUNT_SUMS] = { worst.cost, worst.tokens, worst.calls };
    Account *all[64];
    memcpy(f->reserved, next, sizeof f->reserved);
    for (size_t i = 0; i < plan->n_budgets; i++) {
        const ProjectBudget *b = &plan->budgets[i];
        all[i] = account_of(e, b, f->r->run, &f->attempt.arena);
        if (b->most[BOUND_COST] >= 0 && !worst.priced)
            return gate_refusal(f, KIND_BUDGET,
                                "budget %.*s limits cost, and the price of the model is not known",
                                STR_FMT(b->name));
        GateAnswer answer = fits(e, f, b, all[i]);
        if (f->breached)
            wait_for_person(e, f);
        if (answer != GATE_OPEN)
            return answer;
    }
    part(e, f);
    f->accounts = ARENA_ARRAY(&f->attempt.arena, Account *, plan->n_budgets);
    f->n_accounts = plan->n_budgets;
    for (size_t i = 0; i < plan->n_budgets; i++) {
        f->accounts[i] = all[i];
        for (Bound k = 0; k < ACCOUNT_SUMS; k++)
            all[i]->reserved[k] += next[k];
    }
    return GATE_OPEN;
}

static GateAnswer ask(Engine *e, Flight *f, size_t at) {
    (void)at;
    return look(e, f);
}

static void forget_breach(Engine *e, Flight *f) {
    Flight **at = &e->breaches;
    while (*at && *at != f)
        at = &(*at)->breach_next;
    if (*at)
        *at = f->breach_next;
    f->breached = NULL;
}

static bool is_known(const Completion *c) { return c->usage.tokens_in + c->usage.tokens_out > 0; }

static void ended(Engine *e, Flight *f, size_t at) {
    (void)at;
    const Completion *c = &f->completion;
    int64_t tokens = c->usage.tokens_in + c->usage.tokens_out;
    if (!f->n_accounts)
        return;
    if (c->outcome == OUTCOME_REFUSED)
        settle(e, f, NULL);
    else if (c->outcome == OUTCOME_UNKNOWN && !is_known(c))
        settle(e, f, f->reserved);
    else
        settle(e, f, (int64_t[]){ want_cost(f->want, &c->usage), tokens, 1 });
}

/* Given up after it left, or left to the next engine by one that stops: nobody knows what it cost, so all of it. */
static void leave(Engine *e, Flight *f, size_t at) {
    (void)at;
    if (f->breached)
        forget_breach(e, f);
    part(e, f);
    if (f->n_accounts)
        settle(e, f, f->departed ? f->reserved : NULL);
}

static Value says(Engine *e, const Flight *f, size_t at, Arena *a) {
    (void)e, (void)at;
    MapBuilder m = map_builder(a);
    Str key = f->account ? str_from(f->account->key) : STR("");
    ptrdiff_t bar = str_find(key, STR("|"));
    Str name = bar < 0 ? key : str_slice(key, 0, (size_t)bar);
    map_addz(&m, "kind", value_str(STR("budget")));
    map_addz(&m, "name", value_str(arena_str(a, name)));
    map_addz(
        &m, "says",
        value_str(f->breached
                      ? arena_str(a, f->breach)
                      : arena_fmt(a, "waits for budget %.*s: other runs hold what is left of it",
                                  STR_FMT(name))));
    return map_done(&m, NULL);
}

const Gate gate_account = { .ask = ask, .leave = leave, .ended = ended, .says = says };

/* ---- a turn's share -------------------------------------------------------------------------------------------------- */

static void let_through(Engine *e, Account *a) {
    while (a->first && !engine_stopping(e)) {
        Flight *f = a->first;
        if (perform_put_off(e, f))
            continue;
        GateAnswer answer = look(e, f);
        if (answer == GATE_OPEN)
            gates_go_on(e, f);
        else if (answer == GATE_REFUSED)
            gates_refuse(e, f, KIND_NONE, "%s", "");
        if (a->first == f)
            return;
    }
}

static void pause_run(Engine *e, Flight *f) {
    Resident *r = f->r;
    Fact fact = { .kind = FACT_CONTROL,
                  .verb = CONTROL_PAUSE,
                  .time_ms = e->now_ms,
                  .from = arena_fmt(&e->scratch, "budget %.*s", STR_FMT(f->breached->name)),
                  .message = f->breach };
    apply_fact(e, r, &fact);
    resident_settle_idle(e, r);
}

void accounts_take(Engine *e) {
    for (Flight *f; (f = e->breaches) && !engine_stopping(e);) {
        if (perform_put_off(e, f))
            continue;
        pause_run(e, f);
        if (e->breaches == f && perform_put_off(e, f))
            continue;
        ASSERT(e->breaches != f);
    }
    for (Account *a; (a = e->stirred_accounts) && !engine_stopping(e);) {
        e->stirred_accounts = a->next_stirred;
        a->stirred = false;
        let_through(e, a);
    }
}

Value engine_accounts_held(Engine *e, Str key, Arena *a) {
    static const char *const names[ACCOUNT_SUMS] = { "cost_nano", "tokens", "calls" };
    MapBuilder m = map_builder(a);
    uint64_t hash = hash_fast(key, 0);
    for (Account *at = e->accounts ? e->accounts[hash % ACCOUNT_BUCKETS] : NULL; at;
         at = at->bucket_next)
        for (Bound i = 0; i < ACCOUNT_SUMS && str_eq(str_from(at->key), key); i++)
            if (at->reserved[i])
                map_addz(&m, names[i], value_int(at->reserved[i]));
    return map_done(&m, NULL);
}
