/* baton test: workflows tried apart from their agents. Every case is the real engine in a simulated world (src/try). */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/tested.h"
#include "spec/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILES_MAX 1000
#define FOLDERS_DEEP 12
#define RUNS_MAX 10000

/* ---- which files ------------------------------------------------------------------------------------------------------- */

typedef struct Found {
    Arena *arena;
    Str paths[FILES_MAX];
    size_t n;
} Found;

static void add_path(Found *f, Str path) {
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->paths[i], path))
            return;
    if (f->n < FILES_MAX)
        f->paths[f->n++] = path;
}

static bool is_test(Str name) {
    return str_ends(name, STR(".test.yaml")) || str_ends(name, STR(".test.yml")) ||
           str_ends(name, STR(".test.json"));
}

static int by_text(const void *x, const void *y) {
    return str_cmp(*(const Str *)x, *(const Str *)y);
}

/* Every test below a folder; what begins with a dot is nobody's. */
static void walk(Found *f, Str folder, unsigned depth) {
    DIR *dir = depth < FOLDERS_DEEP ? opendir(folder.p) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct stat st;
        if (e->d_name[0] == '.' || strcmp(e->d_name, "node_modules") == 0)
            continue;
        Str path = str_is(folder, ".") ? arena_str(f->arena, str_from(e->d_name))
                                       : arena_fmt(f->arena, "%.*s/%s", STR_FMT(folder), e->d_name);
        if (lstat(path.p, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            walk(f, path, depth + 1);
        else if (is_test(path))
            add_path(f, path);
    }
    if (dir)
        closedir(dir);
}

static void find_files(Args *args, Found *f) {
    char *here[] = { "." };
    char **words = args->n_words ? args->words : here;
    size_t n = args->n_words ? args->n_words : 1;
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        Str path = str_from(words[i]);
        size_t before = f->n;
        while (path.len > 1 && path.p[path.len - 1] == '/')
            path = arena_str(f->arena, str_slice(path, 0, path.len - 1));
        if (stat(path.p, &st) == 0 && S_ISDIR(st.st_mode))
            walk(f, path, 0);
        else
            add_path(f, path);
        qsort(f->paths + before, f->n - before, sizeof *f->paths, by_text);
    }
}

/* ---- one file ---------------------------------------------------------------------------------------------------------- */

static Str diags_text(const Diags *d, Arena *a) {
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < d->n; i++)
        if (!d->items[i].warning)
            diag_write(&b, &d->items[i]);
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static bool read_file(void *ctx, Str path, Arena *a, Str *ret_text, Str *ret_problem) {
    (void)ctx;
    FILE *f = fopen(arena_str(a, path).p, "re");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size > (off_t)LIMIT_FILE_BYTES) {
        *ret_problem = arena_fmt(a, "cannot read %.*s: %s", STR_FMT(path),
                                 f ? "it is no file of a good size" : strerror(errno));
        if (f)
            fclose(f);
        return false;
    }
    char *text = arena_alloc(a, (size_t)st.st_size + 1);
    *ret_text = (Str){ text, fread(text, 1, (size_t)st.st_size, f) };
    fclose(f);
    return true;
}

/* The plan of a file, and the closure a run of it is pinned to; NULL: *ret_problem. */
static Plan *load_plan(Args *args, Str path, Str *ret_closure, Str *ret_problem) {
    Project project;
    Diags *diags = ARENA_NEW(args->arena, Diags);
    char problem[PROJECT_PROBLEM_BYTES];
    Plan *plan = NULL, *none = NULL;
    if (project_load(args->arena, path.p, STR(""), diags, &project, problem) != 0) {
        *ret_problem = arena_str(args->arena, str_from(problem));
        return NULL;
    }
    if (project.result == 0 && !project.plan) {
        *ret_problem =
            arena_fmt(args->arena, "%.*s is no workflow: it has no steps", STR_FMT(path));
        return NULL;
    }
    if (project.result == 0) {
        Diags *again = ARENA_NEW(args->arena, Diags);
        again->arena = args->arena;
        *ret_closure = closure_pin(project.plan, args->arena);
        plan_compile_played(*ret_closure, &plan, again);
        diags = plan ? diags : again;
    }
    plan_free(project.plan);
    plan_free(none);
    if (!plan)
        *ret_problem = diags_text(diags, args->arena);
    return plan;
}

