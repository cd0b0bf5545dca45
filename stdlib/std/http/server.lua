--- A server: it listens, and each connection is a coroutine beside the worker's own.

local host = require 'runsmith.host'
local connection = require 'std.http.connection'
local net = require 'std.net'
local route = require 'std.http.route'
local schedule = require 'runsmith.vm.schedule'
local strand = require 'runsmith.vm.strand'
local suggest = require 'runsmith.tree.suggest'

local M = {}

local STEP = 0.5 -- seconds: often enough for a default heartbeat
local GRACE = 3
local BUSY = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n'
  .. 'connection: close\r\n\r\n'

--- What a client may ask of a server; more is refused with the status that says so.
--- @class std.http.Limits
--- @field connections? integer 10,000
--- @field target? integer bytes of path and query: 8,192
--- @field head? integer bytes of a request's head: 16,384
--- @field headers? integer how many: 100; at most 128
--- @field body? integer bytes: 1 MiB
--- @field head_time? number seconds for a head, and for a TLS handshake: 10
--- @field body_time? number seconds of silence within a body: 30
--- @field write_time? number seconds in which a client takes nothing: 30
--- @field idle? number seconds between two requests: 60
local LIMITS = {
  connections = 10000, target = 8192, head = 16384, headers = 100, body = 2 ^ 20,
  head_time = 10, body_time = 30, write_time = 30, idle = 60,
}

--- @class std.http.Server
--- @field port? integer
--- @field url? string 'http://127.0.0.1:8080'
--- @field is_stopping boolean
--- @field private connections table<std.http.Connection, true>
local Server = {}
Server.__index = Server

local OPTIONS = {
  host = true, port = true, path = true, routes = true, handler = true, limits = true,
  tls = true, backlog = true,
}

local function limits_of(given)
  local limits = {}
  for name, value in pairs(LIMITS) do
    limits[name] = value
  end
  for name, value in pairs(given or {}) do
    if not LIMITS[name] or type(value) ~= 'number' or value <= 0 then
      local text = 'http.listen: no limit %s = %s'
      error(text:format(tostring(name), tostring(value)), 4)
    end
    limits[name] = value
  end
  limits.headers = math.min(limits.headers, 128)
  return limits
end

local function arrived(self, stream)
  if self.count >= self.limits.connections or self.is_stopping then
    return stream:close_after(BUSY)
  end
  self.count = self.count + 1
  local made = connection.new(self, stream)
  self.connections[made] = true
  made.task = strand.begin(self.main, false, connection.run, made)
end

local function check(options)
  if type(options) ~= 'table' then
    error('http.listen takes a table, not a ' .. type(options), 4)
  end
  for key in pairs(options) do
    if not OPTIONS[key] then
      error(("http.listen has no option '%s': %s"):format(tostring(key),
        suggest.hint(key, OPTIONS)), 4)
    end
  end
  if not options.routes and not options.handler then
    error('http.listen: neither routes nor a handler', 4)
  end
  local port = options.port
  local is_port = type(port) == 'number' and port >= 0 and port % 1 == 0
  is_port = is_port and port < 65536
  if not (port == nil and options.path or is_port) then
    error(('http.listen: port is %s; it must be an integer up to 65535'):format(
      tostring(port)), 4)
  end
end

local function url_of(options, port)
  if not port then return nil end
  local name = options.host or '127.0.0.1'
  if name:find ':' then name = '[' .. name .. ']' end
  return ('%s://%s:%d'):format(options.tls and 'https' or 'http', name, port)
end

--- @return std.http.Server? server, string|std.Err? why
function M.listen(options)
  check(options)
  local tls, why, listener
  local self = setmetatable({
    main = strand.current(), router = route.new(options.routes or {}),
    handler = options.handler, limits = limits_of(options.limits),
    connections = {}, count = 0, is_stopping = false,
  }, Server)
  if options.tls then
    tls, why = require('std.net.tls').context(options.tls)
    if not tls then return nil, why end
    self.tls = tls
  end
  local at = { host = options.host, port = options.port, path = options.path }
  at.backlog = options.backlog
  listener, why = net.listen(at)
  if not listener then return nil, why end
  self.listener, self.port = listener, listener.port
  self.url = url_of(options, listener.port)
  listener:each(function(stream) return arrived(self, stream) end)
  self.on_ask = function() return self:stop() end
  strand.at_ask(self.main, self.on_ask)
  return self
end

--- Ends a connection's wait, if it waits for nothing that somebody was promised.
--- @package
function Server:disturb(each)
  if each.is_waiting then strand.ask(each.task) end
end

--- A connection has ended.
--- @package
function Server:left(each)
  self.connections[each] = nil
  self.count = self.count - 1
  if self.count == 0 and self.ticket then schedule.wake(self.ticket) end
end

--- Takes no more connections, and ends those on which nothing is asked. A worker that
--- is asked to stop need not call it.
function Server:stop()
  if self.is_stopping then return end
  self.is_stopping = true
  self.listener:close()
  for each in pairs(self.connections) do
    self:disturb(each)
  end
end

--- Lets the server work for so long: it works whenever its worker waits. For a state's
--- function, which returns 'keepalive' after it.
--- @param seconds? number 0.5
--- @return true? # or nil, 'stopping' | 'closed'
function Server:step(seconds)
  if not self.on_ask then return nil, 'closed' end
  return schedule.wait(seconds or STEP)
end

-- Until the last has gone. The stop that led to this does not end it.
local function await_last(self, by)
  while self.count > 0 do
    local left = by - host.now()
    if left <= 0 then return end
    self.ticket = schedule.ticket()
    schedule.suspend(self.ticket, left)
    self.ticket = nil
  end
end

--- Stops, lets running requests end, and after `grace` seconds closes what is left.
--- @param grace? number 3
--- @return integer cut connections that were
function Server:close(grace)
  if not self.on_ask then return 0 end
  strand.no_ask(self.main, self.on_ask)
  self.on_ask = nil
  self:stop()
  await_last(self, host.now() + (grace or GRACE))
  local cut = 0
  for each in pairs(self.connections) do
    strand.drop(each.task)
    each.stream:close()
    cut = cut + 1
  end
  self.connections, self.count = {}, 0
  return cut
end

return M
