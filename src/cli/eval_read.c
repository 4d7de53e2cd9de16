#include "base/limits.h"
#include "cli/eval.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/score.h"
#include "spec/yaml.h"
#include "try/script.h"

#define PARALLEL_DEFAULT 8
#define RUNS_MAX 100

static const char *const seen[] = { "input", "output", "expected", NULL };
static const char *const judged[] = { "output", NULL };

/* ---- its file ---------------------------------------------------------------------------------------------------------- */

static Str text_at(Value map, const char *key) {
    Value v = value_getz(map, key);
    return value_is(v, V_STRING) ? value_as_str(v) : STR("");
}

static int64_t count_at(Value map, const char *key, int64_t otherwise) {
    Value v = value_getz(map, key);
    return value_is(v, V_INT) ? v.i : otherwise;
}

static Grader read_grader(Str name, Value v) {
    Grader g = { .name = name, .kind = GRADER_EXPR, .expr = STR(""), .pass = 1 };
    Value pass = value_getz(v, "pass");
    if (value_is(pass, V_DOUBLE))
        g.pass = pass.d;
    else if (value_is(pass, V_INT))
        g.pass = (double)pass.i;
    if (value_is(v, V_STRING)) {
        g.expr = script_bare(value_as_str(v));
        return g;
    }
    g.type = value_getz(v, "type");
    g.agent = value_getz(v, "agent");
    g.expr = script_bare(text_at(v, value_absent(g.agent) ? "expr" : "score"));
    g.kind = !value_absent(g.agent)  ? GRADER_JUDGE
             : !value_absent(g.type) ? GRADER_TYPE
                                     : GRADER_EXPR;
    return g;
}

static void read_graders(Arena *a, Value map, Eval *e) {
    size_t n = value_is(map, V_MAP) ? map.len : 0;
    e->graders = ARENA_ARRAY(a, Grader, n + e->n_graders + 1);
    for (size_t i = 0; i < n; i++) {
        ValueEntry entry = value_entry(map, i);
        e->graders[e->n_graders++] = read_grader(value_as_str(entry.key), entry.value);
    }
}

static Value definitions_of(Arena *a, Value root) {
    static const char *const words[] = { "import", "types", "models", "agents", "limits" };
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!value_absent(value_getz(root, words[i])))
            map_addz(&m, words[i], value_getz(root, words[i]));
    return map_done(&m, NULL);
}

/* Beside the file `base`, as a person would call it. */
static Str beside(Arena *a, Str base, Str name) {
    while (base.len && base.p[base.len - 1] != '/')
        base.len--;
    return str_starts(name, STR("/")) ? name
                                      : arena_fmt(a, "%.*s%.*s", STR_FMT(base), STR_FMT(name));
}

static Str last_part(Str path) {
    size_t from = path.len;
    while (from && path.p[from - 1] != '/')
        from--;
    return str_slice(path, from, path.len);
}

/* "support" of "desk/support.eval.yaml". */
static Str stem(Arena *a, Str path) {
    Str name = last_part(path);
    ptrdiff_t dot = str_find(name, STR("."));
    name = arena_str(a, dot > 0 ? str_slice(name, 0, (size_t)dot) : name);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        ((char *)(uintptr_t)name.p)[i] = good ? c : '_';
    }
    return name;
}

static int read_root(const Args *args, Value root, Eval *e) {
    Arena *a = args->arena;
    Value cases = value_getz(root, "cases");
    e->written = text_at(root, "eval");
    e->file = beside(a, e->path, e->written);
    e->agent = text_at(root, "agent");
    e->runs = count_at(root, "runs", 1);
    e->parallel = count_at(root, "parallel", PARALLEL_DEFAULT);
    e->definitions = definitions_of(a, root);
    read_graders(a, value_getz(root, "graders"), e);
    if (args->n_words > 1 || value_absent(cases))
        return 0;
    return value_is(cases, V_STRING)
               ? cases_read(a, beside(a, e->path, value_as_str(cases)).p, &e->cases, &e->n_cases)
               : cases_of(a, cases, e->path.p, &e->cases, &e->n_cases);
}

