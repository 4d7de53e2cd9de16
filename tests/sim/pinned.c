/* 22: a run is pinned to its file. What the store holds is what the run was started with, or what a person moved it to; and who
 * replays it with other code is told so. */
#include "sim.h"

static Str payload_of(World *w, const History *h, const RowFact *f, Arena *a) {
    Str bytes = f->fact.payload;
    if (f->large && w->eye->ops->payload(w->eye, h->stored.id, &f->hash, a, &bytes))
        world_fail(w, "2: a payload of %.*s is gone", STR_FMT(h->stored.id));
    return bytes;
}

static bool is_moved(Str closure) { return str_find(closure, STR("# moved")) >= 0; }

/* Each move says which file the run had before; people say which it has then. *ret_moves: so many. */
static void went_from_file_to_file(World *w, const SimRun *run, const History *h,
                                   unsigned *ret_moves, Arena *a) {
    Str before = STR_NULL;
    *ret_moves = 0;
    for (size_t i = 0; i < h->stored.n_rows; i++)
        for (size_t f = 0; f < h->rows[i].n_facts; f++) {
            const RowFact *fact = &h->rows[i].facts[f];
            if (fact->fact.kind != FACT_MIGRATED)
                continue;
            Str had = payload_of(w, h, fact, a);
            bool good = *ret_moves ? is_moved(had) && !str_eq(had, before)
                                   : str_eq(had, run->closure);
            if (!good)
                world_fail(w, "22: %.*s was moved away from a file that it did not have",
                           STR_FMT(run->id));
            before = had;
            ++*ret_moves;
        }
    bool good = *ret_moves ? is_moved(h->stored.closure) && !str_eq(h->stored.closure, before)
                           : str_eq(h->stored.closure, run->closure);
    if (!good)
        world_fail(w, "22: %.*s is pinned to another file than its rows say", STR_FMT(run->id));
}

static bool in_word(char c) { return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); }

/* The same workflow, but that its first step has another name. */
static Str other_code(Str text, Arena *a) {
    Buf b = BUF_INIT(MIB);
    for (size_t i = 0; i < text.len; i++) {
        bool begins = i == 0 || !in_word(text.p[i - 1]);
        bool is_it = begins && str_starts(str_slice(text, i, text.len), STR("t1")) &&
                     (i + 2 == text.len || !in_word(text.p[i + 2]));
        buf_char(&b, is_it ? 'u' : text.p[i]);
    }
    Str other = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return other;
}

static void other_code_is_refused(World *w, const SimRun *run, const History *h, Arena *a) {
    Plan *plan = NULL;
    Run *folded = NULL;
    Str problem = STR("");
    Diags diags = { .arena = a };
    if (plan_compile(people_closure(w, other_code(run->workflow, a)), &plan, &diags))
        world_fail(w, "22: %.*s cannot be given another name", STR_FMT(run->id));
    StoreRun all = h->stored;
    all.snapshot = STR_NULL;
    all.snapshot_seq = 0;
    if (engine_fold(w->eye, &all, true, plan, a, &folded, &problem) == 0)
        world_fail(w, "22: %.*s is replayed with other code, and nobody is told", STR_FMT(run->id));
    plan_free(plan);
}

void oracle_pinned(World *w, const SimRun *run, const History *h, Arena *a) {
    unsigned moves;
    went_from_file_to_file(w, run, h, &moves, a);
    if (moves == 0)
        other_code_is_refused(w, run, h, a);
}
