/* onvif.h -- the parts of a small service that answers WS-Discovery's probes, as ONVIF
** cameras do: who looks for devices in the network sends a Probe, in SOAP over UDP.
**
** Layer    example; libc alone.
** Owner    nothing is allocated.
** Thread   main's.
** Limits   datagrams of PLANT_DATAGRAM bytes.
** Tested   examples/plant/plant_spec.lua. */

#ifndef PLANT_ONVIF_H
#define PLANT_ONVIF_H

#include <stddef.h>

enum { PLANT_DATAGRAM = 8192 };

/* Writes the ProbeMatches that answer a Probe into `out`. Its length; 0: that was no
** Probe for a device like this. */
size_t plant_answer(const char *probe, char *out, size_t room);

/* Tells the supervisor: READY=1, WATCHDOG=1, STATUS=... Silent where there is none. */
void plant_notify(const char *text);

#endif
