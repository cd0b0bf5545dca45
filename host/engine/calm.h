/* calm.h -- what can wait while a program starts: for RS_CALM_MS after each launch the
** engine leaves the processors to it.
**
** Layer    engine.
** Owner    the engine embeds its rs_calm.
** Thread   the engine's.
** Limits   RS_CALM_MS from the first launch on, however many follow; the journal's file
**          never waits, only who prints it and folders that nobody needs any more.
** Tested   spec/host/services_family_spec.lua, spec/bench/command.lua. */
#ifndef RS_CALM_H
#define RS_CALM_H

#include <stdbool.h>
#include <uv.h>

#include "base/base.h"

enum { RS_CALM_MS = 2 };

typedef struct rs_calm {
  uv_timer_t timer;
  bool on;
} rs_calm;

typedef struct rs_engine rs_engine;

void rs_calm_init(rs_engine *engine);

/* Something has been launched. */
void rs_calm_begin(rs_engine *engine);

/* The turn's end: writes the journal, and does the rest unless it is to wait. */
void rs_calm_turn(rs_engine *engine);

#endif
