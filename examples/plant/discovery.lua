--- discovery.lua -- a kind of probe of the plant's own: does a device answer when it is
--- looked for by WS-Discovery?

local net = require 'std.net'
local rs = require 'runsmith'

local PROBE = [[<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
  xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
  xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
  xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>
<a:MessageID>%s</a:MessageID>
<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>
<s:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body>
</s:Envelope>]]

local function message_id()
  local digits = ('%08x'):rep(4):format(math.random(0, 2 ^ 31), math.random(0, 2 ^ 31),
    math.random(0, 2 ^ 31), math.random(0, 2 ^ 31))
  return 'urn:uuid:' .. digits:gsub('^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)',
    '%1-%2-%3-%4-')
end

rs.probe.define('ws_discovery', {
  fields = { port = 'number', wait = 'number' },
  check = function(spec)
    local socket = assert(net.udp { host = '127.0.0.1' })
    local id = message_id()
    assert(socket:send(PROBE:format(id), '127.0.0.1', spec.port))
    local text, why = socket:receive(spec.wait)
    socket:close()
    if not text then return false, 'no answer: ' .. tostring(why) end
    local relates = text:match '<a:RelatesTo>(.-)</a:RelatesTo>'
    return relates == id, relates == id and 'found' or 'it answers somebody else'
  end,
})
