/* sources.h -- `run --watch`: the files that the evaluation read, and a reload whenever
** one of them changes.
**
** Layer    engine.
** Owner    one watch a folder; editors replace a file, so a file's own says little.
** Thread   the engine's.
** Limits   RS_SOURCES_FOLDERS folders; changes within 0.1 s are one, for at most 1 s.
** Tested   spec/host/watch_spec.lua. */
#ifndef RS_SOURCES_H
#define RS_SOURCES_H

#include <time.h>

#include "../state.h"

enum { RS_SOURCES_FOLDERS = 4096 };

void rs_sources_begin(rs_engine *engine);

/* An evaluation has ended. What it wrote is `text`, from which the lines {"read":…} are
** taken out; `begun`: when it began. One that was good has the list replaced by its
** own, another adds to it. */
void rs_sources_take(rs_engine *engine, rs_bytes *text, bool good,
                     const struct timespec *begun);

/* Whatever a change had to wait for is over. */
void rs_sources_wake(rs_engine *engine);

#endif