/* ---- the command line -------------------------------------------------------------------------------------------------- */

static int read_flags(const Args *args, Eval *e) {
    const char *agent = args_flag(args, "agent"), *runs = args_flag(args, "runs"),
               *parallel = args_flag(args, "parallel"), *check = args_flag(args, "check");
    if (agent)
        e->agent = str_from(agent);
    if (check)
        e->graders[e->n_graders++] =
            (Grader){ .name = STR("check"), .expr = script_bare(str_from(check)), .pass = 1 };
    if (runs && !str_to_i64(str_from(runs), &e->runs))
        e->runs = 0;
    if (e->runs < 1 || e->runs > RUNS_MAX)
        return say_error(EXIT_USAGE, "each case is asked from 1 to %d times", "", RUNS_MAX);
    if (parallel && (!str_to_i64(str_from(parallel), &e->parallel) || e->parallel < 1))
        return say_error(EXIT_USAGE, "--parallel is a number from 1", "");
    return 0;
}

static int check_graders(Arena *a, const Eval *e) {
    if (e->n_graders == 0)
        return say_error(EXIT_USAGE, "nobody judges what comes back",
                         "`graders:` of the file, or --check 'output == expected'");
    for (size_t i = 0; i < e->n_graders; i++) {
        const Grader *g = &e->graders[i];
        Str problem = STR("");
        if (g->expr.len &&
            !score_compiles(a, g->expr, g->kind == GRADER_JUDGE ? judged : seen, &problem))
            return say_error(EXIT_USAGE, "grader `%.*s`: %.*s", "", STR_FMT(g->name),
                             STR_FMT(problem));
    }
    return 0;
}

/* Checked by its form first, with everything else that is a file of Baton. */
static int read_file(const Args *args, const char *path, Value *ret_root) {
    Arena *a = args->arena;
    Diags *diags = ARENA_NEW(a, Diags), *again = ARENA_NEW(a, Diags);
    YamlFile *yaml = ARENA_NEW(a, YamlFile);
    Project project = { 0 };
    Str text;
    int code = inputs_load(args, path, diags, &project);
    plan_free(project.plan);
    if (code == 0 && project.result != 0) {
        inputs_print(diags);
        return EXIT_USAGE;
    }
    if (code == 0)
        code = place_read_file(a, path, LIMIT_FILE_BYTES, &text);
    if (code != 0)
        return code;
    again->arena = a;
    if (yaml_read(a, str_from(path), text, again, yaml) != 0)
        return say_error(EXIT_USAGE, "cannot read %s", "", path);
    *ret_root = yaml_value(yaml->root, a);
    return 0;
}

int eval_read(const Args *args, Eval *ret) {
    Arena *a = args->arena;
    const char *path = args->words[0], *data = args->n_words > 1 ? args->words[1] : NULL;
    Eval e = { .file = str_from(path),
               .written = last_part(str_from(path)),
               .agent = STR(""),
               .runs = 1,
               .parallel = PARALLEL_DEFAULT,
               .definitions = VALUE_EMPTY_MAP };
    Value root;
    int code = read_file(args, path, &root);
    if (code != 0)
        return code;
    bool own = value_is(value_getz(root, "eval"), V_STRING);
    e.path = own ? str_from(path)
                 : beside(a, e.file, arena_fmt(a, "%.*s.eval.yaml", STR_FMT(stem(a, e.file))));
    e.graders = ARENA_ARRAY(a, Grader, 1);
    if (own)
        code = read_root(args, root, &e);
    if (code == 0 && data)
        code = cases_read(a, data, &e.cases, &e.n_cases);
    if (code == 0 && e.n_cases == 0)
        code = say_error(EXIT_USAGE, "what are they to be asked?",
                         "`cases:` of the file, or a second word: a list of { input, expected }");
    if (code == 0)
        code = read_flags(args, &e);
    if (code == 0)
        code = check_graders(a, &e);
    e.name = arena_fmt(a, "eval.%.*s%s%.*s", STR_FMT(stem(a, e.path)), e.agent.len ? "." : "",
                       STR_FMT(e.agent));
    *ret = e;
    return code;
}
