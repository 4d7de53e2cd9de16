/* What `baton graph` draws. Small pictures are compared whole; the layout of large random ones is held to what makes a
 * picture readable: no two boxes overlap, children stand in their group, lines lead down and past other boxes. */
#include "base/limits.h"
#include "trace/graph_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct World {
    Arena arena;
    Plan *plan;
    Graph *graph;
    Buf out;
} World;

static void open_world(World *w, Str text) {
    Str name = STR("test.yaml");
    *w = (World){ .out = BUF_INIT(64 * MIB) };
    Diags diags = { .arena = &w->arena };
    Buf b = BUF_INIT(MIB);
    int r = plan_compile(closure_make(&w->arena, name, &name, &text, 1), &w->plan, &diags);
    for (size_t i = 0; r && i < diags.n; i++)
        diag_write(&b, &diags.items[i]);
    if (r)
        fail_msg("%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    w->graph = graph_new(w->plan);
}

static void close_world(World *w) {
    buf_deinit(&w->out);
    graph_free(w->graph);
    plan_free(w->plan);
    arena_deinit(&w->arena);
}

static void expect(World *w, const char *wanted) {
    if (!str_is(buf_str(&w->out), wanted))
        fail_msg("expected\n%s\ngot\n%.*s", wanted, STR_FMT(buf_str(&w->out)));
}

static const char small[] =
    "baton: 1\n"
    "name: small\n"
    "steps:\n"
    "  plan: { tool: echo, with: [1, 2] }\n"
    "  each:\n"
    "    needs: plan\n"
    "    if: steps.plan.output.size() > 1\n"
    "    for: { each: n, in: \"${{ steps.plan.output }}\" }\n"
    "    steps:\n"
    "      - { id: one, tool: echo, with: \"${{ n }}\", on_error: { fail: lost } }\n"
    "      - { run: [say, 'a \"b\" <c>'] }\n";

static void text_names_needs_loops_and_handlers(void **state) {
    (void)state;
    World w;
    Ink ink = { .width = 80 };
    open_world(&w, str_from(small));
    graph_text(&w.out, w.graph, &ink);
    expect(&w, "small\n"
               "├─ plan  tool echo\n"
               "└─ each  in order · ← plan · if steps.plan.output.size() > 1\n"
               "   │ for each n in steps.plan.output, 16 at once\n"
               "   ├─ 1 one  tool echo\n"
               "   ├─ !  on error of one · fail lost\n"
               "   └─ 2  run say a \"b\" <c> · effect unsafe\n");
    close_world(&w);
}

static void text_stays_within_its_columns(void **state) {
    (void)state;
    World w;
    Ink ink = { .width = 40 };
    open_world(&w, str_from(small));
    graph_text(&w.out, w.graph, &ink);
    Str rest = buf_str(&w.out);
    while (rest.len) {
        size_t end = (size_t)str_find(rest, STR("\n"));
        assert_true(str_codepoints(str_slice(rest, 0, end)) <= 40);
        rest = str_slice(rest, end + 1, rest.len);
    }
    close_world(&w);
}

static void mermaid_escapes_what_it_would_read(void **state) {
    (void)state;
    World w;
    open_world(&w, str_from(small));
    graph_mermaid(&w.out, w.graph);
    expect(&w, "flowchart TB\n"
               "  subgraph n0[\"small\"]\n"
               "    direction TB\n"
               "    n1[\"plan<br/>tool echo\"]\n"
               "    subgraph n2[\"each<br/>if steps.plan.output.size() #62; 1<br/>for each n in "
               "steps.plan.output, 16 at once\"]\n"
               "      direction TB\n"
               "      n3[\"one<br/>tool echo\"]\n"
               "      n4[\"on#95;error<br/>fail lost\"]\n"
               "      n5[\"#35;2<br/>run say a #34;b#34; #60;c#62;<br/>effect unsafe\"]\n"
               "      n3 -.->|on error| n4\n"
               "      n3 --> n5\n"
               "    end\n"
               "    n1 --> n2\n"
               "  end\n");
    close_world(&w);
}

static void moves_of_a_machine_are_lines_with_words(void **state) {
    (void)state;
    World w;
    open_world(
        &w,
        STR("baton: 1\n"
            "name: turn\n"
            "steps:\n"
            "  - id: m\n"
            "    machine:\n"
            "      start: a\n"
            "      max: 3\n"
            "      states:\n"
            "        a: { wait: 1h, next: [{ to: b, if: output == 1 }, { to: a, after: 2h }] }\n"
            "        b: { return: 1 }\n"
            "      on: [{ signal: go, to: b }]\n"));
    graph_mermaid(&w.out, w.graph);
    expect(&w, "flowchart TB\n"
               "  subgraph n0[\"turn\"]\n"
               "    direction TB\n"
               "    subgraph n1[\"m<br/>machine<br/>any → b signal go\"]\n"
               "      direction TB\n"
               "      n2[\"a<br/>wait 1h\"]\n"
               "      n3[\"b<br/>return\"]\n"
               "      n2 -->|\"if output == 1\"| n3\n"
               "      n2 -->|\"after 2h\"| n2\n"
               "    end\n"
               "  end\n");
    close_world(&w);
}

static size_t count(Str s, const char *text) {
    size_t n = 0;
    for (ptrdiff_t at; (at = str_find(s, str_from(text))) >= 0; n++)
        s = str_slice(s, (size_t)at + 1, s.len);
    return n;
}

/* One line each: down, to itself, and back. */
static void moves_are_lines_in_a_picture_too(void **state) {
    (void)state;
    World w;
    open_world(
        &w,
        STR("baton: 1\n"
            "name: turn\n"
            "steps:\n"
            "  - id: m\n"
            "    machine:\n"
            "      start: a\n"
            "      max: 3\n"
            "      states:\n"
            "        a: { wait: 1h, next: [{ to: b, if: output == 1 }, { to: a, after: 2h }] }\n"
            "        b: { wait: 1h, next: [{ to: a, signal: again }, { to: c }] }\n"
            "        c: { return: 1 }\n"));
    graph_svg(&w.out, w.graph);
    Str s = buf_str(&w.out);
    assert_int_equal(count(s, "<path class=\"e\""), 4);
    assert_int_equal(count(s, "text-anchor=\"middle\">if output == 1<"), 1);
    assert_int_equal(count(s, "text-anchor=\"start\">after 2h<"), 1);
    assert_int_equal(count(s, "text-anchor=\"start\">signal again<"), 1);
    assert_int_equal(count(s, "→"), 0);
    close_world(&w);
}

static void dot_quotes_and_ends_lines_at_clusters(void **state) {
    (void)state;
    World w;
    open_world(&w, str_from(small));
    graph_dot(&w.out, w.graph);
    Str s = buf_str(&w.out);
    assert_true(str_find(s, STR("run say a \\\"b\\\" <c>\\l")) > 0);
    assert_true(str_find(s, STR("n1 -> n3 [lhead=\"cluster_n2\" ];")) > 0);
    assert_true(str_find(s, STR("n3 -> n4 [style=dashed")) > 0);
    close_world(&w);
}

static void svg_escapes_names_and_shows_status(void **state) {
    (void)state;
    World w;
    open_world(&w, str_from(small));
    graph_svg(&w.out, w.graph);
    assert_true(str_find(buf_str(&w.out), STR("a &#34;b&#34; &#60;c&#62;")) > 0);
    assert_true(str_find(buf_str(&w.out), STR("class=\"failed\"")) < 0);
    graph_status(w.graph, w.plan->nodes[1], STATUS_FAILED);
    graph_status(w.graph, w.plan->nodes[1],
                 STATUS_OK); /* another item; the failure stays in sight */
    buf_reset(&w.out);
    graph_svg(&w.out, w.graph);
    assert_true(str_find(buf_str(&w.out), STR("class=\"failed\"")) > 0);
    close_world(&w);
}

/* ---- layouts of random graphs ------------------------------------------------------------------------------------- */

static uint32_t roll(uint32_t *seed, uint32_t n) {
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % n;
}

static void write_steps(Buf *b, uint32_t *seed, unsigned depth, unsigned *count, unsigned left) {
    unsigned n = 2 + roll(seed, 11), first = *count;
    *count += n;
    for (unsigned i = 0; i < n; i++) {
        const char *between = "";
        buf_fmt(b, "%*ss%u:\n%*sneeds: [", (int)depth * 4 + 2, "", first + i, (int)depth * 4 + 4,
                "");
        for (unsigned k = 0; k < i; k++)
            if (roll(seed, i + 1) < 2) {
                buf_fmt(b, "%ss%u", between, first + k);
                between = ", ";
            }
        buf_str_add(b, STR("]\n"));
        if (left && roll(seed, 4) == 0) {
            buf_fmt(b, "%*ssteps:\n", (int)depth * 4 + 4, "");
            write_steps(b, seed, depth + 1, count, left - 1);
        } else {
            buf_fmt(b, "%*stool: echo\n", (int)depth * 4 + 4, "");
        }
    }
}

static void size(const GraphNode *n, double *ret_w, double *ret_h) {
    *ret_w = 40 + n->no % 7 * 20;
    *ret_h = 20 + n->no % 5 * 10;
}

static bool inside(const Box *in, const Box *out) {
    return in->x >= out->x && in->y >= out->y && in->x + in->w <= out->x + out->w &&
           in->y + in->h <= out->y + out->h;
}

static bool overlap(const Box *a, const Box *b) {
    const double slack = 0.01;
    return a->x + slack < b->x + b->w && b->x + slack < a->x + a->w && a->y + slack < b->y + b->h &&
           b->y + slack < a->y + a->h;
}

static void check_group(const Layout *l, const GraphNode *n) {
    for (size_t i = 0; i < n->n_children; i++) {
        const Box *a = &l->boxes[n->children[i]->no];
        assert_true(inside(a, &l->boxes[n->no]));
        for (size_t k = i + 1; k < n->n_children; k++)
            assert_false(overlap(a, &l->boxes[n->children[k]->no]));
        check_group(l, n->children[i]);
    }
}

static void check_route(const Layout *l, const Route *r) {
    const GraphNode *group = r->edge->source->parent;
    for (size_t i = 1; i < r->n; i++) {
        assert_true(r->points[i].y >= r->points[i - 1].y);
        if (r->points[i].x != r->points[i - 1].x)
            continue;
        Box line = { r->points[i].x, r->points[i - 1].y, 0.1, r->points[i].y - r->points[i - 1].y };
        for (size_t k = 0; k < group->n_children; k++)
            if (group->children[k] != r->edge->source)
                assert_false(overlap(&line, &l->boxes[group->children[k]->no]));
    }
}

static void boxes_of_random_graphs_are_apart_and_lines_lead_down(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        World w;
        Layout l;
        Buf b = BUF_INIT(MIB);
        uint32_t s = seed;
        unsigned count = 0;
        buf_str_add(&b, STR("baton: 1\nname: random\nsteps:\n"));
        write_steps(&b, &s, 0, &count, 3);
        open_world(&w, buf_str(&b));
        layout_init(&l, w.graph, size);
        check_group(&l, w.graph->root);
        for (size_t i = 0; i < l.n_routes; i++)
            check_route(&l, &l.routes[i]);
        layout_deinit(&l);
        close_world(&w);
        buf_deinit(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_names_needs_loops_and_handlers),
        cmocka_unit_test(text_stays_within_its_columns),
        cmocka_unit_test(mermaid_escapes_what_it_would_read),
        cmocka_unit_test(moves_of_a_machine_are_lines_with_words),
        cmocka_unit_test(moves_are_lines_in_a_picture_too),
        cmocka_unit_test(dot_quotes_and_ends_lines_at_clusters),
        cmocka_unit_test(svg_escapes_names_and_shows_status),
        cmocka_unit_test(boxes_of_random_graphs_are_apart_and_lines_lead_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
