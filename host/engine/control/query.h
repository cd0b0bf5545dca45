/* query.h -- what the host knows of its units, as JSON, in pieces.
**
** Layer    engine; for the control socket's files alone.
** Owner    an answer in progress belongs to its client.
** Thread   the engine's.
** Limits   RS_QUERY_PIECE units a step. Units that come meanwhile are left out; those
**          that go are, with all below them.
** Tested   spec/host/control_status_spec.lua. */
#ifndef RS_QUERY_H
#define RS_QUERY_H

#include "request.h"

enum { RS_QUERY_PIECE = 64 };

void rs_query_status(const rs_request *request);

/* The root's id; RS_NONE before there is one. */
uint32_t rs_query_root(const rs_engine *engine);

/* A unit's object, its closing brace left out. */
void rs_query_unit(rs_engine *engine, rs_bytes *out, const rs_view *view);

#endif
