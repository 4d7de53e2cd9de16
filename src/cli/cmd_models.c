/* baton models: the providers, what is set for each, and with --all what their servers have. */
#include "cli/command.h"
#include "cli/reach.h"
#include "cli/say.h"

#include <stdlib.h>

static bool is_set(const char *name) {
    const char *value = name ? getenv(name) : NULL;
    return value && *value;
}

static Value provider_value(const Args *args, const Provider *p) {
    Arena *a = args->arena;
    ProviderWay way = provider_own_way(a, p);
    MapBuilder m = map_builder(a);
    map_addz(&m, "provider", value_str(str_from(p->name)));
    map_addz(&m, "url", value_str(way.url));
    map_addz(&m, "key", p->key_env ? value_str(str_from(p->key_env)) : VALUE_NULL);
    map_addz(&m, "key_set", value_bool(is_set(p->key_env)));
    Str *models, problem = STR("");
    size_t n = 0;
    bool asked = args_flag(args, "all") && way.problem.len == 0;
    if (asked && reach_models(a, &way, &models, &n, &problem) == 0) {
        ListBuilder list = list_builder(a);
        for (size_t i = 0; i < n; i++)
            list_add(&list, value_str(arena_fmt(a, "%s/%.*s", p->name, STR_FMT(models[i]))));
        map_addz(&m, "models", list_done(&list));
    } else if (problem.len) {
        map_addz(&m, "problem", value_str(problem));
    }
    return map_done(&m, NULL);
}

static void write_provider(Buf *b, const Args *args, const Provider *p) {
    Ink ink = say_ink(1);
    Value v = provider_value(args, p), models = value_getz(v, "models"),
          problem = value_getz(v, "problem");
    const char *state = !p->key_env ? "needs no key" : is_set(p->key_env) ? "key is set" : "no key";
    buf_fmt(b, "%-10s %-13s %-18s %s%.*s%s\n", p->name, state, p->key_env ? p->key_env : "",
            ink_dim(&ink), STR_FMT(value_as_str(value_getz(v, "url"))), ink_end(&ink));
    for (size_t i = 0; value_is(models, V_LIST) && i < models.len; i++) {
        buf_str_add(b, STR("  "));
        words_clean(b, value_as_str(models.items[i]), 200);
        buf_char(b, '\n');
    }
    if (value_is(problem, V_STRING)) {
        buf_str_add(b, STR("  "));
        words_clean(b, value_as_str(problem), 400);
        buf_char(b, '\n');
    }
}

int cmd_models(Args *args) {
    if (args->json) {
        ListBuilder list = list_builder(args->arena);
        for (size_t i = 0; i < providers_count; i++)
            list_add(&list, provider_value(args, &providers[i]));
        out_json(list_done(&list));
        return EXIT_OK;
    }
    Buf b = BUF_INIT(16 << 20);
    for (size_t i = 0; i < providers_count; i++)
        write_provider(&b, args, &providers[i]);
    buf_fmt(&b, "%-10s answers from a file: no key, no network\n", "scripted");
    if (is_set("OPENAI_BASE_URL"))
        buf_str_add(
            &b,
            STR("OPENAI_BASE_URL is set: models of providers without a key or an address of their own are "
                "asked there\n"));
    if (!args_flag(args, "all"))
        buf_str_add(
            &b,
            STR("\n`baton models --all` asks each server which models it has. In a file: `model: PROVIDER/NAME`.\n"));
    out_str(buf_str(&b));
    buf_deinit(&b);
    return EXIT_OK;
}
