/* The workflow that carries an evaluation out. For two cases of an agent, with one judge:
 *
 *   import: [FILE]                       # without its steps, if it has any
 *   input: { cases: "any[]" }
 *   steps:
 *     - id: cases
 *       for: { each: item, in: "${{ input.cases }}" }
 *       steps:
 *         - { id: answer, agent: NAME, with: "${{ item.input }}", on_error: continue }
 *         - { id: grade_tone, agent: JUDGE, with: { input, output, expected }, on_error: continue }
 *       return: { case, input, expected, answer, grades: { tone } }
 *   return: ${{ steps.cases.output }}
 *
 * Expressions judge afterwards (graded.h): that costs nothing, so the answers of last time are judged by them too. */
#include "base/json.h"
#include "base/limits.h"
#include "cli/eval.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"
#include "spec/files.h"
#include "spec/yaml.h"

#define EXPR(text) value_str(STR("${{ " text " }}"))

/* ---- steps ------------------------------------------------------------------------------------------------------------- */

static Value asked(const Eval *e, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "id", value_str(STR("answer")));
    if (e->agent.len)
        map_addz(&m, "agent", value_str(e->agent));
    else
        map_addz(&m, "call", value_str(e->written));
    map_addz(&m, "with", EXPR("item.input"));
    map_addz(&m, "on_error", value_str(STR("continue")));
    return map_done(&m, NULL);
}

static Value step_name(const Grader *g, Arena *a) {
    return value_str(arena_fmt(a, "grade_%.*s", STR_FMT(g->name)));
}

/* To have a type is to pass through a step with that output. */
static Value typed(const Grader *g, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "id", step_name(g, a));
    map_addz(&m, "if", value_str(STR("steps.answer.status == 'ok'")));
    map_addz(&m, "tool", value_str(STR("echo")));
    map_addz(&m, "with", EXPR("steps.answer.output"));
    map_addz(&m, "output", g->type);
    map_addz(&m, "on_error", value_str(STR("continue")));
    return map_done(&m, NULL);
}

static Value judge(const Grader *g, Arena *a) {
    MapBuilder m = map_builder(a), with = map_builder(a);
    map_addz(&with, "input", EXPR("item.input"));
    map_addz(&with, "output", EXPR("steps.answer.output"));
    map_addz(&with, "expected", EXPR("item.?expected"));
    map_addz(&m, "id", step_name(g, a));
    map_addz(&m, "if", value_str(STR("steps.answer.status == 'ok'")));
    map_addz(&m, "agent", g->agent);
    map_addz(&m, "with", map_done(&with, NULL));
    map_addz(&m, "on_error", value_str(STR("continue")));
    return map_done(&m, NULL);
}

static Value steps_of(const Eval *e, Arena *a) {
    ListBuilder l = list_builder(a);
    list_add(&l, asked(e, a));
    for (size_t i = 0; i < e->n_graders; i++) {
        const Grader *g = &e->graders[i];
        if (g->kind == GRADER_TYPE)
            list_add(&l, typed(g, a));
        else if (g->kind == GRADER_JUDGE)
            list_add(&l, judge(g, a));
    }
    return list_done(&l);
}

static Value returned(const Eval *e, Arena *a) {
    MapBuilder m = map_builder(a), grades = map_builder(a);
    for (size_t i = 0; i < e->n_graders; i++) {
        const Grader *g = &e->graders[i];
        if (g->kind != GRADER_EXPR)
            map_adds(&grades, g->name,
                     value_str(arena_fmt(a, "${{ steps.grade_%.*s }}", STR_FMT(g->name))));
    }
    map_addz(&m, "name", EXPR("item.name"));
    map_addz(&m, "input", EXPR("item.input"));
    map_addz(&m, "expected", EXPR("item.?expected"));
    map_addz(&m, "answer", EXPR("steps.answer"));
    map_addz(&m, "grades", map_done(&grades, NULL));
    return map_done(&m, NULL);
}

