/* State: keys written by `set`, folded by reducers.
 *
 * The folded value depends on the file, never on luck: writes are kept sorted by (file position, then items and rounds from
 * the outside in) and folded in that order, whatever order they came in. */
#include "kernel/step.h"

#include <stdio.h>

/* ---- order ---- */

static size_t order_length(const Frame *f) {
    size_t n = 1;
    for (; f; f = f->parent)
        n += f->part == PART_ITEM || f->part == PART_ROUND ? 1 : frame_is_played(f) ? 2 : 0;
    return n;
}

/* From the outside in: position, items and rounds; inside a played verb its position, then which of its parts it was. There
 * is room for `more` behind it. */
static uint32_t *order_of(Run *r, const Frame *f, size_t more, uint32_t *ret_n) {
    size_t n = order_length(f), at = n;
    uint32_t *order = ARENA_ARRAY(&r->arena, uint32_t, n + more), no = f->node->no;
    for (; f; f = f->parent) {
        if (f->part == PART_ITEM || f->part == PART_ROUND)
            order[--at] = f->a;
        if (!frame_is_played(f))
            continue;
        order[--at] = no;
        order[--at] = f->a;
        no = f->parent->node->no;
    }
    order[--at] = no;
    ASSERT(at == 0);
    *ret_n = (uint32_t)(n + more);
    return order;
}

static int compare_order(const StateWrite *a, const StateWrite *b) {
    for (uint32_t i = 0; i < a->n_order && i < b->n_order; i++)
        if (a->order[i] != b->order[i])
            return a->order[i] < b->order[i] ? -1 : 1;
    return (a->n_order > b->n_order) - (a->n_order < b->n_order);
}

static void insert(Run *r, StateCell *cell, StateWrite write) {
    if (cell->n == cell->room) {
        uint32_t room = MAX(4u, cell->room * 2);
        StateWrite *more = ARENA_ARRAY(&r->arena, StateWrite, room);
        if (cell->n)
            memcpy(more, cell->writes, cell->n * sizeof(*more));
        cell->writes = more;
        cell->room = room;
    }
    uint32_t at = cell->n;
    r->state_bytes += write.bytes;
    while (at > 0 && compare_order(&cell->writes[at - 1], &write) > 0 && !MUTANT(state_by_arrival))
        at--;
    if (at > 0 && compare_order(&cell->writes[at - 1], &write) == 0) {
        r->state_bytes -= cell->writes[at - 1].bytes;
        cell->writes[at - 1] = write; /* the same step again: a later visit replaces it */
    } else {
        memmove(&cell->writes[at + 1], &cell->writes[at], (cell->n - at) * sizeof(write));
        cell->writes[at] = write;
        cell->n++;
    }
    cell->dirty = true;
}

/* A part of a map: its fields each by itself. */
static bool fits_merge(Run *r, const Type *type, Value v, Value *ret, Str *ret_problem) {
    if (v.type != V_MAP) {
        *ret_problem =
            arena_fmt(&r->arena, "`merge` takes a map, not a %.*s", STR_FMT(value_type_name(v)));
        return false;
    }
    *ret = v;
    if (!type || type->kind != TYPE_RECORD)
        return true;
    MapBuilder m = map_builder(&r->arena);
    for (uint32_t i = 0; i < v.len; i++) {
        Str name = value_as_str(value_entry(v, i).key);
        const TypeField *field = type_field(type, name);
        Value part = value_entry(v, i).value;
        if (!field && !type->open) {
            *ret_problem = arena_fmt(&r->arena, "no field `%.*s`", STR_FMT(name));
            return false;
        }
        if (field && type_convert(field->type, part, &r->arena, &part, ret_problem))
            return false;
        map_adds(&m, name, part);
    }
    *ret = map_done(&m, NULL);
    return true;
}

/* What is written must fit what is declared: the whole, or the part that the reducer adds. */
static bool fits(Run *r, const StateKey *key, Value v, Value *ret, Str *ret_problem) {
    const Type *type = key->type;
    *ret = v;
    switch (key->reduce) {
    case REDUCE_MERGE: return fits_merge(r, type, v, ret, ret_problem);
    case REDUCE_EXPR: /* the expression makes the value of what is written */ return true;
    case REDUCE_APPEND:
    case REDUCE_UNION:
        if (v.type != V_LIST && type && type->kind == TYPE_LIST)
            type = type->item;
        break;
    case REDUCE_NONE:
    case REDUCE_LAST:
    case REDUCE_FIRST:
    case REDUCE_MAX:
    case REDUCE_MIN:
    case REDUCE_PRIORITY:
    case REDUCE_VOTE: break;
    }
    return type_convert(type, v, &r->arena, ret, ret_problem) == 0;
}

