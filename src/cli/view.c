#include "cli/view.h"

#include "base/limits.h"
#include "cli/say.h"

#include <unistd.h>

/* From the first column: the terminal itself writes ^C where the cursor stands. */
#define UP_AND_CLEAR "\r\033[%uA\033[J"
#define REDRAW_MS 100 /* fast enough to feel live, slow enough to read */

void view_init(View *v) { *v = (View){ .terminal = say_terminal(2), .ink = say_ink(2) }; }

static void write_out(const Buf *b) {
    size_t done = 0;
    while (done < b->len) {
        ssize_t n = write(2, b->p + done, b->len - done);
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

/* ---- plain lines */

static bool is_agent_part(Str address) { return address_turn_depth(address) > 0; }

/* All that was to be done for it had been recorded before. */
static bool is_reused(const TraceNode *n) {
    bool any = false;
    for (const TraceNode *at = n; at; at = tree_walk(n, at)) {
        for (size_t i = 0; i < at->n_attempts; i++) {
            if (!at->attempts[i].reused)
                return false;
            any = true;
        }
    }
    return any;
}

static void line_of_move(View *v, const TraceTree *t, const Move *m) {
    const TraceNode *n = tree_find(t, m->address);
    bool leaf_begins = m->to == STATUS_RUNNING && m->from == STATUS_NEW && n &&
                       n->kind != TRACE_GROUP;
    bool tells = status_final(m->to) || m->to == STATUS_RETRYING || m->to == STATUS_IN_DOUBT ||
                 m->to == STATUS_HELD || m->to == STATUS_WAITING;
    if (!n || m->address.len == 0 || is_agent_part(m->address) || !(leaf_begins || tells))
        return;
    Buf b = BUF_INIT(16 * KIB);
    buf_fmt(&b, "%s", ink_dim(&v->ink));
    words_clock(&b, t->time_ms);
    buf_fmt(&b, "%s  ", ink_end(&v->ink));
    if (leaf_begins) {
        words_clean(&b, m->address, 80);
        buf_str_add(&b, STR(" began\n"));
    } else {
        words_clean(&b, m->address, 80);
        buf_fmt(&b, " %s%s%s", ink_status(&v->ink, m->to), words_status(m->to), ink_end(&v->ink));
        if (status_final(m->to) && n->start_ms && m->to != STATUS_SKIPPED) {
            buf_str_add(&b, STR("  "));
            words_duration_us(&b, (t->time_ms - n->start_ms) * 1000);
            if (is_reused(n))
                buf_str_add(&b, STR("  reused"));
        }
        if (m->choice.len && m->to != STATUS_OK) {
            buf_str_add(&b, STR("  "));
            words_clean(&b, m->choice, 160);
        }
        buf_char(&b, '\n');
    }
    write_out(&b);
    buf_deinit(&b);
}

void view_row(View *v, const TraceTree *t, const Row *row) {
    v->dirty = true;
    if (v->terminal || v->quiet)
        return;
    for (size_t i = 0; i < row->n_moves; i++)
        line_of_move(v, t, &row->moves[i]);
}

/* ---- the live tree */

void view_clear(View *v) {
    if (!v->drawn)
        return;
    Buf b = BUF_INIT(64);
    buf_fmt(&b, UP_AND_CLEAR, v->drawn);
    write_out(&b);
    buf_deinit(&b);
    v->drawn = 0;
    v->dirty = true;
}

static bool is_wide(uint32_t c) {
    return c >= 0x1100 && (c <= 0x115f || (c >= 0x2e80 && c <= 0xa4cf) ||
                           (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
                           (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                           (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd));
}

/* Copies a line so that it fits, escape sequences and all. */
static void add_cut(Buf *to, Str line, unsigned columns, const Ink *ink) {
    unsigned used = 0;
    for (size_t at = 0; at < line.len;) {
        size_t from = at;
        if (line.p[at] == '\033') {
            while (at < line.len && line.p[at] != 'm')
                at++;
            at += at < line.len;
            buf_add(to, line.p + from, at - from);
            continue;
        }
        uint32_t c = str_next_codepoint(line, &at);
        used += is_wide(c) ? 2 : 1;
        if (used >= columns)
            break;
        buf_add(to, line.p + from, at - from);
    }
    buf_str_add(to, str_from(ink_end(ink)));
    buf_char(to, '\n');
}

static void redraw(View *v, const TraceTree *t, int64_t now_ms, unsigned lines_max) {
    unsigned columns, lines;
    say_size(&columns, &lines);
    Buf text = BUF_INIT(MIB), out = BUF_INIT(2 * MIB);
    DrawOptions options = { .ink = v->ink,
                            .now_ms = now_ms,
                            .lines = lines_max ? MIN(lines_max, lines - 1) : 0 };
    draw_tree(&text, t, &options);
    if (v->drawn)
        buf_fmt(&out, UP_AND_CLEAR, v->drawn);
    unsigned count = 0;
    for (Str rest = buf_str(&text); rest.len > 0;) {
        const char *end = memchr(rest.p, '\n', rest.len);
        size_t n = end ? (size_t)(end - rest.p) : rest.len;
        if (lines_max && count + 1 >= lines)
            break;
        add_cut(&out, str_slice(rest, 0, n), columns, &v->ink);
        rest = str_slice(rest, MIN(n + 1, rest.len), rest.len);
        count++;
    }
    write_out(&out);
    v->drawn = count;
    v->dirty = false;
    v->last_ms = now_ms;
    buf_deinit(&text);
    buf_deinit(&out);
}

void view_tick(View *v, const TraceTree *t, int64_t now_ms) {
    bool moves = t->in_flight > 0 && !tree_ended(t);
    if (v->terminal && t->seq && (v->dirty || moves) && now_ms - v->last_ms >= REDRAW_MS)
        redraw(v, t, now_ms, 1000);
}

#define FINAL_LINES 60 /* what a person scrolls back for; `baton trace` has all of it */

void view_finish(View *v, const TraceTree *t, int64_t now_ms) {
    if (!v->terminal || !t->seq)
        return;
    redraw(v, t, now_ms, t->n_nodes > FINAL_LINES ? FINAL_LINES : 0);
    v->drawn = 0;
}
