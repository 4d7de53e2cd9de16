/* The chain as sentences, newest first:
 *
 *   write ended ok
 *     14:03:22.123  write ended ok: attempt 1 finished ok after 1.2s
 *     14:03:20.911  write began (needs research), because research[2] finished ok (attempt 1, 0.8s), which ended research
 *     ...
 *     14:03:18.001  plan began, because the run was accepted                                                              */
#include "trace/why.h"

#include "base/json.h"

#include "base/limits.h"
#include "base/time.h"

static void write_attempt(Buf *b, const Fact *f) {
    static const char *const outcomes[] = { "ended", "finished ok", "failed", "was refused",
                                            "ended unknown" };
    size_t o = (size_t)f->outcome < ARRAY_LEN(outcomes) ? (size_t)f->outcome : 0;
    if (f->reused && f->from.len) {
        buf_fmt(b, "run %.*s had done it at %.*s", STR_FMT(f->from), STR_FMT(f->id));
        return;
    }
    if (f->reused) {
        buf_str_add(b, STR("its outcome was recorded before and is reused"));
        return;
    }
    buf_fmt(b, "attempt %u %s", f->attempt, outcomes[o]);
    if (f->took_us) {
        buf_str_add(b, STR(" after "));
        words_duration_us(b, f->took_us);
    }
    if (f->outcome != OUTCOME_OK && f->error_kind.len)
        buf_fmt(b, " (%.*s", STR_FMT(f->error_kind));
    if (f->outcome != OUTCOME_OK && f->message.len) {
        buf_str_add(b, f->error_kind.len ? STR(": ") : STR(" ("));
        words_clean(b, f->message, 160);
    }
    if (f->outcome != OUTCOME_OK && (f->error_kind.len || f->message.len))
        buf_char(b, ')');
}

static const char *decision_word(uint32_t verb) {
    static const char *const words[] = { "",
                                         "was settled as done",
                                         "was settled as not done",
                                         "was settled as to be sent again",
                                         "was settled as failed",
                                         "was settled as to be undone",
                                         "was approved",
                                         "was rejected",
                                         "was sent back",
                                         "was answered" };
    return verb < ARRAY_LEN(words) ? words[verb] : "was settled";
}

static const char *control_word(uint32_t verb) {
    static const char *const words[] = { "",
                                         "was paused",
                                         "was resumed",
                                         "was cancelled",
                                         "was told to try again",
                                         "was given other limits" };
    return verb < ARRAY_LEN(words) ? words[verb] : "?";
}

static void write_by(Buf *b, const Fact *f) {
    if (f->from.len)
        buf_fmt(b, " by %.*s", STR_FMT(f->from));
}

/* The way to the child, and from there back. */
static void write_child(Buf *b, const Fact *f, bool own) {
    if (!own)
        buf_fmt(b, "%.*s: ", STR_FMT(f->address));
    buf_fmt(b, "the run %.*s, which it called, %s", STR_FMT(f->run),
            f->outcome == OUTCOME_OK ? "succeeded" : "ended as ");
    if (f->outcome != OUTCOME_OK)
        buf_fmt(b, "%.*s: %.*s", STR_FMT(f->error_kind), STR_FMT(f->message));
}

static void write_caller(Buf *b, const Fact *f) {
    Arena a = ARENA_NULL;
    Value caller;
    if (f->shown.len && json_read(&a, f->shown, &caller, NULL) == 0)
        buf_fmt(b, ": step %.*s of run %.*s called it",
                STR_FMT(value_as_str(value_getz(caller, "step"))),
                STR_FMT(value_as_str(value_getz(caller, "run"))));
    arena_deinit(&a);
}

/* What the fact says, as the rest of "..., because". */
static void write_cause(Buf *b, const Fact *f, Str self) {
    bool own = str_eq(f->address, self);
    switch (f->kind) {
    case FACT_ACCEPTED:
        buf_str_add(b, STR("the run was accepted"));
        if (f->from.len)
            buf_fmt(b, ", reusing what %.*s recorded", STR_FMT(f->from));
        write_caller(b, f);
        if (str_starts(f->by, STR("event:")))
            buf_fmt(b, ": %.*s started it", STR_FMT(f->by));
        else if (str_starts(f->run, STR("event:")))
            buf_fmt(b, ": %.*s told of it", STR_FMT(f->by));
        return;
    case FACT_FINISHED:
        if (!own)
            buf_fmt(b, "%.*s: ", STR_FMT(f->address));
        write_attempt(b, f);
        return;
    case FACT_CHILD: write_child(b, f, own); return;
    case FACT_TIMER:
        if (own)
            buf_str_add(b, STR("its timer was due"));
        else
            buf_fmt(b, "the timer of %.*s was due", STR_FMT(f->address));
        return;
    case FACT_SIGNAL:
        buf_fmt(b, "the signal `%.*s` came", STR_FMT(f->name));
        write_by(b, f);
        return;
    case FACT_DECISION:
        buf_fmt(b, "%.*s %s", STR_FMT(own ? STR("it") : f->address), decision_word(f->verb));
        write_by(b, f);
        return;
    case FACT_CONTROL:
        buf_fmt(b, "the run %s", control_word(f->verb));
        write_by(b, f);
        return;
    case FACT_RECOVERED: buf_str_add(b, STR("the engine was lost and another went on")); return;
    case FACT_DISPATCHING:
    case FACT_EVENT:
        buf_fmt(b, "`%.*s` happened (event:%.*s)", STR_FMT(f->name), STR_FMT(f->id));
        if (f->from.len)
            buf_fmt(b, ", told by %.*s", STR_FMT(f->from));
        return;
    case FACT_PROGRESS: fact_write_text(b, f); return;
    case FACT_MAIL:
        buf_fmt(b,
                str_is(f->name, "asks") ? "its run %.*s asked for more than it was granted"
                                        : "run %.*s, which it is called by, answered",
                STR_FMT(f->run));
        return;
    case FACT_MIGRATED:
        buf_str_add(b, STR("the run was moved to another file"));
        write_by(b, f);
        return;
    }
}

