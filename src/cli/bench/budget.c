/* What a budget costs a model call: its worst case reserved at three limits, one within the other, and settled. */
#include "cli/bench/bench.h"
#include "kernel/budget.h"

#define CALLS 2000000

static const char flow[] =
    "baton: 1\nname: budget\nlimits: { cost: 100.00, tokens: 100M, calls: 100M }\n"
    "agents:\n  a: { model: scripted/x.yaml, instructions: Answer., limits: { calls: 100M } }\n"
    "steps:\n  g:\n    limits: { tokens: 100M, time: 2h }\n    steps:\n      s: { agent: a, with: x }\n";

static bool reserve_and_settle(Run *r, Frame *f) {
    Amount call = f->call->reserved;
    const Amount nothing = { 0 };
    for (int i = 0; i < CALLS; i++) {
        Shortage s;
        Amount held = call;
        budget_settle(r, f, &held, &nothing);
        if (budget_reserve(r, f, &call, &s) != FIT_YES)
            return false;
    }
    return true;
}

int bench_budget(BenchRun *b) {
    Plan *plan = NULL;
    Run *r = NULL;
    Diags diags = { .arena = b->arena };
    Str name = STR("flow.yaml"), text = str_from(flow), problem;
    Fact accepted = {
        .kind = FACT_ACCEPTED, .time_ms = 1, .run = STR("r"), .dir = STR("/"), .verb = RULES_NOW
    };
    if (plan_compile(closure_make(b->arena, name, &name, &text, 1), &plan, &diags) != 0)
        return bench_fail("its own workflow is refused");
    if (run_start(plan, &accepted, NULL, &r, &problem, b->arena) != 0 || !run_wants(r))
        return bench_fail("its own run does not begin");
    Want *w = run_wants(r);
    while (w->kind != WANT_ATTEMPT)
        w = w->next;
    double began_s = bench_now_s();
    bool good = reserve_and_settle(r, w->frame);
    b->figures[0] = (bench_now_s() - began_s) * 1e6 / CALLS;
    run_free(r);
    plan_free(plan);
    return good ? 0 : bench_fail("a limit held back what it had to let through");
}
