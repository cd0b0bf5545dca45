/* server.h -- the fork server: started, told to fork, started again when it died.
**
** Layer    engine.
** Owner    the engine.
** Thread   the engine's.
** Limits   one; after a quick death the next try waits, at most a second.
** Tested   spec/c/engine_process.c. */
#ifndef RS_SERVER_H
#define RS_SERVER_H

#include "../state.h"

/* Forks it off this process while that is small. Its end of the socket, or negative;
** before the loop is there. */
int rs_server_fork(const rs_engine_options *options, pid_t *pid);

/* Takes the forked one into the loop. */
void rs_server_begin(rs_engine *engine, int ctl, pid_t pid);

/* Has it make a runner that gets `fd`; false: it cannot now, and asks again itself. */
bool rs_server_make(rs_engine *engine, int fd);

/* A runner came to be, or failed to: how soon to try again. */
void rs_server_went(rs_engine *engine, bool well);

/* A runner was waited for in vain: unless others came, another server is to try. */
void rs_server_doubt(rs_engine *engine);

#endif