static void write_what(Buf *b, const WhyLink *l, const Ink *ink) {
    bool begins = l->from == STATUS_NEW && !status_final(l->to) && l->to != STATUS_HELD;
    if (begins)
        buf_str_add(b, STR(" began"));
    else if (l->to == STATUS_RUNNING && l->attempt)
        buf_fmt(b, " began attempt %u", l->attempt);
    else if (l->to == STATUS_RUNNING)
        buf_str_add(b, STR(" went on"));
    else if (l->to == STATUS_RETRYING)
        buf_str_add(b, STR(" was to be tried again"));
    else
        buf_fmt(b, " %s %s%s%s", status_final(l->to) && l->to != STATUS_SKIPPED ? "ended" : "was",
                ink_status(ink, l->to), words_status(l->to), ink_end(ink));
}

static void write_link(Buf *b, const WhyLink *l, const Ink *ink) {
    buf_fmt(b, "  %s", ink_dim(ink));
    words_clock(b, l->time_ms);
    buf_fmt(b, "%s  ", ink_end(ink));
    Str who = l->address.len ? l->address : STR("the run");
    buf_str_add(b, who);
    write_what(b, l, ink);
    if (l->choice.len) {
        buf_str_add(b, STR(" ("));
        words_clean(b, l->choice, 160);
        buf_char(b, ')');
    }
    if (l->cause) {
        buf_str_add(b, STR(", because "));
        write_cause(b, l->cause, l->address);
        if (l->through.len)
            buf_fmt(b, ", which ended %.*s", STR_FMT(l->through));
    }
    buf_char(b, '\n');
}

void why_write(Buf *b, const Why *w, const Ink *ink) {
    buf_fmt(b, "%s%.*s%s ", ink_bold(ink), STR_FMT(w->address.len ? w->address : STR("the run")),
            ink_end(ink));
    if (w->node)
        buf_fmt(b, "is %s%s%s\n", ink_status(ink, w->status), words_status(w->status),
                ink_end(ink));
    else
        buf_str_add(b, STR("has not begun\n"));
    for (size_t i = 0; i < w->n_links; i++)
        write_link(b, &w->links[i], ink);
    for (size_t i = 0; i < w->n_waits; i++)
        buf_fmt(b, "  waits for %.*s\n", STR_FMT(w->waits[i]));
    if (w->n_remedies)
        buf_str_add(b, STR("  what you can do:\n"));
    for (size_t i = 0; i < w->n_remedies; i++)
        buf_fmt(b, "    %.*s\n", STR_FMT(w->remedies[i]));
}

void why_write_caller(Buf *b, const Why *w, Str run, const Ink *ink) {
    buf_fmt(b, "  called by %s%.*s%s of run %.*s:\n", ink_bold(ink), STR_FMT(w->address),
            ink_end(ink), STR_FMT(run));
    for (size_t i = 0; i < w->n_links; i++)
        write_link(b, &w->links[i], ink);
}

static Value link_json(const WhyLink *l, Arena *a) {
    MapBuilder m = map_builder(a);
    Buf b = BUF_INIT(16 * KIB);
    time_write_ms(&b, l->time_ms);
    map_addz(&m, "time", value_str(arena_str(a, buf_str(&b))));
    map_addz(&m, "seq", value_uint(l->seq));
    map_addz(&m, "address", value_str(l->address));
    map_addz(&m, "from", value_str(str_from(status_name(l->from))));
    map_addz(&m, "to", value_str(str_from(status_name(l->to))));
    map_addz(&m, "choice", value_str(l->choice.p ? l->choice : STR("")));
    if (l->cause) {
        buf_reset(&b);
        write_cause(&b, l->cause, l->address);
        map_addz(&m, "because", value_str(arena_str(a, buf_str(&b))));
        map_addz(&m, "cause", value_str(l->cause->address.p ? l->cause->address : STR("")));
    }
    if (l->through.len)
        map_addz(&m, "through", value_str(l->through));
    buf_deinit(&b);
    return map_done(&m, NULL);
}

static Value texts(const Str *items, size_t n, Arena *a) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < n; i++)
        list_add(&l, value_str(items[i]));
    return list_done(&l);
}

Value why_json(const Why *w, Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "address", value_str(w->address));
    map_addz(&m, "status", value_str(str_from(w->node ? status_name(w->status) : "not_begun")));
    ListBuilder chain = list_builder(a);
    for (size_t i = 0; i < w->n_links; i++)
        list_add(&chain, link_json(&w->links[i], a));
    map_addz(&m, "chain", list_done(&chain));
    map_addz(&m, "waits_for", texts(w->waits, w->n_waits, a));
    map_addz(&m, "remedies", texts(w->remedies, w->n_remedies, a));
    return map_done(&m, NULL);
}
