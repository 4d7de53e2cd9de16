/* The tree of frames: making, releasing, moving, naming, finding, cancelling. */
#include "kernel/call.h"
#include "kernel/step.h"
#include "kernel/undo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const Shape *const shapes[SHAPES_COUNT] = {
    [0] = &shape_group,    [1] = &shape_each,   [2] = &shape_loop,       [3] = &shape_call,
    [4] = &shape_agent,    [5] = &shape_wait,   [6] = &shape_human,      [7] = &shape_route,
    [8] = &shape_machine,  [9] = &shape_vote,   [10] = &shape_supervise, [11] = &shape_team,
    [15] = &shape_planned, [12] = &shape_board,
};

/* Which status may follow which; the diagram is in frame.h. */
#define TO(s) (1u << (s))
#define ENDS (TO(STATUS_OK) | TO(STATUS_FAILED) | TO(STATUS_CANCELLED))
static const uint16_t allowed[] = {
    /* in doubt at once: an undo that cannot even begin is stuck */
    [STATUS_NEW] = TO(STATUS_RUNNING) | TO(STATUS_IN_DOUBT) | TO(STATUS_HELD) | TO(STATUS_SKIPPED) |
                   TO(STATUS_WAITING) | ENDS,
    [STATUS_RUNNING] = TO(STATUS_RUNNING) | TO(STATUS_RETRYING) | TO(STATUS_IN_DOUBT) |
                       TO(STATUS_HELD) | ENDS,
    [STATUS_RETRYING] = TO(STATUS_RETRYING) | TO(STATUS_RUNNING) | TO(STATUS_IN_DOUBT) |
                        TO(STATUS_HELD) | ENDS,
    [STATUS_IN_DOUBT] = TO(STATUS_IN_DOUBT) | TO(STATUS_RUNNING) | TO(STATUS_HELD) | ENDS,
    [STATUS_HELD] = TO(STATUS_RUNNING) | TO(STATUS_HELD) | TO(STATUS_IN_DOUBT) |
                    TO(STATUS_RETRYING) | ENDS,
    [STATUS_WAITING] = TO(STATUS_WAITING) | TO(STATUS_RUNNING) | ENDS,
    /* A step that recovers by its on_error was failed inside, never outside: final is final. */
    [STATUS_OK] = 0,
    [STATUS_FAILED] = 0,
    [STATUS_SKIPPED] = 0,
    [STATUS_CANCELLED] = 0,
};

Frame *frame_new(Run *r, Frame *parent, const Node *node, Part part, uint32_t a, uint32_t b,
                 uint8_t layers) {
    Frame *f = r->free_frames;
    if (f) {
        r->free_frames = f->next;
        memset(f, 0, sizeof(*f));
    } else {
        f = ARENA_NEW(&r->arena, Frame);
    }
    f->run = r;
    f->node = node;
    f->part = (uint8_t)part;
    f->a = a;
    f->b = b;
    f->layers = layers;
    f->parent = parent;
    if (parent) {
        f->prev = parent->last;
        *(parent->last ? &parent->last->next : &parent->first) = f;
        parent->last = f;
    }
    return f;
}

static void recycle(Run *r, Frame *f) {
    if (f->ready) { /* the queue still points at it and lets go of it when it gets there */
        f->dead = true;
        return;
    }
    f->next = r->free_frames;
    r->free_frames = f;
}

void frame_release(Run *r, Frame *f) {
    for (Frame *child = f->first, *next; child; child = next) {
        next = child->next;
        child->parent = NULL;
        frame_release(r, child);
    }
    Frame *p = f->parent;
    if (p) {
        *(f->prev ? &f->prev->next : &p->first) = f->next;
        *(f->next ? &f->next->prev : &p->last) = f->prev;
    }
    recycle(r, f);
}

void frame_ready(Run *r, Frame *f) {
    ASSERT(!f->ready);
    if (run_is_past(r) && retry_withholds(r, f))
        return;
    f->ready = true;
    f->ready_next = NULL;
    *(r->ready_last ? &r->ready_last->ready_next : &r->ready_first) = f;
    r->ready_last = f;
}

