/* One watch is a loop over links: as long as the engine it talks to lives, events arrive; when it goes away, the next link is
 * opened - to whoever became the engine, or as the engine - and the events go on after the last row seen.
 *
 *   WATCHING --ended | waits | parked--> DONE
 *       |  \--Ctrl-C--> PAUSING --nothing in flight--> DONE
 *       |                  \--Ctrl-C--> ABANDONED
 *       '--lost--> (next link)                                                                                             */
#include "cli/watch.h"

#include "base/json.h"
#include "base/limits.h"
#include "cli/ask.h"
#include "cli/below.h"
#include "cli/place.h"
#include "cli/report.h"
#include "cli/say.h"
#include "cli/standing.h"
#include "cli/talk.h"
#include "cli/view.h"
#include "exec/sse.h"
#include "host/host.h"
#include "server/event.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS 100
#define BELOW_MS 500 /* how often runs below are looked at that another engine moves */
#define LEAVE_GRACE_MS (10 * 60 * 1000) /* a model call may take that long; Ctrl-C cuts it short */
#define STOPPING_WAIT_US (50 * 1000)
#define HANDOVER_TRIES 100 /* of 50 ms: recovery of a large directory comes before the socket */

typedef struct Watch {
    const Args *args;
    const WatchOptions *options;
    Link *link;
    LinkCall *events, *pause, *head;
    Plan *plan; /* compiled here if the caller has none */
    TraceTree *tree;
    View view;
    Sse stream;
    Value document; /* of the end; absent before */
    Standing standing;
    const TraceNode *waits_for;
    unsigned interrupts;
    bool started;  /* the run is known to exist */
    bool existing; /* it did before us */
    bool lost, done, abandoned, leaving, told_wait;
    bool asks_head; /* how far the run is, before it is left alone */
    uint64_t head_seq;
    bool handed_over; /* said what there was to say, and another process goes on */
    Talk talk;
    bool asks;  /* something is to be asked here */
    bool later; /* it was put off */
    /* Nothing of its own moves, and the runs that it called are looked at: when the engine, or time, has moved since. */
    bool look_below;
    uint64_t looked_rows;
    int64_t looked_ms;
    Below below; /* the one that is waited for; its run is empty: none */
} Watch;

static int64_t now_ms(void) {
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    return now.tv_sec * 1000 + now.tv_usec / 1000;
}

static void finish(Watch *w) {
    w->done = true;
    link_quit(w->link);
}

static void note(Watch *w, const char *text) {
    view_clear(&w->view);
    say_line("%s", text);
}

/* ---- events */

static void take_row(Watch *w, Value v) {
    Arena a = ARENA_NULL;
    uint64_t seq;
    Row row;
    if (event_row(v, &a, &seq, &row) == 0 && seq > w->tree->seq) {
        tree_take(w->tree, seq, &row);
        view_row(&w->view, w->tree, &row);
    }
    arena_deinit(&a);
}

static void take_event(void *ctx, Str name, Str data) {
    Watch *w = ctx;
    Arena a = ARENA_NULL;
    Value v;
    if (str_is(name, "end")) {
        if (json_read_copy(w->args->arena, data, &v, NULL) == 0)
            w->document = v;
    } else if (str_is(name, "row") && json_read(&a, data, &v, NULL) == 0) {
        take_row(w, v);
    }
    arena_deinit(&a);
}

static const char *plural(unsigned n) { return n == 1 ? "" : "s"; }

static void tell_resumed(Watch *w) {
    bool after_crash;
    size_t recovering = link_recovering(w->link, &after_crash);
    if (!w->existing || !link_engine(w->link) || recovering == 0 || tree_ended(w->tree))
        return;
    Kept kept = standing_kept(w->tree);
    view_clear(&w->view);
    say_line("resumed %.*s%s: %u step%s kept, %u model call%s and %u tool call%s not repeated",
             STR_FMT(w->options->run), after_crash ? " after a crash" : "", kept.steps,
             plural(kept.steps), kept.model_calls, plural(kept.model_calls), kept.tool_calls,
             plural(kept.tool_calls));
    if (recovering > 1)
        say_line("%zu other run%s of this directory go%s on here too", recovering - 1,
                 plural((unsigned)recovering - 1), recovering == 2 ? "es" : "");
}

