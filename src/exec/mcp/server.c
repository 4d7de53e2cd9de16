/* One server: what is between "it is needed" and "it can be asked". */
#include "exec/mcp/mcp.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

/* A server that knows `server/discover` answers it at once; one that is still starting answers later, and is understood then. */
#define PROBE_MS 5000
/* Programs that are fetched before they start take their time. */
#define RISE_MS 60000
/* A new process for each call would be slow, an idle one for ever a waste. */
#define IDLE_MS (5 * 60 * 1000)
/* Between two beginnings of a server that dies: twice as long each time. */
#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 30000
/* Of one list: more tools than a model can be told of, and an end to a server that always has a next page. */
#define PAGES_MAX 100

static uint64_t now_us(void) { return uv_hrtime() / 1000; }

/* ---- the timer ------------------------------------------------------------------------------------------------------- */

static void timer_due(uv_timer_t *timer);

static void arm(McpServer *s, uint64_t ms) { uv_timer_start(s->timer, timer_due, ms, 0); }

static bool is_wanted(const McpServer *s) { return s->jobs != NULL; }

/* ---- jobs that wait --------------------------------------------------------------------------------------------------- */

static McpJob *next_waiting(const McpServer *s) {
    McpJob *first = NULL; /* the oldest is the last of the list */
    for (McpJob *j = s->jobs; j; j = j->next)
        if (j->waiting)
            first = j;
    return first;
}

/* A job that goes may take the server down, or want its list anew. */
static void let_go(McpServer *s) {
    for (McpJob *j; s->state == SERVER_UP && (j = next_waiting(s));) {
        j->waiting = false;
        job_go(j);
    }
}

static void refuse_waiting(McpServer *s, Str why) {
    for (McpJob *j; (j = next_waiting(s));) {
        j->waiting = false;
        job_unsent(j, why);
    }
}

/* ---- up and down ----------------------------------------------------------------------------------------------------- */

static void rise(McpServer *s) {
    uint64_t now = now_us();
    if (s->next_us > now) {
        arm(s, (s->next_us - now) / 1000 + 1);
        return;
    }
    s->state = SERVER_RISING;
    s->listed_us = 0;
    s->session.state = MCP_CLOSED;
    arm(s, PROBE_MS);
    s->carrier->start(s);
    if (s->state == SERVER_RISING)
        mcp_begin(&s->session);
}

static void down(McpServer *s) {
    s->state = SERVER_DOWN;
    s->carrier->stop(s);
    trust_forget(s->x, &s->trust);
    uv_timer_stop(s->timer);
}

static void put_off(McpServer *s) {
    uint64_t ms = (uint64_t)BACKOFF_FIRST_MS << MIN(s->deaths, 10u);
    s->next_us = now_us() + MIN(ms, (uint64_t)BACKOFF_MAX_MS) * 1000;
    s->deaths++;
}

void mcp_died(McpServer *s, Str why) {
    Arena a = ARENA_NULL;
    why = arena_str(&a, why);
    put_off(s);
    down(s);
    mcp_end(&s->session, MCP_LOST, why);
    refuse_waiting(s, why);
    arena_deinit(&a);
}

void mcp_forgotten(McpServer *s) {
    if (s->state == SERVER_DOWN)
        return;
    down(s);
    mcp_end(&s->session, MCP_EXPIRED, STR("the server has forgotten the session"));
}

static void timer_due(uv_timer_t *timer) {
    McpServer *s = timer->data;
    if (s->state == SERVER_DOWN && is_wanted(s)) {
        rise(s);
    } else if (s->state == SERVER_RISING && s->session.state == MCP_PROBING) {
        arm(s, RISE_MS - PROBE_MS);
        mcp_probe_late(&s->session);
    } else if (s->state == SERVER_UP && !is_wanted(s)) {
        down(s);
    } else if (s->state != SERVER_UP && s->state != SERVER_DOWN) {
        mcp_died(s, STR("the server did not say within a minute what it can do"));
    }
}

/* ---- its tools ------------------------------------------------------------------------------------------------------- */

static void ask_page(McpServer *s, Str cursor) {
    Arena a = ARENA_NULL;
    s->list.params = VALUE_EMPTY_MAP;
    if (cursor.p)
        s->list.params = value_with(&a, VALUE_EMPTY_MAP, STR("cursor"), value_str(cursor));
    mcp_call(&s->session, &s->list);
    s->list.params = VALUE_EMPTY_MAP;
    arena_deinit(&a);
}

