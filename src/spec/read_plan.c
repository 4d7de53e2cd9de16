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

static void refuse_of_project(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)value, (void)target;
    error_at(r, key, "place", "one file for every workflow beside it or below",
             "`%.*s` stands in the project file, baton.yaml", STR_FMT(key->text));
}

static void set_guard(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    Sight sight = { .input = r->plan->input, .stands_in = "`guard`" };
    read_guards(r, value, &sight, &r->plan->guards);
}

static void set_decisions(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    read_decisions(r, value);
}

static void set_on(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    read_triggers(r, value);
}

static const KeyRow rows[] = {
    { "baton", set_baton },
    { "name", set_name },
    { "description", set_description },
    { "labels", set_labels },
    { "limits", set_limits },
    { "guard", set_guard },
    { "on", set_on },
    { "decisions", set_decisions },
    { "inboxes", ignore },
    { "models", ignore },
    { "agents", ignore },
    { "tools", ignore },
    { "types", ignore },
    { "input", ignore },
    { "output", set_output },
    { "state", ignore },
    { "steps", ignore },
    { "return", set_return },
    { "import", ignore },
    { "providers", refuse_of_project },
    { "secrets", refuse_of_project },
    { "egress", refuse_of_project },
    { "vars", refuse_of_project },
    { "prices", refuse_of_project },
    { "budgets", refuse_of_project },
    { "people", refuse_of_project },
    { "groups", refuse_of_project },
    { "channels", refuse_of_project },
    { "escalation", refuse_of_project },
    { "server", refuse_of_project },
};

bool check_head(Reader *r, const Yaml *root) {
    if (root->kind != YAML_MAP || root->n == 0) {
        error_at(r, root, "version", "begin with `baton: 1`", "a file of Baton is a map");
        return false;
    }
    const Yaml *first = root->entries[0].key;
    if (!str_is(first->text, "baton"))
        error_at(r, first, "version", "begin with `baton: 1`",
                 "the first key of a file is `baton`");
    return true;
}

static void read_definitions(Reader *r) {
    define_roots(r);
    read_project(r);
    r->named = NULL;
    define_all(r, &(Scheme){ "models", false, &r->models });
    read_models(r);
    r->named = NULL;
    define_all(r, &(Scheme){ "types", false, &r->types });
    read_types(r);
    r->named = NULL;
    define_all(r, &(Scheme){ "agents", true, &r->agents });
    define_all(r, &(Scheme){ "tools", false, &r->tools });
    read_callees(r);
}

/* The first of all nodes: definitions may hold steps. */
static void begin_root(Reader *r, const Yaml *root) {
    Plan *plan = r->plan;
    plan->root = read_new_node(r, root, STR(""), NULL);
    plan->root->verb = VERB_GROUP;
    plan->root->verb_word = STR("steps");
}

