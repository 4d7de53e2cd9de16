/* groups, people, channels and escalation of the project file: who can be asked, and how they are reached.
 *
 *   a step --group--> groups --members--> people --channels--> channels
 *          --risk---> escalation --notify--> channels, --then--> groups
 *
 * An entry is read whether a step needs it or not, and a run is pinned to those that its steps need. A member of a group
 * need not be in `people:`: then the name is what this person says of himself, and nobody reaches him by it. */
#include "spec/read.h"

static const Sight sight = { .sees = SEES_NO_RUN | SEES_NO_INPUT | SEES_SECRETS,
                             .stands_in = "the project file" };

/* ---- names ------------------------------------------------------------------------------------------------------------ */

/* The definition that a text names, used from now on; NULL, with the problem told, if there is none. */
static Named *named(Reader *r, const Yaml *y, const Table *t, const char *what, const char *block,
                    const char *line) {
    Named *d = table_get(t, 0, y->text);
    if (d) {
        note_use(r, d);
        return d;
    }
    Str *names;
    size_t n = table_names(r, t, &names);
    const char *remedy = near_remedy(r, y->text, names, n);
    if (!remedy)
        remedy = arena_fmt(&r->scratch, "add to baton.yaml: `%s: { %.*s: %s }`", block,
                           (int)MIN(y->text.len, 80), y->text.p, line)
                     .p;
    error_at(r, y, "unknown_name", remedy, "no %s `%.*s` is defined", what,
             (int)MIN(y->text.len, 80), y->text.p);
    return NULL;
}

static void name_channel(Reader *r, const Yaml *y) {
    named(r, y, &r->channels, "channel", "channels", "{ webhook: \"${{ secrets.HOOK_URL }}\" }");
}

/* Names of channels; the terminal and the log are there for everybody. */
static void read_channel_names(Reader *r, const Yaml *y, const char *what, Str **ret,
                               size_t *ret_n) {
    Str *names;
    size_t n, kept = 0;
    if (!read_texts(r, y, what, &names, &n))
        return;
    for (size_t i = 0; i < n; i++) {
        if (str_is(names[i], "console"))
            continue;
        name_channel(r, y->kind == YAML_LIST ? y->items[i] : y);
        names[kept++] = names[i];
    }
    *ret = names;
    *ret_n = kept;
}

static bool is_address(Str s) {
    ptrdiff_t at = str_find(s, STR("@"));
    bool good = at > 0 && (size_t)at + 1 < s.len;
    for (size_t i = 0; i < s.len; i++)
        good &= (unsigned char)s.p[i] > ' ' && s.p[i] != 0x7f && !strchr("<>\"(),;:\\", s.p[i]);
    return good;
}

static void read_address(Reader *r, const Yaml *y, const char *what, Str *ret) {
    Str s;
    if (!read_text(r, y, what, &s))
        return;
    if (is_address(s))
        *ret = s;
    else
        error_at(r, y, "value", "like `ann@example.com`", "%s is a mail address, not `%.*s`", what,
                 (int)MIN(s.len, 80), s.p);
}

/* ---- channels --------------------------------------------------------------------------------------------------------- */

static void set_url(Reader *r, const Yaml *value, Channel *c, ChannelKind kind) {
    c->kind = kind;
    c->url = read_url(r, value, &sight, "the address of a channel");
}

static void set_webhook(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    set_url(r, value, target, CHANNEL_WEBHOOK);
}

static void set_chat(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    set_url(r, value, target, CHANNEL_CHAT);
}

static void set_pager(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    set_url(r, value, target, CHANNEL_PAGER);
}

static void set_channel_email(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Channel *c = target;
    c->kind = CHANNEL_EMAIL;
    read_address(r, value, "the `email` of a channel", &c->email);
}

static void set_sign(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    ((Channel *)target)->sign = read_secret(r, value, &sight, key->text);
}

static const KeyRow channel_rows[] = { { "webhook", set_webhook }, { "chat", set_chat },
                                       { "pager", set_pager },     { "email", set_channel_email },
                                       { "sign", set_sign },       { "key", set_sign } };

/* What is signed, and what carries a key. */
static void check_channel(Reader *r, const Yaml *y, const Channel *c) {
    const Yaml *sign = yaml_get(y, "sign"), *key = yaml_get(y, "key");
    if (sign && c->kind != CHANNEL_WEBHOOK)
        error_at(r, sign, "value", "`webhook` with `sign`", "only a `webhook` is signed");
    if (key && c->kind != CHANNEL_PAGER)
        error_at(r, key, "value", "`pager` with `key`", "only a `pager` has a `key`");
}

