/* The layout of one group, whose inner groups are boxes of known size by then. Moves that lead from a box to one that stands
 * later in the file are lines like edges; the others go beside the boxes.
 *
 *   layers   a step stands below all it needs; a layer takes LAYER_ITEMS at most, so that a wide fan becomes rows
 *   bends    an edge that crosses layers gets a thin item in each, and so a way between the boxes
 *   order    within a layer by the mean place of what is linked above, then below, a few times
 *   places   as near to the mean of what is linked as the order and the gaps allow: a least-squares fit, exact, by
 *            pooling neighbours that would overlap
 *
 * Everything is linear in items and links but for the sorting; bends are capped, past the cap edges are straight lines. */
#include "trace/graph_layout.h"

#include <stdlib.h>

#define LAYER_ITEMS 6
#define BENDS_MAX 20000 /* of one group */
#define SWEEPS 6
#define GAP_X 28.0
#define GAP_BEND 14.0
#define GAP_Y 38.0
#define LANE 12.0 /* between moves that go beside the boxes */
#define WORDS_HEIGHT 12.0
#define PAD 18.0

typedef struct Item {
    const GraphNode *node; /* NULL: a bend */
    uint32_t layer;
    double w, h, x, y; /* x of the middle, y of the upper edge */
    double sum;        /* of places of linked items */
    uint32_t count, order;
} Item;

typedef struct Link { /* from one layer to the next */
    Item *upper, *lower;
} Link;

typedef struct GraphLayer {
    Item **items;
    size_t n;
    Link *links; /* to the next layer */
    size_t n_links, room;
    double height;
} GraphLayer;

typedef struct Line { /* an edge, or a move that goes down */
    const GraphNode *source, *target;
    const GraphEdge *edge;
    const GraphMove *move;
} Line;

typedef struct Group {
    Layout *l;
    Arena scratch;
    const GraphNode *node;
    Item *items; /* of the children, by their index */
    size_t n_items;
    GraphLayer *layers;
    size_t n_layers;
    Line *lines;
    size_t n_lines;
    Item ***ways; /* by line: source, bends, target; NULL-terminated */
} Group;

/* ---- layers */

static size_t child_index(const GraphNode *group, const GraphNode *child) {
    /* numbers grow with the index, so a search by halves finds it */
    size_t from = 0, to = group->n_children;
    while (to - from > 1) {
        size_t middle = (from + to) / 2;
        if (group->children[middle]->no <= child->no)
            from = middle;
        else
            to = middle;
    }
    return from;
}

static bool goes_down(const GraphNode *group, const GraphNode *source, const GraphNode *target) {
    return child_index(group, source) < child_index(group, target);
}

/* Edges lead down anyhow; moves may only where all that leads anywhere follows the order of the file, else there were circles. */
static void gather_lines(Group *g) {
    const GraphNode *n = g->node;
    bool in_order = true;
    g->lines = ARENA_ARRAY(&g->scratch, Line, n->n_edges + n->n_moves + 1);
    for (size_t i = 0; i < n->n_edges; i++) {
        const GraphEdge *e = &n->edges[i];
        g->lines[g->n_lines++] = (Line){ e->source, e->target, e, NULL };
        in_order &= goes_down(n, e->source, e->target);
    }
    for (size_t i = 0; i < n->n_moves && in_order; i++)
        if (goes_down(n, n->moves[i].source, n->moves[i].target))
            g->lines[g->n_lines++] =
                (Line){ n->moves[i].source, n->moves[i].target, NULL, &n->moves[i] };
}

typedef struct Order { /* a topological order, as Kahn makes it */
    uint32_t *missing, *least, *queue, *taken;
    size_t *first, *out; /* edges by source */
} Order;

