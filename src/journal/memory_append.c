/* Append and post of the memory store. An item is judged before anything of it is stored, so a refused one leaves
 * nothing behind and the others of its batch go on. */
#include "journal/memory.h"

#include "base/mutant.h"

/* The arrays of a run stay as they were for whoever undoes: a larger one is a copy. */
static void *arena_grow(Arena *a, void *array, size_t *room, size_t n, size_t item_bytes) {
    if (n < *room)
        return array;
    size_t wider = *room ? *room * 2 : 4;
    void *copy = arena_alloc(a, wider * item_bytes);
    if (n)
        memcpy(copy, array, n * item_bytes);
    *room = wider;
    return copy;
}

static Str keep(StoreMemory *m, Str s) { return arena_str(&m->arena, s); }

static void add_closure(StoreMemory *m, const StorePayload *closure) {
    if (memory_closure(m, &closure->hash))
        return;
    GROW(m, closures);
    memory_undo_later(m, UNDO_CLOSURE_NEW, m->n_closures);
    StorePayload *stored = ARENA_NEW(&m->arena, StorePayload);
    *stored = (StorePayload){ closure->hash, keep(m, closure->bytes) };
    m->closures[m->n_closures++] = stored;
}

static void add_mail(StoreMemory *m, const StoreMail *mail, uint64_t sender) {
    ASSERT(mail->id.len > 0);
    if (memory_mail(m, mail->id))
        return;
    GROW(m, mail);
    memory_undo_later(m, UNDO_MAIL_NEW, m->n_mail);
    m->mail[m->n_mail++] = (MemMail){ .sender = sender,
                                      .mail = { .id = keep(m, mail->id),
                                                .to = keep(m, mail->to),
                                                .not_before_ms = mail->not_before_ms,
                                                .body = keep(m, mail->body) } };
}

static void take_mail(StoreMemory *m, Str id) {
    MemMail *mail = memory_mail(m, id);
    if (!mail)
        return;
    memory_undo_later(m, UNDO_MAIL_GONE, (size_t)(mail - m->mail));
    mail->gone = true;
}

static void add_payload(StoreMemory *m, MemRun *run, const StorePayload *p) {
    for (size_t i = 0; i < run->n_payloads; i++)
        if (hash_eq(&run->payloads[i].hash, &p->hash))
            return;
    run->payloads = arena_grow(&m->arena, run->payloads, &run->payloads_room, run->n_payloads,
                               sizeof *run->payloads);
    run->payloads[run->n_payloads++] = (StorePayload){ p->hash, keep(m, p->bytes) };
}

static void replace_opens(StoreMemory *m, MemRun *run, const StoreAppend *item) {
    run->opens = ARENA_ARRAY(&m->arena, StoreOpen, item->n_opens);
    run->n_opens = item->n_opens;
    for (size_t i = 0; i < item->n_opens; i++) {
        run->opens[i] = item->opens[i];
        run->opens[i].key = keep(m, item->opens[i].key);
        run->opens[i].address = keep(m, item->opens[i].address);
    }
}

static void add_row(StoreMemory *m, MemRun *run, const StoreAppend *item) {
    run->rows = arena_grow(&m->arena, run->rows, &run->rows_room, run->n_rows, sizeof *run->rows);
    run->rows[run->n_rows++] = (StoreRow){ .id = ++m->last_row,
                                           .seq = item->seq,
                                           .hash = item->hash,
                                           .body = keep(m, item->body),
                                           .data = keep(m, item->data) };
}

static void forget_mail(StoreMemory *m, Str run) {
    for (size_t i = 0; i < m->n_mail; i++) {
        Str id = m->mail[i].mail.id;
        bool of_it = str_starts(id, run) && id.len > run.len && id.p[run.len] == ':';
        if (of_it && !m->mail[i].gone && store_mail_is_world(&m->mail[i].mail))
            take_mail(m, id);
    }
}

/* The rows as they were stay for whoever undoes. */
static void forget(StoreMemory *m, MemRun *run) {
    StoreRow *rows = arena_alloc(&m->arena, run->rows_room * sizeof *rows);
    memcpy(rows, run->rows, run->n_rows * sizeof *rows);
    for (size_t i = 0; i < run->n_rows && !MUTANT(forget_keeps_rows); i++) {
        if (rows[i].forgotten)
            continue;
        rows[i].data_hash = hash_bytes(rows[i].data);
        rows[i].data = STR("");
        rows[i].forgotten = true;
    }
    run->rows = rows;
    run->n_payloads = run->payloads_room = 0;
    run->payloads = NULL;
    run->snapshot = STR_NULL;
    run->snapshot_seq = 0;
}

static void replace_info(StoreMemory *m, MemRun *run, const StoreRunInfo *info) {
    run->info = *info;
    run->info.name = keep(m, info->name);
    run->info.info = keep(m, info->info);
}

static bool may_append(const StoreMemory *m, const MemStore *h, const StoreAppend *item) {
    const MemRun *run = memory_run(m, item->run);
    if (!run)
        return item->seq == 1;
    return run->owner == h->engine && item->seq == run->n_rows + 1;
}

