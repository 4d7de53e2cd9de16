#include "cli/report.h"

#include "cli/say.h"

#include <stdlib.h>

#define MESSAGE_CHARS 2000

static void print_output(const Args *args, Value output) {
    if (value_is(output, V_STRING)) {
        Str s = value_as_str(output);
        out_str(s);
        if (!str_ends(s, STR("\n")))
            out_str(STR("\n"));
    } else if (!value_absent(output) && !value_is(output, V_NULL)) {
        if (say_terminal(1)) {
            out_json(output);
        } else {
            out_str(value_text(args->arena, output));
            out_str(STR("\n"));
        }
    }
}

/* Messages come from models, commands and servers: nothing in them may steer the terminal. */
static Str clean(const Args *args, Str s) {
    Buf b = BUF_INIT(16 << 10);
    words_clean(&b, s, MESSAGE_CHARS);
    Str text = arena_str(args->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Str text_of(const Args *args, Value v, const char *key) {
    Value t = value_getz(v, key);
    return value_is(t, V_STRING) ? clean(args, value_as_str(t)) : STR("");
}

int report_end(const Args *args, Str run, Value document) {
    Str status = text_of(args, document, "status"), problem = text_of(args, document, "problem");
    bool ok = str_is(status, "succeeded");
    if (args->json)
        out_json(document);
    else if (ok)
        print_output(args, value_getz(document, "output"));
    if (ok)
        return EXIT_OK;
    if (problem.len)
        return say_error(EXIT_INTERNAL, "run %.*s: %.*s", "`baton verify` says more", STR_FMT(run),
                         STR_FMT(problem));
    Value error = value_getz(document, "error");
    Str kind = text_of(args, error, "kind"), message = text_of(args, error, "message"),
        step = text_of(args, error, "step");
    say_line("baton: run %.*s %.*s: %.*s: %.*s", STR_FMT(run), STR_FMT(status), STR_FMT(kind),
             STR_FMT(message));
    if (step.len)
        say_line("  in step %.*s; `baton why %.*s %.*s` says more", STR_FMT(step), STR_FMT(run),
                 STR_FMT(step));
    return EXIT_RUN_FAILED;
}

static int report_limit(const Args *args, Str run, const TraceTree *tree) {
    say_line("%.*s is paused: %.*s", STR_FMT(run), STR_FMT(clean(args, tree->pause_reason)));
    if (tree->pause_raise.len == 0)
        say_line(
            "  baton resume %.*s      tries again: a new day or month has a new budget; after the file was "
            "changed, `baton migrate` moves the run to it first",
            STR_FMT(run));
    else
        say_line("  baton resume %.*s --limit %.*s      raises the limit and goes on", STR_FMT(run),
                 STR_FMT(clean(args, tree->pause_raise)));
    say_line("  baton cancel %.*s      ends it", STR_FMT(run));
    return EXIT_WAITING;
}

static int report_person(const Args *args, Str run, const TraceTree *tree, const TraceNode *n) {
    Str at = n->address, why = clean(args, n->choice);
    if (n->status == STATUS_WAITING) {
        say_line("%.*s waits for people: %.*s %.*s", STR_FMT(run), STR_FMT(at), STR_FMT(why));
        say_line("  baton approve %.*s %.*s      shows it whole, and takes the answer",
                 STR_FMT(run), STR_FMT(at));
        say_line("  baton serve      keeps deadlines and messages to people going meanwhile");
        return EXIT_WAITING;
    }
    if (n == tree->root)
        return report_limit(args, run, tree);
    say_line("%.*s waits for a person: %.*s is in doubt: %.*s", STR_FMT(run), STR_FMT(at),
             STR_FMT(why));
    say_line("  baton why %.*s %.*s      what is known", STR_FMT(run), STR_FMT(at));
    say_line("  baton resolve %.*s %.*s --done JSON | --not-done | --retry | --fail", STR_FMT(run),
             STR_FMT(at));
    return EXIT_WAITING;
}

static int report_signal(Str run, const TraceNode *n) {
    Str name = n->step ? n->step->signal : STR("NAME");
    say_line("%.*s waits for the signal %.*s (step %.*s); it is safe and needs no terminal",
             STR_FMT(run), STR_FMT(name), STR_FMT(n->address));
    say_line("  baton signal %.*s %.*s      sends it and goes on with the run", STR_FMT(run),
             STR_FMT(name));
    say_line("  baton serve      keeps the runs of this directory going");
    return EXIT_WAITING;
}

static int report_event(Str run, const TraceNode *n) {
    const Node *step = n->step;
    say_line("%.*s waits for the %.*s (step %.*s); it is safe and needs no terminal", STR_FMT(run),
             STR_FMT(step->waits_for), STR_FMT(n->address));
    say_line("  baton emit %.*s      tells of it", STR_FMT(step->events[0]));
    say_line("  baton resume %.*s      goes on here when it came", STR_FMT(run));
    say_line("  baton serve      keeps the runs of this directory going");
    return EXIT_WAITING;
}

int report_standing(const Args *args, Str run, const TraceTree *tree, Standing standing,
                    const TraceNode *waits_for) {
    switch (standing) {
    case STANDING_PERSON: return report_person(args, run, tree, waits_for);
    case STANDING_EVENT: return report_event(run, waits_for);
    case STANDING_SIGNAL: return report_signal(run, waits_for);
    case STANDING_PAUSED:
        say_line("%.*s is paused; go on with: baton resume %.*s", STR_FMT(run), STR_FMT(run));
        return EXIT_PAUSED;
    case STANDING_PARKED:
        return say_error(EXIT_INTERNAL, "run %.*s was parked: %.*s", "`baton verify` says more",
                         STR_FMT(run), STR_FMT(clean(args, tree->note)));
    case STANDING_BUSY:
    case STANDING_BELOW:
    case STANDING_TIMER:
    case STANDING_ENDED: break;
    }
    return say_error(EXIT_INTERNAL, "nothing more is heard of run %.*s",
                     "`baton show %.*s` says how it stands", STR_FMT(run), STR_FMT(run));
}