static void order_edges(Group *g, Order *o) {
    const GraphNode *n = g->node;
    size_t children = n->n_children;
    *o = (Order){ .missing = ARENA_ARRAY(&g->scratch, uint32_t, children),
                  .least = ARENA_ARRAY(&g->scratch, uint32_t, children),
                  .queue = ARENA_ARRAY(&g->scratch, uint32_t, children),
                  .taken = ARENA_ARRAY(&g->scratch, uint32_t, children + g->n_lines + 1),
                  .first = ARENA_ARRAY(&g->scratch, size_t, children + 2),
                  .out = ARENA_ARRAY(&g->scratch, size_t, g->n_lines) };
    for (size_t i = 0; i < g->n_lines; i++) {
        o->first[child_index(n, g->lines[i].source) + 2]++;
        o->missing[child_index(n, g->lines[i].target)]++;
    }
    for (size_t i = 2; i < children + 2; i++)
        o->first[i] += o->first[i - 1];
    for (size_t i = 0; i < g->n_lines; i++)
        o->out[o->first[child_index(n, g->lines[i].source) + 1]++] = i;
}

static void assign_layers(Group *g) {
    const GraphNode *n = g->node;
    Order o;
    size_t head = 0, tail = 0;
    order_edges(g, &o);
    for (uint32_t i = 0; i < n->n_children; i++)
        if (o.missing[i] == 0)
            o.queue[tail++] = i;
    for (; head < tail; head++) {
        uint32_t i = o.queue[head], layer = o.least[i];
        while (o.taken[layer] >= LAYER_ITEMS)
            layer++;
        o.taken[layer]++;
        g->items[i].layer = layer;
        g->n_layers = MAX(g->n_layers, (size_t)layer + 1);
        for (size_t k = o.first[i]; k < o.first[i + 1]; k++) {
            size_t t = child_index(n, g->lines[o.out[k]].target);
            o.least[t] = MAX(o.least[t], layer + 1);
            if (--o.missing[t] == 0)
                o.queue[tail++] = (uint32_t)t;
        }
    }
    ASSERT(tail == n->n_children); /* a plan has no cycles */
}

/* ---- bends and links */

static void add_link(Group *g, Item *upper, Item *lower) {
    GraphLayer *layer = &g->layers[upper->layer];
    if (layer->n_links == layer->room) {
        Link *more = ARENA_ARRAY(&g->scratch, Link, layer->room * 2 + 8);
        if (layer->n_links)
            memcpy(more, layer->links, sizeof(Link) * layer->n_links);
        layer->links = more;
        layer->room = layer->room * 2 + 8;
    }
    layer->links[layer->n_links++] = (Link){ upper, lower };
}

static size_t add_way(Group *g, size_t line, bool straight) {
    const Line *e = &g->lines[line];
    Item *source = &g->items[child_index(g->node, e->source)],
         *target = &g->items[child_index(g->node, e->target)], *before = source;
    size_t bends = straight ? 0 : target->layer - source->layer - 1, n = 0;
    Item **way = g->ways[line] = ARENA_ARRAY(&g->scratch, Item *, bends + 3);
    way[n++] = source;
    for (uint32_t layer = source->layer + 1; n <= bends; layer++) {
        Item *bend = ARENA_NEW(&g->scratch, Item);
        bend->layer = layer;
        bend->w = 1;
        add_link(g, before, bend);
        way[n++] = before = bend;
    }
    if (before->layer + 1 == target->layer)
        add_link(g, before, target);
    way[n] = target;
    return bends;
}

static void collect(Group *g, Item *item) {
    GraphLayer *layer = &g->layers[item->layer];
    item->order = (uint32_t)layer->n;
    layer->items[layer->n++] = item;
    layer->height = MAX(layer->height, item->h);
}

static void fill_layers(Group *g) {
    size_t bends = 0;
    g->layers = ARENA_ARRAY(&g->scratch, GraphLayer, g->n_layers);
    g->ways = ARENA_ARRAY(&g->scratch, Item **, g->n_lines + 1);
    for (size_t i = 0; i < g->n_lines; i++)
        bends += add_way(g, i, bends > BENDS_MAX);
    size_t *room = ARENA_ARRAY(&g->scratch, size_t, g->n_layers);
    for (size_t i = 0; i < g->n_items; i++)
        room[g->items[i].layer]++;
    for (size_t i = 0; i < g->n_lines; i++)
        for (Item **w = g->ways[i] + 1; w[1]; w++)
            room[w[0]->layer]++;
    for (size_t i = 0; i < g->n_layers; i++)
        g->layers[i].items = ARENA_ARRAY(&g->scratch, Item *, room[i]);
    for (size_t i = 0; i < g->n_items; i++)
        collect(g, &g->items[i]);
    for (size_t i = 0; i < g->n_lines; i++)
        for (Item **w = g->ways[i] + 1; w[1]; w++)
            collect(g, w[0]);
}

