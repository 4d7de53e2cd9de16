/* /v1/runs: the list, and starting a run. */
#include "server/call.h"
#include "server/document.h"
#include "server/past.h"

#include "exec/preflight.h"
#include "host/project.h"

#include <stdlib.h>

#define LIST_DEFAULT 50
#define LIST_MAX 1000
#define MATCH_SCAN_MAX 20000 /* newest runs looked through for a prefix of an id */

static StoreState state_named(Str name) {
    static const char *const names[] = { "any", "active", "idle", "paused", "parked", "done" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(name, names[i]))
            return (StoreState)i;
    }
    return (StoreState)0;
}

static void list_work(ApiCall *call, Store *store) {
    Arena *a = &call->arena;
    uint64_t max = LIST_DEFAULT, before = 0;
    Str limit = call_param(call, "limit"), page = call_param(call, "page"),
        match = call_param(call, "match");
    if ((limit.p && !str_to_u64(limit, &max)) || (page.p && !str_to_u64(page, &before)) ||
        max == 0 || max > LIST_MAX) {
        work_problem(call, 400, KIND_INVALID,
                     STR("`limit` must be 1..1000 and `page` what an earlier page gave"));
        return;
    }
    StoreRun *runs = ARENA_ARRAY(a, StoreRun, LIST_MAX);
    ListBuilder list = list_builder(a);
    uint64_t next = before;
    for (size_t scanned = 0; list.n < max && scanned < MATCH_SCAN_MAX;) {
        size_t want = match.p ? LIST_MAX : (size_t)max - list.n, n = 0;
        int err = store->ops->list(store, state_named(call_param(call, "state")), next, want, a,
                                   runs, &n, &next);
        if (err != 0) {
            work_problem(call, 500, KIND_INTERNAL, arena_str(a, str_from(store->read_problem)));
            return;
        }
        for (size_t i = 0; i < n && list.n < max; i++) {
            /* An event is a run only for the journal. */
            if (match.p ? str_starts(runs[i].id, match) : !is_event_run(runs[i].id))
                list_add(&list, document_listed(&runs[i], a));
        }
        scanned += n;
        if (n < want)
            next = 0;
        if (next == 0)
            break;
    }
    MapBuilder m = map_builder(a);
    map_addz(&m, "runs", list_done(&list));
    map_addz(&m, "next_page",
             next ? value_str(arena_fmt(a, "%llu", (unsigned long long)next)) : VALUE_NULL);
    call->result = map_done(&m, NULL);
}

/* What the store cannot know: the engine is asked here, where it runs. */
static void list_then(ApiCall *call) {
    Engine *e = call->api->options.engine;
    Arena *a = &call->arena;
    Value runs = value_getz(call->result, "runs");
    if (!e || !value_is(runs, V_LIST)) {
        call_result(call);
        return;
    }
    ListBuilder list = list_builder(a);
    for (size_t i = 0; i < runs.len; i++) {
        Value held = engine_held(e, value_as_str(value_getz(runs.items[i], "id")), a);
        list_add(&list, document_with_held(runs.items[i], held, a));
    }
    MapBuilder m = map_builder(a);
    map_addz(&m, "runs", list_done(&list));
    map_addz(&m, "next_page", value_getz(call->result, "next_page"));
    call->result = map_done(&m, NULL);
    call_result(call);
}

void runs_list(ApiCall *call) { call_read(call, list_work, list_then); }

/* The closure as sent (canonical again, because its hash names it), or made of `files` and `main`. */
static Str closure_of(ApiCall *call, Value body) {
    Value closure = value_getz(body, "closure"), files = value_getz(body, "files");
    if (value_is(closure, V_MAP))
        return value_text(&call->arena, closure);
    if (!value_is(files, V_MAP) || files.len == 0)
        return STR_NULL;
    Str *names = ARENA_ARRAY(&call->arena, Str, files.len),
        *texts = ARENA_ARRAY(&call->arena, Str, files.len);
    for (size_t i = 0; i < files.len; i++) {
        ValueEntry e = value_entry(files, i);
        if (!value_is(e.value, V_STRING))
            return STR_NULL;
        names[i] = value_as_str(e.key);
        texts[i] = value_as_str(e.value);
    }
    Value main = value_getz(body, "main");
    return closure_make(&call->arena, value_is(main, V_STRING) ? value_as_str(main) : names[0],
                        names, texts, files.len);
}

