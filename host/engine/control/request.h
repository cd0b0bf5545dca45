/* request.h -- a line of a client's, as a request.
**
** Layer    engine; for the control socket's files alone.
** Owner    the JSON lives as long as the call.
** Thread   the engine's.
** Limits   RS_REQUEST_ID bytes of id, RS_REQUEST_PATH bytes of path.
** Tested   spec/host/control_*_spec.lua. */
#ifndef RS_REQUEST_H
#define RS_REQUEST_H

#include <cJSON.h>

#include "peer.h"

enum { RS_REQUEST_ID = 128, RS_REQUEST_PATH = 4096 };

typedef struct rs_request {
  rs_peer *peer;
  const cJSON *json;
  const char *op, *path;  /* path: "" where none was given */
  char id[RS_REQUEST_ID]; /* as JSON */
} rs_request;

/* Reads the line (a NUL follows it), does what it asks for or answers why not. */
void rs_request_take(rs_peer *peer, const char *line, size_t size);

/* A field; the fallback where it is missing or of another type. */
const char *rs_request_text(const rs_request *request, const char *key);
bool rs_request_flag(const rs_request *request, const char *key, bool fallback);
double rs_request_number(const rs_request *request, const char *key, double fallback);

/* The one unit; RS_NONE where there is none, which was answered then. */
uint32_t rs_request_unit(const rs_request *request);

#endif
