/* http.h -- what one side of an HTTP/1 connection has said, message by message.
**
** Layer    runner.
** Owner    whoever calls rs_http_init, until rs_http_free.
** Thread   one at a time; in a VM: its own.
** Limits   a head of head_max bytes and fields_max fields, a chunk's line of 256 bytes.
** Tested   spec/c/runner_http.c. */
#ifndef RS_HTTP_H
#define RS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  RS_HTTP_FIELDS_MAX = 128, /* of a head; fields_max is no more */
  RS_HTTP_CHUNK_LINE_MAX = 256
};

typedef enum rs_http_kind {
  RS_HTTP_MORE,   /* what has come is not enough */
  RS_HTTP_HEAD,   /* a message begins; `length` says what follows */
  RS_HTTP_BODY,   /* `body`, until the next call */
  RS_HTTP_END,    /* the body is whole; not told of a message without one */
  RS_HTTP_REFUSED /* `status` and `why`; nothing more comes */
} rs_http_kind;

/* Lengths that are none. */
#define RS_HTTP_CHUNKED (-1)
#define RS_HTTP_TO_CLOSE (-2)

typedef struct rs_span {
  const char *at;
  size_t size;
} rs_span;

typedef struct rs_http_field {
  rs_span name, value;
} rs_http_field;

/* A head; what it points to lasts until the next call. */
typedef struct rs_http_head {
  const char *method; /* a request's */
  rs_span target;     /* a request's; the reason of a response */
  int status;         /* a response's */
  int minor;          /* HTTP/1.minor */
  bool keep_alive;
  int64_t length;
  uint32_t count;
  rs_http_field field[RS_HTTP_FIELDS_MAX];
} rs_http_head;

typedef struct rs_http {
  bool is_response;
  bool bodiless; /* the next response has no body whatever its head says: HEAD's */
  uint8_t stage;
  uint32_t head_max, fields_max;
  char *bytes; /* [at, end) is still to be read */
  size_t at, end, room;
  size_t scanned; /* of these, so many have no end of a head in them */
  uint64_t left;  /* of the body, or of the chunk */
  size_t trailer; /* bytes of the trailer so far */
  rs_span body;
  int status; /* of a refusal */
  const char *why;
} rs_http;

void rs_http_init(rs_http *http, bool is_response, uint32_t head_max,
                  uint32_t fields_max);
void rs_http_free(rs_http *http);

/* Takes bytes that have come. False: no memory. */
bool rs_http_feed(rs_http *http, const char *bytes, size_t size);

/* The next of what has come; `head` is filled for RS_HTTP_HEAD. */
rs_http_kind rs_http_next(rs_http *http, rs_http_head *head);

/* No more will come: whether a body that lasts until then is whole. */
bool rs_http_close(rs_http *http);

#endif
