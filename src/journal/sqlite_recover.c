/* Judges a store that was just opened, and learns what the writer must know: the end of the journal, and the heads that
 * moved after the last sweep. Reads only, through the reader's connection. */
#include "journal/sqlite.h"

#include "base/mutant.h"

static int lost(SqliteStore *s, const High *high) {
    return sql_damaged(s->reader.problem,
                       "%s: the journal ends at row %llu, but %s says that row %llu was written",
                       s->db_path, (unsigned long long)s->last_row, s->high_path,
                       (unsigned long long)high->row);
}

/* The row that the side file names must be there, and be that row. */
static int judge_high(SqliteStore *s, const High *high, bool found_high) {
    if (!found_high)
        return !s->last_row
                   ? 0
                   : sql_damaged(s->reader.problem,
                                 "%s: it is missing or unreadable, so nobody can tell whether "
                                 "the journal is whole",
                                 s->high_path);
    if (high->store != store_mark(&s->meta))
        return sql_damaged(s->reader.problem, "%s: it belongs to another store or to another copy",
                           s->high_path);
    s->side_row = high->row;
    if (!high->row || MUTANT(high_ignored))
        return 0;
    if (high->row > s->last_row)
        return lost(s, high);
    JournalRow at;
    int r = row_fetch(s, high->row, NULL, &at);
    if (!r && !hash_eq(&at.row.hash, &high->hash))
        r = sql_damaged(s->reader.problem, "%s: journal row %llu has another hash than %s says",
                        s->db_path, (unsigned long long)high->row, s->high_path);
    return r;
}

static int bad_row(SqliteStore *s, const JournalRow *row, const char *what) {
    return sql_damaged(s->reader.problem, "baton.db: journal row %llu: %s",
                       (unsigned long long)row->row.id, what);
}

/* Does `row` follow the one it points back to? */
static int judge_link(SqliteStore *s, const JournalRow *row) {
    Hash before = { { 0 } };
    if (row->row.seq == 1 ? row->prev != 0 : row->prev == 0 || row->prev >= row->row.id)
        return bad_row(s, row, "it does not point back to an earlier row");
    if (row->prev) {
        JournalRow prev;
        int r = row_fetch(s, row->prev, NULL, &prev);
        if (r)
            return r;
        if (prev.run != row->run || prev.row.seq + 1 != row->row.seq)
            return bad_row(s, row, "the row it points back to is not the one before it");
        before = prev.row.hash;
    }
    Hash chain = store_chain(&before, row->row.body, &row->row.data_hash);
    return hash_eq(&chain, &row->row.hash)
               ? 0
               : bad_row(s, row, "its hash does not follow from its content");
}

static int learn_head(SqliteStore *s, Arena *scratch, const JournalRow *row) {
    sqlite3_stmt *st = s->r[ST_RUN_BY_KEY];
    bool found;
    arena_reset(scratch);
    bind_u64(st, 1, row->run);
    int r = sql_step(&s->reader, st, &found);
    if (r)
        return r;
    if (!found)
        return bad_row(s, row, "its run does not exist");
    RunRow run;
    Str id;
    StoreRunInfo info;
    r = run_read(s, st, scratch, &run, &id, &info);
    sqlite3_reset(st);
    if (r)
        return r;
    if (id.len == 0 || id.len > LIMIT_ID_BYTES)
        return bad_row(s, row, "the id of its run is too long");
    if (run.head > s->last_row)
        return bad_row(s, row, "its run points past the end of the journal");
    uint64_t hash = heads_hash(id);
    const Head *known = heads_find(&s->heads, id, hash);
    if (known && (known->row != row->prev || known->seq + 1 != row->row.seq))
        return bad_row(s, row, "it does not follow the row of its run before it");
    Head *head = heads_put(&s->heads, id, hash);
    head->key = run.key;
    head->closure = run.closure;
    head->row = row->row.id;
    head->seq = row->row.seq;
    head->stored = run.head == row->row.id;
    return 0;
}

static int read_tail(SqliteStore *s) {
    _cleanup_(arena_deinit)
    Arena scratch;
    arena_init(&scratch, 0);
    sqlite3_stmt *st = s->r[ST_ROWS_AFTER];
    bind_u64(st, 1, s->meta.swept);
    uint64_t expected = s->meta.swept;
    bool more;
    int r;
    while (!(r = sql_step(&s->reader, st, &more)) && more) {
        JournalRow row;
        r = journal_row_read(s, st, &row);
        if (!r && row.row.id != ++expected)
            r = bad_row(s, &row, "rows before it are missing");
        if (!r)
            r = judge_link(s, &row);
        if (!r)
            r = learn_head(s, &scratch, &row);
        if (r)
            break;
        s->last_hash = row.row.hash;
    }
    sqlite3_reset(st);
    if (!r && expected != s->last_row)
        r = sql_damaged(s->reader.problem, "baton.db: the journal ends at row %llu, not at %llu",
                        (unsigned long long)s->last_row, (unsigned long long)expected);
    return r;
}

/* An end that was swept is not in the tail. */
static int read_last_hash(SqliteStore *s) {
    if (!s->last_row || s->last_row > s->meta.swept)
        return 0;
    JournalRow last;
    int r = row_fetch(s, s->last_row, NULL, &last);
    if (!r)
        s->last_hash = last.row.hash;
    return r;
}

int sqlite_recover(SqliteStore *s, const High *high, bool found_high) {
    int64_t row = 0, run = 0;
    int r = meta_read(s, &s->meta);
    if (!r)
        r = sql_number(&s->reader, "SELECT max(id) FROM journal", &row);
    if (!r)
        r = sql_number(&s->reader, "SELECT max(key) FROM run", &run);
    if (r)
        return r;
    s->last_row = (uint64_t)row;
    s->last_run = (uint64_t)run;
    r = judge_high(s, high, found_high);
    if (!r)
        r = read_tail(s);
    if (!r)
        r = read_last_hash(s);
    s->published = s->last_row;
    return r;
}