Frame *frame_next_ready(Run *r) {
    for (Frame *f; (f = r->ready_first);) {
        r->ready_first = f->ready_next;
        if (!r->ready_first)
            r->ready_last = NULL;
        f->ready = false;
        if (f->dead)
            recycle(r, f);
        else if (f->status == STATUS_NEW)
            return f;
    }
    return NULL;
}

void frame_move(Run *r, Frame *f, Status to, uint32_t attempt, uint64_t args, Str choice) {
    ASSERT(allowed[f->status] & TO(to));
    if (r->row) {
        char room[512];
        Buf address = { .p = room, .room = sizeof(room), .cap_bytes = sizeof(room) };
        frame_write_address(&address, f);
        ASSERT(!buf_over(&address));
        row_add_move(r->row, &(Move){ .cause = r->cause,
                                      .address = buf_str(&address),
                                      .from = f->status,
                                      .to = to,
                                      .attempt = attempt,
                                      .args = args,
                                      .choice = choice });
    }
    bool was_final = status_final(f->status);
    if (f->status == STATUS_NEW)
        f->started_ms = r->time_ms;
    r->open_held += to == STATUS_HELD;
    r->open_held -= f->status == STATUS_HELD;
    f->status = (uint8_t)to;
    if (status_final(to) && !was_final) {
        f->ended_ms = r->time_ms;
        key_settle(r, f);
        if ((f->layers & LAYER_STEP) && f->part != PART_PROBE && f->part != PART_UNDO)
            r->counts.steps_ok += to == STATUS_OK;
    }
}

void frame_movef(Run *r, Frame *f, Status to, const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : MIN((size_t)n, sizeof(text) - 1);
    frame_move(r, f, to, 0, 0, (Str){ text, len });
}

/* ---- addresses ---- */

/* What hangs below a step has a colon, so that it is no id; the second time round it is counted. */
static void write_means(Buf *b, const Frame *f, Str name) {
    buf_str_add(b, name);
    if (f->a > 1)
        buf_fmt(b, "~%u", f->a);
}

static void write_played(Buf *b, const Frame *f) {
    buf_str_add(b, f->node->name);
    if (f->a)
        buf_fmt(b, ":%u", f->a);
}

static void write_part(Buf *b, const Frame *f) {
    switch ((Part)f->part) {
    case PART_ROOT: break;
    case PART_STEP:
        if (b->len)
            buf_char(b, '/');
        write_played(b, f);
        break;
    case PART_ROLE:
        buf_char(b, ':');
        write_played(b, f);
        break;
    case PART_ITEM: buf_fmt(b, "[%u]", f->a); break;
    case PART_ROUND: buf_fmt(b, "~%u", f->a); break;
    case PART_HANDLER: buf_str_add(b, STR("/on_error")); break;
    case PART_TURN: buf_fmt(b, ".%u", f->a); break;
    case PART_CALL: buf_fmt(b, ".%u.%u", f->a, f->b); break;
    case PART_GATE: write_means(b, f, STR(":approve")); break;
    case PART_PROBE: write_means(b, f, STR(":probe")); break;
    case PART_UNDO: write_means(b, f, STR(":undo")); break;
    case PART_FALLBACK: write_means(b, f, STR(":fallback")); break;
    case PART_TOOLS: write_means(b, f, STR(":tools")); break;
    }
}

void frame_write_address(Buf *b, const Frame *f) {
    if (f->parent)
        frame_write_address(b, f->parent);
    write_part(b, f);
}

Str frame_address(const Frame *f, Arena *a) {
    char room[512];
    Buf b = { .p = room, .room = sizeof(room), .cap_bytes = sizeof(room) };
    frame_write_address(&b, f);
    ASSERT(!buf_over(&b));
    return arena_str(a, buf_str(&b));
}

/* One part of an address as text: "/name", "/name:3", "[3]", "~2", ".1", ".1.2", ":undo", ":approve~2", ":tie:4". */
typedef struct AddressPart {
    Part part;
    Str name;
    uint32_t a, b;
} AddressPart;

