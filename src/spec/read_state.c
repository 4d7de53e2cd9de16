/* `state:` with its reducers, and `set:` of the steps that write it. */
#include "spec/read.h"

/* Each is folded when it is read; every read is checked against every write. */
#define LIMIT_STATE_KEYS 500

typedef struct Reducer {
    const char *word;
    ReduceKind kind;
} Reducer;
static const Reducer reducers[] = {
    { "append", REDUCE_APPEND },     { "merge", REDUCE_MERGE }, { "max", REDUCE_MAX },
    { "min", REDUCE_MIN },           { "first", REDUCE_FIRST }, { "last", REDUCE_LAST },
    { "priority", REDUCE_PRIORITY }, { "union", REDUCE_UNION }, { "vote", REDUCE_VOTE },
};

typedef struct Draft {
    StateKey *key;
    const Yaml *preset;
} Draft;

static StateKey *key_of(void *target) { return ((Draft *)target)->key; }

static void set_type(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    key_of(target)->type = read_type(r, value);
}

static void set_default(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key;
    ((Draft *)target)->preset = value;
}

static void read_reducer(Reader *r, const Yaml *y, StateKey *k) {
    const Yaml *expr = yaml_get(y, "expr");
    if (expr && y->n == 1) {
        Sight sight = { .sees = SEES_REDUCE | SEES_NO_RUN, .stands_in = "a reducer" };
        k->reduce = REDUCE_EXPR;
        k->expr = read_expr(r, expr, &sight);
        return;
    }
    for (size_t i = 0; y->kind == YAML_SCALAR && i < ARRAY_LEN(reducers); i++)
        if (str_is(y->text, reducers[i].word)) {
            k->reduce = reducers[i].kind;
            return;
        }
    error_at(r, y, "value",
             "append merge max min first last priority union vote, or `{ expr: last + output }`",
             "unknown reducer");
}

static void set_reduce(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_reducer(r, value, key_of(target));
}

static void set_writers(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_texts(r, value, "a writer", &key_of(target)->writers, &key_of(target)->n_writers);
}

static void set_live(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_bool(r, value, "`live`", &key_of(target)->live);
}

static const KeyRow rows[] = {
    { "type", set_type },       { "default", set_default }, { "reduce", set_reduce },
    { "writers", set_writers }, { "live", set_live },
};

/* [] for a list, {} for a map, else null; without a type the reducer tells. */
static Value empty_of(Reader *r, const StateKey *k) {
    MapBuilder none = map_builder(r->arena);
    bool list = k->type ? k->type->kind == TYPE_LIST
                        : k->reduce == REDUCE_APPEND || k->reduce == REDUCE_UNION;
    bool map = k->type ? k->type->kind == TYPE_OBJECT || k->type->kind == TYPE_RECORD
                       : k->reduce == REDUCE_MERGE;
    return list ? VALUE_EMPTY_LIST : map ? map_done(&none, NULL) : VALUE_NULL;
}

static void read_preset(Reader *r, const Yaml *y, StateKey *k) {
    Str problem;
    k->preset = empty_of(r, k);
    if (!y || !read_data(r, y, "`default`", &k->preset))
        return;
    if (type_convert(k->type, k->preset, r->arena, &k->preset, &problem))
        error_at(r, y, "type", NULL, "`default` does not fit its type: %.*s", STR_FMT(problem));
}

static void check_reducer(Reader *r, const Yaml *at, const StateKey *k) {
    bool list = k->reduce == REDUCE_APPEND || k->reduce == REDUCE_UNION;
    bool map = k->reduce == REDUCE_MERGE;
    if (!k->type || k->type->kind == TYPE_ANY)
        return;
    if (list && k->type->kind != TYPE_LIST)
        error_at(r, at, "type", "like `type: \"string[]\"`",
                 "this reducer needs a list type, not %.*s", STR_FMT(type_text(k->type, r->arena)));
    if (map && k->type->kind != TYPE_OBJECT && k->type->kind != TYPE_RECORD)
        error_at(r, at, "type", "like `type: object`", "`merge` needs a map type, not %.*s",
                 STR_FMT(type_text(k->type, r->arena)));
}

static void read_key(Reader *r, const YamlEntry *e, StateKey *k) {
    Draft d = { .key = k };
    *k = (StateKey){ .name = e->key->text, .preset = VALUE_NULL };
    read_id(r, e->key, "the name of a state key", &k->name);
    if (!read_is_map(r, e->value, "a state key"))
        return;
    read_map(r, e->value, rows, ARRAY_LEN(rows), "a state key", &d);
    read_preset(r, d.preset, k);
    const Yaml *reduce = yaml_get(e->value, "reduce");
    if (reduce)
        check_reducer(r, reduce, k);
}

void read_state(Reader *r, const Yaml *y) {
    if (!read_is_map(r, y, "`state`"))
        return;
    Plan *plan = r->plan;
    if (y->n > LIMIT_STATE_KEYS) {
        error_at(r, y, "limit", "put what belongs together into one map",
                 "at most %d keys of state", LIMIT_STATE_KEYS);
        return;
    }
    plan->state = ARENA_ARRAY(r->arena, StateKey, y->n);
    plan->n_state = y->n;
    r->writes = ARENA_ARRAY(&r->scratch, StateWrite *, y->n);
    for (size_t i = 0; i < y->n; i++) {
        read_key(r, &y->entries[i], &plan->state[i]);
        table_put(&r->state, 0, plan->state[i].name, &plan->state[i]);
    }
}

/* ---- set ------------------------------------------------------------------------------------------------------------- */

static void refuse_key_of_state(Reader *r, const Yaml *at) {
    Str *names;
    size_t n = table_names(r, &r->state, &names);
    const char *remedy = near_remedy(r, at->text, names, n);
    error_at(r, at, "unknown_name", remedy ? remedy : "define it under `state:`",
             "unknown state key `%.*s`", (int)MIN(at->text.len, 80), at->text.p);
}

const StateKey *read_write(Reader *r, const Yaml *key, Node *node) {
    const StateKey *k = table_get(&r->state, 0, key->text);
    if (read_home(r, node)) {
        error_at(r, key, "state", "let the step write it that calls the definition",
                 "a definition does not see `state`");
        return NULL;
    }
    if (!k) {
        refuse_key_of_state(r, key);
        return NULL;
    }
    size_t number = (size_t)(k - r->plan->state);
    StateWrite *w = ARENA_NEW(&r->scratch, StateWrite);
    *w = (StateWrite){ r->writes[number], node, key };
    r->writes[number] = w;
    return k;
}

void read_sets(Reader *r, const Yaml *y, Node *node, unsigned sees, SetKey **ret_sets,
               size_t *ret_n) {
    if (!read_is_map(r, y, "`set`"))
        return;
    *ret_sets = ARENA_ARRAY(r->arena, SetKey, y->n);
    for (size_t i = 0; i < y->n; i++) {
        const StateKey *k = read_write(r, y->entries[i].key, node);
        if (!k)
            continue;
        SetKey *set = &(*ret_sets)[(*ret_n)++];
        set->key = (uint32_t)(k - r->plan->state);
        read_later(r, y->entries[i].value, node, sees, &set->value, NULL);
    }
}

void read_set(Reader *r, const Yaml *y, Node *node) {
    read_sets(r, y, node, SEES_STEPS | SEES_LOOP | SEES_AFTER, &node->sets, &node->n_sets);
}
