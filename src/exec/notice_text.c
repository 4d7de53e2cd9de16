/* The same notice for a program (whole, as JSON), a chat and a letter (some lines), a pager (a line and a severity). */
#include "exec/notice.h"

#include "base/base64.h"
#include "base/limits.h"
#include "base/time.h"

#include <stdio.h>

/* A chat service refuses or cuts what is longer than some thousand letters. */
#define SHOWN_MAX 1500
#define TITLE_MAX 200
/* Of a summary, as pager services take it. */
#define SUMMARY_MAX 1024

static Str text_of(Value v, const char *key) {
    Value text = value_getz(v, key);
    return value_is(text, V_STRING) ? value_as_str(text) : STR("");
}

/* At most `max` bytes, cut between letters; controls but line breaks become blanks. */
static Str tame(Arena *a, Str s, size_t max, bool one_line) {
    size_t len = MIN(s.len, max);
    while (len < s.len && len && ((unsigned char)s.p[len] & 0xC0) == 0x80)
        len--;
    char *text = arena_alloc(a, len + 4);
    memcpy(text, s.p, len);
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < ' ' && (one_line || text[i] != '\n')) || text[i] == 0x7f)
            text[i] = ' ';
    if (len < s.len)
        memcpy(text + len, " ...", 4);
    return (Str){ text, len < s.len ? len + 4 : len };
}

/* ---- for people ------------------------------------------------------------------------------------------------------- */

static const char *word_of(Str about) {
    return str_is(about, "reminder")    ? "Reminder"
           : str_is(about, "escalated") ? "Escalated"
           : str_is(about, "notice")    ? "For your information"
           : str_is(about, "in_doubt")  ? "In doubt"
                                        : "Asked";
}

Str notice_title(Arena *a, Value request) {
    Value m = value_getz(request, "message");
    Str risk = text_of(m, "risk"), ask = text_of(m, "ask"), step = text_of(m, "step");
    Str what = ask.len ? tame(a, ask, TITLE_MAX, true) : arena_fmt(a, "step %.*s", STR_FMT(step));
    return arena_fmt(a, "%s%s%.*s%s: %.*s", word_of(text_of(request, "about")),
                     risk.len ? " (" : "", STR_FMT(risk), risk.len ? ")" : "", STR_FMT(what));
}

static void add_time(Buf *b, const char *before, Value ms) {
    if (!value_is(ms, V_INT))
        return;
    buf_fmt(b, "%s", before);
    time_write(b, ms.i / 1000, 0);
}

static void add_who(Buf *b, Value m) {
    Str group = text_of(m, "group"), person = text_of(m, "person");
    if (group.len)
        buf_fmt(b, "\nWho: %.*s", STR_FMT(group));
    else if (person.len)
        buf_fmt(b, "\nWho: %.*s", STR_FMT(person));
    add_time(b, "\nUntil: ", value_getz(m, "deadline_ms"));
}

static void add_shown(Buf *b, Value m, Arena *a) {
    Value show = value_getz(m, "show");
    if (value_is(value_getz(m, "show_left_out"), V_BOOL))
        buf_fmt(b, "\n\n(what it is about is too long to stand here)");
    if (value_absent(show) || value_is(show, V_NULL))
        return;
    Str text = value_is(show, V_STRING) ? value_as_str(show) : value_text(a, show);
    if (text.p)
        buf_fmt(b, "\n\n%.*s", STR_FMT(tame(a, text, SHOWN_MAX, false)));
}

static bool is_doubt(Value m) { return str_is(text_of(m, "kind"), "doubt"); }

static void add_how(Buf *b, Value m, bool notice) {
    Str run = text_of(m, "run"), step = text_of(m, "step");
    bool answer = str_is(text_of(m, "kind"), "answer");
    if (notice)
        buf_fmt(b, "\n\nbaton show %.*s", STR_FMT(run));
    else if (is_doubt(m))
        buf_fmt(b,
                "\n\nbaton effects %.*s\nbaton resolve %.*s %.*s --done JSON | --not-done | --fail",
                STR_FMT(run), STR_FMT(run), STR_FMT(step));
    else if (answer)
        buf_fmt(b, "\n\nbaton approve %.*s %.*s --answer JSON", STR_FMT(run), STR_FMT(step));
    else
        buf_fmt(b, "\n\nbaton approve %.*s %.*s\nbaton reject %.*s %.*s --words WHY", STR_FMT(run),
                STR_FMT(step), STR_FMT(run), STR_FMT(step));
}

Str notice_lines(Arena *a, Value request) {
    Value m = value_getz(request, "message");
    Buf b = BUF_INIT(16 * KIB);
    buf_fmt(&b, "%.*s\nRun: %.*s", STR_FMT(notice_title(a, request)), STR_FMT(text_of(m, "run")));
    if (text_of(m, "workflow").len)
        buf_fmt(&b, " of %.*s", STR_FMT(text_of(m, "workflow")));
    buf_fmt(&b, ", step %.*s", STR_FMT(text_of(m, "step")));
    add_who(&b, m);
    add_shown(&b, m, a);
    add_how(&b, m, str_is(text_of(request, "about"), "notice"));
    Str lines = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return lines;
}

/* ---- for programs ----------------------------------------------------------------------------------------------------- */

static Value time_value(Arena *a, Value ms) {
    Buf b = BUF_INIT(64);
    time_write_ms(&b, value_is(ms, V_INT) ? ms.i : 0);
    Value v = value_str(arena_str(a, buf_str(&b)));
    buf_deinit(&b);
    return v;
}

