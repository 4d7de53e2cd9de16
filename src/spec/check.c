/* What can be said about a whole file before it runs: state has one order of writes that every reader sees, arguments
 * and outputs written out as maps fit their types, names hide nothing, and no step stands where it is never reached. */
#include "spec/read.h"

/* Addresses stand in every move and every key; the kernel gives them 512 bytes, with an agent's turn and call. */
#define LIMIT_ADDRESS_BYTES 480

static const Node *outward(const Node *n) { return n->handler_of ? n->handler_of : n->parent; }

/* ---- state: writers -------------------------------------------------------------------------------------------------- */

/* Does the step run several times at once? */
static bool in_for(const Reader *r, const Node *n) {
    for (; n; n = outward(n))
        if (n->for_ || r->notes[n->no].many)
            return true;
    return false;
}

static bool may_write(const StateKey *k, const Node *n) {
    for (size_t i = 0; i < k->n_writers; i++)
        if (str_eq(k->writers[i], n->name))
            return true;
    return k->n_writers == 0;
}

static void check_write(Reader *r, const StateKey *k, const StateWrite *w) {
    if (!may_write(k, w->node))
        error_at(r, w->at, "state", "add it to `writers:`", "`%.*s` is not a writer of `%.*s`",
                 STR_FMT(w->node->name), STR_FMT(k->name));
    if (k->reduce != REDUCE_NONE)
        return;
    const char *remedy = k->type && k->type->kind == TYPE_LIST
                             ? "say how they join: `reduce: append`"
                             : "say how they join: `reduce: last`";
    if (in_for(r, w->node))
        error_at(r, w->at, "state", remedy,
                 "`%.*s` is written by every item of a loop and has no `reduce`", STR_FMT(k->name));
    if (w->next)
        error_at(r, w->at, "state", remedy,
                 "`%.*s` has two writers and no `reduce`: line %u writes it too", STR_FMT(k->name),
                 w->next->at->line);
}

/* The writes of a key are newest first: the later of two is met first. */
static void check_writes(Reader *r) {
    for (size_t i = 0; i < r->plan->n_state; i++)
        for (const StateWrite *w = r->writes[i]; w; w = w->next)
            check_write(r, &r->plan->state[i], w);
}

static bool is_step_id(const Reader *r, Str name) {
    for (size_t i = 0; i < r->plan->n_nodes; i++)
        if (r->plan->nodes[i]->has_id && str_eq(r->plan->nodes[i]->name, name))
            return true;
    return false;
}

static void check_writers(Reader *r, const Yaml *state) {
    for (size_t i = 0; state && state->kind == YAML_MAP && i < r->plan->n_state; i++) {
        const StateKey *k = &r->plan->state[i];
        for (size_t w = 0; w < k->n_writers; w++)
            if (!is_step_id(r, k->writers[w]))
                error_at(r, yaml_get(state->entries[i].value, "writers"), "unknown_name", NULL,
                         "`writers` names an unknown step `%.*s`", STR_FMT(k->writers[w]));
    }
}

/* ---- state: readers -------------------------------------------------------------------------------------------------- */

/* The group both stand in, and what of each is its child there. Handlers count as the step they stand for. */
typedef struct Meeting {
    const Node *group, *a, *b;
} Meeting;

static unsigned depth_of(const Node *n) {
    unsigned depth = 0;
    for (; n; n = outward(n))
        depth++;
    return depth;
}

static Meeting meet(const Node *a, const Node *b) {
    unsigned da = depth_of(a), db = depth_of(b);
    Meeting m = { NULL, a, b };
    const Node *pa = NULL, *pb = NULL;
    for (; da > db; da--)
        pa = a, a = outward(a);
    for (; db > da; db--)
        pb = b, b = outward(b);
    for (; a != b; a = outward(a), b = outward(b))
        pa = a, pb = b;
    m.group = a;
    m.a = pa ? pa : a;
    m.b = pb ? pb : b;
    return m;
}

static bool in_repeat(const Reader *r, const Node *n) {
    for (; n; n = outward(n))
        if (n->repeat || r->notes[n->no].play)
            return true;
    return false;
}

