/* Events and messages (events.c, inboxes.c). Internal to the kernel. */
#ifndef BATON_KERNEL_MESSAGE_H
#define BATON_KERNEL_MESSAGE_H

#include "kernel/frame.h"

void emit_enter(Run *r, Frame *f, Str choice);
/* The run is one that listens: its root waits. False: its file names no events. */
bool listen_begin(Run *r);
/* Could any step take it? */
bool event_waited_for(Run *r, const Fact *fact);
void event_came(Run *r, const Fact *fact);
/* True: the step that begins has taken one that came before, and is done. */
bool event_take_kept(Run *r, Frame *f);
/* What the want of a frame that waits is called: a signal's name, `event a, b`, `inbox desk`. */
Str wait_key(Run *r, const Frame *f);
void events_save(const Run *r, Buf *b);
void events_load(Run *r, Cursor *c);

void send_enter(Run *r, Frame *f, Str choice);
/* Into the inbox `to`, or, STR_NULL, into every one: all of them, or none with a reason. */
bool inbox_send(Run *r, Str from, Str to, Value body, ErrorKind *ret_kind, Str *ret_problem);
/* What an agent does with the built-in tool `inbox`, and what it is told. */
Str inbox_by_agent(Run *r, const Callee *agent, Value arguments);
/* The oldest message of it, or absent. */
Value inbox_pop(Run *r, uint32_t inbox);
/* True: the step that begins to receive has one, and is done. */
bool receive_take(Run *r, Frame *f);
/* One message to one who waits for it; the oldest who waits for what nobody can send fails. False: there is nothing to do. */
bool inboxes_hand_out(Run *r);
bool inboxes_break_deadlock(Run *r);
void inboxes_save(const Run *r, Buf *b);
void inboxes_load(Run *r, Cursor *c);

#endif
