#include "trace/history.h"

int history_read(const StoreRun *stored, Arena *a, History *ret, Str *ret_problem) {
    History h = { .run = stored->id, .n = stored->n_rows };
    h.rows = ARENA_ARRAY(a, HistoryRow, stored->n_rows + 1);
    for (size_t i = 0; i < stored->n_rows; i++) {
        const StoreRow *from = &stored->rows[i];
        HistoryRow *to = &h.rows[i];
        to->seq = from->seq;
        to->forgotten = from->forgotten;
        if (row_read(from->body, from->data, from->forgotten, a, &to->row) != 0) {
            *ret_problem =
                arena_fmt(a, "row %llu of run %.*s cannot be read: `baton verify` says more",
                          (unsigned long long)from->seq, STR_FMT(stored->id));
            return HISTORY_E_DAMAGED;
        }
    }
    *ret = h;
    return 0;
}

void history_fill(History *h, Store *store, Arena *a) {
    for (size_t i = 0; i < h->n; i++) {
        for (size_t k = 0; k < h->rows[i].row.n_facts; k++) {
            RowFact *f = &h->rows[i].row.facts[k];
            Str bytes;
            if (f->large && !f->fact.payload.p &&
                store->ops->payload(store, h->run, &f->hash, a, &bytes) == 0)
                f->fact.payload = bytes;
        }
    }
}
