/* What a project gives to every expression: variables, whose values are part of what a run is pinned to, and secrets, of
 * which a plan knows the names. */
#include "spec/chain.h"

#include "base/limits.h"

/* ---- vars ------------------------------------------------------------------------------------------------------------ */

size_t chain_var(Chain *c) {
    Reader *r = c->scope->reader;
    if (c->n == 1)
        return chain_refuse(c, "unknown_name", "like `vars.region`", "`vars` needs a name");
    Named *d = table_get(&r->vars, 0, c->parts[1]);
    if (d) {
        const Value *v = d->thing ? d->thing : r->plan->vars; /* else it is refused already */
        note_use(r, d);
        return chain_take(c, 2, SLOT_VAR, (uint32_t)(v - r->plan->vars), 0);
    }
    Str *names;
    size_t n = table_names(r, &r->vars, &names);
    const char *remedy = near_remedy(r, c->parts[1], names, n);
    return chain_refuse(c, "unknown_name",
                        remedy ? remedy : "define it under `vars:` of the project file, baton.yaml",
                        "unknown variable `%.*s`", STR_FMT(c->parts[1]));
}

/* ---- secrets --------------------------------------------------------------------------------------------------------- */

static bool is_secret_name(Str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return s.len > 0 && s.len <= LIMIT_ID_BYTES;
}

/* The expression is `secrets.NAME` and nothing else: nobody computes with what only stands for a secret. */
static bool stands_alone(Str source, Str name) {
    while (source.len && strchr(" \t\r\n", source.p[0]))
        source = str_slice(source, 1, source.len);
    while (source.len && strchr(" \t\r\n", source.p[source.len - 1]))
        source.len--;
    return str_starts(source, STR("secrets.")) && str_eq(str_slice(source, 8, source.len), name);
}

static uint32_t secret_number(Reader *r, Str name, const Yaml *at) {
    Plan *plan = r->plan;
    for (size_t i = 0; i < plan->n_secrets; i++)
        if (str_eq(plan->secrets[i].name, name))
            return (uint32_t)i;
    PlanSecret *secrets = ARENA_ARRAY(r->arena, PlanSecret, plan->n_secrets + 1);
    if (plan->n_secrets)
        memcpy(secrets, plan->secrets, plan->n_secrets * sizeof *secrets);
    secrets[plan->n_secrets] = (PlanSecret){ arena_str(r->arena, name), yaml_pos(at), false };
    plan->secrets = secrets;
    return (uint32_t)plan->n_secrets++;
}

size_t chain_secret(Chain *c) {
    Str source = c->scope->source;
    if (!chain_sees(c, SEES_SECRETS))
        return chain_refuse(
            c, "secret",
            "write it in `headers` `query` `body` `url` of `http`, in `env` of `run`, or in `providers`",
            "a secret cannot stand here: it would be recorded");
    if (c->n == 1 || !is_secret_name(c->parts[1]))
        return chain_refuse(c, "secret", "like `${{ secrets.API_KEY }}`",
                            "`secrets` needs the name of one");
    if (!stands_alone(source, c->parts[1]))
        return chain_refuse(c, "secret", "like `Bearer ${{ secrets.API_KEY }}`",
                            "a secret is text: nothing can be computed with it");
    if (c->scope->reader->plan->n_secrets >= LIMIT_SECRETS)
        return chain_refuse(c, "limit", "at most 100", "a workflow names too many secrets");
    uint32_t number = secret_number(c->scope->reader, c->parts[1], c->scope->at);
    note_secret(c->scope->reader, number);
    return chain_take(c, 2, SLOT_SECRET, number, 0);
}