/* Does the read happen after the write, whatever the luck? */
static bool reads_after(const Reader *r, const StateRead *read, const StateWrite *w) {
    Meeting m = meet(read->node, w->node);
    bool same = read->node == w->node;
    if (in_repeat(r, m.group) || (same && w->node->repeat))
        return true; /* a round sees the rounds before */
    if (in_for(r, m.group))
        return false; /* another item writes at the same time */
    if (same)
        return true; /* its own write follows, always */
    if (m.group == read->node)
        return read->sees & SEES_CHILDREN; /* a group's `return` */
    if (m.group == w->node || m.a->handler_of == m.group)
        return true; /* a group writes when its steps are done; one on_error step runs, after them */
    return m.b->handler_of != m.group && order_before(r, m.a, m.b);
}

static const char *remedy_of_read(Reader *r, const StateRead *read, const StateWrite *w) {
    Meeting m = meet(read->node, w->node);
    if (in_for(r, m.group))
        return "read it after the loop, or say `live: true` if any moment will do";
    if (m.group->ordered)
        return "move this behind it, or say `live: true` if any moment will do";
    return arena_fmt(&r->scratch, "add `needs: %.*s`, or say `live: true` if any moment will do",
                     STR_FMT(m.b->name))
        .p;
}

static void check_read(Reader *r, const StateRead *read) {
    const StateKey *k = &r->plan->state[read->key];
    const StateWrite *w = r->writes[read->key];
    while (w && reads_after(r, read, w))
        w = w->next;
    if (w)
        error_at(r, read->at, "state", remedy_of_read(r, read, w),
                 "`state.%.*s` is read here, but `%.*s` may write it later", STR_FMT(k->name),
                 STR_FMT(w->node->name));
}

static void check_reads(Reader *r) {
    for (const StateRead *read = r->reads; read && !enough_said(r); read = read->next)
        if (!r->plan->state[read->key].live && read->node)
            check_read(r, read);
}

/* ---- maps against types ---------------------------------------------------------------------------------------------- */

static void check_known(Reader *r, const Yaml *key, const Type *t, const char *what) {
    if (!t->open && !type_field(t, key->text))
        error_at(r, key, "unknown_field", near_field(r, t, key->text), "%s has no field `%.*s`",
                 what, (int)MIN(key->text.len, 80), key->text.p);
}

/* A constant can be checked whole; of an expression nothing is known. */
static void check_constant(Reader *r, const Yaml *y, const Type *t, const char *what) {
    Value v;
    Str problem;
    if (y->kind != YAML_SCALAR || text_has_expression(y->text) ||
        str_find(y->text, STR("${{")) >= 0)
        return;
    v = yaml_scalar(y, &r->scratch);
    if (type_convert(t, v, &r->scratch, &v, &problem))
        error_at(r, y, "type", NULL, "%s: %.*s", what, STR_FMT(problem));
}

static void check_against(Reader *r, const Yaml *y, const Type *t, const char *what) {
    if (!t)
        return;
    if (t->kind != TYPE_RECORD || y->kind != YAML_MAP) {
        check_constant(r, y, t, what);
        return;
    }
    for (size_t i = 0; i < y->n; i++) {
        const TypeField *f = type_field(t, y->entries[i].key->text);
        check_known(r, y->entries[i].key, t, what);
        if (f)
            check_constant(r, y->entries[i].value, f->type, what);
    }
    for (size_t i = 0; i < t->n_fields; i++)
        if (!t->fields[i].optional && !yaml_get(y, arena_str(&r->scratch, t->fields[i].name).p))
            error_at(r, y, "missing", NULL, "%s needs the field `%.*s`", what,
                     STR_FMT(t->fields[i].name));
}

/* A workflow that is called without `with` has no input. */
static void check_called_without(Reader *r, const Node *n) {
    const Type *t = n->callee->input;
    for (size_t i = 0; t && t->kind == TYPE_RECORD && i < t->n_fields; i++)
        if (!t->fields[i].optional) {
            error_at(r, r->node_yaml[n->no], "missing", "give it with `with:`",
                     "the workflow needs the input `%.*s`", STR_FMT(t->fields[i].name));
            return;
        }
}