static void tell_timer(Watch *w, Str who) {
    bool retries = w->waits_for &&
                   w->waits_for->status == STATUS_RETRYING; /* that is soon enough */
    if (w->told_wait || retries)
        return;
    w->told_wait = true;
    view_clear(&w->view);
    say_line(
        "%.*s waits for time only (%.*s): this terminal keeps it going. To free it: Ctrl-C, then `baton serve` and "
        "`baton resume %.*s`",
        STR_FMT(w->options->run), STR_FMT(who), STR_FMT(w->options->run));
}

/* ---- leaving an engine of our own ---- */

static void head_respond(void *ctx, const ApiResponse *response) {
    Watch *w = ctx;
    Value document, seq = VALUE_ABSENT;
    if (json_read_copy(w->args->arena, response->body, &document, NULL) == 0)
        seq = value_getz(document, "seq");
    w->head_seq = seq.type == V_INT ? (uint64_t)seq.i : seq.type == V_UINT ? seq.u : 0;
}

/* What the engine has done may not have been told here yet; then it will be, and is looked at. */
static void head_end(void *ctx) {
    Watch *w = ctx;
    Engine *e = link_engine(w->link);
    w->asks_head = false;
    link_forget(w->head);
    w->head = NULL;
    if (!w->done && !w->leaving && w->standing == STANDING_EVENT && w->head_seq == w->tree->seq &&
        e && engine_quiet(e))
        finish(w);
}

static void leave_if_quiet(Watch *w) {
    static const ApiSink sink = { head_respond, NULL, head_end };
    Engine *e = link_engine(w->link);
    if (w->asks_head || !e || !engine_quiet(e))
        return;
    ApiRequest request = { .method = API_GET,
                           .path = place_run_path(w->args->arena, w->options->run, "") };
    w->asks_head = true;
    w->head_seq = 0;
    LinkCall *call = link_call(w->link, &request, &sink, head_end, w);
    if (w->asks_head)
        w->head = call;
    else
        link_forget(call);
}

/* Somebody else's engine goes on whether we look or not; our own leaves when nothing more moves in it. */
static void look_for_event(Watch *w) {
    Engine *e = link_engine(w->link);
    leave_if_quiet(w);
    if (e || w->told_wait)
        return;
    w->told_wait = true;
    view_clear(&w->view);
    say_line("%.*s waits for the %.*s (step %.*s); Ctrl-C pauses it", STR_FMT(w->options->run),
             STR_FMT(w->waits_for->step->waits_for), STR_FMT(w->waits_for->address));
}

/* What people are asked is asked here, if somebody sits here who can be asked. */
static bool asks_here(const Watch *w) {
    return w->standing == STANDING_PERSON && w->waits_for->status == STATUS_WAITING && !w->later &&
           !w->args->json && !w->options->look_only && !w->interrupts && ask_possible();
}

/* While somebody thinks: is it still asked? */
static void look_again(Watch *w) {
    w->talk.withdrawn |= w->standing != STANDING_PERSON ||
                         !str_eq(w->waits_for->address, w->talk.about);
    if (w->talk.withdrawn)
        link_quit(w->link);
}

static void look(Watch *w) {
    w->standing = standing_of(w->tree, &w->waits_for);
    if (w->talk.about.len) {
        look_again(w);
        return;
    }
    w->asks = asks_here(w);
    if (w->asks) {
        link_quit(w->link);
        return;
    }
    if (w->options->look_only && w->standing != STANDING_PARKED)
        return; /* somebody else moves it, or may */
    switch (w->standing) {
    case STANDING_BUSY:
    case STANDING_BELOW: return; /* turned() and ticked() say when it is time to look */
    case STANDING_TIMER: tell_timer(w, w->waits_for->address); return;
    case STANDING_EVENT: look_for_event(w); return;
    case STANDING_ENDED: return; /* `end` brings the document */
    case STANDING_SIGNAL:
    case STANDING_PERSON:
    case STANDING_PAUSED:
    case STANDING_PARKED: finish(w); return;
    }
}

static void events_respond(void *ctx, const ApiResponse *response) {
    Watch *w = ctx;
    if (response->stream)
        return;
    Value problem;
    Str detail = STR("the engine does not tell what happens");
    if (json_read_copy(w->args->arena, response->body, &problem, NULL) == 0 &&
        value_is(value_getz(problem, "detail"), V_STRING))
        detail = value_as_str(value_getz(problem, "detail"));
    view_clear(&w->view);
    say_line("baton: %.*s", STR_FMT(detail));
}

static void events_send(void *ctx, Str bytes) {
    Watch *w = ctx;
    bool first = w->tree->seq == 0;
    w->view.quiet = first && w->existing; /* what happened before is in the tree, not told again */
    sse_take(&w->stream, bytes, take_event, w);
    w->view.quiet = false;
    if (first)
        tell_resumed(w);
    look(w);
}

