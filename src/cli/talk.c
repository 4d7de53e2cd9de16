#include "cli/talk.h"

#include "cli/asked.h"
#include "cli/place.h"
#include "cli/say.h"

static bool line(void *ctx, Str prompt, Str *ret_line) {
    Talk *t = ctx;
    if (t->stopped || t->withdrawn)
        return false;
    say_text("%.*s", STR_FMT(prompt));
    if (type_line(t->link, &t->typed, t->args->arena, ret_line))
        return true;
    t->stopped = !t->typed.ended;
    say_text("\n");
    return false;
}

static TalkEnd answer(Talk *t, Str run, Value item) {
    Value reply;
    Arena *a = t->args->arena;
    AskedTalk how = { a, say_ink(2), t->link, line, t };
    AskedAnswer said = asked_talk(&how, item);
    if (t->withdrawn) {
        say_line("it was decided meanwhile: baton why %.*s %.*s", STR_FMT(run), STR_FMT(t->about));
        return TALK_WITHDRAWN;
    }
    if (!said.verdict)
        return t->stopped ? TALK_STOPPED : TALK_LATER;
    t->about = STR("");
    int code = place_ask(t->args, t->link, API_POST, place_run_path(a, run, "approvals"), STR(""),
                         asked_body(a, item, &said, place_user()), &reply);
    return code == 0 ? TALK_DECIDED : TALK_REFUSED;
}

TalkEnd talk(Talk *t, Link *l, Str run, Str address) {
    Value item;
    t->link = l;
    t->withdrawn = t->stopped = false;
    Str at = arena_str(t->args->arena, address);
    if (asked_find(t->args, l, run, at.p, &item) != 0)
        return TALK_WITHDRAWN;
    t->about = at;
    TalkEnd end = answer(t, run, item);
    t->about = STR("");
    return end;
}
