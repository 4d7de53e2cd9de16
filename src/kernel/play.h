/* Verbs that several steps play (play.c). Internal to the kernel. */
#ifndef BATON_KERNEL_PLAY_H
#define BATON_KERNEL_PLAY_H

#include "kernel/frame.h"

/* The state of a played shape that begins: `bytes` of it, with its Play. */
void *play_begin(Run *r, Frame *f, size_t bytes);
/* Begins a part. `with`: what it is handed unless it says so itself; absent: what the verb's step was given. */
Frame *play_open(Run *r, Frame *f, const Node *part, Value with);
/* What a part was handed, else what the verb's step was given. */
Value play_with(const Frame *part);
/* In child_done, first: the part is over. Its frame stays until the same part begins anew, so that `steps.ID` reads it. */
void play_over(Run *r, Frame *f, Frame *child);
/* Waits of the shape's own, until they are closed: all that were opened behind the first `keep`, or one. */
Want *play_wait(Run *r, Frame *f, Want *w);
void play_stop_waiting(Run *r, Frame *f, uint32_t keep);
void play_came(Frame *f, const Want *w);
/* What is open is not needed any more: cancelled, and what it did is taken back. */
void play_cancel_rest(Run *r, Frame *f, Str why);
void play_save(const Frame *f, Buf *b);
void *play_load(Run *r, Frame *f, Cursor *c, size_t bytes);
/* A loaded frame below one that plays. False: it does not belong there. */
bool play_place(Frame *f, Frame *child);
/* `timeout` of the step. */
void play_timer_due(Run *r, Frame *f, TimerPurpose purpose);
/* { name, status, output or error } of a part. */
Value play_result(Run *r, const Frame *child);
const Shape *play_shape(Verb v);

#endif