static uint32_t read_number(Str s, size_t *at) {
    uint64_t n = 0;
    while (*at < s.len && s.p[*at] >= '0' && s.p[*at] <= '9' && n < UINT32_MAX)
        n = n * 10 + (uint64_t)(s.p[(*at)++] - '0');
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static Str read_name(Str s, size_t *at) {
    size_t from = *at;
    while (*at < s.len && !strchr("/[~.:", s.p[*at]))
        (*at)++;
    return str_slice(s, from, *at);
}

/* Of a part of a played verb: which it was in the order of their beginnings; 0: none is said. */
static uint32_t read_serial(Str s, size_t *at) {
    if (*at + 1 >= s.len || s.p[*at] != ':' || s.p[*at + 1] < '0' || s.p[*at + 1] > '9')
        return 0;
    (*at)++;
    return read_number(s, at);
}

static bool read_means(Str s, size_t *at, AddressPart *ret) {
    (*at)++;
    ret->name = read_name(s, at);
    ret->part = str_is(ret->name, "probe")      ? PART_PROBE
                : str_is(ret->name, "undo")     ? PART_UNDO
                : str_is(ret->name, "fallback") ? PART_FALLBACK
                : str_is(ret->name, "approve")  ? PART_GATE
                : str_is(ret->name, "tools")    ? PART_TOOLS
                                                : PART_ROLE;
    ret->a = 1;
    if (ret->part == PART_ROLE) {
        ret->a = read_serial(s, at);
        return true;
    }
    if (*at < s.len && s.p[*at] == '~') {
        (*at)++;
        ret->a = read_number(s, at);
    }
    return true;
}

static bool next_part(Str s, size_t *at, AddressPart *ret) {
    if (*at >= s.len)
        return false;
    char c = s.p[*at];
    if (c == '[' || c == '~' || c == '.') {
        (*at)++;
        ret->part = c == '[' ? PART_ITEM : c == '~' ? PART_ROUND : PART_TURN;
        ret->a = read_number(s, at);
        if (c == '[' && *at < s.len && s.p[*at] == ']')
            (*at)++;
        if (c == '.' && *at < s.len && s.p[*at] == '.') {
            (*at)++;
            ret->part = PART_CALL;
            ret->b = read_number(s, at);
        }
        return true;
    }
    if (c == ':')
        return read_means(s, at, ret);
    if (c == '/')
        (*at)++;
    ret->name = read_name(s, at);
    ret->part = str_is(ret->name, "on_error") ? PART_HANDLER : PART_STEP;
    ret->a = ret->part == PART_STEP ? read_serial(s, at) : 0;
    return true;
}

static bool is_part(const Frame *f, const AddressPart *p) {
    if (f->part != p->part)
        return false;
    switch (p->part) {
    case PART_STEP: /* without a number: whichever is there */
    case PART_ROLE: return str_eq(f->node->name, p->name) && (p->a == 0 || f->a == p->a);
    case PART_ITEM:
    case PART_ROUND:
    case PART_GATE:
    case PART_TURN:
    case PART_PROBE:
    case PART_FALLBACK:
    case PART_TOOLS:
    case PART_UNDO: return f->a == p->a;
    case PART_CALL: return f->a == p->a && f->b == p->b;
    case PART_ROOT:
    case PART_HANDLER: return true;
    }
    return false;
}

/* From both ends at once: of many open children the one that ends next is mostly among the newest (a sequence) or the oldest
 * (a fan-out that answers in order). */
static Frame *find_child(const Frame *f, const AddressPart *part) {
    Frame *oldest = f->first, *newest = f->last;
    while (oldest) {
        if (is_part(newest, part))
            return newest;
        if (is_part(oldest, part))
            return oldest;
        if (oldest == newest || oldest->next == newest)
            return NULL;
        oldest = oldest->next;
        newest = newest->prev;
    }
    return NULL;
}

/* Among siblings: does `node` need `name`, directly or through others? Needs come before in no particular order, so what
 * was seen is marked. */
static bool needs_step(const Node *node, Str name, bool *seen) {
    const Node *group = node->parent;
    for (size_t i = 0; group && i < node->n_needs; i++) {
        uint32_t n = node->needs[i];
        if (seen[n])
            continue;
        seen[n] = true;
        if (str_eq(group->children[n]->name, name) || needs_step(group->children[n], name, seen))
            return true;
    }
    return false;
}

/* Of parts of one played verb. Without a number the first of that name is meant. */
static bool part_follows(const Frame *f, const AddressPart *p) {
    const Frame *play = f->parent;
    if (p->part != PART_STEP && p->part != PART_ROLE)
        return false;
    return play->shape->follows ? play->shape->follows(play, f, p->a) : f->a > p->a;
}

static bool comes_after(const Frame *f, const AddressPart *p) {
    if (frame_is_played(f))
        return part_follows(f, p);
    switch ((Part)f->part) {
    case PART_STEP: {
        const Node *group = f->node->parent;
        if (p->part != PART_STEP || !group)
            return false;
        bool *seen = xcalloc(group->n_children + 1, sizeof *seen);
        bool yes = needs_step(f->node, p->name, seen);
        free(seen);
        return yes;
    }
    case PART_ROUND: return p->part == PART_ROUND && f->a > p->a;
    case PART_TURN: return (p->part == PART_TURN || p->part == PART_CALL) && f->a > p->a;
    case PART_CALL:
        return (p->part == PART_TURN && f->a >= p->a) || (p->part == PART_CALL && f->a > p->a);
    case PART_HANDLER:
    case PART_PROBE:
    case PART_UNDO: return true;
    case PART_FALLBACK:
        return p->part == PART_TURN || p->part == PART_CALL ||
               (p->part == PART_FALLBACK && f->a > p->a);
    case PART_TOOLS: /* before its turns */
    case PART_ROLE:
    case PART_GATE:
    case PART_ITEM:
    case PART_ROOT: break;
    }
    return false;
}

bool frame_is_from(const Frame *f, Str address) {
    const Frame *path[4 * LIMIT_FRAME_DEPTH + 2];
    size_t n = 0;
    for (; f && f->parent && n < ARRAY_LEN(path); f = f->parent)
        path[n++] = f;
    AddressPart part = { 0 };
    if (!address.len)
        return false;
    for (size_t at = 0; next_part(address, &at, &part);) {
        bool named = part.part == PART_STEP || part.part == PART_HANDLER;
        while (named && n && (path[n - 1]->part == PART_ITEM || path[n - 1]->part == PART_ROUND))
            n--;
        if (n == 0)
            return false;
        if (!is_part(path[--n], &part))
            return comes_after(path[n], &part);
    }
    return true;
}

Frame *frame_find(Run *r, Str address) {
    Frame *f = r->root;
    AddressPart part = { 0 };
    for (size_t at = 0; f && next_part(address, &at, &part);)
        f = find_child(f, &part);
    return f;
}

void frame_let_go(Run *r, Frame *f) {
    if (f->undos || f->loose)
        f->left = true;
    else
        frame_release(r, f);
}

/* A probe and an undo are not cancelled: what they are for is not, either. */
void frame_cancel_inside(Run *r, Frame *f, Str why) {
    for (Frame *child = f->last, *before; child; child = before) {
        before = child->prev;
        if (child->part == PART_UNDO || child->part == PART_PROBE)
            continue;
        if (!frame_over(child))
            frame_cancel(r, child, why);
        frame_let_go(r, child);
    }
}

void frame_cancel(Run *r, Frame *f, Str why) {
    if (f->status == STATUS_NEW && MUTANT(orphan_begins))
        return;
    frame_cancel_inside(r, f, why);
    if (f->shape == &shape_call && f->call && call_abandon(r, f, why))
        return;
    if (f->undo && !f->undo->happened && f->undo->round == 0) /* one that is under way goes on */
        undo_drop(r, f);
    want_close_all(r, f);
    if (!status_final(f->status))
        frame_move(r, f, STATUS_CANCELLED, 0, 0, why);
}
