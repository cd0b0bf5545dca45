/* Heads are taken apart by the http-parser library, which forgives much: a space before
** the colon, folded lines, control characters. What two programs may read in two ways
** is refused here before it sees them (RFC 9112, 2.2, 5.1, 5.2, 6.3). It would also
** take any two bytes for a chunk's end, so chunks are counted here. */
#include "http.h"

#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { AT_HEAD, IN_BODY, IN_STREAM, CHUNK_LINE, CHUNK_DATA, CHUNK_END, TRAILER, DEAD };

enum { ROOM_MIN = 4096 };

void rs_http_init(rs_http *http, bool is_response, uint32_t head_max,
                  uint32_t fields_max) {
  *http = (rs_http){.is_response = is_response, .head_max = head_max};
  http->fields_max = fields_max < RS_HTTP_FIELDS_MAX ? fields_max : RS_HTTP_FIELDS_MAX;
}

void rs_http_free(rs_http *http) {
  free(http->bytes);
  http->bytes = NULL;
  http->at = http->end = http->room = 0;
}

bool rs_http_feed(rs_http *http, const char *bytes, size_t size) {
  if (http->at > 0) {
    memmove(http->bytes, http->bytes + http->at, http->end - http->at);
    http->end -= http->at;
    http->at = 0;
  }
  if (http->room - http->end < size) {
    size_t room = http->room ? http->room : ROOM_MIN;
    while (room - http->end < size) room *= 2;
    char *larger = realloc(http->bytes, room);
    if (!larger) return false;
    http->bytes = larger;
    http->room = room;
  }
  memcpy(http->bytes + http->end, bytes, size);
  http->end += size;
  return true;
}

static rs_http_kind refuse(rs_http *http, int status, const char *why) {
  http->stage = DEAD;
  http->status = status;
  http->why = why;
  return RS_HTTP_REFUSED;
}

/* RFC 9110, 5.6.2. */
static bool is_token(unsigned char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
    return true;
  return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_text(const char *at, size_t size, unsigned char most) {
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)at[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f || c > most) return false;
  }
  return true;
}

/* A field's line, without its end. */
static bool is_field(const char *line, size_t size) {
  size_t name = 0;
  while (name < size && is_token((unsigned char)line[name])) name++;
  if (name == 0 || name == size || line[name] != ':') return false;
  return is_text(line + name, size - name, 0xff);
}

/* Lines that end in CR LF and have neither anywhere else; `size` counts the empty last
** one. NULL: it is as it must be. */
static const char *flaw(const rs_http *http, const char *head, size_t size) {
  uint32_t fields = 0;
  for (size_t at = 0; at + 2 < size;) {
    const char *end = memchr(head + at, '\r', size - at);
    size_t length = (size_t)(end - (head + at));
    if (end[1] != '\n') return "a CR without its LF";
    if (at == 0) {
      unsigned char most = http->is_response ? 0xff : 0x7e;
      if (!is_text(head, length, most) || memchr(head, '\t', length))
        return "a first line that is none";
    } else {
      if (!is_field(head + at, length)) return "a line that is no header";
      if (++fields > http->fields_max) return "too many headers";
    }
    at += length + 2;
  }
  return NULL;
}

typedef struct reading {
  rs_http_head *head;
  bool done, bodiless;
} reading;

static int on_target(http_parser *parser, const char *at, size_t size) {
  ((reading *)parser->data)->head->target = (rs_span){at, size};
  return 0;
}

static int on_name(http_parser *parser, const char *at, size_t size) {
  rs_http_head *head = ((reading *)parser->data)->head;
  if (head->count == RS_HTTP_FIELDS_MAX) return 1;
  head->field[head->count++] = (rs_http_field){{at, size}, {at, 0}};
  return 0;
}

static int on_value(http_parser *parser, const char *at, size_t size) {
  rs_http_head *head = ((reading *)parser->data)->head;
  while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t')) size--;
  head->field[head->count - 1].value = (rs_span){at, size};
  return 0;
}

static int64_t length_of(const http_parser *parser) {
  if (parser->flags & F_CHUNKED) return RS_HTTP_CHUNKED;
  if (parser->flags & F_CONTENTLENGTH)
    return parser->content_length > INT64_MAX ? INT64_MAX
                                              : (int64_t)parser->content_length;
  return parser->type == HTTP_RESPONSE ? RS_HTTP_TO_CLOSE : 0;
}

