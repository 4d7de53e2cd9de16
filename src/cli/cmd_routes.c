/* baton routes: what the routers of workflows did, from the traces of runs that are over: who chose how often, what choosing
 * and choosing wrongly cost, and who was asked.
 *
 * A part of a router says in its first move by which stage it was chosen; one that then failed with kind `declined` was the
 * wrong one. */
#include "base/limits.h"
#include "base/money.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/routes.h"
#include "cli/say.h"

#include <stdio.h>

#define RUNS_ASKED_FOR 1000
#define RUNS_DEFAULT 200

/* As the first moves say them: "by rules: NAME". */
static const char *const stage_names[] = { "rules", "examples", "model", "capability", "else" };
#define STAGES ARRAY_LEN(stage_names)
#define STAGE_MODEL 2
#define STAGE_ELSE 4

typedef struct Stage {
    int64_t chose, again, declined; /* again: after somebody had declined */
    int64_t asked, cost, us;        /* of the model: it is the only one that costs */
    int64_t again_cost, again_us;   /* of that: asked because somebody had declined */
} Stage;
typedef struct Target {
    Str name;
    int64_t asked, ok, declined, cost, us;
    int64_t declined_cost, declined_us; /* of those times */
} Target;
typedef struct RouterTally {
    Str workflow, step;
    int64_t requests;
    Stage stages[STAGES];
    Target *targets;
    size_t n_targets, room;
    struct RouterTally *next;
} RouterTally;
/* One time that a router was gone through. */
typedef struct Request {
    Str address;
    RouterTally *router;
    bool chosen;
} Request;
typedef struct Tally {
    Arena *arena;
    RouterTally *first, **end;
    Request *requests; /* of the run that is looked at */
    size_t n_requests, room;
    int64_t runs;
} Tally;

/* ---- adding up ------------------------------------------------------------------------------------------------------- */

/* "each[3]/answer:2" is "each/answer": all items, rounds and beginnings together. */
static Str step_of(Arena *a, Str address) {
    Buf b = BUF_INIT(16 * KIB);
    bool skip = false;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.p[i];
        bool number = i + 1 < address.len && address.p[i + 1] >= '0' && address.p[i + 1] <= '9';
        if (c == '[' || c == '~' || (c == ':' && number))
            skip = true;
        else if (c == '/' || c == '.' || c == ':')
            skip = false;
        if (!skip)
            buf_char(&b, c);
    }
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static RouterTally *router_of(Tally *t, Str workflow, Str address) {
    Str step = step_of(t->arena, address);
    for (RouterTally *r = t->first; r; r = r->next)
        if (str_eq(r->workflow, workflow) && str_eq(r->step, step))
            return r;
    RouterTally *r = ARENA_NEW(t->arena, RouterTally);
    r->workflow = workflow;
    r->step = step;
    *t->end = r;
    t->end = &r->next;
    return r;
}

/* The newest of the same address: nodes of one router stand together. */
static Request *request_of(Tally *t, Str workflow, Str address) {
    for (size_t i = t->n_requests; i-- > 0;)
        if (str_eq(t->requests[i].address, address))
            return &t->requests[i];
    if (t->n_requests == t->room) {
        Request *old = t->requests;
        t->room = t->room ? 2 * t->room : 16;
        t->requests = ARENA_ARRAY(t->arena, Request, t->room);
        for (size_t i = 0; i < t->n_requests; i++)
            t->requests[i] = old[i];
    }
    Request *r = &t->requests[t->n_requests++];
    *r = (Request){ address, router_of(t, workflow, address), false };
    r->router->requests++;
    return r;
}

static Target *target_of(Tally *t, RouterTally *r, Str name) {
    for (size_t i = 0; i < r->n_targets; i++)
        if (str_eq(r->targets[i].name, name))
            return &r->targets[i];
    if (r->n_targets == r->room) {
        Target *old = r->targets;
        r->room = r->room ? 2 * r->room : 8;
        r->targets = ARENA_ARRAY(t->arena, Target, r->room);
        for (size_t i = 0; i < r->n_targets; i++)
            r->targets[i] = old[i];
    }
    r->targets[r->n_targets] = (Target){ .name = name };
    return &r->targets[r->n_targets++];
}

