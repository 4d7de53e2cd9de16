/* What each commit leaves in the store, looked at as soon as it is there: whether rows chain (2), who wrote them (8), whether a
 * snapshot is what they lead to (3), whether a run that has ended is left in peace (4), and whether one that rests can be woken
 * (20). And what an answer promises, as soon as it is given (1). Numbers: docs/reliability.md. */
#include "sim.h"

void oracle_answer(World *w, const SimRun *run, const EngineReply *reply) {
    Arena a;
    StoreRun stored;
    arena_init(&a, 0);
    bool there = w->eye->ops->load(w->eye, run->id, false, &a, &stored) == 0;
    if (!there || stored.head_seq < reply->seq)
        world_fail(w, "1: %.*s was answered for row %llu, which is not durable", STR_FMT(run->id),
                   (unsigned long long)reply->seq);
    arena_deinit(&a);
}

/* 2 */
static void rows_chain(World *w, const SimRun *run, const StoreRow *row, const StoreRow *before) {
    static const Hash nothing;
    Hash data_hash = hash_bytes(row->data);
    Hash hash = store_chain(before ? &before->hash : &nothing, row->body, &data_hash);
    if (!hash_eq(&hash, &row->hash))
        world_fail(w, "2: the hash of row %llu of %.*s does not follow",
                   (unsigned long long)row->seq, STR_FMT(run->id));
}

/* 3: a snapshot is the run that all rows up to it make, byte for byte. */
static void snapshot_is_the_fold(World *w, const SimRun *run, const StoreRun *stored, Arena *a) {
    Plan *plan = NULL;
    Run *folded = NULL;
    Str problem = STR("");
    Diags diags = { .arena = a };
    Buf saved = BUF_INIT(MIB);
    StoreRun all = *stored;
    all.snapshot = STR_NULL;
    all.snapshot_seq = 0;
    if (plan_compile(stored->closure, &plan, &diags))
        world_fail(w, "22: the closure of %.*s does not compile", STR_FMT(run->id));
    if (engine_fold(w->eye, &all, true, plan, a, &folded, &problem))
        world_fail(w, "3: %.*s: %.*s", STR_FMT(run->id), STR_FMT(problem));
    run_save(folded, &saved);
    if (!str_eq(buf_str(&saved), stored->snapshot))
        world_fail(w, "3: the snapshot after row %llu of %.*s is not what its rows make",
                   (unsigned long long)stored->snapshot_seq, STR_FMT(run->id));
    buf_deinit(&saved);
    run_free(folded);
    plan_free(plan);
}

/* 8: an engine has one epoch at a time, and the store alone says which. What was written under another was let in although
 * it had been fenced. */
static void writer_holds_the_lease(World *w, const SimRun *run, uint64_t seq, const Row *row) {
    uint64_t epoch = store_memory_epoch(w->disk, row->engine);
    if (row->epoch != epoch)
        world_fail(w, "8: row %llu of %.*s is of epoch %llu of engine %llu, which has epoch %llu",
                   (unsigned long long)seq, STR_FMT(run->id), (unsigned long long)row->epoch,
                   (unsigned long long)row->engine, (unsigned long long)epoch);
}

static bool begins_anew(const Fact *f) {
    return f->kind == FACT_CONTROL && f->verb == CONTROL_RETRY;
}

/* 4: after its end nothing happens to a run, but that a person has it go on. What came too late may be noted. */
static void ends_once(World *w, SimRun *run, const Row *row) {
    size_t m = 0;
    for (size_t f = 0; f < row->n_facts; f++) {
        const Fact *fact = &row->facts[f].fact;
        if (run->ended && !begins_anew(fact) && fact->kind != FACT_PROGRESS)
            world_fail(w, "4: %.*s has ended, and takes fact %d", STR_FMT(run->id), fact->kind);
        run->ended &= !begins_anew(fact);
        for (; m < row->n_moves && row->moves[m].cause == f; m++) {
            const Move *move = &row->moves[m];
            if (run->ended)
                world_fail(w, "4: %.*s has ended, and `%.*s` moves", STR_FMT(run->id),
                           STR_FMT(move->address));
            run->ended = move->address.len == 0 && status_final(move->to);
        }
    }
}

/* 20: what rests waits for something that the store knows of, or somebody's name is on it. */
static void can_be_woken(World *w, const SimRun *run, const StoreRun *stored, Arena *a) {
    StoreDue open;
    size_t n = 0;
    bool named = str_find(stored->info.info, STR("\"paused\":")) >= 0;
    if (stored->info.state == STORE_PAUSED && !named)
        world_fail(w, "20: %.*s is paused, and nobody knows why", STR_FMT(run->id));
    if (stored->info.state == STORE_IDLE &&
        (w->eye->ops->opens(w->eye, run->id, 0, 0, 1, a, &open, &n) || n == 0))
        world_fail(w, "20: %.*s rests, and nothing can wake it", STR_FMT(run->id));
}

static void look_at(World *w, SimRun *run, Arena *a) {
    StoreRun stored;
    if (w->eye->ops->load(w->eye, run->id, false, a, &stored) || stored.head_seq == run->seen)
        return;
    if (w->eye->ops->load(w->eye, run->id, true, a, &stored))
        world_fail(w, "1: %.*s was there and is gone", STR_FMT(run->id));
    for (uint64_t seq = run->seen + 1; seq <= stored.head_seq; seq++) {
        const StoreRow *from = &stored.rows[seq - 1];
        Row row;
        if (row_read(from->body, from->data, from->forgotten, a, &row))
            world_fail(w, "2: row %llu of %.*s cannot be read", (unsigned long long)seq,
                       STR_FMT(run->id));
        rows_chain(w, run, from, seq > 1 ? from - 1 : NULL);
        writer_holds_the_lease(w, run, seq, &row);
        ends_once(w, run, &row);
    }
    run->seen = stored.head_seq;
    if (stored.snapshot.p && stored.snapshot_seq == stored.head_seq)
        snapshot_is_the_fold(w, run, &stored, a);
    if ((stored.info.state == STORE_DONE) != run->ended)
        world_fail(w, "4: %.*s is %s in the store, and its rows say otherwise", STR_FMT(run->id),
                   run->ended ? "going on" : "done");
    can_be_woken(w, run, &stored, a);
}

void oracle_commit(World *w) {
    Arena a;
    arena_init(&a, 0);
    for (unsigned i = 0; i < w->n_runs; i++)
        look_at(w, &w->runs[i], &a);
    arena_deinit(&a);
}