static void ask_tools(McpServer *s) {
    s->state = SERVER_LISTING;
    s->pages = 0;
    s->listing = VALUE_EMPTY_MAP;
    arm(s, RISE_MS);
    ask_page(s, STR_NULL);
}

static void come_up(McpServer *s) {
    s->state = SERVER_UP;
    uv_timer_stop(s->timer);
    let_go(s);
    if (s->state == SERVER_UP && !is_wanted(s))
        arm(s, IDLE_MS);
}

static void trust_came(void *ctx) { come_up(ctx); }

void mcp_retrust(McpServer *s) {
    s->state = SERVER_TRUSTING;
    arm(s, RISE_MS);
    trust_read(s->x, &s->trust, trust_came, s);
}

static void take_tools(McpServer *s) {
    Arena kept = ARENA_NULL;
    bool first = !s->trust.stored && value_absent(s->trust.entry);
    s->tools = value_copy(&kept, s->listing);
    s->listing = VALUE_EMPTY_MAP;
    arena_deinit(&s->tools_arena);
    s->tools_arena = kept;
    s->listed_us = now_us();
    s->deaths = 0;
    if (first)
        mcp_retrust(s);
    else
        come_up(s);
}

static void page_came(McpCall *call, const McpReply *reply) {
    McpServer *s = call->ctx;
    Str cursor = STR_NULL;
    if (reply->end == MCP_EXPIRED && s->state == SERVER_LISTING) {
        put_off(s);
        mcp_forgotten(s);
        rise(s);
        return;
    }
    if (reply->end != MCP_ANSWERED && reply->end != MCP_FAULT) {
        if (s->state == SERVER_LISTING)
            mcp_died(s, reply->text);
        return;
    }
    Value result = value_copy(&s->tools_arena, reply->result);
    if (reply->end == MCP_FAULT && reply->code == -32601)
        take_tools(s); /* a server without tools: whatever is asked of it is not there */
    else if (reply->end == MCP_FAULT)
        mcp_died(s, reply->text);
    else if (!mcp_add_page(&s->tools_arena, result, &s->listing, &cursor))
        mcp_died(s, STR("what it answers to `tools/list` is no list of tools"));
    else if (cursor.p && ++s->pages == PAGES_MAX)
        mcp_died(s, STR("its list of tools has no end: a hundred pages, and one more"));
    else if (cursor.p)
        ask_page(s, cursor);
    else
        take_tools(s);
}

void mcp_relist(McpServer *s) {
    ASSERT(s->state == SERVER_UP);
    ask_tools(s);
}

/* ---- what its session tells ------------------------------------------------------------------------------------------ */

static void opened(void *ctx) { ask_tools(ctx); }

static void refused(void *ctx, Str why) { mcp_died(ctx, why); }

static void changed(void *ctx) { ((McpServer *)ctx)->listed_us = 0; }

static void send_out(void *ctx, const McpOut *out) {
    McpServer *s = ctx;
    s->carrier->send(s, out);
}

static void abandon(void *ctx, int64_t id) {
    McpServer *s = ctx;
    if (s->carrier->abandon)
        s->carrier->abandon(s, id);
}

/* ---- jobs ------------------------------------------------------------------------------------------------------------ */

void mcp_want(McpServer *s, McpJob *job) {
    job->waiting = true;
    if (s->state == SERVER_DOWN)
        rise(s);
    else if (s->state == SERVER_UP && !s->listed_us)
        mcp_relist(s);
    else if (s->state == SERVER_UP)
        let_go(s);
}

void mcp_leave(McpServer *s, McpJob *job) {
    for (McpJob **at = &s->jobs; *at; at = &(*at)->next)
        if (*at == job) {
            *at = job->next;
            break;
        }
    if (s->state == SERVER_UP && !is_wanted(s))
        arm(s, IDLE_MS);
}

/* ---- one for each definition ----------------------------------------------------------------------------------------- */