/* "by rules: urgent" is 0; STAGES: it says nothing like that. */
static size_t stage_named(Str began) {
    if (!str_starts(began, STR("by ")))
        return STAGES;
    Str word = str_slice(began, 3, began.len);
    for (size_t i = 0; i < STAGES; i++) {
        Str name = str_from(stage_names[i]);
        if (str_eq(word, name) || (str_starts(word, name) && word.p[name.len] == ':'))
            return i;
    }
    return STAGES;
}

/* "answer/docs:2" is "docs", "answer:else:3" is "else". */
static Str part_name(Str parent, Str address) {
    Str rest = str_slice(address, MIN(parent.len + 1, address.len), address.len);
    ptrdiff_t at = str_find(rest, STR(":"));
    return at < 0 ? rest : str_slice(rest, 0, (size_t)at);
}

static void add_choice(Tally *t, Request *q, size_t stage, Value node, Str name) {
    Stage *s = &q->router->stages[stage];
    bool declined = str_is(answer_text(node, "choice"), "declined");
    Target *target = target_of(t, q->router, name);
    *(q->chosen ? &s->again : &s->chose) += 1;
    q->chosen = true;
    s->declined += declined;
    target->asked++;
    target->ok += str_is(answer_text(node, "status"), "ok");
    target->declined += declined;
    target->cost += answer_count(node, "cost_nano");
    target->us += answer_count(node, "us");
    target->declined_cost += declined ? answer_count(node, "cost_nano") : 0;
    target->declined_us += declined ? answer_count(node, "us") : 0;
}

static void add_node(Tally *t, Str workflow, Value node) {
    Str parent = answer_text(node, "parent"), address = answer_text(node, "address");
    size_t stage = stage_named(answer_text(node, "began"));
    Str name = part_name(parent, address);
    bool is_model = address.len > parent.len && address.p[parent.len] == ':' &&
                    str_is(name, "model") &&
                    str_is(answer_text(node, "began"), "nobody is sure yet");
    if (is_model) {
        const Request *q = request_of(t, workflow, parent);
        Stage *s = &q->router->stages[STAGE_MODEL];
        s->asked++;
        s->cost += answer_count(node, "cost_nano");
        s->us += answer_count(node, "us");
        s->again_cost += q->chosen ? answer_count(node, "cost_nano") : 0;
        s->again_us += q->chosen ? answer_count(node, "us") : 0;
    } else if (stage < STAGES && parent.len) {
        add_choice(t, request_of(t, workflow, parent), stage, node, name);
    }
}

static void add_run(Tally *t, Value trace) {
    Value nodes = value_getz(trace, "nodes");
    Str workflow = answer_text(trace, "workflow");
    t->n_requests = 0;
    for (uint32_t i = 0; i < nodes.len; i++)
        add_node(t, workflow, nodes.items[i]);
    t->runs += t->n_requests > 0;
}

/* ---- what it comes to ------------------------------------------------------------------------------------------------ */

typedef struct Sums {
    int64_t declined, declined_cost,
        declined_us; /* by targets that were the wrong ones, and of asking the model anew */
    int64_t cost;    /* of all, the model's questions too */
    int64_t alone;   /* what the dearest target would have cost for all */
    Str dearest;
} Sums;

static int64_t each(int64_t sum, int64_t n) { return n ? sum / n : 0; }

static Sums sums_of(const RouterTally *r) {
    const Stage *model = &r->stages[STAGE_MODEL];
    Sums s = { .cost = model->cost,
               .declined_cost = model->again_cost,
               .declined_us = model->again_us };
    int64_t most = 0;
    for (size_t i = 0; i < r->n_targets; i++) {
        const Target *t = &r->targets[i];
        int64_t one = each(t->cost, t->asked);
        s.cost += t->cost;
        s.declined += t->declined;
        s.declined_cost += t->declined_cost;
        s.declined_us += t->declined_us;
        if (one > most) {
            most = one;
            s.dearest = t->name;
        }
    }
    s.alone = most * r->requests;
    return s;
}

static Value stage_json(Arena *a, const char *name, const Stage *s) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "stage", value_str(str_from(name)));
    map_addz(&m, "chose", value_int(s->chose));
    map_addz(&m, "again", value_int(s->again));
    map_addz(&m, "declined", value_int(s->declined));
    map_addz(&m, "asked", value_int(s->asked));
    map_addz(&m, "cost_nano", value_int(s->cost));
    map_addz(&m, "us", value_int(s->us));
    return map_done(&m, NULL);
}