static Value cases_step(const Eval *e, Arena *a) {
    MapBuilder m = map_builder(a), loop = map_builder(a);
    map_addz(&loop, "each", value_str(STR("item")));
    map_addz(&loop, "in", EXPR("input.cases"));
    map_addz(&loop, "parallel", value_int(e->parallel));
    map_addz(&m, "id", value_str(STR("cases")));
    map_addz(&m, "for", map_done(&loop, NULL));
    map_addz(&m, "steps", steps_of(e, a));
    map_addz(&m, "return", returned(e, a));
    return map_done(&m, NULL);
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */

static Str text_of(Arena *a, Value v) {
    Buf b = BUF_INIT(LIMIT_FILE_BYTES);
    value_write_pretty(&b, v); /* in the order in which it was made: `baton` is the first key */
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* `agents: [FILE]` of the one who is asked, and what the judges need of their own. */
static Value imports(const Eval *e, Arena *a) {
    Value more = value_getz(e->definitions, "import");
    ListBuilder l = list_builder(a);
    if (e->agent.len)
        list_add(&l, value_str(e->written));
    for (size_t i = 0; value_is(more, V_LIST) && i < more.len; i++)
        list_add(&l, more.items[i]);
    return list_done(&l);
}

static Str workflow_text(const Eval *e, Arena *a) {
    MapBuilder m = map_builder(a), input = map_builder(a);
    Value import = imports(e, a), steps[1];
    steps[0] = cases_step(e, a);
    map_addz(&input, "cases", value_str(STR("any[]")));
    map_addz(&m, "baton", value_int(1));
    map_addz(&m, "name", value_str(e->name));
    if (import.len)
        map_addz(&m, "import", import);
    for (size_t i = 0; i < e->definitions.len; i++) {
        ValueEntry d = value_entry(e->definitions, i);
        if (!str_is(value_as_str(d.key), "import"))
            map_add(&m, d.key, d.value);
    }
    map_addz(&m, "input", map_done(&input, NULL));
    map_addz(&m, "steps", value_list(steps, 1));
    map_addz(&m, "return", EXPR("steps.cases.output"));
    return text_of(a, map_done(&m, NULL));
}

/* Definitions only, so that it can be imported. */
static Str library_text(Arena *a, Value root) {
    static const char *const words[] = { "baton", "import", "types", "models", "agents", "tools" };
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!value_absent(value_getz(root, words[i])))
            map_addz(&m, words[i], value_getz(root, words[i]));
    return text_of(a, map_done(&m, NULL));
}

/* The text of the file that was loaded. */
static Value root_of(Arena *a, const Project *p) {
    Value closure = VALUE_NULL;
    Diags *diags = ARENA_NEW(a, Diags);
    YamlFile *yaml = ARENA_NEW(a, YamlFile);
    int err = json_read(a, p->closure, &closure, NULL);
    ASSERT(err == 0); /* closure_from() made it */
    diags->arena = a;
    Value text = value_get(value_getz(closure, "files"), p->main);
    if (!value_is(text, V_STRING) || yaml_read(a, p->main, value_as_str(text), diags, yaml) != 0)
        return VALUE_NULL;
    return yaml_value(yaml->root, a);
}

/* What is asked is checked by itself: its mistakes have places. */
static int load_asked(const Args *args, const Eval *e, Project *ret) {
    Diags *diags = ARENA_NEW(args->arena, Diags);
    int code = inputs_load(args, e->file.p, diags, ret);
    if (code != 0)
        return code;
    if (ret->result != 0) {
        inputs_print(diags);
        return EXIT_USAGE;
    }
    if (!e->agent.len && !ret->plan)
        return say_error(EXIT_USAGE, "%.*s is no workflow: it has no steps",
                         "name one of its agents: `agent:` of the file, or --agent",
                         STR_FMT(e->file));
    return 0;
}

/* What is wrong now is wrong with how it was put together: with the agent's name, with a judge. Its places are in no file. */
static int refuse_made(const Args *args, const Diags *diags) {
    for (size_t i = 0; i < diags->n; i++) {
        const Diag *d = &diags->items[i];
        if (!d->warning)
            return say_error(EXIT_USAGE, "%s: %.*s", "%.*s", args->words[0], STR_FMT(d->message),
                             STR_FMT(d->remedy));
    }
    return EXIT_USAGE;
}

int eval_make(const Args *args, const Eval *e, Str *ret_closure, Plan **ret_plan, Str *ret_dir) {
    Arena *a = args->arena;
    Project asked = { 0 }, whole = { 0 };
    Diags *diags = ARENA_NEW(a, Diags);
    char problem[PROJECT_PROBLEM_BYTES];
    int code = load_asked(args, e, &asked);
    plan_free(asked.plan);
    if (code != 0)
        return code;
    Value root = root_of(a, &asked);
    ClosureFile library = { .name = asked.main, .text = library_text(a, root), .problem = STR("") };
    ProjectMade made = { .path = e->path.p,
                         .text = workflow_text(e, a),
                         .given = &library,
                         .n_given = e->agent.len ? 1 : 0 };
    if (project_make(a, &made, STR(""), diags, &whole, problem) != 0)
        return say_error(EXIT_USAGE, "%s", "", problem);
    if (whole.result != 0 || !whole.plan) {
        plan_free(whole.plan);
        return refuse_made(args, diags);
    }
    *ret_closure = closure_pin(whole.plan, a);
    *ret_plan = whole.plan;
    *ret_dir = place_folder_of(a, e->path.p);
    return 0;
}

/* Round by round, so that what is asked twice is not asked twice in a row. */
Value eval_input(const Eval *e, Arena *a) {
    ListBuilder l = list_builder(a);
    MapBuilder input = map_builder(a);
    for (int64_t round = 0; round < e->runs; round++)
        for (size_t i = 0; i < e->n_cases; i++) {
            const Case *c = &e->cases[i];
            MapBuilder m = map_builder(a);
            map_addz(&m, "name", value_str(c->name));
            map_addz(&m, "input", c->input);
            if (!value_absent(c->expected))
                map_addz(&m, "expected", c->expected);
            list_add(&l, map_done(&m, NULL));
        }
    map_addz(&input, "cases", list_done(&l));
    return map_done(&input, NULL);
}