static size_t bytes_of(Value v) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    value_encode(&b, v);
    size_t n = b.len;
    buf_deinit(&b);
    return n;
}

static bool write_one(Scope *s, const SetKey *set, StateWrite w, ErrorKind *ret_kind,
                      char message[320]) {
    Run *r = s->run;
    const StateKey *key = &r->plan->state[set->key];
    Value v;
    Str problem;
    *ret_kind = KIND_INVALID;
    if (scope_eval(s, set->value, &v, message))
        return false;
    if (value_absent(v))
        return true;
    if (!fits(r, key, v, &v, &problem)) {
        snprintf(message, 320, "set %.*s: %.*s", STR_FMT(key->name), (int)MIN(problem.len, 240),
                 problem.p);
        return false;
    }
    w.value = value_copy(&r->arena, v);
    w.bytes = bytes_of(v);
    if (r->state_bytes + w.bytes > LIMIT_STATE_BYTES && r->rules != RULES_REVERSE &&
        !MUTANT(state_without_bound)) {
        snprintf(message, 320, "set %.*s: the state of a run holds %d MiB at most",
                 STR_FMT(key->name), (int)(LIMIT_STATE_BYTES / MIB));
        *ret_kind = KIND_LIMIT;
        return false;
    }
    insert(r, &r->state[set->key], w);
    return true;
}

static StateWrite written_by(Run *r, const Frame *f) {
    return (StateWrite){ .writer = f->node->name,
                         .address = frame_address(f, &r->arena),
                         .at_ms = r->time_ms };
}

bool state_write(Run *r, Frame *f, const Node *node, ErrorKind *ret_kind, char message[320]) {
    Scope s = scope_of(r, f);
    s.status = value_str(STR("ok"));
    for (size_t i = 0; i < node->n_sets; i++) {
        StateWrite w = written_by(r, f);
        w.order = order_of(r, f, 0, &w.n_order);
        if (!write_one(&s, &node->sets[i], w, ret_kind, message))
            return false;
    }
    return true;
}

/* Ordered behind what the step itself wrote. */
bool state_write_leaving(Scope *s, Frame *f, const SetKey *sets, size_t n, ErrorKind *ret_kind,
                         char message[320]) {
    for (size_t i = 0; i < n; i++) {
        StateWrite w = written_by(s->run, f);
        w.order = order_of(s->run, f, 1, &w.n_order);
        w.order[w.n_order - 1] = 1;
        if (!write_one(s, &sets[i], w, ret_kind, message))
            return false;
    }
    return true;
}

/* ---- folding ---- */

static void append_to(ListBuilder *l, Value v) {
    if (v.type != V_LIST) {
        list_add(l, v);
        return;
    }
    for (uint32_t i = 0; i < v.len; i++)
        list_add(l, v.items[i]);
}

static bool holds(const ListBuilder *l, Value v) {
    for (size_t i = 0; i < l->n; i++)
        if (value_equal(l->items[i], v))
            return true;
    return false;
}

static Value fold_list(Run *r, const StateKey *key, const StateCell *cell) {
    ListBuilder all = list_builder(&r->arena);
    if (key->preset.type == V_LIST)
        append_to(&all, key->preset);
    for (uint32_t i = 0; i < cell->n; i++)
        append_to(&all, cell->writes[i].value);
    if (key->reduce == REDUCE_APPEND)
        return list_done(&all);
    ListBuilder distinct = list_builder(&r->arena);
    for (size_t i = 0; i < all.n; i++)
        if (!holds(&distinct, all.items[i]))
            list_add(&distinct, all.items[i]);
    return list_done(&distinct);
}

static Value fold_merge(Run *r, const StateKey *key, const StateCell *cell) {
    MapBuilder m = map_builder(&r->arena);
    for (uint32_t i = 0; key->preset.type == V_MAP && i < key->preset.len; i++)
        map_add(&m, value_entry(key->preset, i).key, value_entry(key->preset, i).value);
    for (uint32_t i = 0; i < cell->n; i++) {
        Value v = cell->writes[i].value;
        for (uint32_t k = 0; v.type == V_MAP && k < v.len; k++)
            map_add(&m, value_entry(v, k).key, value_entry(v, k).value);
    }
    return map_done(&m, NULL);
}

static Value fold_extreme(const StateKey *key, const StateCell *cell) {
    Value best = key->preset;
    for (uint32_t i = 0; i < cell->n; i++) {
        int order = value_absent(best) || best.type == V_NULL
                        ? 2
                        : value_compare(cell->writes[i].value, best);
        if (order == 2 || order == (key->reduce == REDUCE_MAX ? 1 : -1))
            best = cell->writes[i].value;
    }
    return best;
}