/* Read from the disk of the engine: `main` in `dir`, with all it names. False when the call is answered. */
static bool closure_of_dir(ApiCall *call, Str dir, Str main, Str *ret_closure) {
    Arena *a = &call->arena;
    char problem[PROJECT_PROBLEM_BYTES];
    Diags *diags = ARENA_NEW(a, Diags);
    Project project;
    if (project_load(a, arena_fmt(a, "%.*s/%.*s", STR_FMT(dir), STR_FMT(main)).p, STR(""), diags,
                     &project, problem)) {
        call_problem(call, 422, KIND_NOT_FOUND, arena_str(a, str_from(problem)));
        return false;
    }
    if (project.plan) {
        *ret_closure = closure_pin(project.plan, a);
        plan_free(project.plan);
        return true;
    }
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < diags->n; i++)
        if (!diags->items[i].warning)
            diag_write(&b, &diags->items[i]);
    if (b.len == 0)
        buf_fmt(&b, "%.*s is no workflow: it has no steps\n", STR_FMT(main));
    call_problem(call, 422, KIND_INVALID, arena_str(a, str_slice(buf_str(&b), 0, b.len - 1)));
    buf_deinit(&b);
    return false;
}

/* ---- starting */

static void start_now(ApiCall *call, const EngineStart *start) {
    call_expect(call);
    engine_start_run(call->api->options.engine, start, call_replied, call);
}

static bool is_there(ApiCall *call, Store *store, Str id) {
    StoreRun run;
    return id.len && store->ops->load(store, id, false, &call->arena, &run) == 0;
}

/* What the workflow needs is looked for before it is accepted. A run that is there already is past that. A file that does
 * not compile is refused by the engine, which says why. */
static void preflight_work(ApiCall *call, Store *store) {
    EngineStart *start = call->start;
    Diags diags = { .arena = &call->arena };
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    const Missing *missing;
    if (is_there(call, store, start->id) || plan_compile(start->closure, &plan, &diags) != 0)
        return;
    start->past = past_of_targets(store, plan, &call->arena);
    if (!call->look_first)
        return;
    PreflightOptions options = { .dir = start->dir,
                                 .model_url = str_from(getenv("OPENAI_BASE_URL")),
                                 .model_key = str_from(getenv("OPENAI_API_KEY")) };
    size_t n = preflight(plan, &options, &call->arena, &missing);
    Buf b = BUF_INIT(MIB);
    buf_fmt(&b, "%.*s cannot run here yet; nothing was started:\n", STR_FMT(plan->file));
    for (size_t i = 0; i < n; i++) {
        buf_str_add(&b, STR("  "));
        preflight_write(&b, &missing[i]);
    }
    if (n)
        work_problem(call, 422, KIND_NOT_FOUND,
                     arena_str(&call->arena, str_slice(buf_str(&b), 0, b.len - 1)));
    buf_deinit(&b);
}

static void preflight_then(ApiCall *call) {
    if (call->status >= 400)
        call_result(call);
    else
        start_now(call, call->start);
}

void runs_create(ApiCall *call) {
    Value body;
    EngineStart start = { 0 };
    if (!call_needs_engine(call) || !call_body(call, &body) ||
        !body_text(call, body, "id", &start.id) || !body_text(call, body, "from", &start.by) ||
        !body_text(call, body, "dir", &start.dir))
        return;
    start.by = start.by.len ? start.by : call->request.from;
    if (start.id.len > LIMIT_ID_BYTES) {
        call_problem(call, 422, KIND_INVALID, STR("an id has at most 64 bytes"));
        return;
    }
    Value main = value_getz(body, "main");
    start.closure = closure_of(call, body);
    if (!start.closure.p && value_is(main, V_STRING) && start.dir.len) {
        if (!closure_of_dir(call, start.dir, value_as_str(main), &start.closure))
            return;
    } else if (!start.closure.p) {
        call_problem(
            call, 422, KIND_INVALID,
            STR("send `closure`, or `files` { name: text } and `main`, or `dir` and `main`"));
        return;
    }
    Value reuse = value_getz(body, "reuse");
    if (value_is(reuse, V_MAP) && (!body_text(call, reuse, "run", &start.source) ||
                                   !body_text(call, reuse, "before", &start.before)))
        return;
    Value input = value_getz(body, "input"), listen = value_getz(body, "listen");
    start.listen = value_is(listen, V_BOOL) && listen.b;
    start.input = value_absent(input) || value_is(input, V_NULL) ? STR("{}")
                                                                 : value_text(&call->arena, input);
    Value look = value_getz(body, "preflight");
    call->look_first = value_is(look, V_BOOL) && look.b;
    /* How targets have done so far is asked by `prefer` only. */
    if (!call->look_first && str_find(start.closure, STR("prefer")) < 0) {
        start_now(call, &start);
        return;
    }
    call->start = ARENA_NEW(&call->arena, EngineStart);
    *call->start = start;
    call_read(call, preflight_work, preflight_then);
}