static void store_item(StoreMemory *m, const MemStore *h, const StoreAppend *item) {
    if (item->seq == 1) {
        ASSERT(item->info && item->closure);
        memory_add_run(m, item->run);
    }
    MemRun *run = memory_run(m, item->run);
    if (item->seq == 1) {
        run->owner = h->engine;
        run->closure = memory_closure(m, item->closure);
        ASSERT(run->closure);
    } else {
        memory_undo_later(m, UNDO_RUN_WAS, (size_t)(run - m->runs));
        if (item->closure)
            run->closure = memory_closure(m, item->closure);
        ASSERT(run->closure);
    }
    if (item->forget) {
        forget(m, run);
        forget_mail(m, item->run);
    }
    add_row(m, run, item);
    for (size_t i = 0; i < item->n_payloads; i++)
        add_payload(m, run, &item->payloads[i]);
    if (item->info)
        replace_info(m, run, item->info);
    if (item->set_opens)
        replace_opens(m, run, item);
    if (item->snapshot.p) {
        run->snapshot = keep(m, item->snapshot);
        run->snapshot_seq = item->seq;
    }
    for (size_t i = 0; i < item->n_mail; i++)
        add_mail(m, &item->mail[i], h->engine);
    for (size_t i = 0; i < item->n_mail_taken; i++)
        take_mail(m, item->mail_taken[i]);
    memory_change_keys(m, item);
}

static void set_outcomes(StoreBatch *batch, StoreOutcome outcome) {
    for (size_t i = 0; i < batch->n; i++) {
        batch->items[i].outcome = outcome;
        for (size_t k = 0; k < batch->items[i].n_claims; k++)
            batch->items[i].claims[k].answer = CLAIM_UNANSWERED;
    }
    for (size_t i = 0; i < batch->n_claims; i++)
        batch->claims[i].answer = CLAIM_UNANSWERED;
}

/* Its place, made if it is not there. */
static size_t account_at(StoreMemory *m, uint64_t engine, Str key) {
    for (size_t i = 0; i < m->n_accounts; i++)
        if (m->accounts[i].account.engine == engine && str_eq(m->accounts[i].account.key, key))
            return i;
    GROW(m, accounts);
    m->accounts[m->n_accounts] =
        (MemAccount){ .account = { .engine = engine, .key = keep(m, key) }, .gone = true };
    return m->n_accounts++;
}

static void set_account(StoreMemory *m, const MemStore *h, const StoreAccount *account) {
    size_t at = account_at(m, h->engine, account->key);
    memory_undo_later(m, UNDO_ACCOUNT_WAS, at);
    MemAccount *mine = &m->accounts[at];
    mine->gone = false;
    mine->account.cost = account->cost;
    mine->account.tokens = account->tokens;
    mine->account.calls = account->calls;
    mine->account.info = keep(m, account->info);
}

static void commit(StoreMemory *m, const MemStore *h, StoreBatch *batch) {
    bool fenced = !h->epoch || m->engines[h->engine - 1].epoch != h->epoch;
    if (fenced && !MUTANT(store_ignores_epoch)) {
        set_outcomes(batch, STORE_CONFLICT);
        return;
    }
    memory_begin(m);
    for (size_t i = 0; i < batch->n_closures; i++)
        add_closure(m, &batch->closures[i]);
    for (size_t i = 0; i < batch->n; i++) {
        StoreAppend *item = &batch->items[i];
        ASSERT(item->seq > 0 && item->run.len > 0 && item->run.len <= 64);
        item->outcome = may_append(m, h, item) ? STORE_OK : STORE_CONFLICT;
        if (item->outcome == STORE_OK)
            store_item(m, h, item);
    }
    memory_claim_keys(m, h, batch);
    for (size_t i = 0; i < batch->n_mail_done; i++)
        take_mail(m, batch->mail_done[i]);
    for (size_t i = 0; i < batch->n_mail_again; i++) {
        if (!memory_mail(m, batch->mail_again[i].id))
            continue;
        take_mail(m, batch->mail_again[i].id);
        add_mail(m, &batch->mail_again[i], h->engine);
    }
    for (size_t i = 0; i < batch->n_accounts; i++)
        set_account(m, h, &batch->accounts[i]);
}

static StoreFault next_fault(StoreMemory *m) {
    if (!m->fault_appends)
        return STORE_FAULT_NONE;
    m->fault_appends--;
    return m->fault;
}

int memory_append(Store *s, StoreBatch *batch) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    StoreFault fault = next_fault(h->m);
    set_outcomes(batch, STORE_PENDING);
    switch (fault) {
    case STORE_FAULT_FULL: return -ERR_FULL;
    case STORE_FAULT_IO: return -ERR_IO;
    case STORE_FAULT_UNKNOWN_LOST: set_outcomes(batch, STORE_UNKNOWN); return 0;
    case STORE_FAULT_NONE:
    case STORE_FAULT_UNKNOWN_DONE:
    case STORE_FAULT_IO_DONE: break;
    }
    commit(h->m, h, batch);
    if (fault == STORE_FAULT_NONE)
        return 0;
    set_outcomes(batch, fault == STORE_FAULT_IO_DONE ? STORE_PENDING : STORE_UNKNOWN);
    return fault == STORE_FAULT_IO_DONE ? -ERR_IO : 0;
}

int memory_post(Store *s, const StoreMail *mail, size_t n) {
    MemStore *h = (MemStore *)s;
    MEMORY_LOCKED(h->m);
    for (size_t i = 0; i < n; i++)
        add_mail(h->m, &mail[i], h->engine);
    memory_forget_undo(h->m);
    return 0;
}
