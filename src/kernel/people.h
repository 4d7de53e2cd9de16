/* People: gates over what a frame does, and what is asked (gates.c, shapes/human.c). Internal to the kernel. */
#ifndef BATON_KERNEL_PEOPLE_H
#define BATON_KERNEL_PEOPLE_H

#include "kernel/frame.h"

/* True: the frame is on hold, or has failed; the rest follows when people have decided. */
bool gate_before(Run *r, Frame *f);
bool gate_after(Run *r, Frame *f, Value output);
bool gate_call(Run *r, Frame *call, const AgentTool *tool);
void gate_done(Run *r, Frame *f, Frame *gate);
/* Asks by one of the gates of the shape's own. */
void gate_open_own(Run *r, Frame *f, size_t number);
/* Where a no, or silence, leads in the machine around; NULL: nowhere. Looked at when the state has failed with it. */
void machine_send(Frame *from, const Node *to);
/* Is there a move that an event of this type brings? Can one be made now? It is. */
bool machine_hears(const Machine *m, Str type);
bool machine_would_move(Run *r, Frame *f, Str type, Value event);
void machine_heard(Run *r, Frame *f, Str type, Value event);
/* Of a gate: the step's, the tool's or the verb's; NULL: there is none. */
const Ask *gate_ask(const Frame *gate);
/* Its detail, with what people said. */
Value gate_detail(Run *r, const Frame *f);
/* Words that hold for what a frame does, as a list of texts. */
Value gate_conditions(Run *r, const Frame *f);
void gate_save(const Frame *f, Buf *b);
void gate_load(Run *r, Frame *f, Cursor *c);
void run_notice(Run *r, const Notice *n);
void run_post(Run *r, Post p);
/* Of its timers, by purpose; NULL for the others. */
Want **human_timer(Frame *f, TimerPurpose purpose);
void human_close(Run *r, Frame *f);
/* Is there something in the file that such a frame can ask? */
bool human_known(const Frame *f);
/* Why a decision is none on what is asked here. */
Refusal human_refuses(const Frame *f, const Fact *d, Value value, Arena *a, Str *ret_why);

#endif