static void read_root(Reader *r, const Yaml *root) {
    Plan *plan = r->plan;
    const Yaml *input = yaml_get(root, "input"), *state = yaml_get(root, "state");
    const Yaml *steps = yaml_get(root, "steps"), *inboxes = yaml_get(root, "inboxes");
    if (input)
        plan->input = read_type(r, input);
    if (state)
        read_state(r, state);
    if (inboxes)
        read_inboxes(r, inboxes);
    Sight sight = { .input = plan->input, .stands_in = "the first level of a file" };
    read_block(r, root, language_block(STR("Workflow")), rows, ARRAY_LEN(rows), &sight, NULL);
    if (steps)
        read_steps(r, steps, plan->root);
    read_means(r);
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static void begin(Reader *r, Arena *a, Files *files, const YamlFile *file, Plan *plan,
                  Diags *diags) {
    *r = (Reader){ .arena = a, .diags = diags, .files = files, .file = file, .plan = plan };
    Table *tables[] = { &r->types,  &r->tools,  &r->agents,    &r->models,    &r->vars,
                        &r->prices, &r->state,  &r->steps,     &r->providers, &r->channels,
                        &r->people, &r->groups, &r->escalation };
    arena_init(&r->scratch, 0); /* a multiple of the files, which are capped */
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        tables[i]->arena = &r->scratch;
    r->pending_end = &r->pending;
    r->later_end = &r->later;
}

static bool lacks_files(const Reader *r) { return r->files->needs && r->files->needs->n; }

void read_plan(Arena *a, Files *files, Source *source, Plan *plan, Diags *diags) {
    const Yaml *root = source_root(files, source);
    Reader r;
    if (!root)
        return;
    begin(&r, a, files, &source->yaml, plan, diags);
    if (check_head(&r, root)) {
        begin_root(&r, root);
        read_definitions(&r);
        /* What they lack makes the rest meaningless; it is read when they are there. */
        if (!lacks_files(&r)) {
            read_root(&r, root);
            order_steps(&r);
            read_pending(&r);
            check_plan(&r);
            place_contexts(&r);
            gather_hears(&r);
            place_tasks(&r);
            place_fallbacks(&r);
            keep_used(&r);
            prompts_keep(plan, files);
            check_used(&r);
            keep_later(&r);
        }
    }
    arena_deinit(&r.scratch);
}

/* Definitions alone: a project file, or one that others import. */
static void read_library(Arena *a, Files *files, Plan *plan, Diags *diags) {
    Reader r;
    begin(&r, a, files, &files->main->yaml, plan, diags);
    if (check_head(&r, r.file->root)) {
        begin_root(&r, r.file->root);
        read_definitions(&r);
        read_means(&r);
        order_steps(&r); /* a definition may hold steps: its `undo`, its `probe` */
        read_pending(&r);
        plan->root = NULL;
    }
    arena_deinit(&r.scratch);
}

static void read_price_list(Arena *a, Files *files, Plan *plan, Diags *diags) {
    Reader r;
    begin(&r, a, files, &files->main->yaml, plan, diags);
    read_prices_root(&r, r.file->root);
    arena_deinit(&r.scratch);
}

static bool has_one_of(const Yaml *root, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (yaml_get(root, words[i]))
            return true;
    return false;
}

/* A test of a workflow, by its form; src/try reads what it says. The workflow is checked with it. */
static void read_test(Arena *a, Files *files, Plan *plan, Diags *diags) {
    Reader r;
    Sight sight = { .sees = SEES_TEST, .stands_in = "a test" };
    begin(&r, a, files, &files->main->yaml, plan, diags);
    if (check_head(&r, r.file->root))
        read_block(&r, r.file->root, language_block(STR("Test")), NULL, 0, &sight, NULL);
    arena_deinit(&r.scratch);
}

/* An evaluation, by its form; `baton eval` reads what it says. Its judges are defined here, or where the project has them. */
static void read_eval(Arena *a, Files *files, Plan *plan, Diags *diags) {
    Reader r;
    Sight sight = { .sees = SEES_TEST, .stands_in = "an evaluation" };
    begin(&r, a, files, &files->main->yaml, plan, diags);
    if (check_head(&r, r.file->root)) {
        begin_root(&r, r.file->root);
        read_definitions(&r);
        read_pending(&r);
        read_block(&r, r.file->root, language_block(STR("Eval")), NULL, 0, &sight, NULL);
        plan->root = NULL;
    }
    arena_deinit(&r.scratch);
}

/* Files of Baton that somebody else reads: better one word about that than every key refused. */
static bool refuse_other(const Yaml *root, Diags *diags) {
    bool replies = !yaml_get(root, "baton") && yaml_get(root, "replies");
    if (replies)
        diag_error(diags, yaml_pos(root), "place",
                   "validate a workflow with `model: scripted/FILE`",
                   "these are replies of a scripted model: they are checked with who asks it");
    return replies;
}

static void read_yaml(Arena *a, Files *files, Plan *plan, Diags *diags) {
    static const char *const workflow[] = { "name",  "input",  "output", "on",
                                            "state", "labels", "steps",  "return" };
    static const char *const library[] = { "agents", "tools", "types", "models", "import" };
    const Yaml *root = source_root(files, files->main);
    if (!root || refuse_other(root, diags))
        return;
    bool definitions = has_one_of(root, library, ARRAY_LEN(library)) &&
                       !has_one_of(root, workflow, ARRAY_LEN(workflow));
    if (yaml_get(root, "eval"))
        read_eval(a, files, plan, diags);
    else if (yaml_get(root, "cases") || yaml_get(root, "test"))
        read_test(a, files, plan, diags);
    else if (str_eq(files->main->name, FILE_PROJECT))
        read_library(a, files, plan, diags);
    else if (definitions && yaml_get(root, "baton"))
        read_library(a, files, plan, diags);
    else if (definitions && yaml_get(root, "models"))
        read_price_list(a, files, plan, diags);
    else
        read_plan(a, files, files->main, plan, diags);
}

void read_any(Arena *a, Files *files, Plan *plan, Diags *diags) {
    Source *s = files->main;
    if (!str_ends(s->name, STR(".md")))
        read_yaml(a, files, plan, diags);
    else if (str_starts(s->text, STR("---")) && !prompt_is_file(s->name))
        source_card(files, s);
    else
        source_body(files, s);
}