static Value target_json(Arena *a, const Target *t) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "target", value_str(t->name));
    map_addz(&m, "asked", value_int(t->asked));
    map_addz(&m, "ok", value_int(t->ok));
    map_addz(&m, "declined", value_int(t->declined));
    map_addz(&m, "cost_nano", value_int(t->cost));
    map_addz(&m, "us", value_int(t->us));
    return map_done(&m, NULL);
}

static Value router_json(Arena *a, const RouterTally *r) {
    MapBuilder m = map_builder(a);
    ListBuilder stages = list_builder(a), targets = list_builder(a);
    Sums s = sums_of(r);
    for (size_t i = 0; i < STAGES; i++)
        list_add(&stages, stage_json(a, stage_names[i], &r->stages[i]));
    for (size_t i = 0; i < r->n_targets; i++)
        list_add(&targets, target_json(a, &r->targets[i]));
    map_addz(&m, "workflow", value_str(r->workflow));
    map_addz(&m, "step", value_str(r->step));
    map_addz(&m, "requests", value_int(r->requests));
    map_addz(&m, "stages", list_done(&stages));
    map_addz(&m, "targets", list_done(&targets));
    map_addz(&m, "misroutes", value_int(s.declined));
    map_addz(&m, "misroutes_cost_nano", value_int(s.declined_cost));
    map_addz(&m, "misroutes_us", value_int(s.declined_us));
    map_addz(&m, "cost_nano", value_int(s.cost));
    map_addz(&m, "dearest", s.dearest.len ? value_str(s.dearest) : VALUE_NULL);
    map_addz(&m, "saved_nano", value_int(s.alone - s.cost));
    return map_done(&m, NULL);
}

/* ---- as text --------------------------------------------------------------------------------------------------------- */

static Str money_text(Arena *a, int64_t nano) {
    Buf b = BUF_INIT(256);
    if (nano == 0)
        return STR("-");
    if (nano < 0)
        buf_char(&b, '-');
    money_write(&b, (nano < 0 ? -nano : nano) / 1000 * 1000);
    Str s = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return s;
}

static Str time_text(Arena *a, int64_t us) {
    Buf b = BUF_INIT(256);
    if (us == 0)
        return STR("-");
    words_duration_us(&b, us);
    Str s = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return s;
}

static Str share_text(Arena *a, int64_t part, int64_t whole) {
    return whole ? arena_fmt(a, "%lld%%", (long long)(100 * part / whole)) : STR("-");
}

static void write_stages(Buf *b, Arena *a, const RouterTally *r, Ink *ink) {
    buf_fmt(b, "%s  %-14s %8s %8s %8s %8s %12s %10s%s\n", ink_dim(ink), "STAGE", "CHOSE", "SHARE",
            "AGAIN", "RIGHT", "COST EACH", "TIME EACH", ink_end(ink));
    for (size_t i = 0; i < STAGES; i++) {
        const Stage *s = &r->stages[i];
        int64_t all = s->chose + s->again;
        if (all == 0 && s->asked == 0)
            continue;
        Str right = i == STAGE_ELSE ? STR("-") : share_text(a, all - s->declined, all);
        buf_fmt(b, "  %-14s %8lld %8.*s %8lld %8.*s %12.*s %10.*s\n", stage_names[i],
                (long long)s->chose, STR_FMT(share_text(a, s->chose, r->requests)),
                (long long)s->again, STR_FMT(right),
                STR_FMT(money_text(a, each(s->cost, s->asked))),
                STR_FMT(time_text(a, each(s->us, s->asked))));
    }
}

static void write_targets(Buf *b, Arena *a, const RouterTally *r, Ink *ink) {
    buf_fmt(b, "%s  %-14s %8s %8s %8s %8s %12s %10s%s\n", ink_dim(ink), "TARGET", "ASKED", "OK", "",
            "DECLINED", "COST EACH", "TIME EACH", ink_end(ink));
    for (size_t i = 0; i < r->n_targets; i++) {
        const Target *t = &r->targets[i];
        Str name = answer_clean(a, t->name);
        buf_fmt(b, "  %-14.*s %8lld %8.*s %8s %8lld %12.*s %10.*s\n", STR_FMT(name),
                (long long)t->asked, STR_FMT(share_text(a, t->ok, t->asked)), "",
                (long long)t->declined, STR_FMT(money_text(a, each(t->cost, t->asked))),
                STR_FMT(time_text(a, each(t->us, t->asked))));
    }
}