static Str type_of(Arena *a, Str about, bool doubt) {
    return str_is(about, "notice")
               ? STR("notice")
               : arena_fmt(a, "%s.%.*s", doubt ? "effect" : "approval", STR_FMT(about));
}

static MapBuilder event_of(Arena *a, Value request) {
    MapBuilder m = map_builder(a);
    map_addz(
        &m, "type",
        value_str(type_of(a, text_of(request, "about"), is_doubt(value_getz(request, "message")))));
    map_addz(&m, "timestamp", time_value(a, value_getz(request, "made_ms")));
    map_addz(&m, "data", value_getz(request, "message"));
    return m;
}

Str notice_webhook(Arena *a, Value request) {
    MapBuilder m = event_of(a, request);
    return value_text(a, map_done(&m, NULL));
}

/* `&`, `<` and `>` begin links and calls to everybody: what a model wrote shall not ring a whole room. */
static Str chat_text(Arena *a, Str s) {
    Buf b = BUF_INIT(64 * KIB);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (c == '&' || c == '<' || c == '>')
            buf_fmt(&b, "%s", c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
        else
            buf_char(&b, c);
    }
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

Str notice_chat(Arena *a, Value request) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "text", value_str(chat_text(a, notice_lines(a, request))));
    return value_text(a, map_done(&m, NULL));
}

static const char *severity_of(Str risk) {
    return str_is(risk, "critical") ? "critical"
           : str_is(risk, "high")   ? "error"
           : str_is(risk, "medium") ? "warning"
                                    : "info";
}

/* With a key as the events of pager services that route by one; a reminder rings for the same incident. */
Str notice_pager(Arena *a, Value request, Str key) {
    Value message = value_getz(request, "message");
    MapBuilder event = map_builder(a), payload = map_builder(a);
    const char *severity = severity_of(text_of(message, "risk"));
    Str summary = tame(a, notice_title(a, request), SUMMARY_MAX, true);
    if (!key.len) {
        event = event_of(a, request);
        map_addz(&event, "summary", value_str(summary));
        map_addz(&event, "severity", value_str(str_from(severity)));
        return value_text(a, map_done(&event, NULL));
    }
    map_addz(&payload, "summary", value_str(summary));
    map_addz(&payload, "source", value_str(STR("baton")));
    map_addz(&payload, "severity", value_str(str_from(severity)));
    map_addz(&payload, "timestamp", time_value(a, value_getz(request, "made_ms")));
    map_addz(&payload, "custom_details", message);
    map_addz(&event, "routing_key", value_str(key));
    map_addz(&event, "event_action", value_str(STR("trigger")));
    map_addz(&event, "dedup_key",
             value_str(arena_fmt(a, "%.*s/%.*s", STR_FMT(text_of(message, "run")),
                                 STR_FMT(text_of(message, "step")))));
    map_addz(&event, "client", value_str(STR("baton")));
    map_addz(&event, "payload", map_done(&payload, NULL));
    return value_text(a, map_done(&event, NULL));
}

/* ---- a letter --------------------------------------------------------------------------------------------------------- */

/* Words that are not plain ASCII, in pieces that a line of a header may hold (RFC 2047); pieces end between letters. */
static void write_header_text(Buf *b, Str s) {
    for (size_t at = 0; at < s.len;) {
        size_t to = MIN(at + 42, s.len);
        while (to < s.len && ((unsigned char)s.p[to] & 0xC0) == 0x80)
            to--;
        char text[64];
        base64_write(str_slice(s, at, to), text);
        buf_fmt(b, "%s=?UTF-8?B?%.*s?=", at ? "\r\n " : "", (int)base64_room(to - at), text);
        at = to;
    }
}

static void write_date(Buf *b, int64_t seconds) {
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    Civil c = civil_from_seconds(seconds);
    buf_fmt(b, "%.3s, %02d %.3s %04d %02d:%02d:%02d +0000", days + 3 * c.weekday, c.day,
            months + 3 * (c.month - 1), (int)c.year, c.hour, c.minute, c.second);
}

/* Base64 in lines of 76: whatever the text holds, no line is too long and none begins with a dot. */
static void write_body(Buf *b, Str text) {
    for (size_t at = 0; at < text.len; at += 57) {
        Str piece = str_slice(text, at, MIN(at + 57, text.len));
        char line[80];
        base64_write(piece, line);
        buf_fmt(b, "%.*s\r\n", (int)base64_room(piece.len), line);
    }
}

/* The id names the letter too, so that who gets it twice can tell. */
static void write_id(Buf *b, Str id) {
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '.' || c == '-' || c == '_';
        buf_char(b, plain ? c : '.');
    }
}

Str notice_letter(Arena *a, Value request, Str from, int64_t seconds) {
    Buf b = BUF_INIT(256 * KIB);
    buf_fmt(&b, "Date: ");
    write_date(&b, seconds);
    buf_fmt(&b, "\r\nFrom: Baton <%.*s>\r\nTo: <%.*s>\r\nSubject: ", STR_FMT(from),
            STR_FMT(text_of(request, "email")));
    write_header_text(&b, notice_title(a, request));
    buf_fmt(&b, "\r\nMessage-ID: <");
    write_id(&b, text_of(request, "id"));
    buf_fmt(&b,
            "@baton>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    write_body(&b, notice_lines(a, request));
    Str letter = buf_over(&b) ? STR_NULL : arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return letter;
}
