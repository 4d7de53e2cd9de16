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
/* From the lower edge of the source to the upper edge of the target, by way of the points between other boxes. A move that leads
 * back, or to where it begins, goes beside all boxes: four points, of a curve from right edge to right edge. */
typedef struct Route {
    const GraphEdge *edge; /* or */
    const GraphMove *move;
    const GraphNode *around;
    bool beside;
    Point *points;
    size_t n;
    Point label; /* of a move: the middle of its words; beside: where they begin */
} Route;

/* Words of a move beyond this are cut. */
#define LABEL_CHARS 30
#define LABEL_WIDTH 6.7 /* of a character, px */

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
