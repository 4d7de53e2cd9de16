/* /v1/approvals and /v1/runs/{run}/approvals: what people are asked, and their answers. The list over all runs is what the store
 * keeps of waiting runs (`open`), so that nothing is loaded for it; the whole of a question comes from its run, folded from
 * what is durable. */
#include "server/people.h"

/* ---- over all runs ---------------------------------------------------------------------------------------------------- */

bool people_is_text(Value v, Str text) {
    return value_is(v, V_STRING) && str_eq(value_as_str(v), text);
}

/* Where nobody is named anybody may answer. */
static bool may_answer(Value line, Str person) {
    Value may = value_getz(line, "may");
    if (people_is_text(value_getz(line, "person"), person))
        return true;
    for (uint32_t i = 0; value_is(may, V_LIST) && i < may.len; i++)
        if (people_is_text(may.items[i], person))
            return true;
    return !value_is(may, V_LIST) && value_absent(value_getz(line, "person"));
}

bool people_wanted(const Wanted *w, Value line) {
    return (!w->group.p || people_is_text(value_getz(line, "group"), w->group)) &&
           (!w->person.p || may_answer(line, w->person));
}

static Value listed(const StoreDue *open, Value line, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "run", value_str(open->run));
    map_addz(&m, "step", value_str(open->address));
    for (uint32_t i = 0; value_is(line, V_MAP) && i < line.len; i++) {
        ValueEntry e = value_entry(line, i);
        if (!str_is(value_as_str(e.key), "run") && !str_is(value_as_str(e.key), "step"))
            map_add(&m, e.key, e.value);
    }
    return map_done(&m, NULL);
}

Wanted people_of(ApiCall *call) {
    return (Wanted){ call_param(call, "group"), call_param(call, "person") };
}

bool people_page(ApiCall *call, Page *ret) {
    Str limit = call_param(call, "limit"), page = call_param(call, "page");
    *ret = (Page){ 0, LIST_DEFAULT };
    if ((!limit.p || str_to_u64(limit, &ret->max)) && (!page.p || str_to_u64(page, &ret->at)) &&
        ret->max > 0 && ret->max <= LIST_MAX && ret->at <= SCAN_MAX)
        return true;
    work_problem(call, 400, KIND_INVALID,
                 STR("`limit` must be 1..1000 and `page` what an earlier page gave"));
    return false;
}

static void list_work(ApiCall *call, Store *store) {
    Arena *a = &call->arena;
    Wanted wanted = people_of(call);
    Page page;
    if (!people_page(call, &page))
        return;
    StoreDue *opens = ARENA_ARRAY(a, StoreDue, LIST_MAX);
    ListBuilder list = list_builder(a);
    bool more = true;
    while (more && list.n < page.max && page.at <= SCAN_MAX) {
        size_t n, i = 0;
        int err = store->ops->opens(store, STR(""), WANT_APPROVAL, page.at, LIST_MAX, a, opens, &n);
        if (err) {
            work_problem(call, 500, KIND_INTERNAL, arena_str(a, str_from(store->read_problem)));
            return;
        }
        for (; i < n && list.n < page.max; i++) {
            Value line;
            if (json_read(a, opens[i].key, &line, NULL))
                line = VALUE_EMPTY_MAP;
            if (people_wanted(&wanted, line))
                list_add(&list, listed(&opens[i], line, a));
        }
        page.at += i;
        more = i < n || n == LIST_MAX;
    }
    MapBuilder m = map_builder(a);
    map_addz(&m, "approvals", list_done(&list));
    map_addz(&m, "next_page",
             more ? value_str(arena_fmt(a, "%llu", (unsigned long long)page.at)) : VALUE_NULL);
    call->result = map_done(&m, NULL);
}

void approvals_list(ApiCall *call) { call_read(call, list_work, call_result); }

/* ---- of one run ------------------------------------------------------------------------------------------------------- */

static Value asked_of(Run *run, Arena *a) {
    ListBuilder list = list_builder(a);
    for (Want *w = run_wants(run); w; w = w->next)
        if (w->kind == WANT_APPROVAL)
            list_add(&list, value_copy(a, want_ask(w, a)));
    MapBuilder m = map_builder(a);
    map_addz(&m, "approvals", list_done(&list));
    return map_done(&m, NULL);
}

static void run_work(ApiCall *call, Store *store) {
    Arena *a = &call->arena;
    StoreRun stored;
    Str problem = STR("its workflow file is refused by this version of baton");
    Diags diags = { .arena = a };
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    _cleanup_(run_freep)
    Run *run = NULL;
    if (!work_load(call, store, false, &stored))
        return;
    if (plan_compile(stored.closure, &plan, &diags) == 0 &&
        engine_fold(store, &stored, false, plan, a, &run, &problem) == 0)
        call->result = asked_of(run, a);
    else
        work_problem(call, 500, KIND_INTERNAL,
                     arena_fmt(a, "the run cannot be read back: %.*s", STR_FMT(problem)));
}

void run_approvals(ApiCall *call) { call_read(call, run_work, call_result); }

/* ---- answers ---------------------------------------------------------------------------------------------------------- */

static Decision verdict_named(Str word) {
    static const struct {
        const char *word;
        Decision verb;
    } verdicts[] = { { "approve", DECISION_APPROVE },
                     { "reject", DECISION_REJECT },
                     { "revise", DECISION_REVISE },
                     { "answer", DECISION_ANSWER } };
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        if (str_is(word, verdicts[i].word))
            return verdicts[i].verb;
    return (Decision)0;
}

/* A yes says to what; a no is safe whatever was shown. */
static bool says_enough(ApiCall *call, Decision verb, Str address, Str shown, Str words) {
    const char *lacks = NULL;
    if (!verb || address.len == 0)
        lacks =
            "send `address` of what is asked and a `verdict`: approve, reject, revise or answer";
    else if (verb != DECISION_REJECT && shown.len == 0)
        lacks = "send `shown`, the `hash` of what was shown: GET this path gives it";
    else if (verb == DECISION_REVISE && words.len == 0)
        lacks = "send `words`: what is to be different next time";
    if (lacks)
        call_problem(call, 422, KIND_INVALID, str_from(lacks));
    return !lacks;
}

void run_decide(ApiCall *call) {
    Value body;
    Str address, verdict, shown, words, from;
    if (!call_needs_engine(call) || !call_body(call, &body) ||
        !body_text(call, body, "address", &address) ||
        !body_text(call, body, "verdict", &verdict) || !body_text(call, body, "shown", &shown) ||
        !body_text(call, body, "words", &words) || !body_text(call, body, "from", &from))
        return;
    Decision verb = verdict_named(verdict);
    if (!says_enough(call, verb, address, shown, words))
        return;
    Value value = value_getz(body, "value");
    bool takes_value = verb == DECISION_APPROVE || verb == DECISION_ANSWER;
    Str text = value_absent(value) || !takes_value ? STR("") : value_text(&call->arena, value);
    call_expect(call);
    engine_decide(call->api->options.engine, call->run,
                  &(EngineDecision){ .address = address,
                                     .verb = verb,
                                     .value_json = text,
                                     .from = from.len ? from : call->request.from,
                                     .shown = shown,
                                     .words = words },
                  call_replied, call);
}
