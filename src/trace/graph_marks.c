/* The graph in the languages of two drawing programs: Mermaid, which forges and wikis show, and DOT of Graphviz. They lay
 * it out themselves; all that is done here is naming and escaping. */
#include "base/limits.h"
#include "trace/graph.h"

static const char *const class_names[] = {
    [STATUS_NEW] = "plain",     [STATUS_RUNNING] = "running", [STATUS_RETRYING] = "running",
    [STATUS_IN_DOUBT] = "held", [STATUS_OK] = "ok",           [STATUS_FAILED] = "failed",
    [STATUS_SKIPPED] = "off",   [STATUS_CANCELLED] = "off",   [STATUS_HELD] = "held",
    [STATUS_WAITING] = "held",
};
static const struct {
    const char *name, *fill, *line;
} classes[] = {
    { "ok", "#e6f4ea", "#1a7f37" },      { "failed", "#ffebe9", "#cf222e" },
    { "running", "#ddf4ff", "#0969da" }, { "held", "#fff8c5", "#9a6700" },
    { "off", "#f6f8fa", "#8c959f" },
};

static void indent(Buf *b, unsigned depth) {
    for (unsigned i = 0; i < depth; i++)
        buf_str_add(b, STR("  "));
}

/* ---- Mermaid ------------------------------------------------------------------------------------------------------ */

/* Inside "": everything that HTML, Markdown or Mermaid may read becomes a character by number. */
static void mermaid_text(Buf *b, Str s) {
    static const char safe[] = " .,:;=+-()[]/'!?_…·";
    for (size_t at = 0; at < s.len;) {
        size_t from = at;
        uint32_t c = str_next_codepoint(s, &at);
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c >= 0x80 || (c && c != '_' && strchr(safe, (int)c));
        if (plain)
            buf_add(b, s.p + from, at - from);
        else
            buf_fmt(b, "#%u;", c);
    }
}

static void mermaid_label(Buf *b, const GraphNode *n) {
    buf_char(b, '"');
    mermaid_text(b, n->title);
    for (size_t i = 0; i < n->n_own; i++) {
        buf_str_add(b, STR("<br/>"));
        mermaid_text(b, n->notes[i]);
    }
    buf_char(b, '"');
}

static void mermaid_edge(Buf *b, const GraphEdge *e, unsigned depth) {
    indent(b, depth);
    buf_fmt(b, "n%u ", e->source->no);
    if (e->on_error) {
        buf_str_add(b, STR("-.->|on error| "));
    } else {
        buf_str_add(b, STR("--> "));
    }
    buf_fmt(b, "n%u\n", e->target->no);
}

static void mermaid_move(Buf *b, const GraphMove *m, unsigned depth) {
    indent(b, depth);
    buf_fmt(b, "n%u -->", m->source->no);
    if (m->label.len) {
        buf_str_add(b, STR("|\""));
        mermaid_text(b, m->label);
        buf_str_add(b, STR("\"|"));
    }
    buf_fmt(b, " n%u\n", m->target->no);
}

static void mermaid_node(Buf *b, const GraphNode *n, unsigned depth) {
    indent(b, depth);
    if (n->n_children) {
        buf_fmt(b, "subgraph n%u[", n->no);
        mermaid_label(b, n);
        buf_str_add(b, STR("]\n"));
        indent(b, depth + 1);
        buf_str_add(b, STR("direction TB\n"));
        for (size_t i = 0; i < n->n_children; i++)
            mermaid_node(b, n->children[i], depth + 1);
        for (size_t i = 0; i < n->n_edges; i++)
            mermaid_edge(b, &n->edges[i], depth + 1);
        for (size_t i = 0; i < n->n_moves; i++)
            mermaid_move(b, &n->moves[i], depth + 1);
        indent(b, depth);
        buf_str_add(b, STR("end\n"));
    } else {
        buf_fmt(b, "n%u%s", n->no, n->many ? "[[" : "[");
        mermaid_label(b, n);
        buf_fmt(b, "%s\n", n->many ? "]]" : "]");
    }
    if (n->status != STATUS_NEW) {
        indent(b, depth);
        buf_fmt(b, "class n%u %s\n", n->no, class_names[n->status]);
    }
}

