/* What a workflow file becomes: values of YAML, shapes of plans, slots, types and templates. What is refused, and how it
 * is said, stands in tests/bad. */
#include "base/json.h"
#include "base/limits.h"
#include "spec/plan.h"
#include "spec/yaml.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static Arena arena;
static Diags diags;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 0);
    diags = (Diags){ .arena = &arena };
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void print_diags(void) {
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < diags.n; i++)
        diag_write(&b, &diags.items[i]);
    fprintf(stderr, "%.*s", STR_FMT(buf_str(&b))); /* print_message() cuts off after 1,024 bytes */
    buf_deinit(&b);
}

static Plan *compile_text(Str name, Str text) {
    Plan *plan = NULL;
    plan_compile(closure_make(&arena, name, &name, &text, 1), &plan, &diags);
    if (!plan || diags.n)
        print_diags();
    assert_non_null(plan);
    return plan;
}

static Plan *compile(const char *text) { return compile_text(STR("test.yaml"), str_from(text)); }

/* Of the example files; each test needs one of them. */
static Plan *compile_file(const char *name) {
    char path[500];
    snprintf(path, sizeof path, SOURCE_ROOT "/tests/spec/%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = arena_alloc(&arena, LIMIT_FILE_BYTES);
    size_t n = fread(p, 1, LIMIT_FILE_BYTES, f);
    fclose(f);
    return compile_text(str_from(name), (Str){ p, n });
}

#define assert_str(s, z) assert_string_equal(arena_str(&arena, s).p, z)
#define assert_value(v, z) assert_str(value_text(&arena, v), z)

/* ---- YAML ------------------------------------------------------------------------------------------------------------ */

static Value scalar_of(const char *text) {
    YamlFile file;
    const char *whole = arena_fmt(&arena, "v: %s\n", text).p;
    assert_int_equal(yaml_read(&arena, STR("t"), str_from(whole), &diags, &file), 0);
    return yaml_scalar(yaml_get(file.root, "v"), &arena);
}

static void plain_scalars_follow_the_core_schema(void **state) {
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "", "null" },
        { "~", "null" },
        { "null", "null" },
        { "nil", "\"nil\"" },
        { "true", "true" },
        { "False", "false" },
        { "yes", "\"yes\"" },
        { "no", "\"no\"" },
        { "on", "\"on\"" },
        { "y", "\"y\"" },
        { "12", "12" },
        { "012", "12" },
        { "-7", "-7" },
        { "+7", "7" },
        { "0o14", "12" },
        { "0x1F", "31" },
        { "0b1", "\"0b1\"" },
        { "1_000", "\"1_000\"" },
        { "1.5", "1.5" },
        { ".5", "0.5" },
        { "5.", "5.0" },
        { "1e3", "1000.0" },
        { "-1.5E-2", "-0.015" },
        { "0012.50", "12.5" },
        { "1:30", "\"1:30\"" },
        { "2026-11-21", "\"2026-11-21\"" },
        { "'12'", "\"12\"" },
        { "\"true\"", "\"true\"" },
        { "9223372036854775807", "9223372036854775807" },
        { "1e999", "\"1e999\"" },

        { ".", "\".\"" },
        { "0x", "\"0x\"" },
        { "=", "\"=\"" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!str_is(value_text(&arena, scalar_of(cases[i].text)), cases[i].json))
            fail_msg("%s is not %s", cases[i].text, cases[i].json);
    assert_true(scalar_of(".inf").d > 1e308);
    assert_true(scalar_of(".nan").d != scalar_of(".nan").d);
}

/* The text of each scalar is found again in the source, character by character. */
static void every_character_of_a_scalar_has_a_place(void **state) {
    (void)state;
    static const char text[] = "a: plain\n"
                               "b: 'it''s x'\n"
                               "c: \"\\u00e9\\t\\\"x\"\n"
                               "d: |\n"
                               "  first\n"
                               "  sec x\n"
                               "e: one\n"
                               "   two x\n"
                               "f: >-\n"
                               "    fold\n"
                               "    x\n";
    static const struct {
        const char *key;
        unsigned line, column;
    } places[] = { { "b", 2, 11 }, { "c", 3, 15 }, { "d", 6, 7 }, { "e", 8, 8 }, { "f", 11, 5 } };
    YamlFile file;
    assert_int_equal(yaml_read(&arena, STR("t"), str_from(text), &diags, &file), 0);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        const Yaml *y = yaml_get(file.root, places[i].key);
        Pos pos = yaml_pos_within(y, (size_t)str_find(y->text, STR("x")));
        assert_int_equal(pos.line, places[i].line);
        assert_int_equal(pos.column, places[i].column);
    }
}

