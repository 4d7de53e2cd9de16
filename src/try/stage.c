#include "try/stage.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "trace/draw.h"
#include "trace/history.h"
#include "trace/tree.h"
#include "try/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define RUN_ID STR("test")
#define PROBLEMS_MAX 20

/* ---- small things ------------------------------------------------------------------------------------------------------ */

void stage_problem(Stage *s, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t n = 0;
    for (const StageNote *p = s->problems; p; p = p->next, n++)
        if (str_is(p->text, text))
            return;
    if (n == PROBLEMS_MAX)
        return;
    StageNote *p = ARENA_NEW(s->arena, StageNote);
    p->text = arena_str(s->arena, str_from(text));
    *s->problems_end = p;
    s->problems_end = &p->next;
}

void stage_count(Stage *s, Str name) {
    for (size_t i = 0; i < s->n_counts; i++) {
        if (str_eq(s->counts[i].name, name)) {
            s->counts[i].n++;
            return;
        }
    }
    if (s->n_counts == s->room_counts) {
        s->room_counts = s->room_counts ? 2 * s->room_counts : 32;
        s->counts = xrealloc(s->counts, s->room_counts * sizeof *s->counts);
    }
    s->counts[s->n_counts++] = (StageCount){ arena_str(s->arena, name), 1 };
}

const Script *stage_script(const Stage *s, ScriptKind kind, const Str *names, size_t n) {
    return script_find(&s->options->one->scripts[kind], &s->options->file->scripts[kind], names, n);
}

const ScriptLine *stage_choose(Stage *s, const Script *script, Value names) {
    Str problem;
    const ScriptLine *line =
        script_choose(script, &s->turns[script->number], names, s->arena, &problem);
    if (problem.len)
        stage_problem(s, "%.*s", STR_FMT(problem));
    return line;
}

Value stage_word(Stage *s, const ScriptLine *line, const char *word, Value names) {
    Value v = value_getz(line->words, word), expanded;
    Str problem;
    if (value_absent(v))
        return v;
    if (script_expand(v, names, s->arena, &expanded, &problem))
        return expanded;
    stage_problem(s, "`%s` of line %u: %.*s", word, line->line, STR_FMT(problem));
    return VALUE_ABSENT;
}

int64_t stage_ms(const ScriptLine *line, const char *word) {
    Value v = value_getz(line->words, word);
    int64_t ms = 0;
    if (value_is(v, V_STRING))
        duration_parse(value_as_str(v), &ms);
    return ms;
}

/* ---- the ports of the world ----------------------------------------------------------------------------------------------- */

static void start(void *ctx, Attempt *a) { answer_attempt(ctx, a); }

static void note_run(void *ctx, const EngineEvent *event) {
    Stage *s = ctx;
    for (size_t i = 0; i < s->n_runs; i++)
        if (str_eq(s->runs[i], event->run))
            return;
    if (s->n_runs == s->room_runs) {
        s->room_runs = s->room_runs ? 2 * s->room_runs : 8;
        s->runs = xrealloc(s->runs, s->room_runs * sizeof *s->runs);
    }
    s->runs[s->n_runs++] = arena_str(s->arena, event->run);
}

/* ---- from the start to where nothing comes any more ------------------------------------------------------------------------ */

typedef struct Started {
    Stage *stage;
    bool answered, good;
} Started;

static void started(void *ctx, const EngineReply *reply) {
    Started *x = ctx;
    x->answered = true;
    x->good = reply->answer == ENGINE_OK;
    if (!x->good)
        stage_problem(x->stage, "the run cannot begin: %.*s", STR_FMT(reply->message));
}

/* They listen before anything happens. */
static bool begin_beside(Stage *s) {
    const StageOptions *o = s->options;
    for (size_t i = 0; i < o->n_beside; i++) {
        Started x = { .stage = s };
        EngineStart start = { .id = arena_fmt(s->arena, "beside-%zu", i + 1),
                              .closure = o->beside[i].closure,
                              .dir = o->beside[i].dir,
                              .by = STR("test"),
                              .listen = true };
        engine_start_run(world_engine(s->world), &start, started, &x);
        world_settle(s->world);
        if (!x.answered || !x.good)
            return false;
    }
    return true;
}

