/* forkserver.h -- the process that makes runners: small, warm, one thread, and never
** any user code, so that what it forks is clean.
**
** Layer    runner.
** Owner    the process.
** Thread   its only one.
** Limits   none; what cannot be forked is told to the engine.
** Tested   spec/c/runner_place.c. */
#ifndef RS_FORKSERVER_H
#define RS_FORKSERVER_H

/* Forks a runner for each RS_CTL_FORK that comes through `ctl_fd`, until the engine
** hangs up. The exit status. */
int rs_forkserver_main(int ctl_fd);

#endif