static void read_channel(Reader *r, Named *d, void *thing) {
    Channel *c = thing;
    c->name = d->name;
    if (str_is(d->name, "console"))
        error_at(r, d->key, "name", "give it another name",
                 "`console` is the terminal and the log of the engine: it is always there");
    if (!read_is_map(r, d->value, "a channel"))
        return;
    size_t errors = r->diags->errors;
    read_block(r, d->value, language_block(STR("Channel")), channel_rows, ARRAY_LEN(channel_rows),
               &sight, c);
    if (errors == r->diags->errors)
        check_channel(r, d->value, c);
}

/* ---- people ----------------------------------------------------------------------------------------------------------- */

static void set_email(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_address(r, value, "the `email` of a person", &((Person *)target)->email);
}

static void set_channels(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Person *p = target;
    read_channel_names(r, value, "a channel", &p->channels, &p->n_channels);
}

static const KeyRow person_rows[] = { { "email", set_email }, { "channels", set_channels } };

static void read_person(Reader *r, Named *d, void *thing) {
    Person *p = thing;
    p->name = d->name;
    if (read_is_map(r, d->value, "a person"))
        read_block(r, d->value, language_block(STR("Person")), person_rows, ARRAY_LEN(person_rows),
                   &sight, p);
}

static void read_group(Reader *r, Named *d, void *thing) {
    PeopleGroup *g = thing;
    g->name = d->name;
    if (d->value->kind != YAML_LIST || d->value->n == 0) {
        error_at(r, d->value, "value", "like `leads: [ann, bo]`",
                 "a group is a list of the people in it");
        return;
    }
    if (!read_texts(r, d->value, "a member of a group", &g->members, &g->n_members))
        return;
    for (size_t i = 0; i < g->n_members; i++) {
        Named *person = table_get(&r->people, 0, g->members[i]);
        if (person)
            note_use(r, person);
        if (g->members[i].len == 0)
            error_at(r, d->value->items[i], "value", "a name", "a member of a group has a name");
        for (size_t k = 0; k < i && i < 200; k++)
            if (str_eq(g->members[k], g->members[i]))
                error_at(r, d->value->items[i], "duplicate", "keep one of the two",
                         "`%.*s` is in this group twice", (int)MIN(g->members[i].len, 80),
                         g->members[i].p);
    }
}

/* ---- escalation ------------------------------------------------------------------------------------------------------- */

static void set_notify(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Escalation *e = target;
    read_channel_names(r, value, "a channel", &e->notify, &e->n_notify);
}

static void set_wait(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    bool wait;
    if (read_bool(r, value, "`wait`", &wait))
        ((Escalation *)target)->wait = wait;
}

static void set_after(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_duration(r, value, "`after`", &((Escalation *)target)->after_ms);
}

static void set_then(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    Str s;
    if (read_text(r, value, "`then`", &s) && people_group(r, value))
        ((Escalation *)target)->then = s;
}

static const KeyRow escalation_rows[] = {
    { "notify", set_notify }, { "wait", set_wait }, { "after", set_after }, { "then", set_then }
};

static const char *const risk_names[] = { "", "low", "medium", "high", "critical" };

const char *risk_name(Risk r) {
    ASSERT(r < RISKS_COUNT);
    return risk_names[r];
}

Risk risk_named(Str s) {
    Risk risk = RISK_LOW;
    while (risk < RISKS_COUNT && !str_is(s, risk_names[risk]))
        risk++;
    return risk;
}

static void check_chain(Reader *r, const Named *d, const Escalation *e) {
    const Yaml *then = yaml_get(d->value, "then"), *after = yaml_get(d->value, "after");
    if (then && !after)
        error_at(r, then, "missing", "like `after: 15m`",
                 "when is `then` asked? `after` is missing");
    if (after && !then)
        error_at(r, after, "missing", "like `then: leads`", "who is asked `after` that time?");
    if ((then || after) && e->wait == 0)
        error_at(r, then ? then : after, "value", "take it out, or wait",
                 "nobody waits for an answer: `wait: false`");
}