static void events_end(void *ctx) {
    Watch *w = ctx;
    link_forget(w->events);
    w->events = NULL;
    finish(w);
}

static void events_lost(void *ctx) {
    Watch *w = ctx;
    link_forget(w->events);
    w->events = NULL;
    w->lost = true;
    link_quit(w->link);
}

static void begin_events(Watch *w) {
    static const ApiSink sink = { events_respond, events_send, events_end };
    Arena *a = w->args->arena;
    ApiRequest request = { .method = API_GET,
                           .path = place_run_path(a, w->options->run, "events") };
    if (w->tree->seq)
        request.last_event_id = arena_fmt(a, "%llu", (unsigned long long)w->tree->seq);
    sse_reset(&w->stream);
    w->events = NULL;
    LinkCall *call = link_call(w->link, &request, &sink, events_lost, w);
    if (w->done || w->lost)
        link_forget(call);
    else
        w->events = call;
}

/* ---- Ctrl-C */

static void pause_respond(void *ctx, const ApiResponse *response) { (void)ctx, (void)response; }

static void pause_end(void *ctx) {
    Watch *w = ctx;
    link_forget(w->pause);
    w->pause = NULL;
}

static void begin_pause(Watch *w) {
    static const ApiSink sink = { pause_respond, NULL, pause_end };
    ApiRequest request = { .method = API_POST,
                           .path = place_run_path(w->args->arena, w->options->run, "pause"),
                           .from = STR("Ctrl-C"),
                           .body = STR("{\"from\":\"Ctrl-C\"}") };
    if (w->tree->in_flight)
        say_line("pausing %.*s: waiting for %zu attempt%s in flight (Ctrl-C again: stop now)",
                 STR_FMT(w->options->run), w->tree->in_flight,
                 plural((unsigned)w->tree->in_flight));
    w->pause = link_call(w->link, &request, &sink, pause_end, w);
}

static void signalled(void *ctx, int signum) {
    (void)signum;
    Watch *w = ctx;
    w->interrupts++;
    view_clear(&w->view);
    if (w->leaving) {
        link_stop(w->link, 0);
        return;
    }
    if (w->interrupts == 1 && w->started && !w->options->look_only) {
        begin_pause(w);
        return;
    }
    w->abandoned = true;
    finish(w);
}

/* ---- the loop */

static void look_below(Watch *w) {
    w->look_below = true;
    link_quit(w->link);
}

/* What others' engines do to the runs below is not told here. */
static void ticked(void *ctx) {
    Watch *w = ctx;
    if (w->talk.about.len)
        return;
    if (w->events && w->standing == STANDING_BELOW && !w->done && !link_engine(w->link) &&
        now_ms() - w->looked_ms >= BELOW_MS)
        look_below(w);
    view_tick(&w->view, w->tree, now_ms());
}

static void turned(void *ctx) {
    Watch *w = ctx;
    if (w->events && !w->done && w->standing == STANDING_BELOW) {
        Engine *e = link_engine(w->link);
        if (!w->look_below && engine_quiet(e) && engine_stats(e).rows != w->looked_rows)
            look_below(w);
        return;
    }
    bool waits = w->events && !w->done && w->standing == STANDING_EVENT && !w->options->look_only;
    if ((!w->leaving && !waits) || !engine_quiet(link_engine(w->link)))
        return;
    if (w->leaving)
        link_quit(w->link);
    else
        leave_if_quiet(w);
}

/* Another process becomes the engine within moments, if there is one. */
static void await_engine(Watch *w) {
    for (int i = 0; i < HANDOVER_TRIES && !link_listens(place_data(w->args)); i++)
        usleep(STOPPING_WAIT_US);
}

static int open_link(Watch *w) {
    char problem[HOST_PROBLEM_BYTES] = "";
    if (w->options->look_only && w->lost)
        await_engine(w);
    LinkOptions options = { .dir = place_data(w->args),
                            .mode = w->options->look_only ? LINK_READ : LINK_CARRY,
                            .signalled = signalled,
                            .turned = turned,
                            .ctx = w };
    bool calls =
        link_listens(place_data(w->args)); /* another process is the engine: see ticked() */
    if (w->view.terminal || calls) {
        options.tick = ticked;
        options.tick_ms = w->view.terminal ? TICK_MS : BELOW_MS;
    }
    int err = link_open(&options, &w->link, problem);
    if (err == 0)
        return 0;
    view_clear(&w->view);
    return say_error(err == -ERR_BUSY ? EXIT_CONFLICT : EXIT_INTERNAL, "%s", "",
                     *problem ? problem : err_text(err));
}

