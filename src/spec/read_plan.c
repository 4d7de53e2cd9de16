/* The first level of a workflow file, and the order of reading: definitions, then steps, then their order, then their
 * expressions, then what only the whole can tell. */
#include "spec/read_plan.h"

#include "base/limits.h"
#include "spec/read.h"

static void ignore(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key, (void)value, (void)target; /* read by read_plan, in an order of its own */
}

static void set_baton(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    if (value->kind != YAML_SCALAR || !str_is(value->text, "1"))
        error_at(r, value, "version", "write `baton: 1`", "this version reads files of `baton: 1`");
}

static void set_name(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    Str s;
    if (!read_text(r, value, "`name`", &s))
        return;
    r->plan->name = s;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (i > 0 && (c == '-' || c == '_' || c == '.'));
        if (!good || s.len > LIMIT_ID_BYTES) {
            error_at(r, value, "name", "letters, digits, `-` and `_`, at most 64",
                     "`%.*s` cannot be the name of a workflow", (int)MIN(s.len, 80), s.p);
            return;
        }
    }
}

static void set_description(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    read_text(r, value, "`description`", &r->plan->description);
}

static void set_labels(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    Sight sight = { .sees = SEES_NO_RUN, .input = r->plan->input, .stands_in = "`labels`" };
    if (read_is_map(r, value, "`labels`"))
        r->plan->labels = read_template(r, value, &sight);
}

static void set_limits(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    read_limits(r, value, &r->plan->limits);
}

static void set_output(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    r->plan->output = read_type(r, value);
}

static void set_return(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    read_later(r, value, r->plan->root, SEES_STEPS | SEES_CHILDREN, &r->plan->root->result, NULL);
}

static const KeyRow rows[] = {
    { "baton", set_baton },   { "name", set_name },     { "description", set_description },
    { "labels", set_labels }, { "limits", set_limits }, { "models", ignore },
    { "agents", ignore },     { "tools", ignore },      { "types", ignore },
    { "input", ignore },      { "output", set_output }, { "state", ignore },
    { "steps", ignore },      { "return", set_return }, { "import", NULL },
    { "on", NULL },           { "concurrency", NULL },  { "memory", NULL },
    { "inboxes", NULL },      { "guard", NULL },        { "decisions", NULL },
    { "providers", NULL },    { "secrets", NULL },      { "vars", NULL },
    { "prices", NULL },       { "budgets", NULL },      { "people", NULL },
    { "groups", NULL },       { "channels", NULL },     { "escalation", NULL },
    { "server", NULL },       { "test", NULL },         { "cases", NULL },
    { "route", NULL },        { "runs", NULL },
};

/* `baton: 1` comes first, so that any program can tell what the file is. */
static bool check_head(Reader *r) {
    const Yaml *root = r->file->root;
    if (root->kind != YAML_MAP || root->n == 0) {
        error_at(r, root, "version", "begin with `baton: 1`", "a workflow file is a map");
        return false;
    }
    const Yaml *first = root->entries[0].key;
    if (!str_is(first->text, "baton"))
        error_at(r, first, "version", "begin with `baton: 1`",
                 "the first key of a workflow is `baton`");
    return true;
}

static void read_definitions(Reader *r, const Yaml *root) {
    const Yaml *models = yaml_get(root, "models"), *types = yaml_get(root, "types");
    const Yaml *tools = yaml_get(root, "tools"), *agents = yaml_get(root, "agents");
    if (models)
        table_define(r, models, "`models`", false, &r->models);
    read_models(r);
    r->named = NULL;
    if (types)
        table_define(r, types, "`types`", false, &r->types);
    read_types(r);
    r->named = NULL;
    if (agents)
        table_define(r, agents, "`agents`", true, &r->agents);
    if (tools)
        table_define(r, tools, "`tools`", false, &r->tools);
    read_callees(r);
}

static void read_root(Reader *r, const Yaml *root) {
    Plan *plan = r->plan;
    const Yaml *input = yaml_get(root, "input"), *state = yaml_get(root, "state");
    const Yaml *steps = yaml_get(root, "steps");
    plan->root = read_new_node(r, root, STR(""), NULL);
    plan->root->verb = VERB_GROUP;
    plan->root->verb_word = STR("steps");
    if (input)
        plan->input = read_type(r, input);
    if (state)
        read_state(r, state);
    read_map(r, root, rows, ARRAY_LEN(rows), "a workflow", NULL);
    if (steps)
        read_steps(r, steps, plan->root);
    else
        error_at(r, root, "missing", "a list or a map of steps", "`steps` is missing");
}

void read_plan(Arena *a, const YamlFile *file, Plan *plan, Diags *diags) {
    Reader r = { .arena = a, .diags = diags, .file = file, .plan = plan };
    Table *tables[] = { &r.types, &r.tools, &r.agents, &r.models, &r.state, &r.steps };
    arena_init(&r.scratch, 0); /* a multiple of the file, which is capped */
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        tables[i]->arena = &r.scratch;
    r.pending_end = &r.pending;
    if (check_head(&r)) {
        read_definitions(&r, file->root);
        read_root(&r, file->root);
        order_steps(&r);
        read_pending(&r);
        check_plan(&r);
    }
    arena_deinit(&r.scratch);
}