/* ---- order and places */

/* The mean place of what is linked above (or below) each item of a layer; its own where nothing is. */
static void look(const Group *g, size_t at, bool above, bool by_order) {
    GraphLayer *layer = &g->layers[at];
    const GraphLayer *links = above ? (at ? layer - 1 : NULL) : layer;
    for (size_t i = 0; i < layer->n; i++)
        layer->items[i]->sum = layer->items[i]->count = 0;
    for (size_t i = 0; links && i < links->n_links; i++) {
        Item *item = above ? links->links[i].lower : links->links[i].upper,
             *other = above ? links->links[i].upper : links->links[i].lower;
        item->sum += by_order ? other->order : other->x;
        item->count++;
    }
    for (size_t i = 0; i < layer->n; i++) {
        Item *item = layer->items[i];
        double own = by_order ? item->order : item->x;
        item->sum = item->count ? item->sum / item->count : own;
    }
}

static int compare_items(const void *a, const void *b) {
    const Item *x = *(Item *const *)a, *y = *(Item *const *)b;
    if (x->sum != y->sum)
        return x->sum < y->sum ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void sort_layer(Group *g, size_t at, bool above) {
    GraphLayer *layer = &g->layers[at];
    look(g, at, above, true);
    qsort(layer->items, layer->n, sizeof *layer->items, compare_items);
    for (size_t i = 0; i < layer->n; i++)
        layer->items[i]->order = (uint32_t)i;
}

static double distance(const Item *a, const Item *b) {
    double gap = a->node && b->node ? GAP_X : GAP_BEND;
    return a->w / 2 + gap + b->w / 2;
}

typedef struct Pool { /* neighbours that touch; they move together */
    double sum;
    size_t n;
} Pool;

/* Puts items where they want to be (`sum`), moved as little as the distances ask for. */
static void place_layer(Group *g, size_t at) {
    GraphLayer *layer = &g->layers[at];
    Pool *pools = ARENA_ARRAY(&g->scratch, Pool, layer->n);
    double offset = 0;
    size_t n = 0;
    for (size_t i = 0; i < layer->n; i++) {
        offset += i ? distance(layer->items[i - 1], layer->items[i]) : 0;
        Pool next = { layer->items[i]->sum - offset, 1 };
        while (n && pools[n - 1].sum / (double)pools[n - 1].n > next.sum / (double)next.n) {
            n--;
            next = (Pool){ next.sum + pools[n].sum, next.n + pools[n].n };
        }
        pools[n++] = next;
    }
    offset = 0;
    for (size_t i = 0, k = 0, left = n ? pools[0].n : 0; i < layer->n; i++, left--) {
        if (left == 0)
            left = pools[++k].n;
        offset += i ? distance(layer->items[i - 1], layer->items[i]) : 0;
        layer->items[i]->x = pools[k].sum / (double)pools[k].n + offset;
    }
}

static void sweep(Group *g, void (*fn)(Group *g, size_t layer, bool above)) {
    for (unsigned s = 0; s < SWEEPS; s++) {
        bool above = s % 2 == 0;
        for (size_t i = 0; i < g->n_layers; i++)
            fn(g, above ? i : g->n_layers - 1 - i, above);
    }
}

static void move_layer(Group *g, size_t at, bool above) {
    look(g, at, above, false);
    place_layer(g, at);
}

/* Moves that lead down from a box, whose words stand in the gap below it, one under another. */
static size_t words_below(const Group *g, const GraphNode *source) {
    size_t n = 0;
    for (size_t i = 0; i < g->n_lines; i++)
        n += g->lines[i].source == source && g->lines[i].move && g->lines[i].move->label.len;
    return n;
}

static size_t most_words_below(const Group *g, size_t layer) {
    size_t most = 0;
    for (size_t i = 0; g->node->n_moves && i < g->layers[layer].n; i++)
        if (g->layers[layer].items[i]->node)
            most = MAX(most, words_below(g, g->layers[layer].items[i]->node));
    return most;
}

static void place(Group *g) {
    sweep(g, sort_layer);
    for (size_t i = 0; i < g->n_layers; i++)
        move_layer(g, i, true);
    sweep(g, move_layer);
    move_layer(g, 0, false);
    double y = 0;
    for (size_t i = 0; i < g->n_layers; i++) {
        for (size_t k = 0; k < g->layers[i].n; k++)
            g->layers[i].items[k]->y = y;
        y += g->layers[i].height + GAP_Y + WORDS_HEIGHT * (double)most_words_below(g, i);
    }
}

/* ---- one group into its box */

/* In the gap below the source, nearer to where the line leads, a line of its own among those of the same source. */
static Point place_of_words(const Group *g, size_t line, Point from, Point to) {
    size_t all = words_below(g, g->lines[line].source), before = 0;
    for (size_t i = 0; i < line; i++)
        before += g->lines[i].source == g->lines[line].source && g->lines[i].move &&
                  g->lines[i].move->label.len;
    double lower = (double)before - (double)(all > 0 ? all - 1 : 0) / 2;
    return (Point){ from.x + (to.x - from.x) * 0.6, (from.y + to.y) / 2 + WORDS_HEIGHT * lower };
}

static void add_routes(Group *g, double x, double y) {
    Layout *l = g->l;
    for (size_t i = 0; i < g->n_lines; i++) {
        Item **way = g->ways[i];
        size_t bends = 0, n = 0;
        while (way[bends + 2])
            bends++;
        Route *r = &l->routes[l->n_routes++];
        r->edge = g->lines[i].edge;
        r->move = g->lines[i].move;
        r->around = g->node;
        r->points = ARENA_ARRAY(&l->arena, Point, 2 * bends + 3);
        r->points[n++] = (Point){ x + way[0]->x, y + way[0]->y + way[0]->h };
        /* straight down past taller boxes beside it, before it may turn */
        r->points[n++] = (Point){ x + way[0]->x, y + way[0]->y + g->layers[way[0]->layer].height };
        for (size_t k = 1; k <= bends; k++) {
            double height = g->layers[way[k]->layer].height;
            r->points[n++] = (Point){ x + way[k]->x, y + way[k]->y };
            r->points[n++] = (Point){ x + way[k]->x, y + way[k]->y + height };
        }
        r->points[n++] = (Point){ x + way[bends + 1]->x, y + way[bends + 1]->y };
        r->n = n;
        if (r->move)
            r->label = place_of_words(g, i, r->points[1], r->points[2]);
    }
}

static double words_width(Str s) {
    return (double)MIN(str_codepoints(s), (size_t)LABEL_CHARS) * LABEL_WIDTH;
}

static bool is_beside(const Group *g, const GraphMove *m) {
    for (size_t i = 0; i < g->n_lines; i++)
        if (g->lines[i].move == m)
            return false;
    return true;
}

/* Out to the right of all boxes and back. Gives how far right they reach. */
static double add_routes_beside(Group *g, double x, double y, double right) {
    Layout *l = g->l;
    double reach = right, words = 0;
    for (size_t i = 0; i < g->node->n_moves; i++) {
        const GraphMove *m = &g->node->moves[i];
        if (!is_beside(g, m))
            continue;
        const Item *source = &g->items[child_index(g->node, m->source)],
                   *target = &g->items[child_index(g->node, m->target)];
        double from_x = x + source->x + source->w / 2, from_y = y + source->y + source->h / 2;
        double to_x = x + target->x + target->w / 2, to_y = y + target->y + target->h / 2;
        bool self = source == target;
        reach += LANE;
        words = MAX(words, words_width(m->label));
        /* a curve comes three quarters as far as what pulls it */
        double pull = MIN(from_x, to_x) + (reach - MIN(from_x, to_x)) / 0.75;
        Route *r = &l->routes[l->n_routes++];
        *r = (Route){ .move = m, .around = g->node, .beside = true, .n = 4 };
        r->points = ARENA_ARRAY(&l->arena, Point, 4);
        r->points[0] = (Point){ from_x, from_y + (self ? 8 : 0) };
        r->points[1] = (Point){ pull, from_y + (self ? 12 : 0) };
        r->points[2] = (Point){ pull, to_y - (self ? 12 : 0) };
        r->points[3] = (Point){ to_x, to_y - (self ? 8 : 0) };
        r->label = (Point){ reach + 4, (from_y + to_y) / 2 + WORDS_HEIGHT * ((double)(i % 3) - 1) };
    }
    return words > 0 ? reach + words + 8 : reach;
}

static double widest_words(const Group *g) {
    double w = 0;
    for (size_t i = 0; i < g->n_lines; i++)
        if (g->lines[i].move)
            w = MAX(w, words_width(g->lines[i].move->label));
    return w;
}

static void bounds(const Group *g, double *ret_left, double *ret_right, double *ret_bottom) {
    *ret_left = *ret_right = *ret_bottom = 0;
    bool any = false;
    for (size_t i = 0; i < g->n_layers; i++)
        for (size_t k = 0; k < g->layers[i].n; k++) {
            const Item *item = g->layers[i].items[k];
            double left = item->x - item->w / 2, right = item->x + item->w / 2;
            *ret_left = any ? MIN(*ret_left, left) : left;
            *ret_right = any ? MAX(*ret_right, right) : right;
            *ret_bottom = MAX(*ret_bottom, item->y + item->h);
            any = true;
        }
}

/* Children's boxes and the routes become relative to the group's corner; resolve() makes them absolute. */
static void close_group(Group *g, double head_w, double head_h) {
    double left, right, bottom;
    bounds(g, &left, &right, &bottom);
    double inner = MAX(right - left, MAX(head_w, widest_words(g))),
           x = PAD + (inner - (right - left)) / 2 - left;
    Box *box = &g->l->boxes[g->node->no];
    box->w = inner + 2 * PAD;
    box->h = head_h + bottom + PAD;
    for (size_t i = 0; i < g->n_items; i++) {
        Box *child = &g->l->boxes[g->items[i].node->no];
        child->x = x + g->items[i].x - g->items[i].w / 2;
        child->y = head_h + g->items[i].y;
    }
    add_routes(g, x, head_h);
    double reach = add_routes_beside(g, x, head_h, x + right);
    box->w = MAX(box->w, reach + PAD);
}

static void layout_group(Layout *l, const GraphNode *n, LayoutSize size) {
    double w, h;
    size(n, &w, &h);
    if (n->n_children == 0) {
        l->boxes[n->no] = (Box){ 0, 0, w, h };
        return;
    }
    for (size_t i = 0; i < n->n_children; i++)
        layout_group(l, n->children[i], size);
    Group g = { .l = l, .node = n, .n_items = n->n_children };
    g.items = ARENA_ARRAY(&g.scratch, Item, n->n_children);
    for (size_t i = 0; i < n->n_children; i++) {
        const Box *box = &l->boxes[n->children[i]->no];
        g.items[i] = (Item){ .node = n->children[i], .w = box->w, .h = box->h };
    }
    gather_lines(&g);
    assign_layers(&g);
    fill_layers(&g);
    place(&g);
    close_group(&g, w, h);
    arena_deinit(&g.scratch);
}

static void resolve(Layout *l, const GraphNode *n) {
    const Box *box = &l->boxes[n->no];
    for (size_t i = 0; i < n->n_children; i++) {
        l->boxes[n->children[i]->no].x += box->x;
        l->boxes[n->children[i]->no].y += box->y;
        resolve(l, n->children[i]);
    }
}

static size_t count_edges(const GraphNode *n) {
    size_t edges = n->n_edges + n->n_moves;
    for (size_t i = 0; i < n->n_children; i++)
        edges += count_edges(n->children[i]);
    return edges;
}

void layout_init(Layout *l, const Graph *g, LayoutSize size) {
    *l = (Layout){ 0 };
    l->boxes = ARENA_ARRAY(&l->arena, Box, g->n_nodes);
    l->routes = ARENA_ARRAY(&l->arena, Route, count_edges(g->root));
    layout_group(l, g->root, size);
    resolve(l, g->root);
    for (size_t i = 0; i < l->n_routes; i++) {
        const Box *box = &l->boxes[l->routes[i].around->no];
        l->routes[i].label.x += box->x;
        l->routes[i].label.y += box->y;
        for (size_t k = 0; k < l->routes[i].n; k++) {
            l->routes[i].points[k].x += box->x;
            l->routes[i].points[k].y += box->y;
        }
    }
}

void layout_deinit(Layout *l) { arena_deinit(&l->arena); }
