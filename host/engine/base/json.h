/* json.h -- writes JSON by hand: one object a line, whatever bytes a text holds.
**
** Layer    engine.
** Owner    the caller's buffer.
** Thread   the engine's.
** Limits   none. A byte that is no UTF-8 becomes U+FFFD.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_JSON_H
#define RS_JSON_H

#include "base.h"

/* "text", quoted. */
void rs_json_string(rs_bytes *out, const char *text, size_t size);

/* JSON that another process wrote and somebody has parsed. */
void rs_json_raw(rs_bytes *out, const char *json);

/* ,"key": and a value. */
void rs_json_text(rs_bytes *out, const char *key, const char *text, size_t size);
void rs_json_name(rs_bytes *out, const char *key, const char *text);
void rs_json_int(rs_bytes *out, const char *key, int64_t value);
void rs_json_bool(rs_bytes *out, const char *key, bool value);

/* A span in seconds with 6 decimals; RS_NEVER is null. */
void rs_json_span(rs_bytes *out, const char *key, rs_time value);

#endif
