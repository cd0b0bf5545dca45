/* tls.h -- one side of a TLS connection that touches no socket: bytes in, bytes out.
**
** Layer    runner.
** Owner    whoever made it; a session keeps its context alive by itself.
** Thread   one at a time.
** Limits   none of its own; OpenSSL's.
** Tested   spec/host/net_tls_spec.lua. */
#ifndef RS_TLS_H
#define RS_TLS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ssl_ctx_st rs_tls_context;

typedef struct rs_tls {
  void *ssl;      /* SSL; owns both buffers */
  void *in, *out; /* BIO: what has come, what is to go */
  bool verify;
} rs_tls;

typedef struct rs_tls_options {
  bool is_server;
  const char *cert, *key; /* files, PEM; a server has both */
  const char *ca;         /* a file, PEM; NULL: the system's */
  bool insecure;          /* the peer is not verified */
} rs_tls_options;

/* What a call came to, where it is no number of bytes. */
enum { RS_TLS_WANT = -1, RS_TLS_CLOSED = -2, RS_TLS_FAILED = -3 };

/* NULL: `why` (of `size` bytes) says so. libssl is loaded when it is first needed: a
** host without TLS does without it. */
rs_tls_context *rs_tls_context_new(const rs_tls_options *options, char *why,
                                   size_t size);
void rs_tls_context_free(rs_tls_context *context);

/* `peer`: a client's, the name or address that the certificate must be for. */
int rs_tls_begin(rs_tls *tls, rs_tls_context *context, const char *peer, bool verify);
void rs_tls_free(rs_tls *tls);

/* 0: done. */
int rs_tls_handshake(rs_tls *tls, char *why, size_t size);

/* What the peer sent. False: no memory. */
bool rs_tls_feed(rs_tls *tls, const char *bytes, size_t size);
/* What to send to the peer: bytes, 0 if there is nothing. */
size_t rs_tls_take(rs_tls *tls, char *bytes, size_t size);

int rs_tls_read(rs_tls *tls, char *bytes, size_t size, char *why, size_t why_size);
int rs_tls_write(rs_tls *tls, const char *bytes, size_t size, char *why,
                 size_t why_size);

/* Says that this side ends. */
void rs_tls_close(rs_tls *tls);

#endif