/* ---- problems -------------------------------------------------------------------------------------------------------- */

static void warnings_after_many_errors_do_not_fit_in_the_list(void **state) {
    (void)state;
    Diags *d = ARENA_NEW(&arena, Diags);
    d->arena = &arena;
    for (unsigned i = 1; i <= 2 * DIAGS_MAX; i++) {
        diag_error(d, (Pos){ STR("f"), i, 1 }, "a", NULL, "wrong");
        diag_warn(d, (Pos){ STR("f"), i, 2 }, "b", NULL, "odd");
    }
    assert_int_equal(d->n, DIAGS_MAX);
    assert_int_equal(d->errors, 2 * DIAGS_MAX);
}

/* ---- plans ----------------------------------------------------------------------------------------------------------- */

static void every_example_compiles_without_a_warning(void **state) {
    (void)state;
    DIR *dir = opendir(SOURCE_ROOT "/tests/spec");
    size_t n = 0;
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        Plan *plan = compile_file(e->d_name);
        for (size_t i = 0; i < diags.n; i++) /* prices are a project's */
            assert_true(str_is(diags.items[i].code, "price"));
        plan_free(plan);
        n++;
    }
    closedir(dir);
    assert_true(n >= 3);
}

static void a_list_is_a_chain_of_needs(void **state) {
    (void)state;
    Plan *p = compile(
        "baton: 1\nsteps:\n  - { id: a, tool: echo }\n  - tool: echo\n  - { id: c, tool: echo }\n");
    assert_true(p->root->ordered);
    assert_int_equal(p->root->n_children, 3);
    assert_int_equal(p->n_nodes, 4);
    assert_str(p->root->children[1]->name, "#2");
    assert_false(p->root->children[1]->has_id);
    assert_int_equal(p->root->children[0]->n_needs, 0);
    assert_int_equal(p->root->children[2]->needs[0], 1);
    assert_true(p->root->children[2]->by_order);
    assert_int_equal(p->root->children[0]->dependents[0], 1);
    assert_str(p->name, "test");
    plan_free(p);
}

static void a_map_is_ordered_by_needs_alone(void **state) {
    (void)state;
    Plan *p = compile("baton: 1\nsteps:\n  c: { tool: echo, needs: [a, b] }\n  a: { tool: echo }\n"
                      "  b: { tool: echo, needs: a }\n");
    assert_false(p->root->ordered);
    assert_int_equal(p->root->children[0]->n_needs, 2);
    assert_int_equal(p->root->children[0]->needs[1], 2);
    assert_false(p->root->children[0]->by_order);
    assert_int_equal(p->root->children[1]->n_dependents, 2);
    plan_free(p);
}

static void a_pipeline_has_its_callees_limits_and_modifiers(void **state) {
    (void)state;
    Plan *p = compile_file("pipeline.yaml");
    assert_str(p->name, "pipeline");
    assert_true(p->limits.any && p->limits.on_breach_fail);
    assert_int_equal(p->limits.most[BOUND_COST], 2500000000);
    assert_int_equal(p->limits.most[BOUND_TOKENS], 400000);
    assert_int_equal(p->limits.most[BOUND_DEADLINE], 7 * 24 * 3600 * 1000LL);
    assert_str(plan_usage(p, &arena), "topic=<string> [words=<integer>]");
    assert_int_equal(p->n_callees, 4);
    const Callee *writer = p->callees[1], *critic = p->callees[2], *search = p->callees[3];
    assert_str(writer->name, "writer");
    assert_int_equal(writer->kind, CALLEE_MODEL);
    assert_int_equal(writer->n_models, 3);
    assert_str(writer->models[2], "openai/gpt-5");
    assert_int_equal(writer->max_output, 6000);
    assert_str(writer->effort, "high");
    assert_int_equal(writer->n_tools, 1);
    assert_int_equal(writer->tools[0].calls, 3);
    assert_int_equal(writer->turns, 6);
    assert_int_equal(writer->effect, EFFECT_READ);
    assert_str(critic->role, "You find what is missing.");
    assert_int_equal(critic->n_tools, 0);
    assert_ptr_equal(critic->instructions, writer->instructions);
    assert_int_equal(search->effect, EFFECT_READ);
    assert_int_equal(search->timeout_ms, 20000);
    assert_int_equal(search->retry.times, 3);
    assert_int_equal(search->retry.delay_ms, 500);
    assert_int_equal(search->retry.jitter_percent, 10);
    assert_int_equal(search->retry.n_except, 2);
    const Node *draft = plan_find(p, STR("draft"));
    assert_int_equal(draft->n_handlers, 2);
    assert_non_null(draft->handlers[0].if_);
    assert_ptr_equal(draft->handlers[0].step->handler_of, draft);
    assert_ptr_equal(draft->handlers[0].step->with, draft->with);
    assert_str(draft->handlers[1].step->fail_kind, "no_draft");
    assert_int_equal(draft->key_life_ms, 48 * 3600 * 1000);
    const Node *notify = plan_find(p, STR("notify"));
    assert_int_equal(notify->effect, EFFECT_IDEMPOTENT);
    assert_int_equal(notify->on_error, ON_ERROR_CONTINUE);
    assert_value(notify->callee->env->constant, "{\"LEVEL\":\"3\"}");
    plan_free(p);
}

