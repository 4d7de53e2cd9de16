/* Text:
 *
 *   ✓ research  ok  4.2s  model 3.1s, tool 0.8s, own 12ms  1.2k tokens
 *   ├─ ✓ plan        1.2s  model
 *   ├─ ✓ research    2.1s
 *   │  ├─ ✓ [0]      1.0s  #2 after timeout
 *   ...
 *
 * With fewer lines than nodes, finished subtrees are folded into their top, deepest first, then the oldest finished
 * siblings into one line "… 37 more ok": what runs or failed stays in sight. */
#include "trace/draw.h"

#include "base/limits.h"

#include "base/limits.h"

#include "base/money.h"

#define FOLD_SIBLINGS_MIN 3 /* fewer are not worth a line that says so */

typedef struct Drawing {
    Buf *b;
    const TraceTree *t;
    const DrawOptions *o;
    unsigned left; /* lines; UINT_MAX: as many as it takes */
    unsigned depth_max;
    char prefix[256]; /* of branches */
    size_t n_prefix;
} Drawing;

void draw_split(Buf *b, const TraceSplit *s) {
    const char *between = "";
    for (int c = 0; c < SPLIT_COUNT; c++) {
        if (s->us[c] <= 0)
            continue;
        buf_fmt(b, "%s%s ", between, split_name((TraceColumn)c));
        words_duration_us(b, s->us[c]);
        between = ", ";
    }
}

/* What every small program takes is not worth the room; --json says it of each attempt. */
#define NOTABLE_CPU_US 500000
#define NOTABLE_PEAK_BYTES (64 * MIB)

static void write_usage(Buf *b, const char *before, const Usage *u) {
    int64_t tokens = u->tokens_in + u->tokens_out;
    if (tokens) {
        buf_fmt(b, "%s", before);
        words_count(b, tokens);
        buf_str_add(b, STR(" tokens"));
    }
    if (u->cost_nano) {
        buf_fmt(b, "%scost ", before);
        money_write(b, u->cost_nano);
    }
    if (u->cpu_us >= NOTABLE_CPU_US || u->peak_bytes >= NOTABLE_PEAK_BYTES) {
        buf_fmt(b, "%scpu ", before);
        words_duration_us(b, u->cpu_us);
        buf_fmt(b, ", %lld MiB", (long long)(u->peak_bytes / MIB));
    }
}

/* What was not done again, and what that saved. */
static void write_reused(Buf *b, const TraceNode *n, const TraceSplit *s) {
    if (!s->reused)
        return;
    bool whole = s->attempts == 0 && n->address.len;
    if (whole)
        buf_str_add(b, STR("  reused"));
    else
        buf_fmt(b, "  %lld reused", (long long)s->reused);
    if (n->address.len || !(s->saved.tokens_in + s->saved.tokens_out + s->saved.cost_nano))
        return;
    buf_str_add(b, STR(", saved"));
    write_usage(b, " ", &s->saved);
}

static bool interesting_choice(const TraceNode *n) {
    return n->choice.len > 0 && n->status != STATUS_OK;
}

/* In the engine, where no row says it. */
static void write_held(Buf *b, const TraceNode *n, int64_t now_ms) {
    if (n->held.len) {
        buf_str_add(b, STR("  waits for "));
        words_clean(b, n->held, 160);
        buf_str_add(b, STR(" since "));
        words_duration_us(b, MAX((int64_t)0, now_ms - n->held_since_ms) * 1000);
    } else if (node_in_line(n)) {
        buf_str_add(b, STR("  in line"));
    }
}

/* Why it is in this status, or what went wrong last. */
static void write_note(Buf *b, const TraceNode *n) {
    const TraceAttempt *at = node_attempt(n);
    if (at && at->number > 1) {
        Str before = n->n_attempts > 1 ? at[-1].error_kind : STR("");
        buf_fmt(b, "  attempt %u%s%.*s", at->number, before.len ? " after " : "", STR_FMT(before));
    }
    if (interesting_choice(n)) {
        buf_str_add(b, STR("  "));
        words_clean(b, n->choice, 100);
    } else if (at && at->message.len && n->status != STATUS_OK) {
        buf_str_add(b, STR("  "));
        words_clean(b, at->message, 100);
    }
}

static void write_time(Buf *b, const TraceNode *n, int64_t now_ms) {
    if (n->start_ms == 0 || n->status == STATUS_SKIPPED)
        return;
    int64_t end = n->end_ms ? n->end_ms : MAX(now_ms, n->start_ms);
    words_duration_us(b, (end - n->start_ms) * 1000);
}