static int refuse_run(Value answer, unsigned status) {
    Value detail = value_getz(answer, "detail");
    Str text = value_is(detail, V_STRING) ? value_as_str(detail) : STR("the engine refused");
    int code = status == 404                    ? EXIT_NOT_FOUND
               : status == 409 || status == 403 ? EXIT_CONFLICT
               : status == 500                  ? EXIT_INTERNAL
                                                : EXIT_USAGE;
    return say_error(code, "%.*s", "", STR_FMT(text));
}

/* Says what there is to say first. *ret_again: the engine is leaving, another link is needed. */
static int begin_run(Watch *w, bool *ret_again) {
    const WatchOptions *o = w->options;
    Arena *a = w->args->arena;
    if (w->started || o->path.len == 0)
        return 0;
    Reply reply;
    ApiRequest request = {
        .method = API_POST, .path = o->path, .body = value_text(a, o->body), .from = place_user()
    };
    link_ask(w->link, &request, &reply);
    unsigned status = reply.status;
    *ret_again = status == 0 || status == 503;
    Value answer = VALUE_NULL;
    json_read_copy(a, buf_str(&reply.body), &answer, NULL);
    reply_deinit(&reply);
    if (*ret_again)
        return 0;
    if (status >= 400)
        return refuse_run(answer, status);
    Value existing = value_getz(answer, "existing");
    w->existing = !o->start || (value_is(existing, V_BOOL) && existing.b);
    Value kept = value_getz(answer, "kept");
    const char *told = o->kept && value_is(kept, V_BOOL) && kept.b ? o->kept : o->told;
    w->handed_over = told && !link_engine(w->link);
    if (w->handed_over && w->args->json)
        out_json(answer);
    else if (told && !w->args->json)
        say_line("%.*s: %s%s", STR_FMT(o->run), told,
                 w->handed_over ? "" : "; no engine runs here, so it goes on in this terminal");
    return 0;
}

/* What a step is - a model call, a wait - stands in the files the run was started with. */
static void learn_plan(Watch *w) {
    Value files;
    Arena *a = w->args->arena;
    Diags diags = { .arena = a };
    if (w->tree->plan ||
        place_ask(w->args, w->link, API_GET, place_run_path(a, w->options->run, "closure"), STR(""),
                  VALUE_ABSENT, &files) != 0)
        return;
    if (plan_compile(value_text(a, files), &w->plan, &diags) == 0)
        w->tree->plan = w->plan;
}

/* ---- a person at this terminal */

static void talk_here(Watch *w) {
    view_clear(&w->view);
    w->asks = false;
    TalkEnd end = talk(&w->talk, w->link, w->options->run, w->waits_for->address);
    w->later |= end == TALK_LATER;
    bool looked = end != TALK_DECIDED && (end != TALK_WITHDRAWN || w->talk.withdrawn);
    if (looked && !w->done && !w->lost && !w->interrupts)
        look(w);
}

/* They wait, all of them: then so does this run. With an engine of our own nothing moves by now but time. */
static void look_below_here(Watch *w) {
    Engine *e = link_engine(w->link);
    w->look_below = false;
    w->looked_ms = now_ms();
    w->looked_rows = e ? engine_stats(e).rows : 0;
    Below below = below_look(w->args, w->link, w->options->run);
    if (w->done || w->lost || w->standing != STANDING_BELOW || below.standing == STANDING_BUSY ||
        below.standing == STANDING_BELOW)
        return;
    if (below.standing == STANDING_TIMER) {
        tell_timer(w, below.run);
        return;
    }
    w->below = below;
    w->done = true;
}

/* Until there is nothing more to be seen here. */
static int watch_link(Watch *w) {
    int err = 0;
    while (!w->done && !w->lost && err == 0) {
        if (w->asks)
            talk_here(w);
        else if (w->look_below)
            look_below_here(w);
        else
            err = link_run(w->link);
    }
    return err;
}

static void drop_link(Watch *w, int64_t grace_ms) {
    link_hangup(w->events);
    link_hangup(w->pause);
    w->events = w->pause = NULL;
    w->link = link_close(w->link, grace_ms);
}

