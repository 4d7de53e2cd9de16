/* From a plan to its graph: which boxes there are, what is written in them, and what joins them. */
#include "trace/graph.h"

#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NOTE_CHARS 64  /* of an expression; the file has the rest */
#define NOTES_MAX 12   /* one for each thing a node may say, see describe() */
#define NOTE_TOOLS 400 /* of a list of names */

typedef struct Notes {
    Graph *g;
    GraphNode *node;
} Notes;

static PRINTF(2, 3) void note(Notes *n, const char *fmt, ...);

static void note(Notes *n, const char *fmt, ...) {
    char text[NOTE_TOOLS + 100];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    words_clean(&b, str_from(text), NOTE_TOOLS);
    n->node->notes[n->node->n_notes++] = arena_str(&n->g->arena, buf_str(&b));
    buf_deinit(&b);
}

/* ---- values as one short line ------------------------------------------------------------------------------------- */

static Str shorten(Graph *g, Str s) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    words_clean(&b, s, NOTE_CHARS);
    Str text = arena_str(&g->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Str expr_words(const CelProgram *p) {
    Str s = cel_source(p);
    while (s.len && strchr(" \n\t", s.p[0]))
        s = str_slice(s, 1, s.len);
    while (s.len && strchr(" \n\t", s.p[s.len - 1]))
        s = str_slice(s, 0, s.len - 1);
    return s;
}

static Str template_words(Graph *g, const Template *t);

static Str join_words(Graph *g, Template *const *parts, size_t n, const char *between) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    for (size_t i = 0; i < n && b.len < NOTE_TOOLS; i++) {
        buf_str_add(&b, str_from(i ? between : ""));
        buf_str_add(&b, template_words(g, parts[i]));
    }
    Str text = arena_str(&g->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* A text as it is, a list of texts as a command line, anything else as JSON. */
static Str constant_words(Graph *g, Value v) {
    if (value_is(v, V_STRING))
        return value_as_str(v);
    if (!value_is(v, V_LIST))
        return value_text(&g->arena, v);
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    for (size_t i = 0; i < v.len && b.len < NOTE_TOOLS; i++) {
        buf_str_add(&b, str_from(i ? " " : ""));
        buf_str_add(&b, constant_words(g, v.items[i]));
    }
    Str text = arena_str(&g->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* As the file has it, without ${{ }}; maps only by a mark. */
static Str template_words(Graph *g, const Template *t) {
    switch (t->kind) {
    case TEMPLATE_CONST: return constant_words(g, t->constant);
    case TEMPLATE_EXPR: return expr_words(t->program);
    case TEMPLATE_JOIN: return join_words(g, t->parts, t->n, "");
    case TEMPLATE_LIST: return join_words(g, t->parts, t->n, " ");
    case TEMPLATE_MAP: return STR("{ … }");
    }
    return STR("");
}

static Str names_of(Graph *g, const Str *names, size_t n) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    for (size_t i = 0; i < n && b.len < NOTE_TOOLS; i++)
        buf_fmt(&b, "%s%.*s", i ? ", " : "", STR_FMT(names[i]));
    Str text = arena_str(&g->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Str duration_words(Graph *g, int64_t ms) {
    Buf b = BUF_INIT(256);
    words_duration_us(&b, ms * 1000);
    Str text = arena_str(&g->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* ---- what a node says --------------------------------------------------------------------------------------------- */

static void note_callee(Notes *n, const Node *s) {
    Graph *g = n->g;
    const Callee *c = s->callee;
    if (c->command && str_is(s->verb_word, "run")) {
        note(n, "run %.*s", STR_FMT(shorten(g, template_words(g, c->command))));
    } else if (c->url && str_is(s->verb_word, "http")) {
        Str method = c->method ? template_words(g, c->method) : STR("GET");
        note(n, "http %.*s %.*s", STR_FMT(method), STR_FMT(shorten(g, template_words(g, c->url))));
    } else {
        note(n, "%.*s %.*s", STR_FMT(s->verb_word), STR_FMT(c->name));
    }
    if (c->n_models)
        note(n, "model %.*s", STR_FMT(names_of(g, c->models, c->n_models)));
    Str *tools = ARENA_ARRAY(&g->arena, Str, c->n_tools);
    for (size_t i = 0; i < c->n_tools; i++)
        tools[i] = c->tools[i].name;
    if (c->n_tools)
        note(n, "tools %.*s", STR_FMT(names_of(g, tools, c->n_tools)));
    if (s->effect == EFFECT_KEYED || s->effect == EFFECT_UNSAFE)
        note(n, "effect %s", effect_name(s->effect));
}

static void note_wait(Notes *n, const Node *s) {
    if (s->signal.len)
        note(n, "wait for signal %.*s", STR_FMT(s->signal));
    else if (s->waits_for.len)
        note(n, "wait for %.*s", STR_FMT(s->waits_for));
    else if (s->until)
        note(n, "wait until %.*s", STR_FMT(shorten(n->g, template_words(n->g, s->until))));
    else
        note(n, "wait %.*s", STR_FMT(duration_words(n->g, s->wait_ms)));
}

static void note_verb(Notes *n, const Node *s) {
    switch (s->verb) {
    case VERB_INVOKE: note_callee(n, s); break;
    case VERB_WAIT: note_wait(n, s); break;
    case VERB_EMIT: note(n, "emit %.*s", STR_FMT(s->emit_type)); break;
    case VERB_SEND:
        note(n, "send to %.*s",
             STR_FMT(s->to ? shorten(n->g, template_words(n->g, s->to)) : STR("every inbox")));
        break;
    case VERB_RECEIVE: note(n, "receive from %.*s", STR_FMT(s->waits_for)); break;
    case VERB_RETURN: note(n, "return"); break;
    case VERB_FAIL:
        note(n, "fail %.*s", STR_FMT(shorten(n->g, template_words(n->g, s->fail_message))));
        break;
    case VERB_GROUP:
        if (s->join.kind == JOIN_ANY)
            note(n, "the first that ends ok wins");
        else if (s->join.kind == JOIN_COUNT)
            note(n, "until %d ended ok", s->join.count);
        break;
    case VERB_NONE: /* `set` alone, or a verb that is only checked so far */
    default:        /* played by its parts */
        if (s->verb_word.len)
            note(n, "%.*s", STR_FMT(s->verb_word));
        break;
    }
}

static void note_loops(Notes *n, const Node *s) {
    if (s->for_) {
        const Template *t = s->for_->in;
        Str in = shorten(n->g, t->kind == TEMPLATE_CONST ? value_text(&n->g->arena, t->constant)
                                                         : template_words(n->g, t));
        note(n, "for each %.*s in %.*s, %d at once", STR_FMT(s->for_->each), STR_FMT(in),
             s->for_->parallel);
    }
    if (s->repeat && s->repeat->until)
        note(n, "repeat until %.*s, %d times at most",
             STR_FMT(shorten(n->g, expr_words(s->repeat->until))), s->repeat->max);
    else if (s->repeat)
        note(n, "repeat %d times", s->repeat->max);
}

static void note_sets(Notes *n, const Plan *plan, const Node *s) {
    Str *names = ARENA_ARRAY(&n->g->arena, Str, s->n_sets);
    for (size_t i = 0; i < s->n_sets; i++)
        names[i] = plan->state[s->sets[i].key].name;
    if (s->n_sets)
        note(n, "set %.*s", STR_FMT(names_of(n->g, names, s->n_sets)));
}

static void describe(Notes *n, const Plan *plan, const Node *s) {
    note_verb(n, s);
    if (s->if_)
        note(n, "if %.*s", STR_FMT(shorten(n->g, expr_words(s->if_))));
    note_loops(n, s);
    if (s->retry.declared && s->retry.times)
        note(n, "retry %d", s->retry.times);
    if (s->check)
        note(n, "check %.*s", STR_FMT(shorten(n->g, expr_words(s->check))));
    if (s->on_error == ON_ERROR_CONTINUE)
        note(n, "on error continue");
    note_sets(n, plan, s);
}

/* ---- boxes and edges ---------------------------------------------------------------------------------------------- */

/* What stands inside a step: the children of a group, or the parts of a played verb. */
static Node *const *inside_of(const Node *step, size_t *ret_n) {
    *ret_n = step->n_children ? step->n_children : step->n_parts;
    return step->n_children ? step->children : step->parts;
}

static size_t count_boxes(Node *const *inside, size_t n_inside, size_t *ret_edges) {
    size_t n = n_inside;
    *ret_edges = 0;
    for (size_t i = 0; i < n_inside; i++) {
        n += inside[i]->n_handlers;
        *ret_edges += inside[i]->n_needs + inside[i]->n_handlers;
    }
    return n;
}

static GraphNode *add_node(Graph *g, const Plan *plan, const Node *step, GraphNode *parent);

static void add_handlers(Graph *g, const Plan *plan, GraphNode *group, GraphNode *of) {
    const Node *step = of->step;
    for (size_t i = 0; i < step->n_handlers; i++) {
        GraphNode *h = add_node(g, plan, step->handlers[i].step, group);
        const CelProgram *if_ = step->handlers[i].if_;
        Notes notes = { g, h };
        h->handler = true;
        if (if_)
            note(&notes, "if %.*s", STR_FMT(shorten(g, expr_words(if_))));
        group->children[group->n_children++] = h;
        group->edges[group->n_edges++] = (GraphEdge){ of, h, true };
    }
}

static void add_children(Graph *g, const Plan *plan, GraphNode *group) {
    size_t n_inside, n_edges;
    Node *const *inside = inside_of(group->step, &n_inside);
    size_t n = count_boxes(inside, n_inside, &n_edges);
    GraphNode **own = ARENA_ARRAY(&g->arena, GraphNode *, n_inside);
    group->children = ARENA_ARRAY(&g->arena, GraphNode *, n);
    group->edges = ARENA_ARRAY(&g->arena, GraphEdge, n_edges);
    for (size_t i = 0; i < n_inside; i++) {
        own[i] = add_node(g, plan, inside[i], group);
        group->children[group->n_children++] = own[i];
        add_handlers(g, plan, group, own[i]);
    }
    for (size_t i = 0; i < n_inside; i++) {
        for (size_t k = 0; k < inside[i]->n_needs; k++)
            group->edges[group->n_edges++] = (GraphEdge){ own[inside[i]->needs[k]], own[i], false };
    }
}

/* ---- moves --------------------------------------------------------------------------------------------------------- */

static Str label_of_edge(Graph *g, const Edge *e) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    if (e->signal.len)
        buf_fmt(&b, "signal %.*s", STR_FMT(e->signal));
    if (e->n_events)
        buf_str_add(&b, e->waits_for);
    if (e->after_ms >= 0)
        buf_fmt(&b, "after %.*s", STR_FMT(duration_words(g, e->after_ms)));
    if (e->if_)
        buf_fmt(&b, "%sif %.*s", b.len ? ", " : "", STR_FMT(shorten(g, expr_words(e->if_))));
    if (e->n_gates)
        buf_fmt(&b, "%sif people agree", b.len ? ", " : "");
    if (e->rollback)
        buf_fmt(&b, "%s%s", b.len ? ", " : "",
                e->rollback == ROLLBACK_ALL ? "all undone" : "undone back to there");
    Str text = arena_str(&g->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static void add_move(Graph *g, GraphNode *around, GraphNode *from, const Node *to, Str label) {
    Notes notes = { g, from };
    around->moves[around->n_moves++] =
        (GraphMove){ .source = from, .target = g->of_step[to->no], .label = label };
    note(&notes, "→ %.*s%s%.*s", STR_FMT(to->name), label.len ? " " : "", STR_FMT(label));
}

static size_t count_moves(const Node *step) {
    size_t n = 0;
    for (size_t i = 0; step->machine && i < step->machine->n_states; i++)
        n += step->machine->next[i].n;
    for (size_t i = 0; step->team && i < step->team->n_members; i++)
        n += step->team->members[i].n_to + 1;
    return n;
}

static size_t count_moves_from(const Node *step) {
    const Node *around = step->is_part ? step->parent : NULL;
    size_t n = step->machine ? step->machine->on.n : 0;
    if (around && around->machine && step->index < around->machine->n_states)
        n += around->machine->next[step->index].n;
    if (around && around->team && step->index < around->team->n_members)
        n += around->team->members[step->index].n_to + 1;
    return n;
}

static void add_moves(Graph *g, GraphNode *n) {
    const Machine *m = n->step->machine;
    const Team *t = n->step->team;
    Notes notes = { g, n };
    n->moves = ARENA_ARRAY(&g->arena, GraphMove, count_moves(n->step));
    for (size_t i = 0; m && i < m->n_states; i++)
        for (size_t k = 0; k < m->next[i].n; k++)
            add_move(g, n, g->of_step[n->step->parts[i]->no], m->next[i].items[k].to,
                     label_of_edge(g, &m->next[i].items[k]));
    for (size_t k = 0; m && k < m->on.n; k++)
        note(&notes, "any → %.*s %.*s", STR_FMT(m->on.items[k].to->name),
             STR_FMT(label_of_edge(g, &m->on.items[k])));
    for (size_t i = 0; t && i < t->n_members; i++) {
        GraphNode *from = g->of_step[n->step->parts[i]->no];
        for (size_t k = 0; k < t->members[i].n_to; k++)
            add_move(g, n, from, t->members[i].to[k].to, STR("hands over"));
        if (t->members[i].then)
            add_move(g, n, from, t->members[i].then, STR("always"));
    }
}

static GraphNode *add_node(Graph *g, const Plan *plan, const Node *step, GraphNode *parent) {
    GraphNode *n = ARENA_NEW(&g->arena, GraphNode);
    n->no = (uint32_t)g->n_nodes++;
    n->step = step;
    g->of_step[step->no] = n;
    n->parent = parent;
    n->title = parent ? step->name : plan->name;
    n->notes = ARENA_ARRAY(&g->arena, Str, NOTES_MAX + count_moves_from(step));
    n->many = step->for_ != NULL;
    n->status = STATUS_NEW;
    Notes notes = { g, n };
    if (!parent && plan->description.len)
        note(&notes, "%.*s", (int)MIN(plan->description.len, NOTE_TOOLS), plan->description.p);
    describe(&notes, plan, step);
    ASSERT(n->n_notes <= NOTES_MAX);
    n->n_own = n->n_notes;
    if (step->verb == VERB_GROUP || step->n_parts)
        add_children(g, plan, n);
    add_moves(g, n);
    if (step->machine) /* from any state: there is no line for it */
        n->n_own = n->n_notes;
    return n;
}

Graph *graph_new(const Plan *plan) {
    Graph *g = xcalloc(1, sizeof *g);
    arena_init(&g->arena, 0);
    g->of_step = ARENA_ARRAY(&g->arena, GraphNode *, plan->n_nodes);
    g->root = add_node(g, plan, plan->root, NULL);
    return g;
}

Graph *graph_free(Graph *g) {
    if (g) {
        arena_deinit(&g->arena);
        free(g);
    }
    return NULL;
}

/* ---- of a run ----------------------------------------------------------------------------------------------------- */

/* Of several items or rounds the one that most wants to be seen. */
static int weight(Status s) {
    switch (s) {
    case STATUS_NEW: return 0;
    case STATUS_SKIPPED: return 1;
    case STATUS_CANCELLED: return 2;
    case STATUS_OK: return 3;
    case STATUS_HELD: return 4;
    case STATUS_RETRYING: return 5;
    case STATUS_RUNNING: return 6;
    case STATUS_FAILED: return 7;
    case STATUS_WAITING: return 8;
    case STATUS_IN_DOUBT: return 9;
    }
    return 0;
}

void graph_status(Graph *g, const Node *step, Status status) {
    GraphNode *n = g->of_step[step->no];
    if (weight(status) > weight(n->status))
        n->status = status;
}

static const char *edge_kind(const GraphEdge *e) { return e->on_error ? "on_error" : "needs"; }

static void json_node(const GraphNode *n, Arena *a, ListBuilder *nodes, ListBuilder *edges) {
    MapBuilder m = map_builder(a);
    ListBuilder notes = list_builder(a);
    for (size_t i = 0; i < n->n_own; i++)
        list_add(&notes, value_str(n->notes[i]));
    map_addz(&m, "id", value_int(n->no));
    map_addz(&m, "title", value_str(n->title));
    map_addz(&m, "parent", n->parent ? value_int(n->parent->no) : VALUE_NULL);
    map_addz(&m, "notes", list_done(&notes));
    if (n->status != STATUS_NEW)
        map_addz(&m, "status", value_str(str_from(status_name(n->status))));
    list_add(nodes, map_done(&m, NULL));
    for (size_t i = 0; i < n->n_children; i++)
        json_node(n->children[i], a, nodes, edges);
    for (size_t i = 0; i < n->n_edges; i++) {
        MapBuilder e = map_builder(a);
        map_addz(&e, "from", value_int(n->edges[i].source->no));
        map_addz(&e, "to", value_int(n->edges[i].target->no));
        map_addz(&e, "kind", value_str(str_from(edge_kind(&n->edges[i]))));
        list_add(edges, map_done(&e, NULL));
    }
    for (size_t i = 0; i < n->n_moves; i++) {
        MapBuilder e = map_builder(a);
        map_addz(&e, "from", value_int(n->moves[i].source->no));
        map_addz(&e, "to", value_int(n->moves[i].target->no));
        map_addz(&e, "kind", value_str(STR("move")));
        if (n->moves[i].label.len)
            map_addz(&e, "label", value_str(n->moves[i].label));
        list_add(edges, map_done(&e, NULL));
    }
}

Value graph_json(const Graph *g, Arena *a) {
    ListBuilder nodes = list_builder(a), edges = list_builder(a);
    json_node(g->root, a, &nodes, &edges);
    MapBuilder m = map_builder(a);
    map_addz(&m, "title", value_str(g->root->title));
    map_addz(&m, "nodes", list_done(&nodes));
    map_addz(&m, "edges", list_done(&edges));
    return map_done(&m, NULL);
}
