/* What a paused run asks: a limit was reached, which one, where it is written, what was spent and what the next call could
 * cost. A person answers by raising it; until then resuming leads to the same question.
 *
 * Raised limits are facts (CONTROL_LIMITS), kept by address in the order they came: they hold for what is open, and for
 * what opens later. "work" means the step in all its items and rounds, "work[3]" the one. */
#include "base/time.h"
#include "kernel/budget.h"

/* ---- words ---- */

static void write_whose(Run *r, Buf *b, const Shortage *s) {
    if (s->at->parent)
        buf_fmt(b, " of `%.*s`", STR_FMT(frame_address(s->at, &r->arena)));
}

static void write_where(Buf *b, const Shortage *s) {
    Pos pos = s->at->budget->limits.pos[s->bound];
    if (pos.line)
        buf_fmt(b, " (%.*s:%u)", STR_FMT(pos.file), pos.line);
}

static void write_waits(Buf *b, const Shortage *s) {
    if (s->behind) {
        buf_str_add(b, STR("waits for its turn: others came before"));
        return;
    }
    buf_fmt(b, "waits for %s: others hold ", bound_name(s->bound));
    bound_write(b, s->bound, s->reserved);
    buf_str_add(b, STR(" of "));
    bound_write(b, s->bound, s->most);
}

static void write_breach(Run *r, Buf *b, const Shortage *s) {
    if (s->no_price.len) {
        buf_fmt(b, "a limit of cost is set and the price of `%.*s` is not known",
                STR_FMT(s->no_price));
        write_where(b, s);
        return;
    }
    buf_fmt(b, "limit of %s", bound_name(s->bound));
    write_whose(r, b, s);
    buf_str_add(b, STR(" reached: "));
    if (s->bound == BOUND_DEPTH) {
        buf_fmt(b, "this would be level %lld", (long long)s->next);
    } else {
        bound_write(b, s->bound, s->spent);
        buf_str_add(b, s->bound == BOUND_DEADLINE ? STR(" passed") : STR(" spent"));
    }
    if (s->next && s->bound != BOUND_DEPTH) {
        buf_str_add(b, STR(", up to "));
        bound_write(b, s->bound, s->next);
        buf_str_add(b, STR(" more"));
    }
    buf_str_add(b, STR(", limit "));
    bound_write(b, s->bound, s->most);
    write_where(b, s);
}

