/* OpenSSL over two memory buffers. It is loaded by dlopen: linked in, its relocations
** would cost each start of the program a millisecond. */
#include "tls.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define FUNCTIONS(X)                                                                   \
  X(TLS_client_method)                                                                 \
  X(TLS_server_method)                                                                 \
  X(SSL_CTX_new)                                                                       \
  X(SSL_CTX_free)                                                                      \
  X(SSL_CTX_ctrl)                                                                      \
  X(SSL_CTX_set_options)                                                               \
  X(SSL_CTX_set_verify)                                                                \
  X(SSL_CTX_set_default_verify_paths)                                                  \
  X(SSL_CTX_load_verify_locations)                                                     \
  X(SSL_CTX_use_certificate_chain_file)                                                \
  X(SSL_CTX_use_PrivateKey_file)                                                       \
  X(SSL_CTX_check_private_key)                                                         \
  X(SSL_new)                                                                           \
  X(SSL_free)                                                                          \
  X(SSL_set_bio)                                                                       \
  X(SSL_set_connect_state)                                                             \
  X(SSL_set_accept_state)                                                              \
  X(SSL_is_server)                                                                     \
  X(SSL_ctrl)                                                                          \
  X(SSL_set1_host)                                                                     \
  X(SSL_set_hostflags)                                                                 \
  X(SSL_get0_param)                                                                    \
  X(X509_VERIFY_PARAM_set1_ip_asc)                                                     \
  X(SSL_do_handshake)                                                                  \
  X(SSL_get_error)                                                                     \
  X(SSL_get_verify_result)                                                             \
  X(X509_verify_cert_error_string)                                                     \
  X(SSL_read)                                                                          \
  X(SSL_write)                                                                         \
  X(SSL_shutdown)                                                                      \
  X(BIO_new)                                                                           \
  X(BIO_free)                                                                          \
  X(BIO_s_mem)                                                                         \
  X(BIO_read)                                                                          \
  X(BIO_write)                                                                         \
  X(ERR_get_error)                                                                     \
  X(ERR_clear_error)                                                                   \
  X(ERR_reason_error_string)

static struct {
#define X(name) __typeof__(&name) name;
  FUNCTIONS(X)
#undef X
} lib;

static char missing[200]; /* why there is no library; empty: there is */
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

static void load(void) {
  void *handle = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    snprintf(missing, sizeof missing, "%s", dlerror());
    return;
  }