static void a_dag_has_its_loops_waits_and_state(void **state) {
    (void)state;
    Plan *p = compile_file("dag.yaml");
    assert_int_equal(p->n_state, 3);
    assert_int_equal(p->state[0].reduce, REDUCE_APPEND);
    assert_value(p->state[0].preset, "[]");
    assert_value(p->state[1].preset, "0.0");
    assert_int_equal(p->state[2].reduce, REDUCE_EXPR);
    const Node *search = plan_find(p, STR("search"));
    assert_str(search->for_->each, "q");
    assert_str(search->for_->index, "n");
    assert_int_equal(search->for_->parallel, 2);
    assert_int_equal(search->for_->min, 0);
    assert_int_equal(search->n_sets, 2);
    assert_int_equal(search->effect, EFFECT_PURE);
    const Node *improve = plan_find(p, STR("improve"));
    assert_int_equal(improve->repeat->max, 5);
    assert_non_null(improve->result);
    assert_ptr_equal(plan_find(p, STR("improve~2/one")), improve->children[0]);
    assert_ptr_equal(plan_find(p, STR("improve.one.3.1")), improve->children[0]);
    assert_int_equal(plan_find(p, STR("race"))->join.kind, JOIN_ANY);
    assert_int_equal(plan_find(p, STR("race.slow"))->wait_ms, 3600 * 1000);
    const Node *go = plan_find(p, STR("go"));
    assert_str(go->signal, "go");
    assert_int_equal(go->wait_timeout_ms, 2 * 3600 * 1000);
    assert_int_equal(plan_find(p, STR("clean"))->verb, VERB_NONE);
    assert_true(plan_find(p, STR("clean"))->if_after_failure);
    assert_true(plan_find(p, STR("report"))->if_after_failure);
    assert_null(plan_find(p, STR("nobody")));
    plan_free(p);
}

static void effects_come_from_kind_method_tool_and_step(void **state) {
    (void)state;
    Plan *p = compile("baton: 1\n"
                      "tools:\n"
                      "  get: { http: { url: \"https://x\" } }\n"
                      "  put: { http: { url: \"https://x\", method: PUT } }\n"
                      "  post: { http: { url: \"https://x\", method: POST } }\n"
                      "  keyed: { run: [x], effect: keyed, key_life: 1h }\n"
                      "steps:\n"
                      "  - tool: get\n  - tool: put\n  - tool: post\n  - tool: keyed\n"
                      "  - { tool: keyed, effect: read }\n  - run: [x]\n  - tool: echo\n"
                      "  - { tool: echo, effect: unsafe }\n"
                      "  - agent: { run: [x] }\n  - agent: { model: openai/gpt-5 }\n");
    static const Effect effects[] = { EFFECT_READ,  EFFECT_IDEMPOTENT, EFFECT_UNSAFE,
                                      EFFECT_KEYED, EFFECT_READ,       EFFECT_UNSAFE,
                                      EFFECT_PURE,  EFFECT_UNSAFE,     EFFECT_UNSAFE,
                                      EFFECT_READ };
    for (size_t i = 0; i < ARRAY_LEN(effects); i++)
        assert_int_equal(p->root->children[i]->effect, effects[i]);
    assert_int_equal(p->root->children[3]->key_life_ms, 3600 * 1000);
    assert_int_equal(p->root->children[2]->key_life_ms, 24 * 3600 * 1000);
    plan_free(p);
}