/* What would hold back or keep a call of a workflow holds for the steps of that one. */
static void check_words_of_call(Reader *r, const Node *n) {
    static const char *const words[] = { "cache", "key", "key_life" };
    const Yaml *y = r->node_yaml[n->no];
    for (size_t i = 0; y->kind == YAML_MAP && i < ARRAY_LEN(words); i++)
        if (yaml_get(y, words[i]))
            error_at(r, yaml_get(y, words[i]), "verb", "say it on the steps of the workflow",
                     "`%s` means nothing where a workflow is called", words[i]);
}

static void check_values(Reader *r, const Node *n) {
    const Yaml *y = r->node_yaml[n->no], *with = yaml_get(y, "with"),
               *result = yaml_get(y, "return");
    if (with && n->callee)
        check_against(r, with, n->callee->input,
                      n->callee->is_agent              ? "this agent's input"
                      : n->callee->kind == CALLEE_CALL ? "the input of the workflow"
                                                       : "this tool's input");
    if (!n->with && n->callee && n->callee->kind == CALLEE_CALL && !n->is_part &&
        !r->notes[n->no].means) /* those are handed something */
        check_called_without(r, n);
    if (n->callee && n->callee->kind == CALLEE_CALL)
        check_words_of_call(r, n);
    if (result && n->verb == VERB_GROUP && n->parent)
        check_against(r, result, n->output, "the group's output");
}

/* ---- placement ------------------------------------------------------------------------------------------------------- */

static void check_hiding(Reader *r, const Node *n) {
    for (const Node *g = n->parent; n->has_id && g; g = outward(g)) {
        const Node *outer = g->parent ? table_get(&r->steps, g->parent->no, n->name) : NULL;
        if (outer)
            error_at(r, r->node_yaml[n->no], "name", "choose another id",
                     "`%.*s` hides the step on line %u", STR_FMT(n->name), outer->pos.line);
    }
}

/* Hiding the item of a loop around would surprise. */
static void check_loop_names(Reader *r, const Node *n) {
    for (const Node *outer = outward(n); n->for_ && outer; outer = outward(outer)) {
        const ForEach *a = n->for_, *b = outer->for_;
        if (!b)
            continue;
        bool each = str_eq(a->each, b->each) || str_eq(a->each, b->index);
        bool index = a->index.len && (str_eq(a->index, b->each) || str_eq(a->index, b->index));
        if (a->each.len && (each || index))
            error_at(r, yaml_get(r->node_yaml[n->no], "for"), "name", "choose another word",
                     "this loop's name hides that of the loop on line %u", outer->pos.line);
    }
}

static void warn_unreachable(Reader *r, const Node *group) {
    for (size_t i = 0; group->ordered && i + 1 < group->n_children; i++) {
        const Node *n = group->children[i];
        bool ends = n->verb == VERB_RETURN || n->verb == VERB_FAIL;
        if (ends && !yaml_get(r->node_yaml[n->no], "if"))
            warn_at(r, r->node_yaml[group->children[i + 1]->no], "unreachable", "give it an `if`",
                    "never reached: `%.*s` before it ends the group", STR_FMT(n->verb_word));
    }
}

/* The simplest thing that does it first. */
static void warn_group_of_one(Reader *r, const Node *n) {
    const Yaml *y = r->node_yaml[n->no];
    size_t rest = 0;
    for (size_t i = 0; i < y->n; i++) {
        Str word = y->entries[i].key->text;
        rest += !str_is(word, "id") && !str_is(word, "needs") && !str_is(word, "if") &&
                !str_is(word, "steps");
    }
    if (n->n_children == 1 && rest == 0)
        warn_at(r, yaml_get(y, "steps"), "simpler", "put the step in the place of the group",
                "a group of one step");
}

static void check_join(Reader *r, const Node *n) {
    const Yaml *join = yaml_get(r->node_yaml[n->no], "join");
    if (join && n->join.kind == JOIN_COUNT && (size_t)n->join.count > n->n_children)
        error_at(r, join, "value", NULL, "`join` wants more steps than there are: %zu",
                 n->n_children);
}