#define X(name)                                                                        \
  *(void **)&lib.name = dlsym(handle, #name);                                          \
  if (!lib.name) snprintf(missing, sizeof missing, "libssl has no %s", #name);
  FUNCTIONS(X)
#undef X
}

/* The oldest of OpenSSL's complaints; forgets the others. */
static void complain(const char *what, char *why, size_t size) {
  const char *reason = lib.ERR_reason_error_string(lib.ERR_get_error());
  snprintf(why, size, "%s: %s", what, reason ? reason : "it does not say why");
  lib.ERR_clear_error();
}

static int fill(SSL_CTX *ctx, const rs_tls_options *o, char *why, size_t size) {
  if (o->cert && lib.SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1)
    return complain(o->cert, why, size), -1;
  if (o->key && lib.SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1)
    return complain(o->key, why, size), -1;
  if (o->key && lib.SSL_CTX_check_private_key(ctx) != 1)
    return complain(o->key, why, size), -1;
  if (o->is_server || o->insecure) return 0;
  if (o->ca ? lib.SSL_CTX_load_verify_locations(ctx, o->ca, NULL) != 1
            : lib.SSL_CTX_set_default_verify_paths(ctx) != 1)
    return complain(o->ca ? o->ca : "the system's certificates", why, size), -1;
  lib.SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  return 0;
}

rs_tls_context *rs_tls_context_new(const rs_tls_options *options, char *why,
                                   size_t size) {
  pthread_once(&loaded, load);
  if (missing[0]) {
    snprintf(why, size, "%s", missing);
    return NULL;
  }
  lib.ERR_clear_error();
  SSL_CTX *ctx = lib.SSL_CTX_new(options->is_server ? lib.TLS_server_method()
                                                    : lib.TLS_client_method());
  if (!ctx) {
    complain("TLS", why, size);
    return NULL;
  }
  lib.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
  lib.SSL_CTX_ctrl(ctx, SSL_CTRL_MODE,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
                   NULL);
  lib.SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  if (fill(ctx, options, why, size) == 0) return ctx;
  lib.SSL_CTX_free(ctx);
  return NULL;
}

void rs_tls_context_free(rs_tls_context *context) { lib.SSL_CTX_free(context); }

static bool is_address(const char *name) {
  unsigned char bytes[sizeof(struct in6_addr)];
  return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* Which name the certificate must have. */
static bool expect(SSL *ssl, const char *peer) {
  if (is_address(peer))
    return lib.X509_VERIFY_PARAM_set1_ip_asc(lib.SSL_get0_param(ssl), peer) == 1;
  lib.SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return lib.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                      (void *)(uintptr_t)peer) == 1 &&
         lib.SSL_set1_host(ssl, peer) == 1;
}

int rs_tls_begin(rs_tls *tls, rs_tls_context *context, const char *peer, bool verify) {
  *tls = (rs_tls){.verify = verify};
  SSL *ssl = lib.SSL_new(context);
  BIO *in = lib.BIO_new(lib.BIO_s_mem()), *out = lib.BIO_new(lib.BIO_s_mem());
  if (!ssl || !in || !out) {
    lib.SSL_free(ssl);
    lib.BIO_free(in);
    lib.BIO_free(out);
    return -1;
  }
  lib.SSL_set_bio(ssl, in, out);
  if (lib.SSL_is_server(ssl)) lib.SSL_set_accept_state(ssl);
  else lib.SSL_set_connect_state(ssl);
  tls->ssl = ssl;
  tls->in = in;
  tls->out = out;
  return peer && !expect(ssl, peer) ? -1 : 0;
}

void rs_tls_free(rs_tls *tls) {
  if (tls->ssl) lib.SSL_free(tls->ssl);
  tls->ssl = NULL;
}

static int judge(rs_tls *tls, int result, char *why, size_t size) {
  int code = lib.SSL_get_error(tls->ssl, result);
  if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) return RS_TLS_WANT;
  if (code == SSL_ERROR_ZERO_RETURN) return RS_TLS_CLOSED;
  long verdict = tls->verify ? lib.SSL_get_verify_result(tls->ssl) : X509_V_OK;
  if (verdict == X509_V_OK) {
    complain("TLS", why, size);
  } else {
    snprintf(why, size, "certificate: %s", lib.X509_verify_cert_error_string(verdict));
    lib.ERR_clear_error();
  }
  return RS_TLS_FAILED;
}

int rs_tls_handshake(rs_tls *tls, char *why, size_t size) {
  lib.ERR_clear_error();
  int result = lib.SSL_do_handshake(tls->ssl);
  return result == 1 ? 0 : judge(tls, result, why, size);
}

bool rs_tls_feed(rs_tls *tls, const char *bytes, size_t size) {
  while (size > 0) {
    int part = size > INT_MAX ? INT_MAX : (int)size;
    int took = lib.BIO_write(tls->in, bytes, part);
    if (took <= 0) return false;
    bytes += took;
    size -= (size_t)took;
  }
  return true;
}

size_t rs_tls_take(rs_tls *tls, char *bytes, size_t size) {
  int count = lib.BIO_read(tls->out, bytes, size > INT_MAX ? INT_MAX : (int)size);
  return count > 0 ? (size_t)count : 0;
}

int rs_tls_read(rs_tls *tls, char *bytes, size_t size, char *why, size_t why_size) {
  lib.ERR_clear_error();
  int result = lib.SSL_read(tls->ssl, bytes, size > INT_MAX ? INT_MAX : (int)size);
  return result > 0 ? result : judge(tls, result, why, why_size);
}

int rs_tls_write(rs_tls *tls, const char *bytes, size_t size, char *why,
                 size_t why_size) {
  lib.ERR_clear_error();
  int result = lib.SSL_write(tls->ssl, bytes, size > INT_MAX ? INT_MAX : (int)size);
  return result > 0 ? result : judge(tls, result, why, why_size);
}

void rs_tls_close(rs_tls *tls) {
  lib.ERR_clear_error();
  lib.SSL_shutdown(tls->ssl);
  lib.ERR_clear_error();
}
