/* The graph as SVG. Widths are estimated, since there is no font here: notes are in a monospaced one, titles get room. */
#include "base/limits.h"
#include "trace/graph_layout.h"

#define TITLE_WIDTH 8.2 /* of a character, px */
#define NOTE_WIDTH 6.7
#define TITLE_HEIGHT 18.0
#define NOTE_HEIGHT 15.0
#define MARGIN_X 12.0
#define MARGIN_Y 9.0
#define LINE_COLUMNS 46 /* of a note; longer ones go on in the next line */
#define LINES_MAX 16    /* of one note */

static const char style[] =
    "  .bg{fill:#ffffff} .b{fill:#ffffff;stroke:#8c959f} .g{fill:#818b98;fill-opacity:.07;stroke:#c3cad2}\n"
    "  .t{fill:#1f2328;font:600 13px system-ui,sans-serif} .n{fill:#59636e;font:11px ui-monospace,monospace}\n"
    "  .l{fill:#59636e;font:11px ui-monospace,monospace;stroke:#ffffff;stroke-width:3;paint-order:stroke}\n"
    "  .e{fill:none;stroke:#818b98;stroke-width:1.3} .a{fill:#818b98}\n"
    "  .x{stroke:#cf222e;stroke-dasharray:5 3} .ax{fill:#cf222e}\n"
    "  .ok{fill:#e6f4ea;stroke:#1a7f37} .failed{fill:#ffebe9;stroke:#cf222e}\n"
    "  .running{fill:#ddf4ff;stroke:#0969da} .held{fill:#fff8c5;stroke:#9a6700}\n"
    "  .off{fill:#f6f8fa;stroke:#8c959f;stroke-dasharray:3 3}\n"
    "  @media (prefers-color-scheme:dark){\n"
    "  .bg{fill:#0d1117} .b{fill:#161b22;stroke:#6e7681} .g{stroke:#3d444d}\n"
    "  .t{fill:#f0f6fc} .n{fill:#9198a1} .l{fill:#9198a1;stroke:#0d1117} .ok{fill:#12261e;stroke:#3fb950} .failed{fill:#2d1214;stroke:#f85149}\n"
    "  .running{fill:#0f2440;stroke:#58a6ff} .held{fill:#2b230a;stroke:#d29922} .off{fill:#0d1117;stroke:#6e7681}\n"
    "  .x{stroke:#f85149} .ax{fill:#f85149}}\n";

/* ---- text --------------------------------------------------------------------------------------------------------- */

/* What XML can hold, escaped. */
static void write_escaped(Buf *b, Str s) {
    for (size_t at = 0; at < s.len;) {
        size_t from = at;
        uint32_t c = str_next_codepoint(s, &at);
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
            buf_fmt(b, "&#%u;", c);
        else if (c < ' ' || c == 0x7f || c == 0xfffe || c == 0xffff)
            buf_char(b, ' ');
        else
            buf_add(b, s.p + from, at - from);
    }
}

/* East Asian scripts and pictures are twice as wide. */
static unsigned columns_of(uint32_t c) {
    return c >= 0x1100 && (c < 0x2000 || c >= 0x2e80) ? 2 : 1;
}

static unsigned columns(Str s) {
    unsigned n = 0;
    for (size_t at = 0; at < s.len;)
        n += columns_of(str_next_codepoint(s, &at));
    return n;
}

/* One line of a note: ends at the last blank that fits, else in the middle of a word. Gives what is left. */
static Str take_line(Str text, Str *ret_line) {
    size_t at = 0, blank = 0;
    unsigned n = 0;
    while (at < text.len) {
        size_t from = at;
        n += columns_of(str_next_codepoint(text, &at));
        if (text.p[from] == ' ')
            blank = from;
        if (n > LINE_COLUMNS) {
            size_t end = blank ? blank : from;
            *ret_line = str_slice(text, 0, end);
            return str_slice(text, blank ? end + 1 : end, text.len);
        }
    }
    *ret_line = text;
    return str_slice(text, text.len, text.len);
}

static size_t note_lines(const GraphNode *n, Str *lines, size_t max) {
    size_t count = 0;
    for (size_t i = 0; i < n->n_own; i++) {
        Str rest = n->notes[i];
        for (unsigned k = 0; rest.len && k < LINES_MAX && count < max; k++)
            rest = take_line(rest, &lines[count++]);
    }
    return count;
}

static void size_of(const GraphNode *n, double *ret_w, double *ret_h) {
    Str lines[LINES_MAX * 4];
    size_t count = note_lines(n, lines, ARRAY_LEN(lines));
    double w = columns(n->title) * TITLE_WIDTH;
    for (size_t i = 0; i < count; i++)
        w = MAX(w, columns(lines[i]) * NOTE_WIDTH);
    *ret_w = w + 2 * MARGIN_X;
    *ret_h = TITLE_HEIGHT + (double)count * NOTE_HEIGHT + 2 * MARGIN_Y;
}

/* ---- drawing ------------------------------------------------------------------------------------------------------ */

