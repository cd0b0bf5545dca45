--- Datagrams. Those that nobody has received wait, so many at most; later ones are
--- dropped and counted, as the kernel would.
---
--- ```lua
--- local net = require 'std.net'
---
--- local here = assert(net.udp { host = '127.0.0.1', port = 0 })
--- local there = assert(net.udp())
--- assert(there:send('hello', '127.0.0.1', here.port))
--- local text, address = here:receive(5)
--- assert(text == 'hello' and address == '127.0.0.1')
--- here:close()
--- there:close()
--- ```

local host = require 'runsmith.host'
local owned = require 'runsmith.vm.owned'
local schedule = require 'runsmith.vm.schedule'
local strand = require 'runsmith.vm.strand'
local stream = require 'std.net.stream'

local M = {}

local WAITING_MAX = 256
local TIMEOUT = 10

--- @class std.net.Udp
--- @field port integer
--- @field dropped integer datagrams that came while too many waited
--- @field private handle? userdata
local Udp = {}
Udp.__index = Udp

local function brought(self, why, data, from)
  if why or not from then return end
  if self.last - self.first >= WAITING_MAX - 1 then
    self.dropped = self.dropped + 1
    return
  end
  self.last = self.last + 1
  self.list[self.last] = { data or '', from.ip, from.port }
  stream.wake(self)
end

local function set_up(uv, handle, options)
  local address = options.host or '0.0.0.0'
  local ok, why = uv.udp_bind(handle, address, options.port or 0, { reuseaddr = true })
  if ok and options.broadcast then ok, why = uv.udp_set_broadcast(handle, true) end
  if ok and options.group then
    ok, why = uv.udp_set_membership(handle, options.group, options.interface, 'join')
  end
  return ok, why
end

--- @return std.net.Udp? socket, std.Err? why
function M.new(options)
  local uv = owned.luv()
  local handle = uv.new_udp()
  owned.adopt(strand.current(), handle)
  local ok, why = set_up(uv, handle, options)
  if not ok then
    uv.close(handle)
    return nil, stream.fact(why)
  end
  local self = setmetatable({
    handle = handle, list = {}, first = 1, last = 0, dropped = 0,
    port = uv.udp_getsockname(handle).port,
  }, Udp)
  uv.udp_recv_start(handle, function(failed, data, from)
    return brought(self, failed, data, from)
  end)
  return self
end

--- @param data string
--- @param address string numeric
--- @param port integer
--- @return true? ok, string|std.Err? why
function Udp:send(data, address, port)
  if not self.handle then return nil, 'closed' end
  local uv = owned.luv()
  local ticket = schedule.ticket()
  local ok, why = uv.udp_send(self.handle, data, address, port, function(failed)
    schedule.wake(ticket, failed or 'sent')
  end)
  if not ok then schedule.wake(ticket, why) end
  local how
  how, why = schedule.suspend(ticket, TIMEOUT)
  if how == 'sent' then return true end
  return nil, how and stream.fact(how) or why
end

--- @param timeout? number seconds; without it: for ever
--- @return string? data, string why_or_address, integer? port
function Udp:receive(timeout)
  local by = timeout and host.now() + timeout
  while self.first > self.last do
    if not self.handle then return nil, 'closed' end
    local ticket = schedule.ticket()
    self.ticket = ticket
    local _, why = schedule.suspend(ticket, stream.left(by))
    self.ticket = nil
    if why then return nil, why end
  end
  local item = self.list[self.first]
  self.list[self.first] = nil
  self.first = self.first + 1
  if self.first > self.last then self.first, self.last = 1, 0 end
  return item[1], item[2], item[3]
end

function Udp:close()
  local handle = self.handle
  if not handle then return end
  self.handle = nil
  owned.luv().close(handle)
  stream.wake(self)
end

return M