/* The value most often written; the earliest in order wins a tie. */
static Value fold_vote(const StateKey *key, const StateCell *cell) {
    Value best = key->preset;
    uint32_t most = 0;
    for (uint32_t i = 0; i < cell->n; i++) {
        uint32_t n = 0;
        for (uint32_t k = 0; k < cell->n; k++)
            n += value_equal(cell->writes[i].value, cell->writes[k].value);
        if (n > most) {
            most = n;
            best = cell->writes[i].value;
        }
    }
    return best;
}

static size_t rank_of(const StateKey *key, Str writer) {
    size_t i = 0;
    while (i < key->n_writers && !str_eq(key->writers[i], writer))
        i++;
    return i;
}

static Value fold_priority(const StateKey *key, const StateCell *cell) {
    Value best = key->preset;
    size_t rank = SIZE_MAX;
    for (uint32_t i = 0; i < cell->n; i++)
        if (rank_of(key, cell->writes[i].writer) < rank) {
            rank = rank_of(key, cell->writes[i].writer);
            best = cell->writes[i].value;
        }
    return best;
}

/* A write the expression cannot digest leaves what there was. */
static Value fold_expression(Run *r, const StateKey *key, const StateCell *cell) {
    Value so_far = key->preset;
    for (uint32_t i = 0; i < cell->n; i++) {
        char problem[320];
        Scope s = scope_of(r, r->root);
        s.last = so_far;
        s.output = cell->writes[i].value;
        Value v;
        if (scope_value(&s, key->expr, &v, problem) == 0 && !value_absent(v))
            so_far = v;
    }
    return so_far;
}

static Value fold(Run *r, const StateKey *key, const StateCell *cell) {
    switch (key->reduce) {
    case REDUCE_NONE:
    case REDUCE_LAST: return cell->n ? cell->writes[cell->n - 1].value : key->preset;
    case REDUCE_FIRST: return cell->n ? cell->writes[0].value : key->preset;
    case REDUCE_APPEND:
    case REDUCE_UNION: return fold_list(r, key, cell);
    case REDUCE_MERGE: return fold_merge(r, key, cell);
    case REDUCE_MAX:
    case REDUCE_MIN: return fold_extreme(key, cell);
    case REDUCE_PRIORITY: return fold_priority(key, cell);
    case REDUCE_VOTE: return fold_vote(key, cell);
    case REDUCE_EXPR: return fold_expression(r, key, cell);
    }
    return VALUE_ABSENT;
}

Value state_read(Run *r, uint32_t key) {
    StateCell *cell = &r->state[key];
    if (cell->dirty || value_absent(cell->folded)) {
        Value v = fold(r, &r->plan->state[key], cell);
        cell->folded = value_absent(v) ? VALUE_NULL : v;
        cell->dirty = false;
        r->folds++;
    }
    return cell->folded;
}

/* ---- provenance ---- */

static const char *const reducers[] = {
    [REDUCE_NONE] = "none", [REDUCE_APPEND] = "append",     [REDUCE_MERGE] = "merge",
    [REDUCE_MAX] = "max",   [REDUCE_MIN] = "min",           [REDUCE_FIRST] = "first",
    [REDUCE_LAST] = "last", [REDUCE_PRIORITY] = "priority", [REDUCE_UNION] = "union",
    [REDUCE_VOTE] = "vote", [REDUCE_EXPR] = "expr",
};

static Value write_value(Run *r, const StateWrite *w, Arena *a) {
    const Node *node = plan_find(r->plan, w->address);
    MapBuilder m = map_builder(a);
    map_addz(&m, "value", w->value);
    map_addz(&m, "step", value_str(w->writer));
    map_addz(&m, "address", value_str(w->address));
    if (node && node->callee)
        map_addz(&m, node->callee->is_agent ? "agent" : "callee", value_str(node->callee->name));
    map_addz(&m, "time", value_time_text(w->at_ms, a));
    return map_done(&m, NULL);
}

Value run_state(Run *r, Arena *a) {
    ListBuilder keys = list_builder(a);
    for (uint32_t i = 0; i < r->plan->n_state; i++) {
        const StateCell *cell = &r->state[i];
        ListBuilder writes = list_builder(a);
        size_t bytes = 0;
        for (uint32_t k = 0; k < cell->n; k++) {
            list_add(&writes, write_value(r, &cell->writes[k], a));
            bytes += cell->writes[k].bytes;
        }
        MapBuilder m = map_builder(a);
        map_addz(&m, "key", value_str(r->plan->state[i].name));
        map_addz(&m, "value", state_read(r, i));
        map_addz(&m, "reduce", value_str(str_from(reducers[r->plan->state[i].reduce])));
        map_addz(&m, "bytes", value_int((int64_t)bytes));
        map_addz(&m, "writes", list_done(&writes));
        list_add(&keys, map_done(&m, NULL));
    }
    return value_copy(a, list_done(&keys));
}
