/* Random workflows, as text: what a person could have written. Sizes are such that a universe sees over a hundred facts. */
#include "grow.h"

#include <stdarg.h>
#include <stdio.h>

static void indent(Grow *g, unsigned depth) {
    for (unsigned i = 0; i < depth; i++)
        buf_str_add(&g->out, STR("  "));
}

void grow_line(Grow *g, unsigned depth, const char *fmt, ...) {
    char line[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    ASSERT(n > 0 && (size_t)n < sizeof line);
    indent(g, depth);
    buf_fmt(&g->out, "%s\n", line);
}

static const char *effect_for(Grow *g) {
    static const char *const effects[] = { "keyed", "read", "pure", "idempotent", "unsafe" };
    return effects[tape_choose(g->tape, 5)];
}

static void grow_steps(Grow *g, unsigned depth, unsigned room);

static void grow_modifiers(Grow *g, unsigned depth) {
    if (tape_percent(g->tape, 20)) {
        indent(g, depth);
        buf_fmt(&g->out, "retry: { times: %u, delay: %ums }\n", 1 + tape_choose(g->tape, 3),
                50 + tape_choose(g->tape, 2000));
    }
    if (!g->calm && tape_percent(g->tape, 60)) {
        indent(g, depth);
        buf_str_add(&g->out, STR("on_error: continue\n"));
    }
    if (!g->calm && !g->chosen && tape_percent(g->tape, 5)) {
        indent(g, depth);
        buf_str_add(&g->out, STR("if: input.n > 1\n"));
    }
}

static void grow_loop(Grow *g, unsigned depth) {
    unsigned kind = tape_choose(g->tape, 8);
    if (kind == 1) {
        indent(g, depth);
        buf_fmt(
            &g->out,
            "for: { each: x%u, in: \"${{ [1, 2, 3, 4, 5, 6].slice(0, %u) }}\", parallel: %u, min: 0 }\n",
            depth, 1 + tape_choose(g->tape, 6), 1 + tape_choose(g->tape, 4));
    } else if (kind == 2) {
        indent(g, depth);
        buf_fmt(&g->out, "repeat: { max: %u }\n", 1 + tape_choose(g->tape, 3));
    }
}

/* Whom to ask, how many must agree, what silence means. A calm run waits as long as it takes. */
static void grow_ask(Grow *g) {
    buf_fmt(&g->out, "ask: \"t%u?\"", g->names);
    if (tape_percent(g->tape, 60))
        buf_str_add(&g->out, STR(", group: leads"));
    if (tape_percent(g->tape, 30))
        buf_str_add(&g->out, STR(", quorum: 2"));
    if (tape_percent(g->tape, 30))
        buf_str_add(&g->out, STR(", risk: high"));
    if (!g->calm && tape_percent(g->tape, 50)) {
        static const char *const silences[] = { "reject", "approve", "fail" };
        buf_fmt(&g->out, ", deadline: %us, on_timeout: %s", 1 + tape_choose(g->tape, 20),
                silences[tape_choose(g->tape, 3)]);
    }
}

/* What a person edits before it is done would be the result of whoever shares it, calm runs too: there only what it gave is. */
static void grow_gate(Grow *g, unsigned depth, bool shared) {
    if (!tape_percent(g->tape, 12))
        return;
    indent(g, depth);
    buf_str_add(&g->out, STR("approve: { "));
    grow_ask(g);
    buf_str_add(&g->out,
                tape_percent(g->tape, 40) || shared ? STR(", at: after }\n") : STR(" }\n"));
}

/* In a calm run nothing is refused. */
static const char *tool_for(Grow *g) {
    unsigned dice = tape_choose(g->tape, 8);
    return dice == 1 || dice == 2  ? "busy"
           : dice == 3 && !g->calm ? "picky"
           : dice == 4             ? "page"
                                   : "echo";
}

/* The same in every workflow of the universe, so that all runs share them. */
static void grow_limits(Grow *g, Busy *busy) {
    if (!busy->max)
        *busy = (Busy){ 1 + tape_choose(g->tape, 3), 1 + tape_choose(g->tape, BUSY_RATE_MAX),
                        2 + tape_choose(g->tape, 3) };
    buf_fmt(
        &g->out,
        "  busy: { run: [busy], effect: keyed, rate: %u/s, pool: { max: %u, by: \"${{ input.me }}\" }, "
        "breaker: { failures: %u, open: 2s } }\n",
        busy->count, busy->max, busy->failures);
    buf_fmt(
        &g->out,
        "  picky: { run: [picky], effect: keyed, pool: { max: 1, queue: 1 }, timeout: { queue: 2s }, "
        "breaker: { failures: %u, open: 2s, when_open: fail } }\n",
        busy->failures);
    buf_str_add(&g->out,
                STR("  page: { http: { url: \"http://x/${{ input.n }}\" }, pool: { max: 1 } }\n"));
}

/* Can the target be asked what happened, can it be taken back? True: it can. */
static bool grow_means(Grow *g, unsigned depth, bool shared) {
    bool undo = tape_percent(g->tape, 30);
    if (undo) {
        indent(g, depth);
        buf_fmt(&g->out, "undo: { run: [undo], effect: %s }\n", effect_for(g));
    }
    if (!shared && tape_percent(g->tape, 20)) { /* a probe is told what its own run did */
        indent(g, depth);
        buf_str_add(&g->out, STR("probe: { run: [probe] }\n"));
    }
    return undo;
}

/* What of the unknown nobody settles in time. A calm run waits as long as it takes. */
static void grow_doubt(Grow *g, unsigned depth, const char *effect, bool undo) {
    static const char *const ends[] = { "park", "fail", "undo" };
    if (g->calm || strchr("pr", effect[0]) || !tape_percent(g->tape, 25))
        return;
    indent(g, depth);
    buf_fmt(&g->out, "doubt: { deadline: %us, on_timeout: %s }\n", 1 + tape_choose(g->tape, 8),
            ends[tape_choose(g->tape, undo ? 3 : 2)]);
}

/* Effects that all runs of the universe may ask for: the same tool, class and key wherever they stand. */
static bool grow_shared(Grow *g, unsigned depth) {
    static const char *const effects[] = { "unsafe", "keyed", "unsafe", "idempotent" };
    if (!tape_percent(g->tape, 15))
        return false;
    unsigned which = tape_choose(g->tape, ARRAY_LEN(effects));
    indent(g, depth);
    buf_fmt(&g->out, "tool: echo\n");
    indent(g, depth);
    buf_fmt(&g->out, "effect: %s\n", effects[which]);
    indent(g, depth);
    buf_fmt(&g->out, "key: all%u\n", which);
    return true;
}

/* Who is slow is asked twice, where that may be: not what is unsafe, shared or undone. */
static bool grow_hedge(Grow *g, unsigned depth, const char *effect) {
    if (strcmp(effect, "unsafe") == 0 || !tape_percent(g->tape, 25))
        return false;
    indent(g, depth);
    buf_fmt(&g->out, "hedge: %ums\n", 20 + tape_choose(g->tape, 400));
    return true;
}

static void grow_leaf(Grow *g, unsigned depth) {
    unsigned kind = tape_choose(g->tape, 12);
    if (kind == 4) {
        grow_loop(g, depth);
        if (!g->calm) {
            indent(g, depth);
            buf_str_add(&g->out, STR("on_error: continue\n"));
        }
        indent(g, depth);
        buf_str_add(&g->out, STR("human: { show: { n: 1 }, "));
        grow_ask(g);
        buf_str_add(&g->out, STR(" }\n"));
        return;
    }
    if (kind == 1) {
        indent(g, depth);
        buf_fmt(&g->out, "wait: %ums\n", 1 + tape_choose(g->tape, 5000));
    } else if (kind == 2 && g->signals < 3) {
        indent(g, depth);
        buf_fmt(&g->out, "wait: { signal: s%u }\n", g->signals++);
    } else if (kind == 5 && depth > 2 && !g->calm) {
        indent(g, depth);
        buf_fmt(&g->out, "fail: { message: \"t%u\" }\n", g->names);
    } else if (kind == 3) {
        grow_modifiers(g, depth);
        grow_gate(g, depth, false);
        indent(g, depth);
        buf_fmt(&g->out, "agent: clerk\n");
        indent(g, depth);
        buf_fmt(&g->out, "with: \"question %u\"\n", g->names);
    } else {
        grow_loop(g, depth);
        grow_modifiers(g, depth);
        bool shared = grow_shared(g, depth), hedged = false;
        grow_gate(g, depth, shared);
        const char *effect = shared ? "unsafe" : effect_for(g);
        if (!shared) {
            indent(g, depth);
            buf_fmt(&g->out, "tool: %s\n", tool_for(g));
            indent(g, depth);
            buf_fmt(&g->out, "effect: %s\n", effect);
            hedged = grow_hedge(g, depth, effect);
        }
        indent(g, depth);
        buf_fmt(&g->out, "with: { n: \"${{ input.n }}\", me: %u }\n", shared ? 0 : g->names);
        if (!g->calm && tape_percent(g->tape, 35)) {
            indent(g, depth);
            buf_fmt(&g->out, "timeout: %ums\n", 600 + tape_choose(g->tape, 3000));
        }
        grow_doubt(g, depth, effect, !hedged && grow_means(g, depth, shared));
        if (tape_percent(g->tape, 25)) {
            indent(g, depth);
            buf_fmt(&g->out, "set: { log: \"m%u\" }\n", g->names);
        }
    }
}

/* Some so tight that they are met; who pauses is helped by a person (people.c). */
static void grow_budget(Grow *g) {
    const char *breach = tape_percent(g->tape, 50) ? "fail" : "pause";
    buf_fmt(&g->out, "limits: { calls: %u, ", 1 + tape_choose(g->tape, 6));
    if (tape_percent(g->tape, 40))
        buf_fmt(&g->out, "tokens: %u, ", 4500 + tape_choose(g->tape, 20000));
    if (tape_percent(g->tape, 30))
        buf_fmt(&g->out, "agents: %u, ", 1 + tape_choose(g->tape, 4));
    if (tape_percent(g->tape, 30))
        buf_fmt(&g->out, "retries: %u, ", tape_choose(g->tape, 5));
    if (tape_percent(g->tape, 30))
        buf_fmt(&g->out, "deadline: %us, ", 2 + tape_choose(g->tape, 60));
    buf_fmt(&g->out, "degrade_at: 60%%, on_breach: %s }\n", breach);
}

static void grow_group(Grow *g, unsigned depth, unsigned room) {
    grow_loop(g, depth);
    if (!g->calm && tape_percent(g->tape, 25)) {
        indent(g, depth);
        grow_budget(g);
    }
    if (!g->calm && tape_percent(g->tape, 40)) {
        indent(g, depth);
        buf_str_add(&g->out, STR("on_error: continue\n"));
    }
    if (tape_percent(g->tape, 4)) {
        indent(g, depth);
        buf_str_add(&g->out, STR("commute: true\n"));
    }
    if (!g->calm && tape_percent(g->tape, 15)) {
        indent(g, depth);
        buf_fmt(&g->out, "timeout: %us\n", 1 + tape_choose(g->tape, 8));
    }
    indent(g, depth);
    buf_str_add(&g->out, STR("steps:\n"));
    grow_steps(g, depth + 1, room);
}

void grow_verb(Grow *g, unsigned depth) {
    bool room = depth < 6 && g->steps < 24;
    g->steps++;
    if (room && tape_percent(g->tape, 20))
        grow_group(g, depth, 4);
    else if (room && tape_percent(g->tape, 15))
        grow_shape(g, depth);
    else
        grow_leaf(g, depth);
}

static void grow_steps(Grow *g, unsigned depth, unsigned room) {
    unsigned n = 1 + tape_choose(g->tape, room);
    bool list = tape_percent(g->tape, 40);
    unsigned first = g->names + 1;
    g->chosen = false;
    for (unsigned i = 0; i < n; i++) {
        unsigned name = ++g->names;
        indent(g, depth);
        buf_fmt(&g->out, list ? "- id: t%u\n" : "t%u:\n", name);
        unsigned inner = depth + 1;
        if (!list && i > 0 && tape_percent(g->tape, 50)) {
            indent(g, inner);
            buf_fmt(&g->out, "needs: t%u\n", first);
        }
        grow_verb(g, inner);
    }
}

Str grow_workflow(World *w, bool calm, unsigned *ret_signals) {
    Grow g = { .tape = &w->tape, .out = BUF_INIT(MIB), .calm = calm };
    buf_str_add(&g.out, STR("baton: 1\nname: sim\ninput: { n: integer }\n"));
    if (!calm && tape_percent(&w->tape, 30))
        grow_budget(&g);
    buf_str_add(
        &g.out,
        STR("state:\n  log: { type: \"string[]\", reduce: append }\n"
            "agents:\n  clerk: { model: { use: scripted/x.yaml, cheaper: scripted/y.yaml }, instructions: Answer., tools: [look], fallback: stand_in, hedge: 200ms }\n"
            "  stand_in: { run: [stand], effect: keyed }\n"));
    grow_agents(&g);
    buf_str_add(
        &g.out,
        STR("tools:\n  look: { description: Looks., input: { q: string }, run: [look], effect: keyed }\n"));
    grow_limits(&g, &w->busy);
    buf_str_add(&g.out, STR("steps:\n"));
    grow_steps(&g, 1, 14);
    if (tape_percent(&w->tape, 50)) /* in the order of the file, whatever ended first */
        buf_str_add(&g.out, STR("return: { log: \"${{ state.log }}\", n: \"${{ input.n }}\" }\n"));
    Str text = arena_str(&w->arena, buf_str(&g.out));
    ASSERT(!buf_over(&g.out));
    buf_deinit(&g.out);
    *ret_signals = g.signals;
    return text;
}