static void write_router(Buf *b, Arena *a, const RouterTally *r) {
    Ink ink = say_ink(1);
    Sums s = sums_of(r);
    buf_fmt(b, "%.*s %.*s: %lld request%s\n", STR_FMT(answer_clean(a, r->workflow)),
            STR_FMT(answer_clean(a, r->step)), (long long)r->requests, r->requests == 1 ? "" : "s");
    write_stages(b, a, r, &ink);
    write_targets(b, a, r, &ink);
    if (s.declined)
        buf_fmt(b, "  wrong routes: %lld, which cost %.*s and took %.*s\n", (long long)s.declined,
                STR_FMT(money_text(a, s.declined_cost)), STR_FMT(time_text(a, s.declined_us)));
    if (s.alone > 0)
        buf_fmt(b, "  cost %.*s, saved %.*s (%.*s) beside `%.*s` for every request\n",
                STR_FMT(money_text(a, s.cost)), STR_FMT(money_text(a, s.alone - s.cost)),
                STR_FMT(share_text(a, s.alone - s.cost, s.alone)),
                STR_FMT(answer_clean(a, s.dearest)));
}

static void print(Args *args, const Tally *t) {
    Buf b = BUF_INIT(16 * MIB);
    for (const RouterTally *r = t->first; r; r = r->next) {
        if (r != t->first)
            buf_char(&b, '\n');
        write_router(&b, args->arena, r);
    }
    out_str(buf_str(&b));
    buf_deinit(&b);
}

static void print_json(Args *args, const Tally *t) {
    ListBuilder l = list_builder(args->arena);
    for (const RouterTally *r = t->first; r; r = r->next)
        list_add(&l, router_json(args->arena, r));
    out_json(list_done(&l));
}

/* ---- the command ----------------------------------------------------------------------------------------------------- */

static bool is_wanted(Args *args, Value run) {
    return args->n_words == 0 || str_eq(answer_text(run, "workflow"), str_from(args->words[0]));
}

static int look(Args *args, Link *link, int64_t most, Tally *t) {
    Value answer, trace;
    Str query = arena_fmt(args->arena, "limit=%d&state=done", RUNS_ASKED_FOR);
    int code = place_ask(args, link, API_GET, STR("/v1/runs"), query, VALUE_ABSENT, &answer);
    Value runs = code == 0 ? value_getz(answer, "runs") : VALUE_NULL;
    int64_t looked = 0;
    for (uint32_t i = 0; runs.type == V_LIST && i < runs.len && looked < most && code == 0; i++) {
        if (!is_wanted(args, runs.items[i]))
            continue;
        Str id = answer_text(runs.items[i], "id");
        looked++;
        code = place_ask(args, link, API_GET, place_run_path(args->arena, id, "trace"), STR(""),
                         VALUE_ABSENT, &trace);
        if (code == 0)
            add_run(t, trace);
    }
    return code;
}

int cmd_routes(Args *args) {
    if (args->n_words > 0 && str_is(str_from(args->words[0]), "fit"))
        return routes_fit(args);
    if (args->n_words > 1)
        return say_error(EXIT_USAGE, "`routes` takes the name of one workflow", "");
    Link *link = NULL;
    Tally t = { .arena = args->arena };
    int64_t most = RUNS_DEFAULT;
    t.end = &t.first;
    if (args->values[ROUTES_LAST] &&
        (!str_to_i64(str_from(args->values[ROUTES_LAST]), &most) || most < 1))
        return say_error(EXIT_USAGE, "--last takes a number of runs", "");
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code = look(args, link, most, &t);
    link_close(link, 0);
    if (code != 0)
        return code;
    if (args->json)
        print_json(args, &t);
    else if (!t.first)
        say_line("no run that is over went through a `route`");
    else
        print(args, &t);
    return EXIT_OK;
}
