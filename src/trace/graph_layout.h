/* Where the boxes and lines of a graph stand: a small layered layout (Sugiyama), one group at a time from the inside out. */
#ifndef BATON_TRACE_GRAPH_LAYOUT_H
#define BATON_TRACE_GRAPH_LAYOUT_H

#include "trace/graph.h"

typedef struct Box {
    double x, y, w, h; /* x and y of the upper left corner */
} Box;
typedef struct Point {
    double x, y;
} Point;
/* From the lower edge of the source to the upper edge of the target, by way of the points between other boxes. */
typedef struct Route {
    const GraphEdge *edge;
    Point *points;
    size_t n;
} Route;

typedef struct Layout {
    Arena arena;
    Box *boxes; /* by GraphNode.no; [0] is the whole */
    Route *routes;
    size_t n_routes;
} Layout;

/* How large a box must be for what stands in it: a step's whole box, the head of a group's. */
typedef void (*LayoutSize)(const GraphNode *n, double *ret_w, double *ret_h);

/* The graph is borrowed. layout_deinit() it. */
void layout_init(Layout *l, const Graph *g, LayoutSize size);
void layout_deinit(Layout *l);

#endif