/* Reads the test itself: its form by the language's table, then what it says. */
static bool load_test(Args *args, Str path, TryFile *ret, Str *ret_problem) {
    Arena *a = args->arena;
    Project project;
    Diags *diags = ARENA_NEW(a, Diags);
    char problem[PROJECT_PROBLEM_BYTES];
    Str text;
    if (project_load(a, path.p, STR(""), diags, &project, problem) != 0) {
        *ret_problem = arena_str(a, str_from(problem));
        return false;
    }
    bool workflow = project.plan != NULL;
    plan_free(project.plan);
    if (project.result != 0)
        *ret_problem = diags_text(diags, a);
    else if (workflow)
        *ret_problem =
            arena_fmt(a, "%.*s is a workflow, not a test of one: a test has `test` and `cases`",
                      STR_FMT(path));
    else if (read_file(NULL, path, a, &text, ret_problem) &&
             try_file_read(a, path, text, diags, ret) != 0)
        *ret_problem = STR("it is no test: `test` names a workflow, `cases` are what is tried");
    return ret_problem->len == 0;
}

/* Other workflows have names of their own. */
static void refuse_scripts(Buf *b, const TryFile *file, const Scripts *scripts, const Plan *plan,
                           Arena *a) {
    bool others = file->n_listen || plan->files->n_called;
    for (size_t kind = SCRIPT_AGENT; !others && kind <= SCRIPT_TOOL; kind++)
        for (size_t i = 0; i < scripts[kind].n; i++) {
            const Script *one = &scripts[kind].items[i];
            Str why = script_refuse(one, plan, a);
            if (why.p)
                buf_fmt(b, "%.*s:%u: %.*s\n", STR_FMT(file->name), one->line, STR_FMT(why));
        }
}