Str shortage_text(Run *r, Fit fit, const Shortage *s) {
    Buf b = BUF_INIT(2048);
    if (fit == FIT_WAIT)
        write_waits(&b, s);
    else
        write_breach(r, &b, s);
    Str text = arena_str(&r->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* ---- asking ---- */

/* The least that lets the next call start; of what is only measured nobody knows how much more it takes: as much again. */
int64_t shortage_enough(const Shortage *s) {
    switch (s->bound) {
    case BOUND_DEPTH: return s->next;
    case BOUND_TIME:
    case BOUND_DEADLINE: return MAX(s->spent, s->most) + MAX(s->most, 1000);
    case BOUND_COST:
    case BOUND_TOKENS:
    case BOUND_CALLS:
    case BOUND_AGENTS:
    case BOUND_RETRIES: break;
    }
    int64_t sum;
    return __builtin_add_overflow(s->spent + s->reserved, s->next, &sum) ? INT64_MAX : sum;
}

/* As it is written behind --limit. */
static Str raise_words(Run *r, const Shortage *s) {
    Buf b = BUF_INIT(1024);
    frame_write_address(&b, s->at);
    if (b.len)
        buf_char(&b, '.');
    buf_fmt(&b, "%s=", bound_name(s->bound));
    bound_write(&b, s->bound, shortage_enough(s));
    Str text = arena_str(&r->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Value question_of(Run *r, const Frame *step, const Shortage *s, Str text) {
    Pos pos = s->at->budget->limits.pos[s->bound];
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "text", value_str(text));
    map_addz(&m, "limit", value_str(str_from(bound_name(s->bound))));
    map_addz(&m, "of", value_str(frame_address(s->at, &r->arena)));
    if (pos.line) {
        map_addz(&m, "file", value_str(arena_str(&r->arena, pos.file)));
        map_addz(&m, "line", value_int(pos.line));
    }
    map_addz(&m, "most", value_int(s->most));
    map_addz(&m, "spent", value_int(s->spent));
    map_addz(&m, "reserved", value_int(s->reserved));
    map_addz(&m, "next", value_int(s->next));
    if (step)
        map_addz(&m, "step", value_str(frame_address(step, &r->arena)));
    map_addz(&m, "raise", value_str(raise_words(r, s)));
    return map_done(&m, NULL);
}

/* The first question of an apply is asked; what else is short asks when the run goes on. */
void question_ask(Run *r, const Frame *step, const Shortage *s) {
    if (r->pausing)
        return;
    Str text = shortage_text(r, FIT_BREACH_PAUSE, s);
    r->pausing = true;
    r->paused = question_of(r, step, s, text);
}

void question_pause(Run *r) {
    Str text = value_as_str(value_getz(r->paused, "text")),
        raise = value_as_str(value_getz(r->paused, "raise"));
    r->pausing = false;
    frame_move(r, r->root, STATUS_RUNNING, 0, 0,
               arena_fmt(&r->arena, "paused: %.*s; raise %.*s", STR_FMT(text), STR_FMT(raise)));
    r->status = RUN_PAUSED;
}

void question_by_person(Run *r, Str from, Str reason) {
    MapBuilder m = map_builder(&r->arena);
    map_addz(&m, "by", value_str(arena_str(&r->arena, from)));
    if (reason.len)
        map_addz(&m, "text", value_str(arena_str(&r->arena, reason)));
    r->paused = map_done(&m, NULL);
}

/* ---- raising ---- */

/* "work/fetch[3]~2" is "work/fetch" in one of its items and rounds. */
static Str without_loops(Str address, char *room) {
    size_t n = 0;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.p[i];
        if (c == '[' || c == '~')
            while (i + 1 < address.len && address.p[i + 1] != '/')
                i++;
        else
            room[n++] = c;
    }
    return (Str){ room, n };
}

static bool is_meant(const Frame *f, Str wanted) {
    char room[512], bare[512];
    Buf b = { .p = room, .room = sizeof(room), .cap_bytes = sizeof(room) };
    frame_write_address(&b, f);
    return str_eq(buf_str(&b), wanted) || str_eq(without_loops(buf_str(&b), bare), wanted);
}

void raised_limits(const Frame *f, Limits *limits) {
    for (const Raised *up = f->run->raised; up; up = up->next)
        if (limits->most[up->bound] >= 0 && is_meant(f, up->address))
            limits->most[up->bound] = up->most;
}

/* "work.cost" is the cost of `work`, "cost" that of the run. */
static bool read_name(Str name, Str *ret_address, Bound *ret_bound) {
    size_t dot = name.len;
    while (dot > 0 && name.p[dot - 1] != '.')
        dot--;
    *ret_address = dot ? str_slice(name, 0, dot - 1) : STR("");
    return bound_from(str_slice(name, dot, name.len), ret_bound);
}

/* What only its parent lets a run spend is for who raises the limit there. */
static bool is_only_granted(const Frame *f, Bound bound) {
    const Run *r = f->run;
    return !f->parent && r->caller && r->rules >= RULES_CHILDREN_ASK &&
           r->plan->limits.most[bound] < 0;
}

static uint32_t count_open(const Frame *f, Str address, Bound bound, int64_t *ret_least) {
    uint32_t n = 0;
    if (f->budget && !status_final(f->status) && f->budget->limits.most[bound] >= 0 &&
        !is_only_granted(f, bound) && is_meant(f, address)) {
        n = 1;
        if (bound < BOUNDS_COUNTED)
            *ret_least = MAX(*ret_least, f->budget->spent.of[bound] - f->budget->over.of[bound] +
                                             f->budget->reserved.of[bound]);
    }
    for (const Frame *child = f->first; child; child = child->next)
        n += count_open(child, address, bound, ret_least);
    return n;
}

/* A step that has not begun, or begins again. */
static bool declared_later(const Run *r, Str address, Bound bound) {
    const Node *node = address.len ? plan_find(r->plan, address) : NULL;
    if (!node)
        return false;
    return node->limits.most[bound] >= 0 || (node->callee && node->callee->limits.most[bound] >= 0);
}

static bool limit_fits(Run *r, Str name, Value v, Arena *a, Str *ret_problem) {
    Str address;
    Bound bound;
    int64_t least = 0;
    if (!read_name(name, &address, &bound)) {
        *ret_problem = arena_fmt(a,
                                 "`%.*s` names no limit: cost, tokens, calls, agents, retries, "
                                 "depth, time or deadline, of a step `STEP.cost`",
                                 STR_FMT(name));
        return false;
    }
    if (v.type != V_INT || v.i < 0) {
        *ret_problem = arena_fmt(a, "`%.*s` is no amount", STR_FMT(name));
        return false;
    }
    if (!count_open(r->root, address, bound, &least) && !declared_later(r, address, bound)) {
        Str of = address.len ? arena_fmt(a, "step %.*s", STR_FMT(address)) : STR("the run");
        *ret_problem =
            !address.len && r->root->budget && is_only_granted(r->root, bound)
                ? arena_fmt(
                      a, "the run may spend what run %.*s grants it: change the limit of %s there",
                      STR_FMT(r->caller->run), bound_name(bound))
                : arena_fmt(a,
                            "%.*s has no limit of %s: only one that the file sets can be changed",
                            STR_FMT(of), bound_name(bound));
        return false;
    }
    if (v.i >= least)
        return true;
    Buf b = BUF_INIT(256);
    bound_write(&b, bound, least);
    *ret_problem = arena_fmt(a, "%.*s: %.*s is spent or held already, a limit cannot be less",
                             STR_FMT(name), STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    return false;
}

bool run_takes_limits(Run *r, Value limits, Arena *a, Str *ret_problem) {
    if (limits.type != V_MAP || limits.len == 0) {
        *ret_problem = STR("no limit is named");
        return false;
    }
    for (uint32_t i = 0; i < limits.len; i++) {
        ValueEntry e = value_entry(limits, i);
        if (!limit_fits(r, value_as_str(e.key), e.value, a, ret_problem))
            return false;
    }
    return true;
}

static void set_open(Run *r, Frame *f, const Raised *up) {
    if (f->budget && !status_final(f->status) && f->budget->limits.most[up->bound] >= 0 &&
        is_meant(f, up->address))
        budget_limits_anew(r, f, up->bound);
    for (Frame *child = f->first; child; child = child->next)
        set_open(r, child, up);
}

static void remember(Run *r, Raised up) {
    Raised **at = &r->raised;
    while (*at)
        at = &(*at)->next;
    *at = ARENA_NEW(&r->arena, Raised);
    **at = up;
}

void question_raise(Run *r, Str from, Value limits) {
    Buf b = BUF_INIT(1024);
    for (uint32_t i = 0; i < limits.len; i++) {
        ValueEntry e = value_entry(limits, i);
        Raised up = { .most = e.value.i };
        Str address;
        read_name(value_as_str(e.key), &address, &up.bound);
        up.address = arena_str(&r->arena, address);
        remember(r, up);
        set_open(r, r->root, &up);
        buf_fmt(&b, "%s%.*s=", i ? ", " : "", STR_FMT(value_as_str(e.key)));
        bound_write(&b, up.bound, up.most);
    }
    frame_movef(r, r->root, STATUS_RUNNING, "limits %.*s, by %.*s", STR_FMT(buf_str(&b)),
                STR_FMT(from));
    buf_deinit(&b);
}

/* ---- snapshots ---- */

void question_save(const Run *r, Buf *b) {
    uint32_t n = 0;
    value_encode(b, r->paused);
    for (const Raised *up = r->raised; up; up = up->next)
        n++;
    buf_varint(b, r->overbilled);
    buf_blob(b, r->overbilled_last);
    buf_varint(b, n);
    for (const Raised *up = r->raised; up; up = up->next) {
        buf_blob(b, up->address);
        buf_u8(b, (uint8_t)up->bound);
        buf_svarint(b, up->most);
    }
}

void question_load(Run *r, Cursor *c) {
    r->paused = value_decode(c, &r->arena);
    r->overbilled = (uint32_t)cursor_varint(c);
    r->overbilled_last = arena_str(&r->arena, cursor_blob(c));
    for (uint64_t n = cursor_varint(c); n > 0 && !c->bad; n--) {
        Raised up = { .address = arena_str(&r->arena, cursor_blob(c)) };
        uint8_t bound = cursor_u8(c);
        up.bound = (Bound)bound;
        up.most = cursor_svarint(c);
        if (bound >= BOUNDS)
            c->bad = true;
        else
            remember(r, up);
    }
}
