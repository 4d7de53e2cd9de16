/* Remote agents: a line for each answer, any bytes. A card that is taken has an address; what a task gives is UTF-8 and no more than
 * was said; an answer that is refused changes nothing. */
#include "base/json.h"
#include "exec/a2a/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(A2aTask *t, Arena *a, Value answer) {
    A2aTask before = *t;
    A2aError error = { .message = STR("") };
    if (a2a_take(t, a, answer, &error))
        return;
    ASSERT(t->state == before.state && t->n_artifacts == before.n_artifacts);
    ASSERT(str_eq(t->id, before.id) && str_eq(t->said, before.said));
}

static void take_line(A2aTask *t, Arena *a, Str line) {
    A2aCard card;
    Str problem = STR("");
    Value v;
    if (json_read(a, line, &v, NULL) != 0)
        return;
    if (a2a_card(v, a, &card, &problem))
        ASSERT(card.url.len > 0);
    else
        ASSERT(problem.len > 0);
    take(t, a, v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena a = ARENA_NULL;
    char *copy = xmalloc(size + 1); /* exactly as large, so that a read past the end is seen */
    memcpy(copy, data, size);
    Str rest = { copy, size };
    A2aTask t = A2A_TASK;
    while (rest.len) {
        ptrdiff_t end = str_find(rest, STR("\n"));
        size_t n = end < 0 ? rest.len : (size_t)end;
        take_line(&t, &a, str_slice(rest, 0, n));
        rest = str_slice(rest, MIN(n + 1, rest.len), rest.len);
    }
    Str out = a2a_output(&t, &a);
    ASSERT(str_is_utf8(out) && out.len <= size * 6 + 2);
    Str said = a2a_request(&a, &(A2aOrder){ .method = A2A_SEND, .task = t.id, .text = out });
    Value v;
    ASSERT(!said.p || json_read(&a, said, &v, NULL) == 0);
    free(copy);
    arena_deinit(&a);
    return 0;
}
