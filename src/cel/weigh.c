/* Walks a value until a bound is passed. The walk recurses no deeper than LIMIT_DEPTH, however deep the value is. */
#include "cel/weigh.h"

#include "base/limits.h"

typedef struct Scale {
    size_t nodes, nodes_max, bytes;
    bool deep;
} Scale;

static bool add(Scale *s, Value v, unsigned levels);

static bool add_items(Scale *s, Value v, unsigned levels) {
    for (uint32_t i = 0; i < v.len; i++) {
        const ValueEntry *entry = v.type == V_MAP ? &v.map->entries[i] : NULL;
        if (entry && !add(s, entry->key, levels))
            return false;
        if (!add(s, entry ? entry->value : v.items[i], levels))
            return false;
    }
    return true;
}

/* False when a bound is passed. */
static bool add(Scale *s, Value v, unsigned levels) {
    if (++s->nodes > s->nodes_max || s->bytes > LIMIT_VALUE_BYTES)
        return false;
    if (v.type == V_STRING || v.type == V_BYTES)
        s->bytes += v.len;
    bool opens = v.type == V_LIST || v.type == V_MAP || (v.type == V_OPTIONAL && v.opt);
    if (!opens)
        return true;
    if (levels == 0) {
        s->deep = true;
        return false;
    }
    return v.type == V_OPTIONAL ? add(s, *v.opt, levels - 1) : add_items(s, v, levels - 1);
}

Weight weigh(Value v, size_t nodes_max) {
    Scale s = { .nodes_max = nodes_max };
    bool within = add(&s, v, LIMIT_DEPTH);
    return (Weight){ .over = !within, .deep = s.deep };
}