static int watch_links(Watch *w) {
    for (;;) {
        bool again = false;
        int code = open_link(w);
        if (code == 0)
            code = begin_run(w, &again);
        if (code != 0)
            return code;
        if (again) {
            drop_link(w, 0);
            usleep(STOPPING_WAIT_US);
            continue;
        }
        if (w->handed_over)
            return 0;
        w->started = true;
        learn_plan(w);
        if (w->lost)
            tell_resumed(w); /* the tree is known already */
        w->lost = false;
        begin_events(w);
        int err = watch_link(w);
        if (err != 0)
            return say_error(EXIT_INTERNAL,
                             "stopped by the trouble above; what was accepted is safe",
                             "when it is mended: `baton resume %.*s`", STR_FMT(w->options->run));
        if (w->done)
            return 0;
        drop_link(w, 0);
        w->existing = true;
    }
}

/* ---- leaving */

/* The engine leaves when it has no client and nothing to do; with clients, it moves to one of them. */
static void leave(Watch *w) {
    if (!w->link) /* it could not be opened */
        return;
    if (w->abandoned) {
        drop_link(w, 0);
        return;
    }
    link_hangup(w->events);
    w->events = NULL;
    Engine *engine = link_engine(w->link);
    w->leaving = true;
    if (engine && link_clients(w->link) > 0) {
        if (!engine_quiet(engine))
            note(
                w,
                "another terminal works in this directory: the engine moves there when what is in flight has ended "
                "(Ctrl-C: now)");
    } else if (engine && !engine_quiet(engine)) {
        EngineStats stats = engine_stats(engine);
        if (stats.in_flight > 0)
            note(
                w,
                "other runs of this directory are still going here (Ctrl-C: leave; they go on at the next start)");
        while (!engine_quiet(engine) && w->interrupts == 0 && link_run(w->link) == 0)
            ;
    }
    drop_link(w, LEAVE_GRACE_MS);
}

static int report_looked(Watch *w) {
    Str run = w->options->run;
    if (w->abandoned) {
        say_line("%.*s goes on without this terminal", STR_FMT(run));
        return EXIT_OK;
    }
    if (w->standing <= STANDING_TIMER) {
        say_line("no engine runs here: %.*s stands still; `baton resume %.*s` goes on with it",
                 STR_FMT(run), STR_FMT(run));
        return EXIT_WAITING;
    }
    return report_standing(w->args, run, w->tree, w->standing, w->waits_for);
}

/* Of the run that is waited for, in its own words. */
static int report_below(const Watch *w) {
    Plan *plan;
    const TraceNode *node;
    TraceTree *tree = below_tree(w->args, w->link, &w->below, &plan);
    Standing standing = standing_of(tree, &node);
    if (!str_eq(w->below.run, w->options->run))
        say_line("%.*s waits for run %.*s, which it called:", STR_FMT(w->options->run),
                 STR_FMT(w->below.run));
    int code = report_standing(w->args, w->below.run, tree, standing, node);
    tree_free(tree);
    plan_free(plan);
    return code;
}

static int report(Watch *w) {
    Str run = w->options->run;
    if (!value_absent(w->document))
        return report_end(w->args, run, w->document);
    Value doc;
    if (w->args->json && w->started && !w->abandoned &&
        place_ask(w->args, w->link, API_GET, place_run_path(w->args->arena, run, ""), STR(""),
                  VALUE_ABSENT, &doc) == 0)
        out_json(doc);
    if (w->below.run.len && !w->interrupts)
        return report_below(w);
    if (w->options->look_only)
        return report_looked(w);
    if (w->abandoned && !w->started)
        return EXIT_PAUSED;
    if (w->abandoned && !w->tree->paused)
        return say_error(EXIT_PAUSED, "stopped; what was in flight ends as unknown",
                         "go on with: baton resume %.*s", STR_FMT(run));
    return report_standing(w->args, run, w->tree, w->abandoned ? STANDING_PAUSED : w->standing,
                           w->waits_for);
}

int watch_run(const Args *args, const WatchOptions *options) {
    Watch w = {
        .args = args,
        .options = options,
        .tree = tree_new(options->plan),
        .document = VALUE_ABSENT,
        .looked_rows = UINT64_MAX, /* not yet */
        .talk = { .args = args },
    };
    sse_init(&w.stream, LIMIT_VALUE_BYTES);
    view_init(&w.view);
    int code = watch_links(&w);
    if (code == 0 && !w.handed_over) {
        view_finish(&w.view, w.tree, now_ms());
        code = report(&w);
    }
    leave(&w);
    tree_free(w.tree);
    plan_free(w.plan);
    sse_deinit(&w.stream);
    return code;
}
