/* baton budgets: what the budgets of the project hold. */
#include "base/limits.h"
#include "base/money.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"

#include <stdlib.h>
#include <string.h>

static void write_sum(Buf *b, const char *kind, int64_t n) {
    if (strcmp(kind, "cost_nano") == 0)
        money_write(b, n);
    else if (strcmp(kind, "tokens") == 0)
        words_count(b, n);
    else
        buf_fmt(b, "%lld", (long long)n);
}

/* "12.30 of 50.00, 0.90 reserved" */
static void write_kind(Buf *b, Value budget, const char *kind) {
    Value limit = value_getz(value_getz(budget, "limit"), kind);
    int64_t held = answer_count(value_getz(budget, "reserved"), kind);
    if (!value_is(limit, V_INT))
        return;
    buf_fmt(b, "  %s ", strcmp(kind, "cost_nano") == 0 ? "cost" : kind);
    write_sum(b, kind, answer_count(value_getz(budget, "spent"), kind));
    buf_str_add(b, STR(" of "));
    write_sum(b, kind, limit.i);
    if (held) {
        buf_str_add(b, STR(", "));
        write_sum(b, kind, held);
        buf_str_add(b, STR(" reserved"));
    }
}

static void write_budget(Buf *b, Value budget) {
    Str name = answer_text(budget, "budget"), window = answer_text(budget, "window"),
        value = answer_text(budget, "value");
    buf_fmt(b, "%-16.*s %-10.*s ", STR_FMT(name), STR_FMT(window));
    Buf label = BUF_INIT(1024);
    words_clean(&label, value, 40);
    buf_fmt(b, "%-16.*s", STR_FMT(buf_str(&label)));
    buf_deinit(&label);
    write_kind(b, budget, "cost_nano");
    write_kind(b, budget, "tokens");
    write_kind(b, budget, "calls");
    buf_char(b, '\n');
}

static int newest_first(const void *x, const void *y) {
    int order =
        str_cmp(answer_text(*(const Value *)y, "window"), answer_text(*(const Value *)x, "window"));
    return order ? order
                 : str_cmp(answer_text(*(const Value *)x, "key"),
                           answer_text(*(const Value *)y, "key"));
}

static void print(Args *args, Value budgets) {
    Buf b = BUF_INIT(16 * MIB);
    Ink ink = say_ink(1);
    Value *list = ARENA_ARRAY(args->arena, Value, budgets.len + 1);
    for (uint32_t i = 0; i < budgets.len; i++)
        list[i] = budgets.items[i];
    qsort(list, budgets.len, sizeof *list, newest_first);
    buf_fmt(&b, "%s%-16s %-10s %-16s  %s%s\n", ink_dim(&ink), "BUDGET", "WINDOW", "LABEL", "SPENT",
            ink_end(&ink));
    for (uint32_t i = 0; i < budgets.len; i++)
        write_budget(&b, list[i]);
    out_str(buf_str(&b));
    buf_deinit(&b);
}

int cmd_budgets(Args *args) {
    Link *link = NULL;
    Value answer;
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code = place_ask(args, link, API_GET, STR("/v1/budgets"), STR(""), VALUE_ABSENT, &answer);
    link_close(link, 0);
    if (code != 0)
        return code;
    Value budgets = value_getz(answer, "budgets");
    if (args->json)
        out_json(budgets);
    else if (budgets.len == 0)
        say_line("nothing was spent of any budget: `budgets:` of baton.yaml sets them");
    else
        print(args, budgets);
    return EXIT_OK;
}
