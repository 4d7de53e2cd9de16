/* The workflows that are measured. */
#include "cli/bench/bench.h"

#include "base/buf.h"
#include "base/limits.h"
#include "spec/plan.h"

static Str closure_of(Arena *a, Buf *text) {
    Str name = STR("bench.yaml"), body = buf_str(text);
    ASSERT(!buf_over(text));
    Str closure = closure_make(a, name, &name, &body, 1);
    buf_deinit(text);
    return closure;
}

Str bench_chain(Arena *a, unsigned steps, const char *effect) {
    Buf b = BUF_INIT(MIB);
    buf_fmt(&b, "baton: 1\nname: chain\nsteps:\n");
    buf_fmt(&b, "  - { id: s1, tool: echo, effect: %s, with: { n: 1 } }\n", effect);
    for (unsigned i = 2; i <= steps; i++)
        buf_fmt(
            &b,
            "  - { id: s%u, tool: echo, effect: %s, with: { n: \"${{ steps.s%u.output.n + 1 }}\" } }\n",
            i, effect, i - 1);
    return closure_of(a, &b);
}

Str bench_fan(Arena *a) {
    Buf b = BUF_INIT(MIB);
    buf_fmt(&b, "baton: 1\n"
                "name: fan\n"
                "steps:\n"
                "  - id: work\n"
                "    for: { each: item, in: \"${{ lists.range(1000) }}\", parallel: 1000 }\n"
                "    tool: echo\n"
                "    effect: keyed\n"
                "    with: { n: \"${{ item }}\" }\n"
                "  - id: merge\n"
                "    tool: echo\n"
                "    effect: keyed\n"
                "    with: { sum: \"${{ steps.work.output.map(o, o.n).sum() }}\" }\n");
    return closure_of(a, &b);
}

Str bench_wait(Arena *a) {
    Buf b = BUF_INIT(MIB);
    buf_fmt(&b, "baton: 1\nname: parked\nsteps:\n  - { id: hold, wait: { signal: go } }\n");
    return closure_of(a, &b);
}

Str bench_ask(Arena *a) {
    Buf b = BUF_INIT(MIB);
    buf_fmt(
        &b,
        "baton: 1\nname: asked\nsteps:\n  - id: pay\n    approve: { ask: Pay this?, deadline: 24h }\n"
        "    tool: echo\n    with: { amount: 120 }\n");
    return closure_of(a, &b);
}