/* Without what asks: set, tool and arguments. */
static Value definition(Arena *a, Value request) {
    static const char *const fields[] = { "command", "env", "url", "headers" };
    MapBuilder m = map_builder(a);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        Value v = value_getz(request, fields[i]);
        if (!value_absent(v))
            map_addz(&m, fields[i], v);
    }
    return map_done(&m, NULL);
}

static void write_entries(Buf *b, const Str *entries, size_t n) {
    for (size_t i = 0; i < n; i++)
        buf_fmt(b, "%.*s\n", STR_FMT(entries[i]));
    buf_char(b, '\n');
}

/* Also by where its requests may lead, and from where its program is started. */
static Hash key_of(Arena *a, Value definition, const Attempt *as) {
    Str text = value_text(a, definition);
    Buf b = BUF_INIT(LIMIT_FILE_BYTES);
    buf_fmt(&b, "%d\n", as->host_of_data);
    write_entries(&b, as->egress.allow, as->egress.n_allow);
    write_entries(&b, as->egress.deny, as->egress.n_deny);
    buf_str_add(&b, as->dir);
    Str parts[] = { text.p ? text : STR(""), STR("\n"), buf_str(&b) };
    Hash h = hash_parts(parts, ARRAY_LEN(parts));
    buf_deinit(&b);
    return h;
}

static Str address_of(Arena *a, Value definition) {
    Value url = value_getz(definition, "url"), command = value_getz(definition, "command");
    if (!value_is(url, V_STRING))
        return value_is(command, V_LIST) ? arena_str(a, value_text(a, command)) : STR("");
    Str text = value_as_str(url);
    size_t end = 0;
    while (end < text.len && text.p[end] != '?' && text.p[end] != '#')
        end++;
    return arena_str(a, str_slice(text, 0, end));
}

static McpServer *new_server(Exec *x, const Attempt *a, Value what, const Hash *key) {
    McpServer *s = xcalloc(1, sizeof *s);
    char text[32];
    s->x = x;
    s->key = *key;
    s->as.request = value_copy(&s->as.arena, what);
    s->as.dir = arena_str(&s->as.arena, a->dir);
    s->as.egress = egress_copy(&a->egress, &s->as.arena);
    s->as.host_of_data = a->host_of_data;
    Value set = value_getz(a->request, "set");
    s->set = arena_str(&s->as.arena, value_is(set, V_STRING) ? value_as_str(set) : STR("mcp"));
    s->address = address_of(&s->as.arena, s->as.request);
    s->carrier = value_absent(value_getz(what, "url")) ? &mcp_stdio : &mcp_http;
    s->session = (McpSession){ .ctx = s,
                               .send = send_out,
                               .abandon = abandon,
                               .opened = opened,
                               .refused = refused,
                               .changed = changed };
    s->list = (McpCall){ .method = STR("tools/list"),
                         .name = STR(""),
                         .key = STR(""),
                         .params = VALUE_EMPTY_MAP,
                         .done = page_came,
                         .ctx = s };
    Str parts[] = { s->set, STR("\n"), s->address };
    Hash id = hash_parts(parts, ARRAY_LEN(parts));
    size_t n = hash_base32(&id, 15, text, sizeof text);
    snprintf(s->trust.id, sizeof s->trust.id, "tools:%.*s", (int)n, text);
    s->tools = s->listing = VALUE_EMPTY_MAP;
    s->timer = xcalloc(1, sizeof *s->timer);
    uv_timer_init(x->options.loop, s->timer);
    s->timer->data = s;
    s->next = x->mcp->servers;
    x->mcp->servers = s;
    return s;
}

McpServer *mcp_server_of(Exec *x, const Attempt *a) {
    Arena scratch = ARENA_NULL;
    Value what = definition(&scratch, a->request);
    Hash key = key_of(&scratch, what, a);
    McpServer *s = x->mcp->servers;
    while (s && !hash_eq(&s->key, &key))
        s = s->next;
    if (!s)
        s = new_server(x, a, what, &key);
    arena_deinit(&scratch);
    return s;
}

static void free_timer(uv_handle_t *handle) { free(handle); }

void mcp_server_free(McpServer *s) {
    s->carrier->stop(s);
    uv_close((uv_handle_t *)s->timer, free_timer);
    arena_deinit(&s->tools_arena);
    arena_deinit(&s->as.arena);
    trust_deinit(&s->trust);
    free(s);
}
