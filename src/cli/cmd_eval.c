/* baton eval: an agent, or a workflow, on many cases, judged, and beside what it was last time. */
#include "base/limits.h"
#include "cli/answer.h"
#include "cli/await.h"
#include "cli/eval.h"
#include "cli/graded.h"
#include "cli/place.h"
#include "cli/say.h"

#define GRACE_MS 1000
#define LOOK_BACK 20 /* runs of the same evaluation, for one that ended well */

/* Ids begin with the name, so that the ones before are found by it. */
static Str id_of(const Args *args, const Eval *e) {
    return arena_fmt(args->arena, "%.*s-%.*s", STR_FMT(e->name), STR_FMT(launch_id(args->arena)));
}

static bool ended_well(Value run) { return str_is(answer_text(run, "status"), "succeeded"); }

/* A workflow that was asked is a run of its own, whose id begins as that of its caller. */
static bool is_before(const Eval *e, Value run) {
    return ended_well(run) && str_eq(answer_text(run, "workflow"), e->name);
}

static int read_run(const Args *args, Link *link, Str id, Value *ret_document) {
    return place_ask(args, link, API_GET, place_run_path(args->arena, id, ""), STR(""),
                     VALUE_ABSENT, ret_document);
}

/* The last one that ended well; absent if there is none. */
static int find_before(const Args *args, Link *link, const Eval *e, Value *ret_document) {
    Value list;
    Str query = arena_fmt(args->arena, "limit=%d&match=%.*s-", LOOK_BACK,
                          STR_FMT(place_encode(args->arena, e->name)));
    *ret_document = VALUE_ABSENT;
    int code = place_ask(args, link, API_GET, STR("/v1/runs"), query, VALUE_ABSENT, &list);
    Value runs = value_getz(list, "runs");
    for (size_t i = 0; code == 0 && value_is(runs, V_LIST) && i < runs.len; i++)
        if (is_before(e, runs.items[i]))
            return read_run(args, link, answer_text(runs.items[i], "id"), ret_document);
    return code;
}

static void tell(void *ctx, const TraceTree *tree) {
    const size_t *all = ctx;
    size_t ended = 0;
    TraceNode *cases = tree_find(tree, STR("cases"));
    for (const TraceNode *n = cases ? cases->first : NULL; n; n = n->next)
        ended += status_final(n->status);
    say_text("\r%zu of %zu", ended, *all);
}

static int run(const Args *args, Link *link, const Eval *e, Launch *l, Value *ret_document) {
    size_t all = e->n_cases * (size_t)e->runs;
    Awaited w = { .tell = say_terminal(2) ? tell : NULL, .ctx = &all };
    int code = await_run(args, link, l, &w);
    if (w.tell)
        say_text("\r\033[K");
    if (code != 0)
        return code;
    *ret_document = w.document;
    if (w.waits)
        return say_error(EXIT_WAITING, "it waits for somebody: `baton show %.*s`",
                         "what was answered is kept; `baton eval` once more begins anew",
                         STR_FMT(l->id));
    if (ended_well(w.document))
        return 0;
    return say_error(EXIT_RUN_FAILED, "the evaluation %.*s: `baton trace %.*s`", "",
                     STR_FMT(answer_text(w.document, "status")), STR_FMT(l->id));
}

static int exit_code(const Args *args, const Graded *now, const Graded *before) {
    if (args_flag(args, "no-worse"))
        return before && graded_worse(now, before) ? EXIT_RUN_FAILED : EXIT_OK;
    return now->solved < now->eval->n_cases ? EXIT_RUN_FAILED : EXIT_OK;
}

static int report(const Args *args, const Eval *e, Value document, Value last) {
    Arena *a = args->arena;
    Graded now, before, *beside = value_absent(last) ? NULL : &before;
    graded_of(e, document, a, &now);
    if (beside)
        graded_of(e, last, a, beside);
    Ink ink = say_ink(1);
    Buf b = BUF_INIT(64 * MIB);
    if (args->json)
        out_json(graded_value(&now, beside, a));
    else
        graded_write(&b, &now, beside, &ink);
    out_str(buf_str(&b));
    buf_deinit(&b);
    return exit_code(args, &now, beside);
}

static int judge_again(const Args *args, const Eval *e) {
    Link *link = NULL;
    Value last = VALUE_ABSENT;
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code = find_before(args, link, e, &last);
    link_close(link, 0);
    if (code == 0 && value_absent(last))
        code = say_error(EXIT_NOT_FOUND, "%.*s was not run yet", "without --last it is",
                         STR_FMT(e->name));
    return code ? code : report(args, e, last, VALUE_ABSENT);
}

int cmd_eval(Args *args) {
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    Link *link = NULL;
    Launch l = { 0 };
    Eval e;
    Value document = VALUE_ABSENT, last = VALUE_ABSENT;
    int code = eval_read(args, &e);
    if (code == 0 && args_flag(args, "last"))
        return judge_again(args, &e);
    if (code == 0)
        code = eval_make(args, &e, &l.closure, &plan, &l.dir);
    if (code == 0)
        code = place_open(args, LINK_ACT, &link);
    if (code != 0)
        return code;
    l.plan = plan;
    l.id = id_of(args, &e);
    l.input = eval_input(&e, args->arena);
    code = find_before(args, link, &e, &last);
    if (code == 0)
        code = run(args, link, &e, &l, &document);
    link_close(link, GRACE_MS);
    return code ? code : report(args, &e, document, last);
}
