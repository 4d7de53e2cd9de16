/* Finding, reading and pinning the files of a workflow, in a folder of its own. */
#include "host/project.h"

#include "base/limits.h"
#include "spec/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static Arena arena;
static Diags diags;
static char folder[64];

static const char *in(const char *name) { return arena_fmt(&arena, "%s/%s", folder, name).p; }

static void put(const char *name, const char *text) {
    FILE *f = fopen(in(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static Project load(const char *name) {
    char problem[PROJECT_PROBLEM_BYTES] = "";
    Project p;
    if (project_load(&arena, in(name), str_from(folder), &diags, &p, problem))
        fail_msg("%s", problem);
    return p;
}

static Str hash_of(const char *name) {
    Project p = load(name);
    char hex[2 * sizeof(Hash) + 1] = "";
    assert_int_equal(p.result, 0);
    Plan *pinned = NULL;
    Str closure = closure_pin(p.plan, &arena);
    assert_int_equal(plan_compile(closure, &pinned, &diags), 0);
    for (size_t i = 0; i < sizeof(Hash); i++)
        snprintf(hex + 2 * i, 3, "%02x", pinned->hash.b[i]);
    plan_free(pinned);
    plan_free(p.plan);
    return arena_str(&arena, str_from(hex));
}

static bool says(const char *part) {
    for (size_t i = 0; i < diags.n; i++) {
        Buf b = BUF_INIT(MIB);
        diag_write(&b, &diags.items[i]);
        bool found = str_find(buf_str(&b), str_from(part)) >= 0;
        buf_deinit(&b);
        if (found)
            return true;
    }
    return false;
}

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 0);
    snprintf(folder, sizeof folder, "/tmp/baton-project-XXXXXX");
    assert_non_null(mkdtemp(folder));
    mkdir(in("flows"), 0700);
    mkdir(in("prompts"), 0700);
    put("baton.yaml", "baton: 1\n"
                      "models:\n"
                      "  fast: scripted/a.yaml\n"
                      "  slow: scripted/b.yaml # no comment\n"
                      "vars:\n"
                      "  region: eu\n"
                      "  other: us\n");
    put("agents.yaml", "baton: 1\n"
                       "agents:\n"
                       "  a: { model: fast, instructions: { file: prompts/a.md } }\n"
                       "  b: { model: slow, instructions: { file: prompts/b.md } }\n");
    put("prompts/a.md", "You are a.\n");
    put("prompts/b.md", "You are b.\n");
    put("flows/f.yaml", "baton: 1\n"
                        "import: [../agents.yaml]\n"
                        "steps:\n"
                        "  - { agent: a, with: \"${{ vars.region }}\" }\n");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    int r = system(arena_fmt(&arena, "rm -rf %s", folder).p);
    arena_deinit(&arena);
    return r;
}

static void everything_that_is_named_is_read(void **state) {
    (void)state;
    Project p = load("flows/f.yaml");
    assert_int_equal(p.result, 0);
    assert_int_equal(p.n_read, 5);
    assert_true(str_is(p.main, "flows/f.yaml") && str_is(p.folder, folder));
    plan_free(p.plan);
}

static void a_run_is_pinned_to_what_it_uses(void **state) {
    (void)state;
    Str first = hash_of("flows/f.yaml");
    put("prompts/b.md", "You are quite another.\n");
    put("baton.yaml", "baton: 1\n"
                      "models:\n"
                      "  fast: scripted/a.yaml\n"
                      "  slow: scripted/c.yaml # another comment\n"
                      "vars:\n"
                      "  region: eu\n"
                      "  other: fr\n"
                      "  more: { of: them }\n");
    assert_true(str_eq(hash_of("flows/f.yaml"), first));
    put("prompts/a.md", "You are another.\n");
    assert_false(str_eq(hash_of("flows/f.yaml"), first));
    put("prompts/a.md", "You are a.\n");
    assert_true(str_eq(hash_of("flows/f.yaml"), first));
    put("agents.yaml", "baton: 1\n"
                       "agents:\n"
                       "  a: { model: fast, turns: 3, instructions: { file: prompts/a.md } }\n");
    assert_false(str_eq(hash_of("flows/f.yaml"), first));
}

static void put_providers(const char *a, const char *b) {
    put("baton.yaml",
        arena_fmt(
            &arena,
            "baton: 1\nproviders:\n  a: { url: \"%s\", key: \"${{ secrets.A }}\" }\n  b: %s\n", a,
            b)
            .p);
}

static void the_provider_in_use_is_pinned_and_its_secret_asked_for(void **state) {
    (void)state;
    put("flows/f.yaml",
        "baton: 1\nagents: { x: { model: a/m } }\nsteps:\n  - { agent: x, with: 1 }\n");
    put_providers("http://a", "{ url: http://b, key: \"${{ secrets.B }}\" }");
    Str first = hash_of("flows/f.yaml");
    Project p = load("flows/f.yaml");
    const Callee *x = p.plan->nodes[1]->callee;
    assert_true(str_is(x->servers[0]->kind, "openai") && x->servers[0]->url && x->servers[0]->key);
    assert_int_equal(p.plan->n_secrets, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(p.plan->secrets[i].used, str_is(p.plan->secrets[i].name, "A"));
    plan_free(p.plan);
    put_providers("http://a", "{ url: http://c }");
    assert_true(str_eq(hash_of("flows/f.yaml"), first));
    put_providers("http://c", "{ url: http://c }");
    assert_false(str_eq(hash_of("flows/f.yaml"), first));
}

static bool pins(Str closure, const char *part) { return str_find(closure, str_from(part)) >= 0; }

static void who_is_asked_is_pinned_and_how_they_are_reached(void **state) {
    (void)state;
    put("baton.yaml",
        "baton: 1\n"
        "groups:\n"
        "  leads: [ann]\n"
        "  others: [bo]\n"
        "  chiefs: [chief]\n"
        "people:\n"
        "  ann: { channels: [mine] }\n"
        "  bo: { channels: [his] }\n"
        "  chief: { email: chief@example.com }\n"
        "channels:\n"
        "  mine: { chat: \"${{ secrets.MINE }}\" }\n"
        "  his: { chat: \"${{ secrets.HIS }}\" }\n"
        "  loud: { webhook: \"http://loud.example\", sign: \"${{ secrets.LOUD }}\" }\n"
        "escalation:\n"
        "  high: { notify: [loud], after: 1h, then: chiefs }\n"
        "  low: { notify: [his] }\n");
    put("flows/f.yaml", "baton: 1\nsteps:\n  - human: { group: leads, ask: Well?, risk: high }\n");
    Project p = load("flows/f.yaml");
    assert_int_equal(p.result, 0);
    Str closure = closure_pin(p.plan, &arena);
    const char *in[] = { "leads:", "ann:", "mine:", "loud:", "high:", "chiefs:", "chief:" };
    const char *out[] = { "others:", "bo:", "his:", "low:" };
    for (size_t i = 0; i < ARRAY_LEN(in); i++)
        assert_true(pins(closure, in[i]));
    for (size_t i = 0; i < ARRAY_LEN(out); i++)
        assert_false(pins(closure, out[i]));
    for (size_t i = 0; i < p.plan->n_secrets; i++)
        assert_int_equal(p.plan->secrets[i].used, !str_is(p.plan->secrets[i].name, "HIS"));
    assert_int_equal(p.plan->n_groups, 3);
    assert_true(str_is(p.plan->groups[0].name, "leads"));
    assert_true(str_is(p.plan->escalation[RISK_HIGH].then, "chiefs"));
    plan_free(p.plan);
}

static void places_are_told_as_seen_from_where_one_stands(void **state) {
    (void)state;
    put("agents.yaml", "baton: 1\nagents:\n  a: { modle: fast }\n");
    load("flows/f.yaml");
    assert_true(says("agents.yaml:3:8: error: unknown key `modle`"));
    Str path = project_path(&arena, STR("/p"), STR("a/b.yaml"), STR("/p/a/c"));
    assert_true(str_is(path, "../b.yaml"));
    assert_true(str_is(project_path(&arena, STR("/p"), STR("b.yaml"), STR("/p")), "b.yaml"));
    assert_true(str_is(project_path(&arena, STR("/p"), STR("b.yaml"), STR("/q/r")), "/p/b.yaml"));
    assert_true(str_is(project_path(&arena, STR("/p"), STR("b.yaml"), STR("/")), "/p/b.yaml"));
}

static void nothing_outside_the_project_is_read(void **state) {
    (void)state;
    assert_int_equal(unlink(in("prompts/a.md")), 0);
    assert_int_equal(symlink("/etc/hostname", in("prompts/a.md")), 0);
    assert_int_equal(load("flows/f.yaml").result, PLAN_E_REFUSED);
    assert_true(says("agents.yaml:3:43: error: cannot read prompts/a.md: it is a link that leads"));
    assert_int_equal(unlink(in("prompts/a.md")), 0);
    assert_int_equal(symlink("b.md", in("prompts/a.md")), 0);
    Project p = load("flows/f.yaml");
    assert_int_equal(p.result, 0);
    plan_free(p.plan);
}

static void what_cannot_be_read_is_told_with_its_place(void **state) {
    (void)state;
    assert_int_equal(unlink(in("prompts/a.md")), 0);
    load("flows/f.yaml");
    assert_true(says("agents.yaml:3:43: error: cannot read prompts/a.md: there is no such file"));
    assert_int_equal(mkdir(in("prompts/a.md"), 0700), 0);
    load("flows/f.yaml");
    assert_true(says("cannot read prompts/a.md: it is a folder"));
    assert_int_equal(rmdir(in("prompts/a.md")), 0);
    assert_int_equal(mkfifo(in("prompts/a.md"), 0600), 0);
    load("flows/f.yaml");
    assert_true(says("cannot read prompts/a.md: it is no ordinary file"));
    assert_int_equal(unlink(in("prompts/a.md")), 0);
    put("prompts/a.md", "\xff\xfe");
    load("flows/f.yaml");
    assert_true(says("cannot read prompts/a.md: it is not UTF-8 text"));
    assert_int_equal(truncate(in("prompts/a.md"), 5 * (off_t)MIB), 0);
    load("flows/f.yaml");
    assert_true(says("cannot read prompts/a.md: it is larger than 4 MiB"));
}

static void without_a_project_file_the_folder_is_the_project(void **state) {
    (void)state;
    assert_int_equal(unlink(in("baton.yaml")), 0);
    load("flows/f.yaml");
    assert_true(says("`../agents.yaml` leads out of the project"));
}

static void files_that_are_no_workflow_are_checked_too(void **state) {
    (void)state;
    static const char *const names[] = { "baton.yaml", "agents.yaml", "prompts/a.md" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        Project p = load(names[i]);
        assert_int_equal(p.result, 0);
        assert_null(p.plan);
    }
}

static void replies_are_looked_for_beside_the_file_that_names_them(void **state) {
    (void)state;
    Project p = load("flows/f.yaml");
    assert_int_equal(p.result, 0);
    assert_true(str_is(p.plan->nodes[1]->callee->models[0], "scripted/../a.yaml"));
    plan_free(p.plan);
    Str a = path_from(&arena, STR("x/y/f.yaml"), STR("x/z/r.yaml"));
    assert_true(str_is(a, "../z/r.yaml"));
    assert_true(str_is(path_from(&arena, STR("f.yaml"), STR("x/r.yaml")), "x/r.yaml"));
    assert_true(str_is(path_from(&arena, STR("x/f.yaml"), STR("x/y/r.yaml")), "y/r.yaml"));
}

static void there_are_not_more_files_than_there_may_be(void **state) {
    (void)state;
    Buf b = BUF_INIT(MIB);
    buf_fmt(&b, "baton: 1\nagents:\n");
    for (unsigned i = 0; i < 600; i++) {
        put(arena_fmt(&arena, "prompts/%u.md", i).p, "x\n");
        buf_fmt(&b, "  a%u: { model: fast, instructions: { file: prompts/%u.md } }\n", i, i);
    }
    buf_fmt(&b, "steps: [{ agent: a0 }]\n");
    put("many.yaml", arena_str(&arena, buf_str(&b)).p);
    buf_deinit(&b);
    Project p = load("many.yaml");
    assert_int_equal(p.result, PLAN_E_REFUSED);
    assert_int_equal(p.n_read, LIMIT_FILES + 1);
    assert_true(says("many.yaml: error: a workflow is made of at most 500 files"));
}

static void files_that_others_read_are_told_apart(void **state) {
    (void)state;
    put("prices.yaml", "models:\n  a/b: { input: 1, output: 2 }\n");
    assert_int_equal(load("prices.yaml").result, 0);
    put("prices.yaml", "models:\n  a/b: { input: 1 }\n");
    assert_int_equal(load("prices.yaml").result, PLAN_E_REFUSED);
    assert_true(says("prices.yaml:2:8: error: a price has `input` and `output`"));
    put("f.yaml", "baton: 1\nsteps: [{ tool: echo }]\n");
    put("t.yaml", "baton: 1\ntest: f.yaml\nagents: { a: { reply: x } }\ncases: []\n");
    Project test = load("t.yaml");
    assert_true(test.result == 0 && !test.plan && diags.n == 0);
    put("t.yaml", "baton: 1\ntest: f.yaml\nagents: { a: { replay: x } }\ncases: []\n");
    load("t.yaml");
    assert_true(diags.n == 1 && says("did you mean `reply`?"));
    put("r.yaml", "replies:\n  - reply: x\n");
    load("r.yaml");
    assert_true(diags.n == 1 && says("replies of a scripted model"));
    put("l.yaml", "steps:\n  - tool: echo\n");
    load("l.yaml");
    assert_true(says("the first key of a file is `baton`"));
}

static void prompts_of_the_engine_are_found_and_pinned_where_they_can_be_said(void **state) {
    (void)state;
    put("steps.yaml", "baton: 1\nsteps: [{ tool: echo, with: 1 }]\n");
    put("calls.yaml", "baton: 1\nsteps: [{ call: flows/f.yaml }]\n");
    Str first = hash_of("flows/f.yaml"), calls = hash_of("calls.yaml"),
        none = hash_of("steps.yaml");
    Project built_in = load("flows/f.yaml");
    Str pinned = closure_pin(built_in.plan, &arena);
    assert_true(str_find(pinned, str_from(prompts[PROMPT_REPAIR].text)) >= 0);
    assert_true(str_find(pinned, STR("engine/plan.md")) < 0);
    plan_free(built_in.plan);
    mkdir(in("prompts/engine"), 0700);
    put("prompts/engine/.repair.md.swp", "x");
    put("prompts/engine/repair.md~", "x");
    put("prompts/engine/plan.md", "Plan it.\n");
    assert_true(str_eq(hash_of("flows/f.yaml"), first));
    put("prompts/engine/repair.md", "No: {}\n");
    Str own = hash_of("flows/f.yaml");
    assert_false(str_eq(own, first));
    assert_false(str_eq(hash_of("calls.yaml"), calls));
    assert_true(str_eq(hash_of("steps.yaml"), none));
    put("prompts/engine/repair.md", "Nein: {}\n");
    assert_false(str_eq(hash_of("flows/f.yaml"), own));
    Project p = load("flows/f.yaml");
    assert_true(str_is(p.plan->prompts[PROMPT_REPAIR], "Nein: {}"));
    assert_true(str_is(prompt_text(p.plan, &arena, PROMPT_REPAIR, STR("x")), "Nein: x"));
    assert_int_equal(p.plan->prompts[PROMPT_ROUTE].len, 0);
    plan_free(p.plan);
    put("prompts/engine/readme.txt", "x");
    assert_int_equal(load("flows/f.yaml").result, PLAN_E_REFUSED);
    assert_true(says("prompts/engine/readme.txt:1:1: error: in prompts/engine/ stand"));
    assert_int_equal(load("baton.yaml").result, PLAN_E_REFUSED);
    assert_int_equal(load("prompts/engine/repair.md").result, 0);
    put("prompts/engine/repair.md", "No.\n");
    assert_int_equal(load("prompts/engine/repair.md").result, PLAN_E_REFUSED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(everything_that_is_named_is_read),
        TEST(a_run_is_pinned_to_what_it_uses),
        TEST(the_provider_in_use_is_pinned_and_its_secret_asked_for),
        TEST(who_is_asked_is_pinned_and_how_they_are_reached),
        TEST(places_are_told_as_seen_from_where_one_stands),
        TEST(nothing_outside_the_project_is_read),
        TEST(what_cannot_be_read_is_told_with_its_place),
        TEST(without_a_project_file_the_folder_is_the_project),
        TEST(files_that_are_no_workflow_are_checked_too),
        TEST(replies_are_looked_for_beside_the_file_that_names_them),
        TEST(there_are_not_more_files_than_there_may_be),
        TEST(files_that_others_read_are_told_apart),
        TEST(prompts_of_the_engine_are_found_and_pinned_where_they_can_be_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
