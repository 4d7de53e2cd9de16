/* From the run down: what its document says that it waits for, and what the runs wait for that its open calls are, and theirs. */
#include "cli/below.h"

#include "base/json.h"
#include "base/limits.h"
#include "cli/place.h"
#include "exec/sse.h"
#include "server/event.h"

#define BELOW_MAX                                                                                  \
    1000 /* runs that are asked about; with more of them something moves, most likely */

typedef struct Look {
    const Args *args;
    Link *link;
    unsigned asked;
    Below found;
} Look;

static Str text_of(Value v, const char *key) {
    Value t = value_getz(v, key);
    return value_is(t, V_STRING) ? value_as_str(t) : STR("");
}

static void find(Look *l, Standing standing, Value document) {
    if (standing >= l->found.standing)
        return;
    Value seq = value_getz(document, "seq");
    l->found = (Below){ .standing = standing,
                        .run = text_of(document, "id"),
                        .seq = seq.type == V_UINT  ? seq.u
                               : seq.type == V_INT ? (uint64_t)seq.i
                                                   : 0 };
}

static Standing standing_of_wait(Str what) {
    return str_is(what, "timer")    ? STANDING_TIMER
           : str_is(what, "event")  ? STANDING_EVENT
           : str_is(what, "signal") ? STANDING_SIGNAL
                                    : STANDING_PERSON;
}

static void look_at(Look *l, Str run);

static void look_at_waits(Look *l, Value document) {
    Value waiting = value_getz(document, "waiting");
    for (uint32_t i = 0; value_is(waiting, V_LIST) && i < waiting.len; i++) {
        Str what = text_of(waiting.items[i], "for");
        if (str_is(what, "child"))
            look_at(l, text_of(waiting.items[i], "name"));
        else if (!str_is(what, "grant")) /* whom it asks says what that one waits for */
            find(l, standing_of_wait(what), document);
    }
}

static void look_at(Look *l, Str run) {
    Arena *a = l->args->arena;
    Reply reply;
    Value document = VALUE_NULL;
    ApiRequest request = { .method = API_GET, .path = place_run_path(a, run, "") };
    if (l->found.standing == STANDING_BUSY || ++l->asked > BELOW_MAX) {
        l->found.standing = STANDING_BUSY;
        return;
    }
    link_ask(l->link, &request, &reply);
    if (reply.status != 200 || json_read_copy(a, buf_str(&reply.body), &document, NULL))
        document = VALUE_NULL;
    reply_deinit(&reply);
    Str state = text_of(document, "state");
    if (str_is(state, "paused"))
        find(l,
             text_of(value_getz(document, "paused"), "raise").len ? STANDING_PERSON
                                                                  : STANDING_PAUSED,
             document);
    else if (str_is(state, "parked"))
        find(l, STANDING_PARKED, document);
    else if (str_is(state, "idle"))
        look_at_waits(l, document);
    else /* at work, over and not told yet, or not begun */
        l->found = (Below){ .standing = STANDING_BUSY, .run = STR("") };
}

Below below_look(const Args *args, Link *link, Str run) {
    Look l = { .args = args,
               .link = link,
               .found = { .standing = STANDING_ENDED, .run = STR("") } };
    look_at(&l, run);
    if (l.found.standing == STANDING_ENDED)
        l.found.standing = STANDING_BUSY;
    return l.found;
}

/* ---- the one that is waited for -------------------------------------------------------------------------------------- */

typedef struct Follow {
    Link *link;
    TraceTree *tree;
    Sse stream;
    uint64_t upto;
    bool over;
} Follow;

static void take_event(void *ctx, Str name, Str data) {
    Follow *f = ctx;
    Arena a = ARENA_NULL;
    uint64_t seq;
    Value v;
    Row row;
    if (str_is(name, "row") && json_read(&a, data, &v, NULL) == 0 &&
        event_row(v, &a, &seq, &row) == 0)
        tree_take(f->tree, seq, &row);
    arena_deinit(&a);
}

static void respond(void *ctx, const ApiResponse *response) { (void)ctx, (void)response; }

static void over(void *ctx) {
    Follow *f = ctx;
    f->over = true;
    link_quit(f->link);
}

static void take_bytes(void *ctx, Str bytes) {
    Follow *f = ctx;
    sse_take(&f->stream, bytes, take_event, f);
    if (f->tree->seq >= f->upto)
        over(f);
}

static void follow(Follow *f, Arena *a, Str run) {
    static const ApiSink sink = { respond, take_bytes, over };
    ApiRequest request = { .method = API_GET, .path = place_run_path(a, run, "events") };
    LinkCall *call = link_call(f->link, &request, &sink, over, f);
    while (!f->over && link_run(f->link) == 0)
        ;
    link_hangup(call);
}

TraceTree *below_tree(const Args *args, Link *link, const Below *below, Plan **ret_plan) {
    Arena *a = args->arena;
    Value files;
    Diags diags = { .arena = a };
    Plan *plan = NULL;
    if (place_ask(args, link, API_GET, place_run_path(a, below->run, "closure"), STR(""),
                  VALUE_ABSENT, &files) == 0 &&
        plan_compile(value_text(a, files), &plan, &diags) != 0)
        plan = NULL;
    Follow f = { .link = link, .tree = tree_new(plan), .upto = below->seq };
    sse_init(&f.stream, LIMIT_VALUE_BYTES);
    follow(&f, a, below->run);
    sse_deinit(&f.stream);
    *ret_plan = plan;
    return f.tree;
}