/* An agent's parts have numbers for names: "turn 2", and the tool that a call is of. */
static void write_label(Buf *b, const TraceNode *n, Str label) {
    unsigned depth = address_turn_depth(n->address);
    if (depth == 1 && label.len < n->address.len)
        buf_str_add(b, STR("turn "));
    if (depth == 2 && n->start_choice.len)
        label = n->start_choice;
    if (str_starts(label, STR(":fallback")) && n->start_choice.len)
        label = n->start_choice;
    words_clean(b, label, 60);
}

static void write_node(Buf *b, const TraceNode *n, Str label, const DrawOptions *o) {
    buf_fmt(b, "%s%s%s ", ink_status(&o->ink, n->status), words_mark(n->status), ink_end(&o->ink));
    write_label(b, n, label);
    if (n->status != STATUS_OK && n->status != STATUS_RUNNING && n->status != STATUS_NEW)
        buf_fmt(b, "  %s%s%s", ink_status(&o->ink, n->status), words_status(n->status),
                ink_end(&o->ink));
    buf_fmt(b, "  %s", ink_dim(&o->ink));
    write_time(b, n, o->now_ms);
    TraceSplit split;
    split_node(n, o->now_ms, &split);
    if (o->split && split.total_us > 0 && (split.attempts || n->kind != TRACE_GROUP)) {
        buf_str_add(b, STR("  "));
        draw_split(b, &split);
    }
    write_usage(b, "  ", &split.usage);
    write_reused(b, n, &split);
    write_held(b, n, o->now_ms);
    write_note(b, n);
    buf_str_add(b, str_from(ink_end(&o->ink)));
}

static void push_prefix(Drawing *d, const char *part) {
    size_t n = strlen(part);
    if (d->n_prefix + n < sizeof d->prefix) {
        memcpy(d->prefix + d->n_prefix, part, n);
        d->n_prefix += n;
    }
}

static void begin_line(Drawing *d, bool last) {
    buf_fmt(d->b, "%s%.*s%s%s", ink_dim(&d->o->ink), (int)d->n_prefix, d->prefix,
            last ? "└─ " : "├─ ", ink_end(&d->o->ink));
}

static bool can_fold(const TraceNode *n) {
    return status_final(n->status) && n->status != STATUS_FAILED;
}

/* Siblings from n on that may be folded into one line, so that the rest fits. */
static unsigned count_foldable(const TraceNode *n) {
    unsigned count = 0;
    for (; n && can_fold(n); n = n->next)
        count++;
    return count;
}

static unsigned count_children(const TraceNode *n) {
    unsigned count = 0;
    for (const TraceNode *c = n->first; c; c = c->next)
        count++;
    return count;
}

static void draw_children(Drawing *d, const TraceNode *parent, unsigned depth);

static void draw_child(Drawing *d, const TraceNode *n, unsigned depth) {
    bool last = n->next == NULL;
    begin_line(d, last);
    write_node(d->b, n, n->label, d->o);
    buf_char(d->b, '\n');
    if (d->left)
        d->left--;
    size_t before = d->n_prefix;
    push_prefix(d, last ? "   " : "│  ");
    draw_children(d, n, depth + 1);
    d->n_prefix = before;
}

static void draw_folded(Drawing *d, unsigned count, bool last) {
    begin_line(d, last);
    buf_fmt(d->b, "%s… %u more ended%s\n", ink_dim(&d->o->ink), count, ink_end(&d->o->ink));
    if (d->left)
        d->left--;
}

static void draw_children(Drawing *d, const TraceNode *parent, unsigned depth) {
    bool all = d->o->lines == 0;
    if (!all && (depth > d->depth_max ||
                 (can_fold(parent) && parent->parent && count_children(parent) > d->left / 2)))
        return;
    unsigned children = count_children(parent);
    for (const TraceNode *n = parent->first; n; n = n->next) {
        unsigned fold = !all && children > d->left ? count_foldable(n) : 0;
        if (fold >= FOLD_SIBLINGS_MIN) {
            for (unsigned i = 1; i < fold; i++)
                n = n->next;
            draw_folded(d, fold, n->next == NULL);
            continue;
        }
        if (!all && d->left == 0)
            return;
        draw_child(d, n, depth);
    }
}

void draw_tree(Buf *b, const TraceTree *t, const DrawOptions *options) {
    Drawing d = { .b = b, .t = t, .o = options, .left = options->lines, .depth_max = 12 };
    if (options->lines && t->n_nodes > options->lines * 4)
        d.depth_max = 3;
    write_node(b, t->root, t->workflow.len ? t->workflow : STR("run"), options);
    buf_char(b, '\n');
    if (d.left)
        d.left--;
    draw_children(&d, t->root, 1);
}
