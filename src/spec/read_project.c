/* The project file: what every workflow beside it may use. Definitions, `vars`, `providers`, `limits` and the people take
 * effect in a workflow when it is compiled; prices are read with it. The other blocks say how the engine of the project works, and are checked. */
#include "base/time.h"
#include "spec/read.h"

static void ignore(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)r, (void)key, (void)value, (void)target; /* read elsewhere, or by its form alone */
}

/* ---- prices ---------------------------------------------------------------------------------------------------------- */

static void set_input(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_money(r, value, &((Price *)target)->input);
}

static void set_cached(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_money(r, value, &((Price *)target)->cached);
}

static void set_output(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    read_money(r, value, &((Price *)target)->output);
}

static const KeyRow price_rows[] = { { "input", set_input },
                                     { "cached", set_cached },
                                     { "output", set_output } };

/* Without a price of their own cached tokens cost what others do. */
static void read_price(Reader *r, Named *d) {
    Price *p = ARENA_NEW(r->arena, Price);
    p->cached = -1;
    if (str_find(d->name, STR("/")) < 0)
        error_at(r, d->key, "price", "like `openai/gpt-5: { input: 1.25, output: 10.00 }`",
                 "a price belongs to a model: `provider/name`");
    if (!read_is_map(r, d->value, "a price"))
        return;
    read_map(r, d->value, price_rows, ARRAY_LEN(price_rows), "a price", p);
    if (!yaml_get(d->value, "input") || !yaml_get(d->value, "output"))
        error_at(r, d->value, "missing",
                 "money per million tokens: `{ input: 1.25, output: 10.00 }`",
                 "a price has `input` and `output`");
    p->cached = p->cached < 0 ? p->input : p->cached;
    p->known = true;
    d->thing = p;
}

/* Prices change: how old these are is said where they count. */
static void set_dated(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key, (void)target;
    Str s;
    int64_t seconds;
    uint32_t nanos;
    if (!read_text(r, value, "`dated`", &s))
        return;
    if (s.len == 10 &&
        time_parse(arena_fmt(r->arena, "%.*sT00:00:00Z", STR_FMT(s)), &seconds, &nanos))
        r->plan->prices_dated_ms = seconds * 1000;
    else
        error_at(r, value, "value", "the day on which they were looked up, like 2026-11-20",
                 "`dated` is a day, not `%.*s`", (int)MIN(s.len, 40), s.p);
}

static const KeyRow prices_file_rows[] = { { "baton", ignore },
                                           { "dated", set_dated },
                                           { "models", ignore } };

void read_prices_root(Reader *r, const Yaml *root) {
    Scheme scheme = { "models", false, &r->prices };
    if (!read_is_map(r, root, "a file of prices"))
        return;
    read_map(r, root, prices_file_rows, ARRAY_LEN(prices_file_rows), "a file of prices", NULL);
    if (!yaml_get(root, "models"))
        error_at(r, root, "missing",
                 "like `models: { openai/gpt-5: { input: 1.25, output: 10.00 } }`",
                 "a file of prices has `models`");
    r->named = NULL;
    define_block(r, root, &scheme);
    for (Named *d = r->named; d; d = d->next)
        read_price(r, d);
}

static void read_prices(Reader *r, const Yaml *y) {
    Str path;
    const Yaml *file = yaml_get(y, "file");
    if (!file || y->n != 1) {
        error_at(r, y, "value", "`prices: { file: prices.yaml }`", "`prices` names a file");
        return;
    }
    Source *s = read_text(r, file, "the path of a file", &path) ? files_named(r->files, file)
                                                                : NULL;
    const Yaml *root = s ? source_root(r->files, s) : NULL;
    if (!root)
        return;
    r->plan->prices_file = path;
    read_prices_root(r, root);
}

/* ---- vars ------------------------------------------------------------------------------------------------------------ */

static void read_vars(Reader *r, const Yaml *root) {
    Plan *plan = r->plan;
    size_t n = 0;
    r->named = NULL;
    define_block(r, root, &(Scheme){ "vars", false, &r->vars });
    for (const Named *d = r->named; d; d = d->next)
        n++;
    plan->vars = ARENA_ARRAY(r->arena, Value, n);
    for (Named *d = r->named; d; d = d->next) {
        Str id;
        Value *v = &plan->vars[plan->n_vars];
        if (!read_id(r, d->key, "the name of a variable", &id) ||
            !read_data(r, d->value, "a variable", v))
            continue;
        d->thing = v;
        plan->n_vars++;
    }
}

/* ---- secrets --------------------------------------------------------------------------------------------------------- */

static Str folder_of_main(const Reader *r) {
    Str name = r->plan->file;
    while (name.len && name.p[name.len - 1] != '/')
        name.len--;
    return name.len ? str_slice(name, 0, name.len - 1) : name;
}

static void read_secrets(Reader *r, const Yaml *y) {
    SecretsFrom *from = &r->plan->secrets_from;
    const Yaml *file = yaml_get(y, "file"), *command = yaml_get(y, "command");
    from->below = folder_of_main(r);
    if (file && read_text(r, file, "the path of a file", &from->file) && from->file.len == 0)
        error_at(r, file, "value", "`secrets: { file: secrets.env }`", "`file` is a path");
    if (command &&
        (!read_texts(r, command, "a word of `command`", &from->command, &from->n_command) ||
         from->n_command == 0 || from->command[0].len == 0))
        error_at(r, command, "value", "`secrets: { command: [pass, show] }`",
                 "`command` begins with a program");
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

/* What takes effect elsewhere; the rest is checked by its form. */
static const KeyRow rows[] = {
    { "baton", ignore },    { "vars", ignore },       { "prices", ignore }, { "limits", ignore },
    { "budgets", ignore },  { "models", ignore },     { "types", ignore },  { "agents", ignore },
    { "tools", ignore },    { "providers", ignore },  { "people", ignore }, { "groups", ignore },
    { "channels", ignore }, { "escalation", ignore },
};

/* By their form alone: what they name is needed by nobody. */
static void check_blocks(Reader *r, const Yaml *root) {
    Sight sight = { .sees = SEES_NO_RUN | SEES_NO_INPUT, .stands_in = "the project file" };
    r->within = ARENA_NEW(&r->scratch, Named);
    read_block(r, root, language_block(STR("Project")), rows, ARRAY_LEN(rows), &sight, NULL);
    r->within = NULL;
}

void read_project(Reader *r) {
    if (!r->project)
        return;
    const Yaml *root = r->project->root, *prices = yaml_get(root, "prices"),
               *limits = yaml_get(root, "limits"), *budgets = yaml_get(root, "budgets"),
               *secrets = yaml_get(root, "secrets"), *egress = yaml_get(root, "egress");
    check_blocks(r, root);
    if (prices)
        read_prices(r, prices);
    read_vars(r, root);
    if (secrets)
        read_secrets(r, secrets);
    read_providers(r);
    read_people(r);
    if (limits)
        read_limits(r, limits, &r->plan->limits);
    if (budgets)
        read_budgets(r, budgets);
    if (egress)
        read_egress(r, egress);
}
