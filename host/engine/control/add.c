#define _GNU_SOURCE
#include "add.h"

#include <stdlib.h>

const char *rs_add_text(const rs_engine *engine, uint32_t unit, uint32_t *size) {
  *size = 0;
  if (unit >= engine->added_room || !engine->added[unit].at) return NULL;
  *size = (uint32_t)engine->added[unit].size;
  return engine->added[unit].at;
}

bool rs_add_is(const rs_engine *engine, uint32_t unit) {
  return unit < engine->added_room && engine->added[unit].at;
}

void rs_add_forget(rs_engine *engine, uint32_t unit) {
  if (rs_add_is(engine, unit)) rs_bytes_free(&engine->added[unit]);
}

static rs_bytes *row_of(rs_engine *engine, uint32_t unit) {
  if (unit >= engine->added_room) {
    uint32_t room = engine->added_room ? engine->added_room : 64;
    while (room <= unit) room *= 2;
    engine->added = rs_base_grow(engine->added, room * sizeof *engine->added);
    memset(engine->added + engine->added_room, 0,
           (room - engine->added_room) * sizeof *engine->added);
    engine->added_room = room;
  }
  return &engine->added[unit];
}

uint32_t rs_add_unit(rs_engine *engine, uint32_t supervisor, const char *name,
                     const char *args, uint64_t by, char *why, size_t why_size) {
  size_t name_size = strlen(name), args_size = args ? strlen(args) : 0;
  if (name_size + args_size + 1 > RS_ADD_MAX) {
    snprintf(why, why_size, "name and args have at most %d bytes", RS_ADD_MAX);
    return RS_NONE;
  }
  uint32_t id = rs_core_add(engine->core, rs_base_now(), supervisor, name,
                            (uint32_t)name_size, by, why, why_size);
  if (id == RS_NONE) return RS_NONE;
  rs_bytes *row = row_of(engine, id);
  row->size = 0;
  rs_bytes_add(row, name, name_size + 1);
  rs_bytes_add(row, args, args_size);
  return id;
}
