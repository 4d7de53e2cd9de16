/* Patterns of orchestration, in random sizes, with random steps inside where a pattern takes steps: each nests in each other. */
#include "grow.h"

#define VOTERS 3
#define PLAN                                                                                       \
    "[{ id: a, agent: v1, task: x }, { id: b, agent: v2, task: y, needs: [a] }, { id: c, agent: v3, task: z }]"

void grow_agents(Grow *g) {
    static const char *const effects[] = { "keyed", "read", "idempotent" };
    for (unsigned i = 1; i <= VOTERS; i++)
        grow_line(g, 1, "v%u: { run: [v%u], effect: %s }", i, i, effects[tape_choose(g->tape, 3)]);
    grow_line(g, 1, "boss: { run: [boss], effect: read }");
    grow_line(g, 1, "desk: { model: scripted/x.yaml, instructions: Ask., tools: [look] }");
    grow_line(g, 1, "back: { model: scripted/x.yaml, instructions: Tell., tools: [look] }");
}

/* The first way that fits; the rest go round again or on. */
static void grow_next(Grow *g, unsigned depth, unsigned first, unsigned next) {
    if (!g->calm && tape_percent(g->tape, 15))
        grow_line(g, depth, "next: t%u", first);
    else if (!g->calm && tape_percent(g->tape, 25)) /* it interrupts a step that takes longer */
        grow_line(g, depth, "next: [{ to: t%u, after: %ums }]", next,
                  1 + tape_choose(g->tape, 2000));
    else
        grow_line(g, depth, "next: [{ to: t%u, if: \"input.n > 5\"%s }, { to: t%u }]", first,
                  tape_percent(g->tape, 40) ? ", rollback: true" : "", next);
}

static void grow_machine(Grow *g, unsigned depth) {
    unsigned n = 2 + tape_choose(g->tape, 2), first = g->names + 1;
    grow_line(g, depth, "machine:");
    grow_line(g, depth + 1, "start: t%u", first);
    grow_line(g, depth + 1, "max: 5");
    grow_line(g, depth + 1, "states:");
    g->names += n;
    for (unsigned i = 0; i < n; i++) {
        grow_line(g, depth + 2, "t%u:", first + i);
        if (i + 1 == n) {
            grow_line(g, depth + 3, "return: done");
            continue;
        }
        g->chosen = true;
        grow_verb(g, depth + 3);
        g->chosen = false;
        grow_next(g, depth + 3, first, first + i + 1);
    }
}

static void grow_route(Grow *g, unsigned depth) {
    unsigned first = g->names + 1;
    g->names += 2;
    grow_line(g, depth, "with: { n: \"${{ input.n }}\" }");
    grow_line(g, depth, "route:");
    grow_line(g, depth + 1,
              "rules: [{ to: t%u, if: \"input.n > %u\" }, { to: t%u, if: \"input.n > %u\" }]",
              first, tape_choose(g->tape, 6), first + 1, tape_choose(g->tape, 4));
    grow_line(g, depth + 1, "to:");
    for (unsigned i = 0; i < 2; i++) {
        grow_line(g, depth + 2, "t%u:", first + i);
        g->chosen = true;
        grow_verb(g, depth + 3);
        g->chosen = false;
    }
    grow_line(g, depth + 1, "else: { tool: echo, effect: keyed, with: nobody }");
}

static void grow_vote(Grow *g, unsigned depth) {
    static const char *const rules[] = { "majority", "unanimous", "weighted, weights: { v1: 2 }",
                                         "first" };
    grow_line(g, depth, "with: { n: \"${{ input.n }}\" }");
    grow_line(g, depth, "vote: { by: [v1, v2, v3], rule: %s, early: %s }",
              rules[tape_choose(g->tape, g->calm ? 3 : 4)],
              tape_percent(g->tape, 30) && !g->calm ? "true" : "false");
}

static void grow_board(Grow *g, unsigned depth) {
    grow_line(g, depth, "board:");
    grow_line(g, depth + 1, "topics: { a: any }");
    grow_line(g, depth + 1,
              "rules: [{ if: \"true\", agent: v1, with: 1, to: a, times: %u }, "
              "{ if: \"size(board.a) > 0\", agent: v2, with: 2, to: a, times: 1 }]",
              1 + tape_choose(g->tape, 2));
    grow_line(g, depth + 1, "parallel: %u", g->calm ? 1 : 1 + tape_choose(g->tape, 2));
    grow_line(g, depth + 1, "max: 6");
}

void grow_shape(Grow *g, unsigned depth) {
    if (!g->calm && tape_percent(g->tape, 70))
        grow_line(g, depth, "on_error: continue");
    switch (tape_choose(g->tape, 7)) {
    case 0: grow_machine(g, depth); return;
    case 1: grow_route(g, depth); return;
    case 2: grow_vote(g, depth); return;
    case 3: grow_board(g, depth); return;
    case 4:
        grow_line(g, depth, "steps: { plan: " PLAN ", agents: [v1, v2, v3], max_tasks: 5 }");
        return;
    case 5:
        grow_line(g, depth, "with: { topic: tides }");
        grow_line(
            g, depth,
            "supervise: { lead: boss, workers: [v1, v2, v3], plan: { templates: { usual: " PLAN
            " } }, parallel: %u, aggregate: merge, max: 1 }",
            1 + tape_choose(g->tape, 3));
        return;
    default:
        grow_line(g, depth, "with: question");
        grow_line(g, depth, "team: { start: desk, handoffs: { desk: [back] }, max: 3 }");
        return;
    }
}
