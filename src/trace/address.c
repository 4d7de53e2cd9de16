/* Addresses as text, as far as telling the past needs them: `work/fetch[3]~2.1.2@2` is, in the plan, `work.fetch`; its
 * item 3, second round, first turn of the agent, second call of that turn, as tried again once by a person. */
#include "trace/tree.h"

static bool begins_mark(char c) { return c == '[' || c == '~' || c == '@' || c == ':'; }

static bool is_separator(char c) { return c == '.' || c == '/'; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Calls `take` for each part between separators. */
typedef struct Parts {
    Str rest;
} Parts;

static bool next_part(Parts *parts, Str *ret_part) {
    if (parts->rest.len == 0)
        return false;
    size_t n = 0;
    while (n < parts->rest.len && !is_separator(parts->rest.p[n]))
        n++;
    *ret_part = str_slice(parts->rest, 0, n);
    size_t skip = n < parts->rest.len ? n + 1 : n;
    parts->rest = str_slice(parts->rest, skip, parts->rest.len);
    return true;
}

static Str part_name(Str part) {
    size_t n = 0;
    while (n < part.len && !begins_mark(part.p[n]))
        n++;
    return str_slice(part, 0, n);
}

unsigned address_turn_depth(Str address) {
    unsigned depth = 0;
    Parts parts = { address };
    for (Str part; next_part(&parts, &part);) {
        bool numbered = part.len > 0 && is_digit(part.p[0]);
        depth = numbered ? depth + 1 : 0;
    }
    return depth;
}

const Node *address_step(const Plan *plan, Str address, Arena *a) {
    if (!plan)
        return NULL;
    if (address.len == 0)
        return plan->root;
    char *path = arena_alloc(a, address.len + 1);
    size_t n = 0;
    Parts parts = { address };
    for (Str part; next_part(&parts, &part);) {
        Str name = part_name(part);
        if (name.len == 0 || is_digit(name.p[0]))
            continue;
        if (n > 0)
            path[n++] = '.';
        memcpy(path + n, name.p, name.len);
        n += name.len;
        ptrdiff_t place = str_find(part, STR(":fallback"));
        if (place < 0)
            continue;
        Str tail = str_slice(part, (size_t)place, part.len);
        n = (size_t)place < name.len ? n - (name.len - (size_t)place) : n;
        memcpy(path + n, tail.p, tail.len);
        n += tail.len;
    }
    return n ? plan_find(plan, (Str){ path, n }) : NULL;
}
