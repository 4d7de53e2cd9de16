/* Any workflow that compiles can be drawn: no crash, no control character reaches a terminal or a picture. */
#include "base/limits.h"
#include "trace/graph.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(Buf *b) {
    for (size_t i = 0; i < b->len; i++)
        if ((unsigned char)b->p[i] < ' ' && b->p[i] != '\n')
            abort();
    if (b->len && !str_is_utf8(buf_str(b)))
        abort();
    buf_reset(b);
}

static void draw(const Graph *g) {
    Buf b = BUF_INIT(64 * MIB);
    Ink ink = { .width = 60 };
    graph_text(&b, g, &ink);
    check(&b);
    graph_mermaid(&b, g);
    check(&b);
    graph_dot(&b, g);
    check(&b);
    graph_svg(&b, g);
    check(&b);
    buf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena a = ARENA_NULL;
    Diags diags = { .arena = &a };
    Plan *plan = NULL;
    Str name = STR("fuzz.yaml"), text = { (const char *)data, size };
    if (plan_compile(closure_make(&a, name, &name, &text, 1), &plan, &diags) == 0) {
        Graph *g = graph_new(plan);
        draw(g);
        graph_free(g);
    }
    plan_free(plan);
    arena_deinit(&a);
    return 0;
}