static int on_head(http_parser *parser) {
  reading *r = parser->data;
  rs_http_head *head = r->head;
  int status = (int)parser->status_code;
  head->minor = parser->http_minor;
  head->length = length_of(parser);
  r->done = parser->http_major == 1 && parser->http_minor <= 1;
  if (parser->type == HTTP_RESPONSE) {
    head->status = status;
    if (r->bodiless || status < 200 || status == 204 || status == 304) head->length = 0;
  } else {
    head->method = http_method_str((enum http_method)parser->method);
  }
  if (head->length == 0) parser->flags |= F_SKIPBODY; /* else it would need the end */
  head->keep_alive = http_should_keep_alive(parser) != 0;
  return 0;
}

static const http_parser_settings settings = {
  .on_url = on_target,
  .on_status = on_target,
  .on_header_field = on_name,
  .on_header_value = on_value,
  .on_headers_complete = on_head,
};

static bool is_word(rs_span span, const char *word) {
  return span.size == strlen(word) && strncasecmp(span.at, word, span.size) == 0;
}

/* What the fields say together. */
static const char *conflict(const rs_http *http, const rs_http_head *head) {
  uint32_t hosts = 0, codings = 0;
  for (uint32_t i = 0; i < head->count; i++) {
    const rs_http_field *field = &head->field[i];
    if (is_word(field->name, "host")) hosts++;
    if (!is_word(field->name, "transfer-encoding")) continue;
    if (!is_word(field->value, "chunked")) return "a coding other than chunked";
    codings++;
  }
  if (codings > 1 || (codings == 1 && head->minor == 0))
    return "chunked, yet it cannot be";
  if (http->is_response) return NULL;
  if (hosts > 1 || (hosts == 0 && head->minor == 1)) return "not one Host";
  return NULL;
}

static rs_http_kind misread(rs_http *http, enum http_errno code) {
  if (code == HPE_INVALID_METHOD) return refuse(http, 501, "no such method");
  if (code == HPE_INVALID_VERSION) return refuse(http, 505, "no such version");
  return refuse(http, 400, http_errno_description(code));
}

static rs_http_kind parse(rs_http *http, size_t size, rs_http_head *head) {
  http_parser parser;
  reading r = {.head = head, .bodiless = http->bodiless};
  http_parser_init(&parser, http->is_response ? HTTP_RESPONSE : HTTP_REQUEST);
  parser.data = &r;
  head->count = 0;
  head->status = 0;
  head->target = (rs_span){"", 0};
  http_parser_execute(&parser, &settings, http->bytes + http->at, size);
  enum http_errno code = HTTP_PARSER_ERRNO(&parser);
  if (code != HPE_OK) return misread(http, code);
  if (!r.done) return refuse(http, 505, "no such version");
  const char *why = conflict(http, head);
  if (why) return refuse(http, 400, why);
  http->at += size;
  http->left = head->length > 0 ? (uint64_t)head->length : 0;
  http->stage = AT_HEAD;
  if (head->length > 0) http->stage = IN_BODY;
  if (head->length == RS_HTTP_CHUNKED) http->stage = CHUNK_LINE;
  if (head->length == RS_HTTP_TO_CLOSE) http->stage = IN_STREAM;
  if (head->status >= 200) http->bodiless = false;
  http->scanned = 0;
  http->trailer = 0;
  return RS_HTTP_HEAD;
}

/* Too long, or no head at all, is told before its end has come. */
static rs_http_kind await_head(rs_http *http) {
  const char *from = http->bytes + http->at;
  size_t size = http->end - http->at;
  if (size > http->head_max) {
    bool is_line = memchr(from, '\n', http->head_max) != NULL;
    return refuse(http, is_line ? 431 : 414, "a head too long");
  }
  if (size > 0 && *from != '\r' && !is_token((unsigned char)*from))
    return refuse(http, 400, "not HTTP");
  http->scanned = size > 3 ? size - 3 : 0;
  return RS_HTTP_MORE;
}

