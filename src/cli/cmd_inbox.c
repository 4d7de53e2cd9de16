/* baton inbox: what people are asked, over all runs, and what they are to have seen. baton deliveries: what they were told, and what could not be. */
#include "cli/answer.h"
#include "cli/asked.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"

#include "base/limits.h"
#include "base/time.h"

#include <uv.h>

static int64_t now_ms(void) {
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    return now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* "3m" since, or until, or nothing. */
static Str span(Arena *a, Value ms, bool until) {
    if (!value_is(ms, V_INT))
        return STR("");
    Buf b = BUF_INIT(64);
    duration_write(&b, MAX(until ? ms.i - now_ms() : now_ms() - ms.i, (int64_t)0));
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Str cell(Arena *a, Str s, size_t chars) {
    Buf b = BUF_INIT(KIB);
    words_clean(&b, s, chars);
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* ---- inbox ---------------------------------------------------------------------------------------------------------------- */

static Str query_of(Args *args) {
    const char *group = args_flag(args, "group"), *person = args_flag(args, "person");
    Str who = args_flag(args, "mine") ? place_user() : person ? str_from(person) : STR("");
    Str query = STR("limit=1000");
    if (group)
        query = arena_fmt(args->arena, "%.*s&group=%.*s", STR_FMT(query),
                          STR_FMT(place_encode(args->arena, str_from(group))));
    if (who.len)
        query = arena_fmt(args->arena, "%.*s&person=%.*s", STR_FMT(query),
                          STR_FMT(place_encode(args->arena, who)));
    return query;
}

/* Every page of a list that the API calls so. */
static int fetch(Args *args, Link *link, const char *path, const char *name, const char *more,
                 ListBuilder *list) {
    Str base = arena_fmt(args->arena, "%.*s%s", STR_FMT(query_of(args)), more), query = base;
    for (;;) {
        Value answer;
        int code = place_ask(args, link, API_GET, str_from(path), query, VALUE_ABSENT, &answer);
        Value items = value_getz(answer, name), next = value_getz(answer, "next_page");
        for (uint32_t i = 0; code == 0 && i < items.len; i++)
            list_add(list, items.items[i]);
        if (code != 0 || !value_is(next, V_STRING))
            return code;
        query =
            arena_fmt(args->arena, "%.*s&page=%.*s", STR_FMT(base), STR_FMT(value_as_str(next)));
    }
}

static int fetch_notices(Args *args, Link *link, ListBuilder *list) {
    return fetch(args, link, "/v1/notices", "notices", "", list);
}

static bool is_notice(Value item) { return str_is(answer_text(item, "kind"), "notice"); }

static void write_row(Buf *b, Arena *a, Value item) {
    Str group = answer_text(item, "group"), person = answer_text(item, "person");
    Str who = group.len ? group : person.len ? person : STR("anybody");
    buf_fmt(b, "%-36.*s  %-16.*s %-12.*s %-8.*s %6.*s %8.*s  %.*s\n",
            STR_FMT(answer_text(item, "run")), STR_FMT(cell(a, answer_text(item, "step"), 40)),
            STR_FMT(cell(a, who, 30)), STR_FMT(answer_text(item, "risk")),
            STR_FMT(span(a, value_getz(item, "asked_ms"), false)),
            STR_FMT(span(a, value_getz(item, "deadline_ms"), true)),
            STR_FMT(cell(a, answer_text(item, "ask"), 120)));
}

static void print_inbox(Args *args, Value list) {
    Buf b = BUF_INIT(64 * MIB);
    Ink ink = say_ink(1);
    uint32_t notices = 0;
    buf_fmt(&b, "%s%-36s  %-16s %-12s %-8s %6s %8s  %s%s\n", ink_dim(&ink), "RUN", "STEP", "WHO",
            "RISK", "SINCE", "LEFT", "QUESTION", ink_end(&ink));
    for (uint32_t i = 0; i < list.len; i++) {
        write_row(&b, args->arena, list.items[i]);
        notices += is_notice(list.items[i]);
    }
    out_str(buf_str(&b));
    buf_deinit(&b);
    if (list.len > notices)
        say_line("baton approve RUN [STEP]      shows one whole, and takes the answer");
    if (notices)
        say_line("%u of them only to be seen: baton inbox show RUN, baton inbox seen RUN",
                 (unsigned)notices);
    if (!list.len)
        say_line("nobody is asked anything");
}

static void print_reviewed(Args *args, Value list) {
    Buf b = BUF_INIT(64 * MIB);
    for (uint32_t i = 0; i < list.len; i++) {
        Value item = list.items[i];
        buf_fmt(&b, "%-36.*s  %-16.*s seen by %.*s %.*s ago: %.*s\n",
                STR_FMT(answer_text(item, "run")),
                STR_FMT(cell(args->arena, answer_text(item, "step"), 40)),
                STR_FMT(cell(args->arena, answer_text(item, "seen_by"), 60)),
                STR_FMT(span(args->arena, value_getz(item, "seen_ms"), false)),
                STR_FMT(cell(args->arena, answer_text(item, "ask"), 120)));
    }
    out_str(buf_str(&b));
    buf_deinit(&b);
}

static int list_all(Args *args, Link *link, ListBuilder *list) {
    if (args_flag(args, "reviewed"))
        return fetch(args, link, "/v1/notices", "notices", "&seen=1", list);
    int code = fetch(args, link, "/v1/approvals", "approvals", "", list);
    return code ? code : fetch_notices(args, link, list);
}

static int list_inbox(Args *args) {
    Link *link = NULL;
    ListBuilder list = list_builder(args->arena);
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code = list_all(args, link, &list);
    link_close(link, 0);
    if (code != 0)
        return code;
    Value items = list_done(&list);
    if (args->json)
        out_json(items);
    else if (args_flag(args, "reviewed"))
        print_reviewed(args, items);
    else
        print_inbox(args, items);
    return EXIT_OK;
}

/* ---- notices -------------------------------------------------------------------------------------------------------------- */

/* By its own id, or by its run's. */
static bool is_named(Value notice, Args *args) {
    if (args_flag(args, "all"))
        return true;
    for (size_t i = 1; i < args->n_words; i++) {
        Str word = str_from(args->words[i]);
        if (str_eq(answer_text(notice, "id"), word) || str_eq(answer_text(notice, "run"), word))
            return true;
    }
    return false;
}

static int find_notices(Args *args, Link *link, ListBuilder *found) {
    ListBuilder all = list_builder(args->arena);
    int code = fetch_notices(args, link, &all);
    for (size_t i = 0; i < all.n; i++)
        if (is_named(all.items[i], args))
            list_add(found, all.items[i]);
    if (code == 0 && found->n == 0)
        code = say_error(EXIT_NOT_FOUND, "there is no such notice", "baton inbox");
    return code;
}

static int mark_seen(Args *args, Link *link, Value notice) {
    const char *as = args_flag(args, "as");
    Value answer;
    MapBuilder m = map_builder(args->arena);
    map_addz(&m, "id", value_getz(notice, "id"));
    map_addz(&m, "from", value_str(as ? str_from(as) : place_user()));
    int code =
        place_ask(args, link, API_POST, STR("/v1/notices"), STR(""), map_done(&m, NULL), &answer);
    if (code == 0 && !args->json)
        say_line("seen: %.*s", STR_FMT(answer_text(notice, "id")));
    return code;
}

static void show_notice(Value notice) {
    Buf b = BUF_INIT(4 * MIB);
    Ink ink = say_ink(1);
    buf_fmt(&b, "%.*s\n", STR_FMT(answer_text(notice, "id")));
    asked_write(&b, notice, 0, &ink);
    out_str(buf_str(&b));
    buf_deinit(&b);
}

static int notices(Args *args, bool seen) {
    Link *link = NULL;
    ListBuilder found = list_builder(args->arena);
    int code = place_open(args, seen ? LINK_ACT : LINK_READ, &link);
    if (code == 0)
        code = find_notices(args, link, &found);
    for (size_t i = 0; i < found.n && code == 0; i++) {
        if (seen)
            code = mark_seen(args, link, found.items[i]);
        else if (!args->json)
            show_notice(found.items[i]);
    }
    link_close(link, 0);
    if (code == 0 && args->json)
        out_json(list_done(&found));
    return code;
}

int cmd_inbox(Args *args) {
    if (args->n_words == 0)
        return list_inbox(args);
    Str verb = str_from(args->words[0]);
    bool seen = str_is(verb, "seen"), names = args->n_words > 1 || args_flag(args, "all");
    if ((!seen && !str_is(verb, "show")) || !names)
        return say_error(EXIT_USAGE, "what about the inbox?",
                         "baton inbox, baton inbox show ID, baton inbox seen ID...");
    return notices(args, seen);
}

/* ---- deliveries ------------------------------------------------------------------------------------------------------------ */

static void write_delivery(Buf *b, Arena *a, Value d) {
    Str error = answer_text(d, "error"), state = answer_text(d, "state");
    Value at = value_getz(d, "at_ms"), next = value_getz(d, "next_ms");
    buf_fmt(b, "%-9.*s %-14.*s %-10.*s %-36.*s  %-16.*s", STR_FMT(state),
            STR_FMT(cell(a, answer_text(d, "name"), 30)), STR_FMT(answer_text(d, "about")),
            STR_FMT(answer_text(d, "run")), STR_FMT(cell(a, answer_text(d, "step"), 40)));
    if (value_is(at, V_INT))
        buf_fmt(b, " %.*s ago", STR_FMT(span(a, at, false)));
    if (answer_count(d, "tries") > 1)
        buf_fmt(b, ", %lld tries", answer_count(d, "tries"));
    if (value_is(next, V_INT) && error.len)
        buf_fmt(b, ", again in %.*s", STR_FMT(span(a, next, true)));
    if (str_is(state, "not sent"))
        buf_str_add(b, STR(": it was answered before it could be sent"));
    if (error.len)
        buf_fmt(b, ": %.*s", STR_FMT(cell(a, error, 300)));
    buf_char(b, '\n');
}

static void print_deliveries(Args *args, Value answer) {
    Value list = value_getz(answer, "deliveries");
    Buf b = BUF_INIT(16 * MIB);
    Ink ink = say_ink(1);
    buf_fmt(&b, "%s%-9s %-14s %-10s %-36s  %-16s %s%s\n", ink_dim(&ink), "STATE", "CHANNEL",
            "ABOUT", "RUN", "STEP", "LAST TRY", ink_end(&ink));
    for (uint32_t i = 0; i < list.len; i++)
        write_delivery(&b, args->arena, list.items[i]);
    out_str(buf_str(&b));
    buf_deinit(&b);
    if (answer_yes(answer, "more"))
        say_line("there are more; `--run RUN` shows those of one run");
}

int cmd_deliveries(Args *args) {
    Link *link = NULL;
    Value answer = VALUE_NULL;
    Str query = STR(""), run;
    const char *one = args_flag(args, "run");
    int code = place_open(args, LINK_READ, &link);
    if (code == 0 && one) {
        code = place_run(args, link, one, &run);
        if (code == 0)
            query = arena_fmt(args->arena, "run=%.*s", STR_FMT(place_encode(args->arena, run)));
    }
    if (code == 0)
        code = place_ask(args, link, API_GET, STR("/v1/deliveries"), query, VALUE_ABSENT, &answer);
    link_close(link, 0);
    if (code == 0 && args->json)
        out_json(value_getz(answer, "deliveries"));
    else if (code == 0)
        print_deliveries(args, answer);
    return code;
}
