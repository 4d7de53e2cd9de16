/* What names mean. A chain of plain selections is offered as a whole; what is left of it stays N_SELECT.
 *
 *   steps.plan.output.title    N_SELECT title -> N_SELECT output -> N_SELECT plan -> N_IDENT steps
 *   the resolver takes three   N_SELECT title -> N_SLOT
 *
 * In order: a variable of a macro, the resolver's names, the names of types (int, google.protobuf.Duration). */
#include "cel/checker.h"
#include "cel/function.h"
#include "cel/parse.h"

#include <stdio.h>

/* Slots beyond this many are listed once for each mention: finding them again would be quadratic. */
enum { SLOTS_UNIQUE_MAX = 256 };

static bool by_the_book(const Checker *c) { return c->names && c->names->by_the_book; }

Node *checker_refuse(Checker *c, const Node *node, const char *message) {
    if (!by_the_book(c)) {
        cel_syntax_error(c->error, node->offset, "%s", message);
        return NULL;
    }
    c->unknown = true;
    Node *unknown = node_new(c->arena, N_UNKNOWN, node->offset, 0);
    unknown->text = arena_str(c->arena, str_from(message));
    return unknown;
}

bool checker_find_variable(const Checker *c, Str name, size_t *ret_number) {
    for (size_t i = c->n_variables; i-- > 0;) {
        if (str_eq(c->variables[i], name)) {
            *ret_number = i;
            return true;
        }
    }
    return false;
}

static void note_slot(Checker *c, uint64_t slot) {
    for (size_t i = 0; i < c->n_slots && i < SLOTS_UNIQUE_MAX; i++)
        if (c->slots[i] == slot)
            return;
    if (c->n_slots == c->slots_room) {
        c->slots_room = c->slots_room ? c->slots_room * 2 : 4;
        uint64_t *slots = arena_alloc(c->arena, c->slots_room * sizeof *slots);
        if (c->n_slots)
            memcpy(slots, c->slots, c->n_slots * sizeof *slots);
        c->slots = slots;
    }
    c->slots[c->n_slots++] = slot;
}

bool chain_find(Node *node, Chain *ret_chain) {
    size_t length = 1;
    for (Node *n = node; n->kind != N_IDENT; n = n->args[0], length++)
        if (n->kind != N_SELECT)
            return false;
    *ret_chain = (Chain){ .length = length, .n = MIN(length, (size_t)CHAIN_PARTS_MAX) };
    size_t place = length;
    for (Node *n = node; place-- > 0; n = place ? n->args[0] : n) {
        if (place < CHAIN_PARTS_MAX) {
            ret_chain->nodes[place] = n;
            ret_chain->parts[place] = n->text;
        }
    }
    return true;
}

bool chain_is_variable(const Checker *c, const Chain *chain) {
    size_t number;
    return checker_find_variable(c, chain->parts[0], &number);
}

/* The first `taken` parts as they are written, for messages. */
static Str chain_text(Checker *c, const Chain *chain, size_t taken) {
    Buf b = BUF_INIT(512);
    for (size_t i = 0; i < taken; i++) {
        if (i)
            buf_char(&b, '.');
        buf_str_add(&b, chain->parts[i]);
    }
    Str text = buf_over(&b) ? chain->parts[0] : arena_str(c->arena, buf_str(&b));
    buf_deinit(&b);
    return text;
}

static Node *variable_node(Checker *c, const Chain *chain) {
    size_t number;
    if (!checker_find_variable(c, chain->parts[0], &number))
        return NULL;
    Node *node = node_new(c->arena, N_LOCAL, chain->nodes[0]->offset, 0);
    node->local = (uint16_t)number;
    return node;
}

Node *chain_slot(Checker *c, const Chain *chain, size_t taken, uint64_t slot) {
    Node *node = node_new(c->arena, N_SLOT, chain->nodes[0]->offset, 0);
    node->slot = slot;
    node->text = chain_text(c, chain, taken);
    for (size_t i = 1; i < taken; i++)
        node->optional |= chain->nodes[i]->optional;
    note_slot(c, slot);
    return node;
}

static Node *type_node(Checker *c, const Chain *chain, size_t *ret_taken) {
    static const char *const types[] = {
        "bool",
        "bytes",
        "double",
        "google.protobuf.Duration",
        "google.protobuf.Timestamp",
        "int",
        "list",
        "map",
        "net.CIDR",
        "net.IP",
        "null_type",
        "optional_type",
        "string",
        "type",
        "uint",
    };
    for (size_t taken = MIN(chain->n, (size_t)3); taken > 0; taken--) {
        Str text = taken == 1 ? chain->parts[0] : chain_text(c, chain, taken);
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
            if (!str_is(text, types[i]))
                continue;
            Node *node = node_new(c->arena, N_CONST, chain->nodes[0]->offset, 0);
            node->value = value_str(str_from(types[i]));
            node->value.type = V_TYPE;
            *ret_taken = taken;
            return node;
        }
    }
    return NULL;
}

static Node *refuse_name(Checker *c, const Chain *chain, const char *message) {
    char usual[200];
    Str name = chain->parts[0];
    size_t rows;
    if (function_find(name, &rows))
        snprintf(usual, sizeof usual, "`%.*s` is a function: write %.*s(...)", STR_FMT(name),
                 STR_FMT(name));
    else
        snprintf(usual, sizeof usual, "no such name: %.*s; text stands in quotes",
                 (int)MIN(name.len, (size_t)80), name.p);
    return checker_refuse(c, chain->nodes[0], message[0] ? message : usual);
}

/* What the start of the chain means, and how many parts it takes. */
static Node *resolve_start(Checker *c, const Chain *chain, size_t *ret_taken) {
    char message[sizeof c->error->message] = "";
    *ret_taken = 1;
    Node *node = variable_node(c, chain);
    if (node)
        return node;
    uint64_t slot = 0;
    if (c->names && c->names->resolve)
        *ret_taken = c->names->resolve(c->names->ctx, chain->parts, chain->n, &slot, message);
    else
        *ret_taken = 0;
    ASSERT(*ret_taken <= chain->n);
    message[sizeof message - 1] = '\0';
    if (*ret_taken)
        return chain_slot(c, chain, *ret_taken, slot);
    node = type_node(c, chain, ret_taken);
    return node ? node : refuse_name(c, chain, message);
}

Node *chain_resolve(Checker *c, Node *top, const Chain *chain) {
    size_t taken;
    Node *start = resolve_start(c, chain, &taken);
    if (!start || start->kind == N_UNKNOWN || taken == chain->length)
        return start;
    /* Chains longer than CHAIN_PARTS_MAX: the selection just above the last part taken is still within. */
    Node *above = top;
    if (taken < chain->n)
        above = chain->nodes[taken];
    else
        while (above->args[0] != chain->nodes[taken - 1])
            above = above->args[0];
    above->args[0] = start;
    return top;
}