static const char *status_class(const GraphNode *n) {
    switch (n->status) {
    case STATUS_NEW: break;
    case STATUS_OK: return "ok";
    case STATUS_FAILED: return "failed";
    case STATUS_RUNNING:
    case STATUS_RETRYING: return "running";
    case STATUS_IN_DOUBT:
    case STATUS_WAITING:
    case STATUS_HELD: return "held";
    case STATUS_SKIPPED:
    case STATUS_CANCELLED: return "off";
    }
    return n->n_children ? "g" : "b";
}

static void draw_rect(Buf *b, const Box *box, double shift, const char *class) {
    buf_fmt(b,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"7\"/>\n",
            class, box->x + shift, box->y + shift, box->w, box->h);
}

static void draw_words(Buf *b, const char *class, double x, double y, Str s) {
    buf_fmt(b, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    write_escaped(b, s);
    buf_str_add(b, STR("</text>\n"));
}

static void draw_box(Buf *b, const Layout *l, const GraphNode *n) {
    const Box *box = &l->boxes[n->no];
    const char *class = status_class(n);
    Str lines[LINES_MAX * 4];
    size_t count = note_lines(n, lines, ARRAY_LEN(lines));
    double x = box->x + MARGIN_X, y = box->y + MARGIN_Y + TITLE_HEIGHT - 5;
    if (n->many) /* a second sheet behind it: once for each item */
        draw_rect(b, box, 4, class);
    draw_rect(b, box, 0, class);
    draw_words(b, "t", x, y, n->title);
    for (size_t i = 0; i < count; i++)
        draw_words(b, "n", x, y + (double)(i + 1) * NOTE_HEIGHT, lines[i]);
    for (size_t i = 0; i < n->n_children; i++)
        draw_box(b, l, n->children[i]);
}

/* Cut where it would be longer than there is room for; all of it is there to point at. */
static void draw_label(Buf *b, const Route *r) {
    Str s = r->move->label;
    size_t at = 0, n = 0;
    while (at < s.len && n < LABEL_CHARS - 1) {
        str_next_codepoint(s, &at);
        n++;
    }
    bool cut = str_codepoints(s) > LABEL_CHARS;
    buf_fmt(b, "<text class=\"l\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", r->label.x,
            r->label.y + 4, r->beside ? "start" : "middle");
    if (cut) {
        buf_str_add(b, STR("<title>"));
        write_escaped(b, s);
        buf_str_add(b, STR("</title>"));
    }
    write_escaped(b, cut ? str_slice(s, 0, at) : s);
    buf_str_add(b, cut ? STR("…</text>\n") : STR("</text>\n"));
}

static void draw_route(Buf *b, const Route *r) {
    const Point *p = r->points;
    bool fails = r->edge && r->edge->on_error;
    buf_fmt(b, "<path class=\"e%s\" marker-end=\"url(#%s)\" d=\"M%.1f %.1f", fails ? " x" : "",
            fails ? "ax" : "a", p[0].x, p[0].y);
    if (r->beside)
        buf_fmt(b, " C%.1f %.1f %.1f %.1f %.1f %.1f", p[1].x, p[1].y, p[2].x, p[2].y, p[3].x,
                p[3].y);
    for (size_t i = 1; i < r->n && !r->beside; i++) {
        double middle = (p[i - 1].y + p[i].y) / 2;
        if (p[i - 1].x == p[i].x)
            buf_fmt(b, " V%.1f", p[i].y);
        else
            buf_fmt(b, " C%.1f %.1f %.1f %.1f %.1f %.1f", p[i - 1].x, middle, p[i].x, middle,
                    p[i].x, p[i].y);
    }
    buf_str_add(b, STR("\"/>\n"));
}

static void draw_head(Buf *b, const Graph *g, const Box *whole) {
    double w = whole->w + 16, h = whole->h + 16;
    buf_fmt(b,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-8 -8 %.0f %.0f\" width=\"%.0f\" "
            "height=\"%.0f\" role=\"img\">\n<title>",
            w, h, w, h);
    write_escaped(b, g->root->title);
    buf_fmt(b, "</title>\n<style>\n%s</style>\n<defs>\n", style);
    for (int i = 0; i < 2; i++)
        buf_fmt(
            b,
            "<marker id=\"%s\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
            "markerHeight=\"7\" orient=\"auto\"><path class=\"%s\" d=\"M0 0L8 4L0 8z\"/></marker>\n",
            i ? "ax" : "a", i ? "ax" : "a");
    buf_fmt(b, "</defs>\n<rect class=\"bg\" x=\"-8\" y=\"-8\" width=\"%.0f\" height=\"%.0f\"/>\n",
            w, h);
}

void graph_svg(Buf *b, const Graph *g) {
    Layout l;
    layout_init(&l, g, size_of);
    draw_head(b, g, &l.boxes[0]);
    draw_box(b, &l, g->root);
    for (size_t i = 0; i < l.n_routes; i++)
        draw_route(b, &l.routes[i]);
    for (size_t i = 0; i < l.n_routes; i++)
        if (l.routes[i].move && l.routes[i].move->label.len)
            draw_label(b, &l.routes[i]);
    buf_str_add(b, STR("</svg>\n"));
    layout_deinit(&l);
}