/* What no case can make true, and who is never asked, is said before any is tried. */
static Str refused(const TryFile *file, const Plan *plan, Arena *a) {
    Buf b = BUF_INIT(MIB);
    refuse_scripts(&b, file, file->scripts, plan, a);
    for (size_t i = 0; i < file->n_cases; i++) {
        const TryCase *one = &file->cases[i];
        refuse_scripts(&b, file, one->scripts, plan, a);
        for (size_t k = 0; k < one->n_expect; k++) {
            Str why = expect_refuse(&one->expect[k], plan, a);
            if (why.p)
                buf_fmt(&b, "%.*s:%u: %.*s\n", STR_FMT(file->name), one->expect[k].line,
                        STR_FMT(why));
        }
    }
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

typedef struct Session {
    Args *args;
    Tested tested;
    const char *only;
    int64_t runs; /* 0: what the file says */
    bool talk;    /* lines while it goes on */
} Session;

static void say_case(const Session *s, const TestedFile *f, const CaseResult *c) {
    Ink ink = say_ink(1);
    Buf b = BUF_INIT(4 * MIB);
    if (s->talk)
        tested_write_case(&b, f, c, &ink);
    out_str(buf_str(&b));
    buf_deinit(&b);
}

typedef struct Beside {
    StageBeside *items;
    size_t n;
} Beside;

static void try_cases(Session *s, TestedFile *f, const TryFile *file, const Plan *plan, Str closure,
                      Str dir, const Cassette *cassette, const Beside *beside) {
    Arena *a = s->args->arena;
    f->cases = ARENA_ARRAY(a, CaseResult, file->n_cases);
    for (size_t i = 0; i < file->n_cases; i++) {
        StageOptions o = { .file = file,
                           .one = &file->cases[i],
                           .plan = plan,
                           .closure = closure,
                           .dir = dir,
                           .cassette = cassette,
                           .beside = beside->items,
                           .n_beside = beside->n,
                           .files = { .read = read_file } };
        if (s->only && str_find(file->cases[i].name, str_from(s->only)) < 0)
            continue;
        CaseResult *c = &f->cases[f->n++];
        case_try(&o, s->runs ? s->runs : MAX(file->runs, 1), a, c);
        *(case_passed(c) ? &s->tested.passed : &s->tested.failed) += 1;
        say_case(s, f, c);
    }
}

static Str beside(Arena *a, Str path, Str name) {
    size_t end = path.len;
    while (end > 0 && path.p[end - 1] != '/')
        end--;
    return arena_fmt(a, "%.*s%.*s", (int)end, path.p, STR_FMT(name));
}

/* False: *ret_problem. Without a `record` there is none, and that is good. */
static bool load_cassette(Arena *a, Str path, const TryFile *file, Cassette *ret,
                          Str *ret_problem) {
    Str text, name = beside(a, path, file->record);
    return !file->record.len || (read_file(NULL, name, a, &text, ret_problem) &&
                                 cassette_read(a, name, text, ret, ret_problem));
}

static bool load_beside(Args *args, TestedFile *f, const TryFile *file, Beside *ret) {
    ret->items = ARENA_ARRAY(args->arena, StageBeside, file->n_listen + 1u);
    for (size_t i = 0; i < file->n_listen; i++) {
        StageBeside *one = &ret->items[i];
        Str path = beside(args->arena, f->name, file->listen[i]);
        one->dir = place_folder_of(args->arena, path.p);
        one->plan = load_plan(args, path, &one->closure, &f->problem);
        if (!one->plan)
            return false;
        ret->n++;
    }
    return true;
}

static void try_workflow(Session *s, TestedFile *f, const TryFile *file) {
    Arena *a = s->args->arena;
    Str closure = STR(""), workflow = beside(a, f->name, file->workflow);
    Cassette cassette = { 0 };
    Beside others = { 0 };
    _cleanup_(plan_freep)
    Plan *plan = load_plan(s->args, workflow, &closure, &f->problem);
    if (plan)
        f->problem = refused(file, plan, a);
    if (plan && !f->problem.len && load_cassette(a, f->name, file, &cassette, &f->problem) &&
        load_beside(s->args, f, file, &others))
        try_cases(s, f, file, plan, closure, place_folder_of(a, workflow.p),
                  file->record.len ? &cassette : NULL, &others);
    cassette_deinit(&cassette);
    for (size_t i = 0; i < others.n; i++)
        plan_free(others.items[i].plan);
}

static void try_file(Session *s, Str path) {
    TestedFile *f = &s->tested.files[s->tested.n++];
    TryFile *file = ARENA_NEW(s->args->arena, TryFile);
    *f = (TestedFile){ .name = path, .problem = STR("") };
    if (s->talk)
        out_str(arena_fmt(s->args->arena, "%.*s\n", STR_FMT(path)));
    if (load_test(s->args, path, file, &f->problem))
        try_workflow(s, f, file);
    if (f->problem.len)
        s->tested.failed++;
    if (f->problem.len && s->talk)
        say_text("%.*s%s", STR_FMT(f->problem), str_ends(f->problem, STR("\n")) ? "" : "\n");
}

/* ---- the command ------------------------------------------------------------------------------------------------------- */

static int write_file(const char *path, const Buf *b) {
    FILE *f = fopen(path, "we");
    if (!f)
        return say_error(EXIT_USAGE, "cannot write %s: %s", "", path, strerror(errno));
    bool good = fwrite(b->p ? b->p : "", 1, b->len, f) == b->len;
    good &= fclose(f) == 0;
    return good ? 0 : say_error(EXIT_INTERNAL, "cannot write %s: %s", "", path, strerror(errno));
}

static int report(const Session *s) {
    Args *args = s->args;
    const char *junit = args_flag(args, "junit");
    Ink ink = say_ink(1);
    Buf b = BUF_INIT(64 * MIB);
    int code = 0;
    if (args->json)
        out_json(tested_value(&s->tested, args->arena));
    else if (args_flag(args, "tap"))
        tested_write_tap(&b, &s->tested);
    else
        tested_write_sum(&b, &s->tested, &ink);
    out_str(buf_str(&b));
    buf_reset(&b);
    if (junit) {
        tested_write_junit(&b, &s->tested);
        code = write_file(junit, &b);
    }
    buf_deinit(&b);
    return code;
}

static int read_runs(const Args *args, int64_t *ret_runs) {
    const char *text = args_flag(args, "runs");
    *ret_runs = 0;
    if (!text || (str_to_i64(str_from(text), ret_runs) && *ret_runs >= 1 && *ret_runs <= RUNS_MAX))
        return 0;
    return say_error(EXIT_USAGE, "--runs is a number from 1 to %d", "", RUNS_MAX);
}

int cmd_test(Args *args) {
    Session s = { .args = args, .only = args_flag(args, "only") };
    Found *found = ARENA_NEW(args->arena, Found);
    int code = read_runs(args, &s.runs);
    if (code != 0)
        return code;
    found->arena = args->arena;
    find_files(args, found);
    if (found->n == 0)
        return say_error(EXIT_USAGE, "no test below %s: no file ends in .test.yaml",
                         "`baton help test` shows how one is written",
                         args->n_words ? args->words[0] : "this folder");
    s.talk = !args->json && !args_flag(args, "tap");
    s.tested.files = ARENA_ARRAY(args->arena, TestedFile, found->n);
    for (size_t i = 0; i < found->n; i++)
        try_file(&s, found->paths[i]);
    code = report(&s);
    return code ? code : s.tested.failed ? EXIT_RUN_FAILED : EXIT_OK;
}
