/* The graph of a plan: what `baton graph` draws. Groups hold nodes, and edges join siblings only, since `needs` names
 * siblings only; so every group is a picture of its own that stands as one box in the picture around it.
 *
 *   Plan --graph_new--> Graph --graph_text / _mermaid / _dot / _svg--> bytes
 *
 * A handler of on_error is a sibling of the step it stands for, joined to it by an edge of its own kind. */
#ifndef BATON_TRACE_GRAPH_H
#define BATON_TRACE_GRAPH_H

#include "spec/plan.h"
#include "trace/words.h"

typedef struct GraphNode GraphNode;
typedef struct GraphEdge {
    GraphNode *source, *target; /* siblings */
    bool on_error;
} GraphEdge;

/* Of a machine or a team: from one part to another, in circles too. A line with words; in a terminal it is a note of its source. */
typedef struct GraphMove {
    GraphNode *source, *target;
    Str label; /* may be empty */
} GraphMove;

struct GraphNode {
    uint32_t no; /* from 0, parents before children */
    const Node *step;
    Str title;
    Str *notes;            /* what it calls, in which loop, under which condition: one line each */
    size_t n_notes, n_own; /* those behind the first n_own are its moves */
    GraphNode *parent, **children; /* n_children 0: a step, else a group */
    size_t n_children;
    GraphEdge *edges; /* among the children; sources before targets */
    size_t n_edges;
    GraphMove *moves; /* among the children */
    size_t n_moves;
    bool many;     /* has a `for` */
    bool handler;  /* of on_error */
    Status status; /* STATUS_NEW where no run is drawn */
};

typedef struct Graph {
    Arena arena;
    GraphNode *root;
    GraphNode **of_step; /* by the number of the plan's node */
    size_t n_nodes;
} Graph;

/* The plan is borrowed and must outlive the graph. */
Graph *graph_new(const Plan *plan);
Graph *graph_free(Graph *g);
DEFINE_CLEANUP(Graph *, graph_free)
/* Colours the node of a step; of several items the one that most wants to be seen wins. */
void graph_status(Graph *g, const Node *step, Status status);

/* A tree for a terminal; ink.width columns, 80 if it is 0. */
void graph_text(Buf *b, const Graph *g, const Ink *ink);
void graph_mermaid(Buf *b, const Graph *g);
void graph_dot(Buf *b, const Graph *g);
/* A picture that stands alone: light or dark as the reader's screen, no script, nothing fetched. */
void graph_svg(Buf *b, const Graph *g);
/* { title, nodes: [{ id, title, notes, parent, step, status }], edges: [{ from, to, kind, label? }] } */
Value graph_json(const Graph *g, Arena *a);

#endif
