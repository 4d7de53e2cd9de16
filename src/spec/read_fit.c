/* What goes with what in a step: one verb, modifiers that mean something with it, words in their place. */
#include "spec/language_schema.h"
#include "spec/read.h"

/* Verbs that modifiers treat alike. */
enum {
    INVOKE = 1,
    GROUP = 2,
    WAIT = 4, /* for time, signals, messages */
    SET_ALONE = 8,
    ENDS = 16,
    PERSON = 32,
    SEND = 64,
    PLAY = 128, /* agents among themselves, in rounds */
    TASK = 256, /* of `supervise`, which has no verb of its own */
    EMIT = 512,
    ANY = 1023,
    WORKS = INVOKE | GROUP | WAIT | PERSON | SEND | EMIT | PLAY | TASK,
};
typedef struct Fit {
    const char *word;
    unsigned verbs;
} Fit;
static const Fit verbs[] = {
    { "agent", INVOKE }, { "tool", INVOKE },  { "run", INVOKE },     { "http", INVOKE },
    { "call", INVOKE },  { "human", PERSON }, { "wait", WAIT },      { "receive", WAIT },
    { "emit", EMIT },    { "send", SEND },    { "steps", GROUP },    { "route", PLAY },
    { "machine", PLAY }, { "vote", PLAY },    { "supervise", PLAY }, { "team", PLAY },
    { "board", PLAY },   { "return", ENDS },  { "fail", ENDS },
};
static const Fit modifiers[] = {
    { "id", ANY & ~TASK },
    { "needs", ANY & ~TASK },
    { "if", ANY & ~TASK },
    { "for", (WORKS | SET_ALONE) & ~TASK },
    { "repeat", INVOKE | GROUP | WAIT | PERSON | PLAY },
    { "join", GROUP },
    { "retry", INVOKE | TASK },
    { "timeout", INVOKE | GROUP | PLAY | TASK },
    { "hedge", INVOKE },
    { "check", WORKS },
    { "on_error", WORKS | SET_ALONE },
    { "approve", WORKS & ~PERSON },
    { "cache", INVOKE | TASK },
    { "effect", INVOKE | TASK },
    { "key", INVOKE | EMIT | TASK },
    { "key_life", INVOKE | TASK },
    { "doubt", INVOKE | TASK },
    { "probe", INVOKE },
    { "undo", INVOKE | GROUP | PLAY },
    { "commute", GROUP },
    { "limits", INVOKE | GROUP | PLAY | TASK },
    { "context", INVOKE },
    { "with", INVOKE | PERSON | PLAY },
    { "output", WORKS },
    { "set", WORKS | SET_ALONE },
    { "stream", INVOKE | PLAY | TASK },
};

const char *language_verb_at(size_t i) { return i < ARRAY_LEN(verbs) ? verbs[i].word : NULL; }

static unsigned fit_of(const Fit *fits, size_t n, Str word, unsigned none) {
    for (size_t i = 0; i < n; i++)
        if (str_is(word, fits[i].word))
            return fits[i].verbs;
    return none;
}

static const char *remedy_of_misfit(unsigned bit, Str word) {
    if (bit == WAIT && str_is(word, "timeout"))
        return "a signal has its own: `wait: { signal: NAME, timeout: 2h }`";
    if ((bit == PLAY || bit == GROUP) && str_is(word, "context"))
        return "give it to a step inside that asks an agent";
    return bit == ENDS    ? "beside `return` and `fail` only `needs` and `if` may stand"
           : bit == GROUP ? "give it to the steps inside"
                          : NULL;
}

static void check_fit(Reader *r, const StepDraft *d, unsigned bit) {
    for (size_t i = 0; i < d->yaml->n; i++) {
        const Yaml *key = d->yaml->entries[i].key;
        if (fit_of(modifiers, ARRAY_LEN(modifiers), key->text, ANY) & bit)
            continue;
        const char *remedy = remedy_of_misfit(bit, key->text);
        if (bit == TASK)
            error_at(r, key, "verb", NULL, "`%.*s` is nothing for a task", STR_FMT(key->text));
        else if (bit == SET_ALONE)
            error_at(r, key, "verb", remedy, "`%.*s` needs a verb", STR_FMT(key->text));
        else
            error_at(r, key, "verb", remedy, "`%.*s` does not go with `%.*s`", STR_FMT(key->text),
                     STR_FMT(d->verb->text));
    }
}

/* Words for one place only. */
static void check_place(Reader *r, const StepDraft *d) {
    static const struct {
        const char *word;
        unsigned places;
        const char *where;
    } only[] = {
        { "id", 1u << PLACE_STEP, "a step inside a verb has no `id`: nothing refers to it" },
        { "needs", 1u << PLACE_STEP, "a step inside a verb has no `needs`: the verb calls it" },
        { "if", 1u << PLACE_STEP, "a step inside a verb has no `if`: the verb chooses" },
        { "next", 1u << PLACE_NAMED, "`next` stands in a state of a `machine`" },
        { "description", 1u << PLACE_NAMED,
          "`description` stands on an agent or a route's target" },
        { "capabilities", 1u << PLACE_NAMED,
          "`capabilities` stand on an agent or a route's target" },
        { "exemplars", 1u << PLACE_NAMED, "`exemplars` stand on an agent or a route's target" },
    };
    for (size_t i = 0; i < d->yaml->n; i++)
        for (size_t k = 0; k < ARRAY_LEN(only); k++) {
            const Yaml *key = d->yaml->entries[i].key;
            if (str_is(key->text, only[k].word) && !(only[k].places >> d->place & 1))
                error_at(r, key, "verb", foreign_remedy(r, key->text), "%s", only[k].where);
        }
}

/* Is there at least one key that only this message would be about? */
static bool has_unknown_word(const Yaml *y) {
    const Block *b = language_block(STR("Step"));
    for (size_t i = 0; i < y->n; i++)
        if (!language_word(b, y->entries[i].key->text))
            return true;
    return false;
}

void read_fit(Reader *r, const StepDraft *d) {
    check_place(r, d);
    if (d->place == PLACE_TASK) {
        if (d->verb)
            error_at(r, d->verb, "verb", "who does a task is chosen by the lead",
                     "`%.*s` is nothing for a task", STR_FMT(d->verb->text));
        else
            check_fit(r, d, TASK);
        return;
    }
    if (d->verb || d->node->n_sets || yaml_get(d->yaml, "set")) {
        check_fit(r, d, d->verb ? fit_of(verbs, ARRAY_LEN(verbs), d->verb->text, ANY) : SET_ALONE);
        return;
    }
    if (!has_unknown_word(d->yaml))
        error_at(r, d->yaml, "verb",
                 "one of agent tool run http human call wait emit send receive steps route machine "
                 "vote supervise team board return fail, or `set`",
                 "this step does nothing");
}
