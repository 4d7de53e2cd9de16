#include "exec/command_output.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mutant.h"

#include <errno.h>
#include <stdlib.h>

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static Str trimmed(Str s) {
    while (s.len && is_space(s.p[0]))
        s = str_slice(s, 1, s.len);
    while (s.len && is_space(s.p[s.len - 1]))
        s.len--;
    return s;
}

static Str without_last_newline(Str s) {
    if (s.len && s.p[s.len - 1] == '\n')
        s.len--;
    if (s.len && s.p[s.len - 1] == '\r')
        s.len--;
    return s;
}

void command_output(Buf *b, Str out) {
    Arena scratch;
    arena_init(&scratch, LIMIT_VALUE_BYTES);
    Value v;
    Str document = trimmed(out);
    if (document.len && json_read(&scratch, document, &v, NULL) == 0)
        buf_str_add(b, document);
    else
        json_write_string(b, without_last_newline(out));
    arena_deinit(&scratch);
}

/* ---- tail -------------------------------------------------------------------------------------------------------------- */

void tail_init(Tail *t, size_t room) { *t = (Tail){ .room = room }; }

void tail_deinit(Tail *t) {
    free(t->ring);
    t->ring = NULL;
}

void tail_add(Tail *t, Str bytes) {
    if (bytes.len == 0)
        return;
    if (!t->ring)
        t->ring = xmalloc(t->room);
    t->total += bytes.len;
    if (bytes.len > t->room)
        bytes = str_slice(bytes, bytes.len - t->room, bytes.len);
    size_t first = MIN(bytes.len, t->room - t->at);
    memcpy(t->ring + t->at, bytes.p, first);
    memcpy(t->ring, bytes.p + first, bytes.len - first);
    t->at = (t->at + bytes.len) % t->room;
}

Str tail_text(const Tail *t, Arena *a) {
    if (t->total == 0)
        return STR("");
    if (t->total <= t->room) {
        return arena_str(a, (Str){ t->ring, (size_t)t->total });
    }
    char *whole = arena_alloc(a, t->room);
    memcpy(whole, t->ring + t->at, t->room - t->at);
    memcpy(whole + t->room - t->at, t->ring, t->at);
    Str s = { whole, t->room };
    ptrdiff_t line = str_find(s, STR("\n"));
    return line >= 0 ? str_slice(s, (size_t)line + 1, s.len) : s;
}

/* ---- verdict ----------------------------------------------------------------------------------------------------------- */

#define EXIT_TRY_AGAIN 75

static CommandVerdict never_ran(const SpawnEnd *end) {
    /* No process, no memory, no descriptor: the machine's trouble, which passes. */
    ErrorKind kind = end->stage == SPAWN_NO_PROCESS ? KIND_UNAVAILABLE : KIND_NOT_FOUND;
    if ((end->stage == SPAWN_NO_PROGRAM && end->error == EACCES) ||
        (end->stage == SPAWN_NO_SANDBOX && end->error != ENOENT))
        kind = KIND_DENIED;
    if (end->stage == SPAWN_NO_PROGRAM && (end->error == ENOEXEC || end->error == E2BIG))
        kind = KIND_INVALID;
    return (CommandVerdict){ OUTCOME_FAILED, SENT_NO, kind };
}

CommandVerdict command_verdict(const SpawnEnd *end) {
    if (end->lost || end->signal)
        return (CommandVerdict){ MUTANT(killed_is_failed) ? OUTCOME_FAILED : OUTCOME_UNKNOWN,
                                 SENT_MAYBE, KIND_CRASHED };
    if (end->stage != SPAWN_RAN)
        return never_ran(end);
    if (end->code == 0)
        return (CommandVerdict){ OUTCOME_OK, SENT_YES, KIND_NONE };
    ErrorKind kind = end->code == EXIT_TRY_AGAIN ? KIND_UNAVAILABLE : KIND_CRASHED;
    return (CommandVerdict){ OUTCOME_FAILED, SENT_YES, kind };
}