void graph_mermaid(Buf *b, const Graph *g) {
    buf_str_add(b, STR("flowchart TB\n"));
    mermaid_node(b, g->root, 1);
    for (size_t i = 0; g->root->status != STATUS_NEW && i < ARRAY_LEN(classes); i++)
        buf_fmt(b, "  classDef %s fill:%s,stroke:%s,color:#1f2328\n", classes[i].name,
                classes[i].fill, classes[i].line);
}

/* ---- DOT ---------------------------------------------------------------------------------------------------------- */

static void dot_text(Buf *b, Str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_char(b, '\\');
        buf_char(b, s.p[i]);
    }
}

static void dot_attributes(Buf *b, const GraphNode *n) {
    buf_str_add(b, STR("label=\""));
    dot_text(b, n->title);
    buf_str_add(b, STR("\\n"));
    for (size_t i = 0; i < n->n_own; i++) {
        dot_text(b, n->notes[i]);
        buf_str_add(b, STR("\\l"));
    }
    buf_char(b, '"');
    for (size_t i = 0; n->status != STATUS_NEW && i < ARRAY_LEN(classes); i++) {
        if (strcmp(classes[i].name, class_names[n->status]) == 0)
            buf_fmt(b, "%s style=\"rounded,filled\"%s fillcolor=\"%s\"%s color=\"%s\"",
                    n->n_children ? ";" : ",", n->n_children ? ";" : ",", classes[i].fill,
                    n->n_children ? ";" : ",", classes[i].line);
    }
}

/* An edge cannot end at a cluster: it ends at a step of it and is cut off at its border. */
static const GraphNode *inside(const GraphNode *n, bool last) {
    while (n->n_children)
        n = n->children[last ? n->n_children - 1 : 0];
    return n;
}

static void dot_edge(Buf *b, const GraphEdge *e, unsigned depth) {
    indent(b, depth);
    buf_fmt(b, "n%u -> n%u [", inside(e->source, true)->no, inside(e->target, false)->no);
    if (e->source->n_children)
        buf_fmt(b, "ltail=\"cluster_n%u\" ", e->source->no);
    if (e->target->n_children)
        buf_fmt(b, "lhead=\"cluster_n%u\" ", e->target->no);
    if (e->on_error) {
        buf_str_add(b, STR("style=dashed color=\"#cf222e\" label=\"on error\""));
    }
    buf_str_add(b, STR("];\n"));
}

static void dot_move(Buf *b, const GraphMove *m, unsigned depth) {
    indent(b, depth);
    buf_fmt(b, "n%u -> n%u [", inside(m->source, true)->no, inside(m->target, false)->no);
    if (m->source->n_children)
        buf_fmt(b, "ltail=\"cluster_n%u\" ", m->source->no);
    if (m->target->n_children)
        buf_fmt(b, "lhead=\"cluster_n%u\" ", m->target->no);
    buf_str_add(b, STR("label=\""));
    dot_text(b, m->label);
    buf_str_add(b, STR("\"];\n"));
}

static void dot_node(Buf *b, const GraphNode *n, unsigned depth) {
    indent(b, depth);
    if (!n->n_children) {
        buf_fmt(b, "n%u [%s", n->no, n->many ? "peripheries=2, " : "");
        dot_attributes(b, n);
        buf_str_add(b, STR("];\n"));
        return;
    }
    buf_fmt(b, "subgraph \"cluster_n%u\" {\n", n->no);
    indent(b, depth + 1);
    dot_attributes(b, n);
    buf_str_add(b, STR(";\n"));
    for (size_t i = 0; i < n->n_children; i++)
        dot_node(b, n->children[i], depth + 1);
    for (size_t i = 0; i < n->n_edges; i++)
        dot_edge(b, &n->edges[i], depth + 1);
    for (size_t i = 0; i < n->n_moves; i++)
        dot_move(b, &n->moves[i], depth + 1);
    indent(b, depth);
    buf_str_add(b, STR("}\n"));
}

void graph_dot(Buf *b, const Graph *g) {
    buf_str_add(b, STR("digraph plan {\n"
                       "  compound=true;\n"
                       "  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11];\n"
                       "  edge [fontname=\"sans-serif\", fontsize=9];\n"
                       "  graph [style=rounded, fontname=\"sans-serif\", fontsize=11];\n"));
    dot_node(b, g->root, 1);
    buf_str_add(b, STR("}\n"));
}
