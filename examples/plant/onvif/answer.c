#include "onvif.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEVICE "urn:uuid:5f1a7c52-9d0e-4d2b-8a35-0c0ffee0cafe"

static const char match[] =
  "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
  "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
  " xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""
  " xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\""
  " xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\"><s:Header>"
  "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action>"
  "<a:RelatesTo>%.*s</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
  "<a:EndpointReference><a:Address>" DEVICE "</a:Address></a:EndpointReference>"
  "<d:Types>dn:NetworkVideoTransmitter</d:Types>"
  "<d:Scopes>onvif://www.onvif.org/name/plant</d:Scopes>"
  "<d:XAddrs>http://127.0.0.1/onvif/device_service</d:XAddrs>"
  "<d:MetadataVersion>1</d:MetadataVersion>"
  "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>";

/* The text of the first element of that name, whatever its prefix. */
static bool element(const char *xml, const char *name, const char **text, int *size) {
  size_t length = strlen(name);
  for (const char *at = strstr(xml, name); at; at = strstr(at + 1, name)) {
    if (at == xml || (at[-1] != ':' && at[-1] != '<')) continue;
    const char *from = at + length;
    if (*from != '>' && *from != ' ' && *from != '/') continue;
    from = strchr(from, '>');
    if (!from || from[-1] == '/') return false;
    const char *end = strchr(++from, '<');
    if (!end) return false;
    while (from < end && strchr(" \t\r\n", *from)) from++;
    while (end > from && strchr(" \t\r\n", end[-1])) end--;
    *text = from;
    *size = (int)(end - from);
    return true;
  }
  return false;
}

size_t plant_answer(const char *probe, char *out, size_t room) {
  const char *id, *types;
  int id_size, types_size;
  if (!strstr(probe, "discovery/Probe<")) return 0; /* the end of a:Action */
  if (!element(probe, "MessageID", &id, &id_size) || id_size == 0) return 0;
  if (element(probe, "Types", &types, &types_size) && types_size > 0) {
    char wanted[256];
    int size = types_size < 255 ? types_size : 255;
    memcpy(wanted, types, (size_t)size);
    wanted[size] = '\0';
    if (!strstr(wanted, "NetworkVideoTransmitter")) return 0;
  }
  int length = snprintf(out, room, match, id_size, id);
  return length > 0 && (size_t)length < room ? (size_t)length : 0;
}
