/* The graph as a tree for a terminal:
 *
 *   research  A topic becomes questions, findings and a report.
 *   ├─ plan  agent planner · model scripted/replies.yaml
 *   ├─ research  ← plan
 *   │    agent researcher · model scripted/replies.yaml · tools search
 *   │    for each question in steps.plan.output.questions, 4 at once
 *   └─ write  ← research · agent writer
 *
 * Notes follow the title while they fit and go on below it; a line is never broken inside a word that fits a line. What a
 * step needs is named and not drawn: lines of a wide fan cannot be told apart in a terminal. */
#include "base/limits.h"
#include "trace/graph.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 40

typedef struct Pen {
    Buf *b;
    const Ink *ink;
    unsigned width, column;
    Buf prefix; /* of the branches, bytes */
    unsigned prefix_columns;
    bool last;     /* the node has no sibling behind it */
    bool children; /* it has some below it */
} Pen;

static void write_prefix(Pen *p, const char *more) {
    buf_fmt(p->b, "%s%.*s%s%s", ink_dim(p->ink), STR_FMT(buf_str(&p->prefix)), more,
            ink_end(p->ink));
    p->column = p->prefix_columns + (unsigned)str_codepoints(str_from(more));
}

static void next_line(Pen *p, bool root) {
    buf_char(p->b, '\n');
    if (!root)
        write_prefix(p, p->last ? "   " : "│  ");
    else
        p->column = 0;
    buf_str_add(p->b, str_from(p->children ? "│ " : "  "));
    p->column += 2;
}

/* Word by word; `between` only if it stays on the line. */
static void write_note(Pen *p, bool root, const char *between, Str text) {
    unsigned n = (unsigned)(str_codepoints(str_from(between)) + str_codepoints(text));
    bool fits = p->column + n <= p->width;
    if (fits) {
        buf_fmt(p->b, "%s%s%.*s%s", ink_dim(p->ink), between, STR_FMT(text), ink_end(p->ink));
        p->column += n;
        return;
    }
    next_line(p, root);
    bool first = true;
    while (text.len) {
        ptrdiff_t end = str_find(text, STR(" "));
        Str word = str_slice(text, 0, end < 0 ? text.len : (size_t)end);
        unsigned room = (unsigned)str_codepoints(word) + !first;
        if (p->column + room > p->width && !first) {
            next_line(p, root);
            first = true;
        }
        buf_fmt(p->b, "%s%s%.*s%s", ink_dim(p->ink), first ? "" : " ", STR_FMT(word),
                ink_end(p->ink));
        p->column += room;
        first = false;
        text = str_slice(text, word.len + (end < 0 ? 0 : 1), text.len);
    }
}

static Str needs_of(const GraphNode *n, Arena *a) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    bool ordered = n->parent && n->parent->step->ordered;
    for (size_t i = 0; n->parent && i < n->parent->n_edges; i++) {
        const GraphEdge *e = &n->parent->edges[i];
        if (e->target != n || (ordered && !e->on_error))
            continue;
        buf_fmt(&b, "%s%.*s",
                b.len         ? ", "
                : e->on_error ? "on error of "
                              : "← ",
                STR_FMT(e->source->title));
    }
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static void write_title(Pen *p, const GraphNode *n) {
    bool known = n->status != STATUS_NEW, named = n->step->has_id || n->step->is_part || !n->parent;
    Buf title = BUF_INIT(LIMIT_VALUE_BYTES);
    if (known)
        buf_fmt(p->b, "%s%s%s ", ink_status(p->ink, n->status), words_mark(n->status),
                ink_end(p->ink));
    if (n->handler)
        buf_char(&title, '!');
    else if (n->parent && n->parent->step->ordered)
        buf_fmt(&title, "%u%s", n->step->index + 1, named ? " " : "");
    if (named)
        words_clean(&title, n->title, 64);
    buf_fmt(p->b, "%s%.*s%s", ink_bold(p->ink), STR_FMT(buf_str(&title)), ink_end(p->ink));
    p->column += (unsigned)str_codepoints(buf_str(&title)) + (known ? 2 : 0);
    buf_deinit(&title);
}

static void write_node(Pen *p, const GraphNode *n) {
    Arena a = ARENA_NULL;
    const char *between = "  ";
    bool root = n->parent == NULL;
    p->children = n->n_children > 0;
    write_title(p, n);
    if (n->n_children && n->step->ordered) {
        write_note(p, root, between, STR("in order"));
        between = " · ";
    }
    Str needs = needs_of(n, &a);
    if (needs.len) {
        write_note(p, root, between, needs);
        between = " · ";
    }
    for (size_t i = 0; i < n->n_notes; i++) {
        write_note(p, root, between, n->notes[i]);
        between = " · ";
    }
    buf_char(p->b, '\n');
    arena_deinit(&a);
}

static void write_children(Pen *p, const GraphNode *n) {
    for (size_t i = 0; i < n->n_children; i++) {
        const GraphNode *child = n->children[i];
        p->last = i + 1 == n->n_children;
        write_prefix(p, p->last ? "└─ " : "├─ ");
        write_node(p, child);
        if (!child->n_children)
            continue;
        size_t before = p->prefix.len;
        bool last = i + 1 == n->n_children;
        buf_str_add(&p->prefix, str_from(last ? "   " : "│  "));
        p->prefix_columns += 3;
        write_children(p, child);
        p->prefix.len = before;
        p->prefix_columns -= 3;
    }
}

void graph_text(Buf *b, const Graph *g, const Ink *ink) {
    Pen p = { .b = b,
              .ink = ink,
              .width = MAX(ink->width ? ink->width : WIDTH_DEFAULT, WIDTH_MIN),
              .prefix = BUF_INIT(LIMIT_VALUE_BYTES) };
    write_node(&p, g->root);
    write_children(&p, g->root);
    buf_deinit(&p.prefix);
}