static void read_escalation(Reader *r, Named *d, void *thing) {
    Escalation *e = thing;
    Risk risk = risk_named(d->name);
    if (risk == RISKS_COUNT) {
        Str names[] = { STR("low"), STR("medium"), STR("high"), STR("critical") };
        const char *near = near_remedy(r, d->name, names, ARRAY_LEN(names));
        error_at(r, d->key, "value", near ? near : "`low` `medium` `high` `critical`",
                 "`escalation` is by risk, and `%.*s` is none", (int)MIN(d->name.len, 80),
                 d->name.p);
        return;
    }
    *e = (Escalation){ .said = true, .wait = -1, .after_ms = -1 };
    if (!read_is_map(r, d->value, "what a risk means"))
        return;
    size_t errors = r->diags->errors;
    read_block(r, d->value, language_block(STR("Escalation")), escalation_rows,
               ARRAY_LEN(escalation_rows), &sight, e);
    if (errors == r->diags->errors)
        check_chain(r, d, e);
    r->plan->escalation[risk] = *e;
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

typedef struct Kind { /* of entry: where they stand, what they become */
    const char *word;
    size_t size;
    void (*read)(Reader *r, Named *d, void *thing);
} Kind;

/* Entries in the order of the file, each read into its place. */
static void *read_entries(Reader *r, const Kind *kind, Table *t, size_t *ret_n) {
    size_t n = 0;
    r->named = NULL;
    define_block(r, r->project->root, &(Scheme){ kind->word, false, t });
    for (const Named *d = r->named; d; d = d->next)
        n++;
    char *things = arena_alloc(r->arena, MAX(n, (size_t)1) * kind->size);
    memset(things, 0, MAX(n, (size_t)1) * kind->size);
    *ret_n = n;
    for (Named *d = r->named, *outer; d; d = d->next) {
        d->thing = things + --n * kind->size;
        if (!enter_definition(r, d, &outer))
            continue;
        kind->read(r, d, d->thing);
        leave_definition(r, outer);
    }
    return things;
}

void read_people(Reader *r) {
    Plan *p = r->plan;
    size_t n;
    const Kind channels = { "channels", sizeof(Channel), read_channel },
               people = { "people", sizeof(Person), read_person },
               groups = { "groups", sizeof(PeopleGroup), read_group },
               escalation = { "escalation", sizeof(Escalation), read_escalation };
    p->channels = read_entries(r, &channels, &r->channels, &p->n_channels);
    p->people = read_entries(r, &people, &r->people, &p->n_people);
    p->groups = read_entries(r, &groups, &r->groups, &p->n_groups);
    read_entries(r, &escalation, &r->escalation, &n);
}

/* ---- who is asked ----------------------------------------------------------------------------------------------------- */

bool people_group(Reader *r, const Yaml *y) {
    return named(r, y, &r->groups, "group", "groups", "[ann, bo]") != NULL;
}

/* A group of a file that has no project beside it is only a word: nobody can be kept from answering. */
static void check_group(Reader *r, const Yaml *y) {
    if (r->project)
        people_group(r, y);
    else
        warn_at(r, y, "unknown_name",
                arena_fmt(&r->scratch,
                          "a file baton.yaml with `baton: 1` and `groups: { %.*s: [ann, bo] }`",
                          (int)MIN(y->text.len, 80), y->text.p)
                    .p,
                "who is in group `%.*s` is said nowhere: anybody may answer",
                (int)MIN(y->text.len, 80), y->text.p);
}

/* Known only when the run asks: anybody of `people:` may be meant. */
static void use_everybody(Reader *r) {
    for (size_t i = 0; i < r->people.room; i++)
        if (r->people.slots[i].value)
            note_use(r, r->people.slots[i].value);
}

static void check_person(Reader *r, const Yaml *y) {
    if (y->kind != YAML_SCALAR || text_has_expression(y->text))
        use_everybody(r);
    else if (r->project && r->people.n && !is_address(y->text))
        named(r, y, &r->people, "person", "people", "{ email: ann@example.com }");
    else if (table_get(&r->people, 0, y->text))
        note_use(r, table_get(&r->people, 0, y->text));
}

void people_told_of_doubts(Reader *r) {
    Named *critical = table_get(&r->escalation, 0, STR("critical"));
    if (critical)
        note_use(r, critical);
}

void people_asked(Reader *r, const Yaml *map) {
    const Yaml *group = yaml_get(map, "group"), *person = yaml_get(map, "person");
    const Yaml *risk = yaml_get(map, "risk");
    if (group && group->kind == YAML_SCALAR)
        check_group(r, group);
    if (person)
        check_person(r, person);
    Named *meaning = risk && risk->kind == YAML_SCALAR ? table_get(&r->escalation, 0, risk->text)
                                                       : NULL;
    if (meaning)
        note_use(r, meaning);
}