/* ---- slots ----------------------------------------------------------------------------------------------------------- */

static void note(void *ctx, uint64_t slot, Pos pos) {
    (void)pos;
    Buf *b = ctx;
    buf_fmt(b, "%d.%d.%d ", (int)slot_kind(slot), (int)slot_number(slot), (int)slot_field(slot));
}

static Str slots_of(const Template *t) {
    Buf b = BUF_INIT(KIB);
    template_slots(t, note, &b);
    Str text = arena_str(&arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static void names_become_slots_of_the_nearest_meaning(void **state) {
    (void)state;
    Plan *p = compile(
        "baton: 1\n"
        "state: { k: { reduce: last, live: true } }\n"
        "steps:\n"
        "  - { id: a, tool: echo }\n" /* node 1 */
        "  - id: g\n"                 /* node 2 */
        "    for: { each: q, in: [1] }\n"
        "    repeat: { max: 2 }\n"
        "    steps:\n"
        "      - id: b\n" /* node 3 */
        "        for: { each: r, in: [1] }\n"
        "        tool: echo\n"
        "        with: \"${{ [q, r, index, round, last, steps.a.output, state.k, input, run.id] }}\"\n"
        "        set: { k: \"${{ [output, status] }}\" }\n"
        "        on_error: { tool: echo, with: \"${{ [error, q, r] }}\" }\n" /* node 4 */
        "    return: \"${{ [steps.b.detail, steps.a.status, q] }}\"\n");
    const Node *b = p->nodes[3];
    assert_str(slots_of(b->with), "7.2.0 7.3.0 8.3.0 9.2.0 10.2.0 5.1.2 2.0.0 1.0.0 4.0.1 ");
    assert_str(slots_of(b->sets[0].value), "12.3.0 15.3.0 ");
    assert_str(slots_of(b->handlers[0].step->with), "14.3.0 7.2.0 7.3.0 ");
    assert_str(slots_of(p->nodes[2]->result), "5.3.3 5.1.1 7.2.0 ");
    plan_free(p);
}

static void an_unnamed_program_gets_the_input_of_the_workflow(void **state) {
    (void)state;
    Plan *p = compile("baton: 1\ninput: { x: string }\nsteps:\n"
                      "  - run: [echo, \"${{ input.x }}\"]\n"
                      "  - { run: [echo, \"${{ input.y }}\"], with: { y: 1 } }\n");
    assert_str(slots_of(p->root->children[0]->with), "1.0.0 ");
    assert_value(p->root->children[1]->with->constant, "{\"y\":1}");
    assert_int_equal(p->root->children[1]->callee->command->kind, TEMPLATE_LIST);
    plan_free(p);
}

/* Each is fine: the read is ordered after every write, or no order could change it. */
static void reads_of_state_that_luck_cannot_change_are_accepted(void **state) {
    (void)state;
    static const char *const steps[] = {
        "  - { tool: echo, set: { n: 1 } }\n  - { tool: echo, with: \"${{ state.n }}\" }\n",
        "  - { tool: echo, with: \"${{ state.n }}\", set: { n: \"${{ state.n }}\" } }\n",
        "  - steps:\n      a: { tool: echo, set: { n: 1 } }\n      b: { tool: echo, set: { n: 2 } }\n"
        "    return: ${{ state.n }}\n  - { tool: echo, with: \"${{ state }}\" }\n",
        "  - repeat: { max: 3, until: state.n > 1 }\n    steps:\n"
        "      - { tool: echo, with: \"${{ state.n }}\" }\n      - { tool: echo, set: { n: 1 } }\n",
        "  - tool: echo\n    set: { n: 1 }\n    on_error:\n"
        "      - { if: state.n > 0, tool: echo, set: { n: 2 } }\n"
        "      - { tool: echo, with: \"${{ state.n }}\" }\n",
        "  - for: { each: q, in: [1] }\n    tool: echo\n    set: { n: \"${{ q }}\" }\n"
        "  - { tool: echo, with: \"${{ state.n }}\" }\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        Plan *p = compile(
            arena_fmt(&arena, "baton: 1\nstate: { n: { reduce: last } }\nsteps:\n%s", steps[i]).p);
        assert_int_equal(diags.n, 0);
        plan_free(p);
    }
}

/* ---- templates ------------------------------------------------------------------------------------------------------- */

static Value load_input(void *ctx, uint64_t slot, Arena *a) {
    (void)a;
    return slot_kind(slot) == SLOT_INPUT ? *(const Value *)ctx : VALUE_ABSENT;
}

/* `with` of a step over the input { s: "text", n: 3, none: null, list: [1, 2] }. */
static int eval_with(const char *with, Value *ret_value, EvalError *ret_error) {
    Value input;
    Str json = STR("{\"s\":\"text\",\"n\":3,\"none\":null,\"list\":[1,2]}");
    assert_int_equal(json_read(&arena, json, &input, NULL), 0);
    Plan *p =
        compile(arena_fmt(&arena, "baton: 1\nsteps:\n  - tool: echo\n    with: %s\n", with).p);
    CelScope scope = { load_input, &input };
    int r = template_eval(p->root->children[0]->with, &scope, &arena, ret_value, ret_error);
    if (!r)
        *ret_value = value_copy(&arena, *ret_value);
    plan_free(p);
    return r;
}

static void templates_keep_types_join_texts_and_drop_absent_fields(void **state) {
    (void)state;
    static const struct {
        const char *with, *json;
    } cases[] = {
        { "${{ input.n }}", "3" },
        { "\"${{ input.list }}\"", "[1,2]" },
        { "n is ${{ input.n }}, list ${{ input.list }}.", "\"n is 3, list [1,2].\"" },
        { "\"${{ input.s }}${{ input.s }}\"", "\"texttext\"" },
        { "$${{ input.n }} costs $5", "\"${{ input.n }} costs $5\"" },
        { "\" ${{ input.n }}\"", "\" 3\"" },
        { "{ a: \"${{ input.?x }}\", b: \"${{ input.?n }}\", c: [\"${{ input.?x }}\", 1] }",
          "{\"b\":3,\"c\":[1]}" },
        { "\"${{ {'a': '}}'} }}\"", "{\"a\":\"}}\"}" },
        { "\"${{ 1 + 1 }}\"", "2" },
        { "\"${{ input.none }}\"", "null" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Value v;
        EvalError error;
        assert_int_equal(eval_with(cases[i].with, &v, &error), 0);
        if (!str_is(value_text(&arena, v), cases[i].json))
            fail_msg("%s gives %.*s", cases[i].with, STR_FMT(value_text(&arena, v)));
    }
}

static void a_template_that_fails_names_the_path_and_the_place(void **state) {
    (void)state;
    Value v;
    EvalError error;
    assert_int_equal(eval_with("{ a: { b: [1, \"x${{ input.none }}\"] } }", &v, &error),
                     TEMPLATE_E_EVAL);
    assert_string_equal(error.message, "a.b[1]: null cannot stand inside a text");
    assert_int_equal(error.pos.line, 4);
    assert_int_equal(eval_with("{ a: \"${{ input.x }}\" }", &v, &error), TEMPLATE_E_EVAL);
    assert_memory_equal(error.message, "a: ", 3);
    assert_int_equal(eval_with("a ${{ input.?x }}", &v, &error), TEMPLATE_E_EVAL);
}

/* ---- types ----------------------------------------------------------------------------------------------------------- */

static Plan *plan_of_input(const char *type) {
    return compile(arena_fmt(&arena,
                             "baton: 1\ntypes:\n  Source: { title: string, url?: string }\n"
                             "input: %s\nsteps:\n  - tool: echo\n",
                             type)
                       .p);
}

/* Gives the canonical text of the converted value, or the problem. */
static Str convert(const char *type, const char *json) {
    Value v;
    Str problem;
    Plan *p = plan_of_input(type);
    assert_int_equal(json_read(&arena, str_from(json), &v, NULL), 0);
    bool bad = type_convert(p->input, v, &arena, &v, &problem);
    Str text = bad ? problem : value_text(&arena, v);
    plan_free(p);
    return text;
}

static void types_check_and_convert(void **state) {
    (void)state;
    static const struct {
        const char *type, *json, *result;
    } cases[] = {
        { "string", "\"a\"", "\"a\"" },
        { "string", "1", "expected string, got 1" },
        { "integer", "3.0", "3" },
        { "integer", "3.5", "expected integer, got 3.5" },
        { "number", "3", "3.0" },
        { "boolean", "null", "expected boolean, got null" },
        { "object", "{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}" },
        { "any", "[1,{}]", "[1,{}]" },
        { "time", "\"2026-11-21T00:00:00Z\"", "\"2026-11-21T00:00:00Z\"" },
        { "duration", "\"1m\"", "\"60s\"" },
        { "duration", "60", "expected duration, got 60" },
        { "\"integer[]\"", "[1,2.0]", "[1,2]" },
        { "\"string[][]\"", "[[\"a\"],[1]]", "[1][0]: expected string, got 1" },
        { "[yes, no, 3]", "\"no\"", "\"no\"" },
        { "[yes, no]", "\"maybe\"", "expected yes or no, got \"maybe\"" },
        { "Source", "{\"title\":\"t\"}", "{\"title\":\"t\"}" },
        { "Source", "{}", "title: expected string, got nothing" },
        { "Source", "[]", "expected Source, got a list" },
        { "\"Source[]\"", "[{\"titel\":\"t\"}]",
          "[0]: unknown field `titel`, did you mean `title`?" },
        { "{ a: { b: \"Source[]\" } }", "{\"a\":{\"b\":[{\"title\":null}]}}",
          "a.b[0].title: expected string, got null" },
        { "{ n: { type: integer, default: 5 }, s?: string }", "{}", "{\"n\":5}" },
        { "{ l: { enum: [low, high], default: low } }", "{}", "{\"l\":\"low\"}" },
        { "{ type: object, properties: { a: string, b: number }, required: [a] }", "{\"a\":\"x\"}",
          "{\"a\":\"x\"}" },
        { "{ type: array, items: { type: number } }", "[1]", "[1.0]" },
        { "Message", "{\"role\":\"user\",\"content\":\"x\"}",
          "{\"content\":\"x\",\"role\":\"user\"}" },
        { "Message", "{\"role\":\"user\"}", "expected Message, got a map" },
        { "{ type: integer, minimum: 3 }", "2", "must be at least 3, got 2" },
        { "{ n: { type: integer, minimum: 3 } }", "{\"n\":2.0}", "n: must be at least 3, got 2" },
        { "{ l: { type: array, items: { n: { type: string, minLength: 2 } } } }",
          "{\"l\":[{\"n\":\"ab\"},{\"n\":\"a\"}]}",
          "l[1].n: must have at least 2 characters, has 1" },
        { "{ properties: { a: number } }", "{\"b\":1,\"a\":2}", "{\"a\":2.0,\"b\":1}" },
        { "{ properties: { a: number } }", "3", "expected {a?}, got 3" },
        { "{ properties: { a: string }, additionalProperties: false }", "{\"b\":1}",
          "unknown field `b`" },
        { "{ properties: { a: string }, required: [b] }", "{}", "`b` is missing" },
        { "{ anyOf: [{ type: integer, minimum: 5 }, \"Source[]\", { not: { type: string } }] }",
          "[{\"title\":\"t\"}]", "[{\"title\":\"t\"}]" },
        { "{ anyOf: [{ minimum: 5 }, Source], not: { type: string } }", "1",
          "fits none of 2 alternatives; the nearest: must be at least 5, got 1" },
        { "{ type: [string, \"null\"] }", "null", "null" },
        { "{ type: [string, \"null\"] }", "1", "expected string or null, got 1" },
        { "{ $ref: \"#/$defs/tree\", $defs: { tree: { properties: { of: { type: array, items: { "
          "$ref: \"#/$defs/tree\" } } } } } }",
          "{\"of\":[{},{\"of\":[{\"of\":1}]}]}", "of[1].of[0].of: expected array, got 1" },
        { "{ t: { properties: { a: time, b: { const: x } } } }",
          "{\"t\":{\"a\":\"2026-11-21T00:00:00Z\",\"b\":\"x\",\"c\":true}}",
          "{\"t\":{\"a\":\"2026-11-21T00:00:00Z\",\"b\":\"x\",\"c\":true}}" },
        { "{ $schema: \"http://json-schema.org/draft-07/schema#\", items: [{ type: string }, "
          "integer], additionalItems: false }",
          "[\"a\", 1, 2]", "[2]: there may be no item here" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Str result = convert(cases[i].type, cases[i].json);
        if (!str_is(result, cases[i].result))
            fail_msg("%s of %s: %.*s", cases[i].json, cases[i].type, STR_FMT(result));
    }
}

static void a_type_as_json_schema(void **state) {
    (void)state;
    Plan *p = plan_of_input("{ s: \"Source[]\", n?: integer, e: [a, b], d: { type: string, "
                            "default: x, description: Some. } }");
    assert_value(type_schema(p->input, &arena),
                 "{\"additionalProperties\":false,\"properties\":{"
                 "\"d\":{\"default\":\"x\",\"description\":\"Some.\",\"type\":\"string\"},"
                 "\"e\":{\"enum\":[\"a\",\"b\"]},\"n\":{\"type\":\"integer\"},"
                 "\"s\":{\"items\":{\"additionalProperties\":false,\"properties\":{"
                 "\"title\":{\"type\":\"string\"},\"url\":{\"type\":\"string\"}},"
                 "\"required\":[\"title\"],\"type\":\"object\"},\"type\":\"array\"}},"
                 "\"required\":[\"s\",\"e\"],\"type\":\"object\"}");
    assert_str(type_text(p->input, &arena), "{s, n?, e, d?}");
    plan_free(p);
}

/* What a reference means does not change when the schema becomes part of another, and of a third. */
static void a_schema_in_a_schema_keeps_its_references(void **state) {
    (void)state;
    Plan *p =
        compile("baton: 1\ntypes:\n"
                "  Tree: { $ref: \"#/$defs/t\", $defs: { t: { properties: { l: { items: { $ref: "
                "\"#/$defs/t\" } }, v: { maximum: 3 } } } } }\n"
                "  Forest: { properties: { \"a b\": Tree } }\n"
                "input: { f: \"Forest[]\" }\nsteps:\n  - tool: echo\n");
    assert_value(type_schema(p->input, &arena),
                 "{\"additionalProperties\":false,\"properties\":{\"f\":{\"items\":{"
                 "\"properties\":{\"a b\":{\"$defs\":{\"t\":{\"properties\":{\"l\":{\"items\":{"
                 "\"$ref\":\"#/properties/f/items/properties/a%20b/$defs/t\"}},\"v\":{"
                 "\"maximum\":3}}}},"
                 "\"$ref\":\"#/properties/f/items/properties/a%20b/$defs/t\"}},"
                 "\"type\":\"object\"},\"type\":\"array\"}},\"required\":[\"f\"],"
                 "\"type\":\"object\"}");
    Value v;
    Str problem;
    assert_int_equal(json_read(&arena, STR("{\"f\":[{\"a b\":{\"l\":[{},{\"v\":4}]}}]}"), &v, NULL),
                     0);
    assert_int_equal(type_convert(p->input, v, &arena, &v, &problem), TYPE_E_MISMATCH);
    assert_str(problem, "f[0].a b.l[1].v: must be at most 3, got 4");
    plan_free(p);
}

/* What is added to a list in state, or merged into a map, is checked by itself. */
static void a_part_of_a_schema_is_checked_alone(void **state) {
    (void)state;
    Plan *p = plan_of_input(
        "{ properties: { l: { items: { $ref: \"#/$defs/a\" }, type: array } }, $defs: { "
        "a: { type: string, minLength: 3 } } }");
    const Type *list = p->input->fields[0].type;
    Value v = value_str(STR("ab")), items = value_list(&v, 1);
    Str problem;
    assert_int_equal(type_convert(list, items, &arena, &items, &problem), TYPE_E_MISMATCH);
    assert_str(problem, "[0]: must have at least 3 characters, has 2");
    plan_free(p);
    p = plan_of_input("{ type: array, items: { type: string, minLength: 3 } }");
    assert_int_equal(type_convert(p->input->item, v, &arena, &v, &problem), TYPE_E_MISMATCH);
    assert_str(problem, "must have at least 3 characters, has 2");
    plan_free(p);
}

/* ---- problems -------------------------------------------------------------------------------------------------------- */

static void a_problem_shows_its_line_and_a_caret(void **state) {
    (void)state;
    Plan *plan = NULL;
    Str name = STR("f.yaml"), text = STR("baton: 1\nsteps:\n  - tool: echo\n    rety: 2\n");
    int r = plan_compile(closure_make(&arena, name, &name, &text, 1), &plan, &diags);
    assert_int_equal(r, PLAN_E_REFUSED);
    Buf b = BUF_INIT(KIB);
    diag_write(&b, &diags.items[0]);
    assert_str(buf_str(&b), "f.yaml:4:5: error: unknown key `rety` in a step\n"
                            "    did you mean `retry`?\n"
                            "        rety: 2\n"
                            "        ^\n");
    buf_deinit(&b);
}

static void more_problems_than_the_list_holds_still_refuse(void **state) {
    (void)state;
    Buf b = BUF_INIT(MIB);
    Plan *plan = NULL;
    buf_fmt(&b, "baton: 1\nsteps:\n  - tool: echo\n");
    for (int i = 0; i < 80; i++)
        buf_fmt(&b, "    k%d: 1\n", i);
    Str name = STR("f.yaml"), text = buf_str(&b);
    int r = plan_compile(closure_make(&arena, name, &name, &text, 1), &plan, &diags);
    assert_int_equal(r, PLAN_E_REFUSED);
    assert_int_equal(diags.n, DIAGS_MAX);
    assert_int_equal(diags.errors, 80);
    buf_deinit(&b);
}

static void a_damaged_closure_is_refused(void **state) {
    (void)state;
    static const char *const closures[] = { "",
                                            "[]",
                                            "{}",
                                            "{\"main\":\"a\"}",
                                            "{\"main\":\"a\",\"files\":{}}",
                                            "{\"main\":1,\"files\":{\"a\":\"\"}}" };
    Plan *plan = NULL;
    for (size_t i = 0; i < ARRAY_LEN(closures); i++)
        assert_int_equal(plan_compile(str_from(closures[i]), &plan, &diags), PLAN_E_REFUSED);
}

static void the_same_closure_has_the_same_hash(void **state) {
    (void)state;
    Plan *a = compile("baton: 1\nsteps: [{ tool: echo }]\n"),
         *b = compile("baton: 1\nsteps: [{ tool: echo }]\n");
    Plan *c = compile("baton: 1\nsteps: [{ tool: echo, with: 1 }]\n");
    assert_true(hash_eq(&a->hash, &b->hash));
    assert_false(hash_eq(&a->hash, &c->hash));
    plan_free(a), plan_free(b), plan_free(c);
}

/* ---- size ------------------------------------------------------------------------------------------------------------ */

static void a_thousand_steps_compile_fast(void **state) {
    (void)state;
    Buf b = BUF_INIT(MIB);
    buf_fmt(&b, "baton: 1\ninput: { q: string }\nsteps:\n  s0: { tool: echo }\n");
    for (int i = 1; i < 1000; i++)
        buf_fmt(
            &b,
            "  s%d:\n    needs: [s%d]\n    tool: echo\n    timeout: 30s\n    retry: 2\n    with:\n"
            "      before: ${{ steps.s%d.output }}\n      text: Number %d about ${{ input.q }}\n",
            i, i - 1, i - 1, i);
    clock_t from = clock();
    Plan *p = compile_text(STR("big.yaml"), arena_str(&arena, buf_str(&b)));
    double ms = (double)(clock() - from) * 1000 / CLOCKS_PER_SEC;
    assert_int_equal(p->n_nodes, 1001);
    assert_int_equal(diags.n, 0);
    print_message("1,000 steps, %zu KiB: %.1f ms\n", b.len / 1024, ms);
    /* The aim is 30 ms; a sanitizer on a busy machine takes many times that. */
    assert_true(ms < 2000);
    plan_free(p);
    buf_deinit(&b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(plain_scalars_follow_the_core_schema),
        TEST(every_character_of_a_scalar_has_a_place),
        TEST(every_example_compiles_without_a_warning),
        TEST(a_list_is_a_chain_of_needs),
        TEST(a_map_is_ordered_by_needs_alone),
        TEST(warnings_after_many_errors_do_not_fit_in_the_list),
        TEST(a_pipeline_has_its_callees_limits_and_modifiers),
        TEST(a_dag_has_its_loops_waits_and_state),
        TEST(effects_come_from_kind_method_tool_and_step),
        TEST(names_become_slots_of_the_nearest_meaning),
        TEST(an_unnamed_program_gets_the_input_of_the_workflow),
        TEST(reads_of_state_that_luck_cannot_change_are_accepted),
        TEST(templates_keep_types_join_texts_and_drop_absent_fields),
        TEST(a_template_that_fails_names_the_path_and_the_place),
        TEST(types_check_and_convert),
        TEST(a_type_as_json_schema),
        TEST(a_schema_in_a_schema_keeps_its_references),
        TEST(a_part_of_a_schema_is_checked_alone),
        TEST(a_problem_shows_its_line_and_a_caret),
        TEST(more_problems_than_the_list_holds_still_refuse),
        TEST(a_damaged_closure_is_refused),
        TEST(the_same_closure_has_the_same_hash),
        TEST(a_thousand_steps_compile_fast),
    };
    return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