static bool begin(Stage *s) {
    const StageOptions *o = s->options;
    Started x = { .stage = s };
    Value with = o->one->with;
    if (value_absent(with) && o->cassette)
        with = o->cassette->input;
    Str input = value_absent(with) ? STR("{}") : value_text(s->arena, with);
    EngineStart start = {
        .id = RUN_ID, .closure = o->closure, .input = input, .dir = o->dir, .by = STR("test")
    };
    engine_start_run(world_engine(s->world), &start, started, &x);
    world_settle(s->world);
    return x.answered && x.good;
}

static void play(Stage *s) {
    do {
        if (!world_settle(s->world)) {
            stage_problem(s, "the run turns in circles: it does not come to an end");
            return;
        }
        people_look(s);
    } while (world_jump(s->world));
}

/* ---- what came of it ------------------------------------------------------------------------------------------------------ */

/* Addresses of the steps, in the order in which they began. */
static Value order_of(const History *h, Arena *a) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < h->n; i++) {
        const Row *row = &h->rows[i].row;
        for (size_t k = 0; k < row->n_moves; k++) {
            const Move *m = &row->moves[k];
            bool begins = m->from == STATUS_NEW && m->to != STATUS_SKIPPED &&
                          m->to != STATUS_CANCELLED;
            if (begins && m->address.len && address_turn_depth(m->address) == 0)
                list_add(&l, value_str(arena_str(a, m->address)));
        }
    }
    return list_done(&l);
}

static Str drawn(const TraceTree *tree, int64_t now_ms, Arena *a) {
    Buf b = BUF_INIT(MIB);
    draw_tree(&b, tree, &(DrawOptions){ .now_ms = now_ms });
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static bool read_back(Stage *s, const StoreRun *stored, History *h, Run **ret_run) {
    Store *store = world_store(s->world);
    Str problem;
    int err = history_read(stored, s->arena, h, &problem);
    if (err == 0)
        err = engine_fold(store, stored, true, s->options->plan, s->arena, ret_run, &problem);
    if (err)
        stage_problem(s, "the run cannot be derived again: %.*s", STR_FMT(problem));
    return err == 0;
}

/* What events started beside the case's run, as lists show it. */
static Value others_of(Stage *s) {
    Store *store = world_store(s->world);
    ListBuilder l = list_builder(s->arena);
    for (size_t i = 0; i < s->n_runs; i++) {
        StoreRun stored;
        Value info;
        if (str_eq(s->runs[i], RUN_ID) || str_starts(s->runs[i], STR("beside-")) ||
            str_find(s->runs[i], STR(":")) >= 0 ||
            store->ops->load(store, s->runs[i], false, s->arena, &stored) ||
            json_read_copy(s->arena, stored.info.info, &info, NULL) != 0)
            continue;
        list_add(&l, value_with(s->arena, info, STR("workflow"),
                                value_str(arena_str(s->arena, stored.info.name))));
    }
    return list_done(&l);
}

static void gather(Stage *s, StageResult *ret) {
    Store *store = world_store(s->world);
    StoreRun stored;
    History h;
    Run *run = NULL;
    if (store->ops->load(store, RUN_ID, true, s->arena, &stored) ||
        !read_back(s, &stored, &h, &run))
        return;
    history_fill(&h, store, s->arena);
    TraceTree *tree = tree_new(s->options->plan);
    for (size_t i = 0; i < h.n; i++)
        tree_take(tree, h.rows[i].seq, &h.rows[i].row);
    ret->started = true;
    ret->status = run_status(run);
    ret->finished = run_finished(run);
    ret->took_ms = run_time(run) - WORLD_BEGINS_MS;
    ret->tree = drawn(tree, run_time(run), s->arena);
    ret->names = names_of_run(s, run, tree, order_of(&h, s->arena));
    ret->names = value_with(s->arena, ret->names, STR("others"), others_of(s));
    tree_free(tree);
    run_free(run);
}

void stage_run(const StageOptions *options, Arena *a, StageResult *ret) {
    Stage s = { .arena = a, .options = options, .waits_for = STR("") };
    s.problems_end = (StageNote **)&s.problems;
    s.asked = list_builder(a);
    s.turns = ARENA_ARRAY(a, ScriptTurns, options->file->n_scripts + 1u);
    s.world = world_new(options->seed, &(WorldPorts){ .ctx = &s, .start = start, .row = note_run });
    *ret = (StageResult){ .tree = STR("") };
    if (begin_beside(&s) && begin(&s)) {
        play(&s);
        gather(&s, ret);
    }
    ret->problems = s.problems;
    ret->waits_for = s.waits_for;
    world_free(s.world);
    free(s.counts);
    free(s.runs);
}
