/* embed.c -- the build's own tool: Lua sources, compiled, as a C file of byte arrays.
**   embed OUT HEADER ABI FOLDER...
** A folder's files are named below it: lua/runsmith/abi.lua is runsmith.abi, and
** x/init.lua is x. What a VM loads is bytecode with its lines' numbers: parsing the
** framework takes twenty times as long, at the start of each program and of each
** thread's VM. ABI is text that ffi.cdef reads. OUT includes HEADER, which is
** host/runner/embed.h. */
#define _GNU_SOURCE
#include <fts.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODULES_MAX = 512, ROW = 24 };

typedef struct module {
  char *name;  /* runsmith.vm.life */
  char *chunk; /* @runsmith/vm/life.lua */
} module;

static module modules[MODULES_MAX];
static size_t module_count;
static FILE *out;
static size_t written; /* bytes of the present array */

static _Noreturn void die(const char *what, const char *why) {
  fprintf(stderr, "embed: %s: %s\n", what, why);
  exit(1);
}

static char *copy(const char *text) {
  char *made = strdup(text);
  if (!made) die(text, "no memory");
  return made;
}

static void put(const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++, written++)
    fprintf(out, written % ROW == 0 ? "\n%u," : "%u,", bytes[i]);
}

static int write_dump(lua_State *L, const void *bytes, size_t size, void *unused) {
  (void)L, (void)unused;
  put(bytes, size);
  return 0;
}

static void begin(const char *array, size_t number) {
  written = 0;
  fprintf(out, "static const unsigned char %s%zu[] = {", array, number);
}

/* With a byte more than it has, so that text ends with NUL. */
static void end(void) { fprintf(out, "0};\n"); }

/* "/x/init" is "x", "/a/b" is "a.b". */
static char *name_of(const char *below) {
  char *name = copy(below + 1);
  size_t size = strlen(name) - strlen(".lua");
  if (size >= 5 && strncmp(name + size - 5, "/init", 5) == 0) size -= 5;
  name[size] = 0;
  for (char *at = name; (at = strchr(at, '/'));) *at = '.';
  return name;
}

static void add(const char *path, const char *below) {
  if (module_count == MODULES_MAX) die(path, "too many modules");
  module *made = &modules[module_count];
  made->name = name_of(below);
  made->chunk = copy(below);
  *made->chunk = '@';
  lua_State *L = luaL_newstate();
  FILE *file = fopen(path, "rb");
  char *text = NULL;
  size_t room = 0;
  ssize_t size = file ? getdelim(&text, &room, EOF, file) : -1;
  if (!L || size < 0) die(path, "cannot read it");
  luaL_openlibs(L); /* a constant such as 1LL is the ffi's */
  if (luaL_loadbuffer(L, text, (size_t)size, made->chunk) != 0)
    die(path, lua_tostring(L, -1));
  begin("m", module_count++);
  if (lua_dump(L, write_dump, NULL) != 0) die(path, "cannot dump it");
  end();
  free(text);
  fclose(file);
  lua_close(L);
}

static int by_name(const FTSENT **a, const FTSENT **b) {
  return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void add_folder(char *folder) {
  char *roots[] = {folder, NULL};
  FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
  if (!walk) die(folder, "cannot read it");
  for (FTSENT *entry; (entry = fts_read(walk));) {
    const char *dot = strrchr(entry->fts_name, '.');
    if (entry->fts_info != FTS_F || !dot || strcmp(dot, ".lua") != 0) continue;
    add(entry->fts_path, entry->fts_path + strlen(folder));
  }
  fts_close(walk);
}

static void add_text(const char *path) {
  unsigned char part[4096];
  FILE *file = fopen(path, "rb");
  if (!file) die(path, "cannot read it");
  begin("abi", 0);
  for (size_t got; (got = fread(part, 1, sizeof part, file)) > 0;) put(part, got);
  end();
  fclose(file);
}

int main(int argc, char **argv) {
  if (argc < 5) die("usage", "embed OUT HEADER ABI FOLDER...");
  out = fopen(argv[1], "w");
  if (!out) die(argv[1], "cannot write it");
  fprintf(out, "#include \"%s\"\n", argv[2]);
  for (int i = 4; i < argc; i++) add_folder(argv[i]);
  add_text(argv[3]);
  fprintf(out, "const rs_embedded rs_embed_modules[] = {\n");
  for (size_t i = 0; i < module_count; i++) {
    fprintf(out, "  {\"%s\", \"%s\", m%zu, sizeof m%zu - 1},\n", modules[i].name,
            modules[i].chunk, i, i);
    free(modules[i].name), free(modules[i].chunk);
  }
  fprintf(out, "  {0, 0, 0, 0}};\nconst rs_embedded rs_embed_abi = "
               "{\"abi\", \"@abi\", abi0, sizeof abi0 - 1};\n");
  if (fclose(out) != 0) die(argv[1], "cannot write it");
  return 0;
}