static rs_http_kind next_head(rs_http *http, rs_http_head *head) {
  while (http->end - http->at >= 2 && memcmp(http->bytes + http->at, "\r\n", 2) == 0) {
    http->at += 2;
    http->scanned = 0;
  }
  if (http->at == http->end) return RS_HTTP_MORE;
  const char *from = http->bytes + http->at;
  size_t size = http->end - http->at;
  const char *end = NULL;
  for (const char *at = from + http->scanned; !end;) {
    at = memchr(at, '\r', (size_t)(from + size - at));
    if (!at || from + size - at < 4) break;
    if (memcmp(at, "\r\n\r\n", 4) == 0) end = at + 4;
    else at++;
  }
  if (!end) return await_head(http);
  size = (size_t)(end - from);
  if (size > http->head_max) return refuse(http, 431, "a head too long");
  const char *why = flaw(http, from, size);
  if (why) return refuse(http, strcmp(why, "too many headers") ? 400 : 431, why);
  return parse(http, size, head);
}

/* Hands out what there is of the body, `left` at most. */
static rs_http_kind give(rs_http *http, uint64_t left) {
  size_t size = http->end - http->at;
  if (size == 0) return RS_HTTP_MORE;
  if (size > left) size = (size_t)left;
  http->body = (rs_span){http->bytes + http->at, size};
  http->at += size;
  http->left -= http->stage == IN_STREAM ? 0 : size;
  return RS_HTTP_BODY;
}

/* A line's size without its end; -1: it has not come; -2: it is too long or bad. */
static long line_at(const rs_http *http, size_t most) {
  const char *from = http->bytes + http->at;
  size_t size = http->end - http->at;
  const char *end = memchr(from, '\n', size);
  if (!end) return size > most ? -2 : -1;
  size_t length = (size_t)(end - from);
  if (length > most || length == 0 || end[-1] != '\r') return -2;
  return (long)length - 1;
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static rs_http_kind chunk_line(rs_http *http) {
  long size = line_at(http, RS_HTTP_CHUNK_LINE_MAX);
  if (size == -1) return RS_HTTP_MORE;
  const char *line = http->bytes + http->at;
  long i = 0;
  uint64_t left = 0;
  for (; i < size && i < 15 && digit(line[i]) >= 0; i++)
    left = left * 16 + (uint64_t)digit(line[i]);
  bool ends = i == size || (i < size && line[i] == ';');
  if (size < 0 || i == 0 || !ends || !is_text(line, (size_t)size, 0xff))
    return refuse(http, 400, "a bad chunk");
  http->at += (size_t)size + 2;
  http->left = left;
  http->stage = left > 0 ? CHUNK_DATA : TRAILER;
  return RS_HTTP_END; /* go on */
}

static rs_http_kind chunk_end(rs_http *http) {
  if (http->end - http->at < 2) return RS_HTTP_MORE;
  if (memcmp(http->bytes + http->at, "\r\n", 2) != 0)
    return refuse(http, 400, "a chunk without its end");
  http->at += 2;
  http->stage = CHUNK_LINE;
  return RS_HTTP_END; /* go on */
}

/* Fields after the last chunk are passed over. */
static rs_http_kind trailer(rs_http *http) {
  for (;;) {
    long size = line_at(http, http->head_max);
    if (size == -1) return RS_HTTP_MORE;
    if (size < 0 || (size > 0 && !is_field(http->bytes + http->at, (size_t)size)))
      return refuse(http, 400, "a bad trailer");
    http->at += (size_t)size + 2;
    http->trailer += (size_t)size + 2;
    if (http->trailer > http->head_max) return refuse(http, 431, "a trailer too long");
    if (size > 0) continue;
    http->stage = AT_HEAD;
    return RS_HTTP_END;
  }
}

static rs_http_kind next_chunk(rs_http *http) {
  for (;;) {
    rs_http_kind kind;
    if (http->stage == TRAILER) return trailer(http);
    if (http->stage == CHUNK_DATA && http->left > 0) return give(http, http->left);
    if (http->stage == CHUNK_DATA) http->stage = CHUNK_END;
    kind = http->stage == CHUNK_END ? chunk_end(http) : chunk_line(http);
    if (kind != RS_HTTP_END) return kind;
  }
}

rs_http_kind rs_http_next(rs_http *http, rs_http_head *head) {
  switch (http->stage) {
  case AT_HEAD: return next_head(http, head);
  case IN_STREAM: return give(http, UINT64_MAX);
  case IN_BODY:
    if (http->left > 0) return give(http, http->left);
    http->stage = AT_HEAD;
    return RS_HTTP_END;
  case DEAD: return RS_HTTP_REFUSED;
  default: return next_chunk(http);
  }
}

bool rs_http_close(rs_http *http) {
  bool whole = http->stage == IN_STREAM;
  if (whole) http->stage = AT_HEAD;
  return whole;
}