/* An address names each level with its item and round: "settle/refund[12]~3/on_error". */
static size_t address_bytes(const Node *n) {
    size_t bytes = n->handler_of ? sizeof "/on_error" : n->name.len + 1;
    bytes += n->is_part ? sizeof ":4294967295" : 0;
    return bytes + (n->for_ ? sizeof "[999999]" : 0) + (n->repeat ? sizeof "~1000000" : 0);
}

static void check_address(Reader *r, const Node *n) {
    size_t bytes = 0;
    for (const Node *level = n; level; level = outward(level))
        bytes += address_bytes(level);
    if (bytes > LIMIT_ADDRESS_BYTES)
        error_at(r, r->node_yaml[n->no], "limit", "shorter ids, or fewer groups in groups",
                 "the address of this step is too long");
}

/* A step in on_error without `with` gets that of the step it stands for. */
static void inherit_with(Node *n) {
    if (n->handler_of && n->verb == VERB_INVOKE && !n->with)
        n->with = n->handler_of->with;
}

/* Definitions of the file itself: what it imports is for others too. An agent with capabilities may be found by them. */
void check_used(Reader *r) {
    if (r->diags->errors) /* what was refused may have used it */
        return;
    for (const Named *d = r->all; d; d = d->next_of_all) {
        bool found = d->is_agent && d->value->kind == YAML_MAP &&
                     yaml_get(d->value, "capabilities");
        if (d->key->file == r->file && !d->used && !found)
            warn_at(r, d->key, "unused", "take it out, or use it", "nothing uses `%.*s`",
                    (int)MIN(d->name.len, 80), d->name.p);
    }
}

/* ---- prices ---------------------------------------------------------------------------------------------------------- */

/* The limit of cost that a call of this step meets; NULL: none. */
static const Limits *cost_limit_of(const Reader *r, const Node *n) {
    if (n->callee->limits.most[BOUND_COST] >= 0)
        return &n->callee->limits;
    for (; n; n = outward(n))
        if (n->limits.most[BOUND_COST] >= 0)
            return &n->limits;
    return r->plan->limits.most[BOUND_COST] >= 0 ? &r->plan->limits : NULL;
}

static bool told_before(const Reader *r, const Node *n, Str model) {
    for (uint32_t i = 0; i < n->no; i++) {
        const Callee *c = r->plan->nodes[i]->callee;
        for (size_t k = 0; c && k < c->n_models + c->n_cheaper; k++)
            if (str_eq(c->models[k], model) && cost_limit_of(r, r->plan->nodes[i]))
                return true;
    }
    return false;
}

/* Such a run is refused when it begins; here it is only said. */
static void warn_unpriced(Reader *r, const Node *n) {
    const Limits *limit = n->callee ? cost_limit_of(r, n) : NULL;
    for (size_t i = 0; limit && i < n->callee->n_models + n->callee->n_cheaper; i++) {
        Str m = n->callee->models[i];
        if (!n->callee->prices[i].known && !told_before(r, n, m))
            diag_warn(r->diags, limit->pos[BOUND_COST], "price",
                      plan_price_line(r->plan, m, r->arena).p,
                      "no run of this can begin: the price of `%.*s` is not known",
                      (int)MIN(m.len, 80), m.p);
    }
}

void check_plan(Reader *r) {
    const Plan *plan = r->plan;
    for (size_t i = 0; i < plan->n_nodes; i++) {
        Node *n = plan->nodes[i];
        inherit_with(n);
        check_values(r, n);
        check_hiding(r, n);
        check_loop_names(r, n);
        check_address(r, n);
        warn_unpriced(r, n);
        if (n->verb == VERB_GROUP)
            warn_unreachable(r, n);
        if (n->verb == VERB_GROUP && n->parent) {
            check_join(r, n);
            warn_group_of_one(r, n);
        }
    }
    const Yaml *result = yaml_get(r->file->root, "return");
    if (result)
        check_against(r, result, plan->output, "the workflow's output");
    check_writers(r, yaml_get(r->file->root, "state"));
    check_writes(r);
    check_decisions(r);
    check_reads(r);
}
