--- One client of a server: its requests, one after another, in one coroutine.

local host = require 'runsmith.host'
local http = require 'runsmith.http'
local log = require 'std.log'
local request = require 'std.http.request'
local response = require 'std.http.response'
local status_text = require 'std.http.status'

local M = {}

local DRAIN_MAX = 256 * 2 ^ 10 -- of a body that the handler left
local LINGER = 1 -- seconds in which a refused client may read why

--- @class std.http.Connection
--- @field server std.http.Server
--- @field stream std.net.Stream
--- @field task runsmith.Task
--- @field is_waiting boolean it may end at any moment: no request, or endless events
--- @field keep_alive boolean another request may follow
local Connection = {}
Connection.__index = Connection

local function came(self, by, kind, ...)
  if kind ~= nil then return kind, ... end
  local bytes, why = self.stream:pull(by)
  if not bytes then return nil, why end
  return came(self, by, self.parser:next(bytes))
end

--- The parser's next event; nil and why there is none.
--- @param by number
function Connection:event(by) return came(self, by, self.parser:next()) end

--- Whether the client may ask again after this.
function Connection:keeps() return self.keep_alive and not self.server.is_stopping end

--- What is answered now lasts until one side ends it.
function Connection:endless()
  self.keep_alive = false
  self.is_waiting = true
  if self.server.is_stopping then self.server:disturb(self) end
end

local function refuse(self, status, why)
  local text = ('%d %s\n'):format(status, why or status_text[status])
  local head = 'HTTP/1.1 %d %s\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n'
    .. 'connection: close\r\n\r\n'
  self.keep_alive = false
  self.lingers = true
  head = head:format(status, status_text[status] or '', #text)
  self.stream:write(head .. text, LINGER)
end

-- A client that still sends would lose the answer to the reset that closing causes.
local function linger(self)
  local by, left = host.now() + LINGER, DRAIN_MAX
  if not self.stream:shutdown() then return end
  while left > 0 do
    local bytes = self.stream:pull(by)
    if not bytes then return end
    left = left - #bytes
  end
end

local function plain(answer, status)
  answer.headers['content-type'] = 'text/plain'
  return answer:send(('%d %s\n'):format(status, status_text[status]), status)
end

-- The server's own answers: nothing there, or not with this method.
local function no_route(answer, allowed)
  if not allowed[1] then return plain(answer, 404) end
  answer.headers.allow = table.concat(allowed, ', ')
  return plain(answer, 405)
end

local function blame(self, asked, answer, traceback)
  log.error(('http: %s %s: %s'):format(asked.method, asked.path, traceback))
  if answer.begun then
    self.keep_alive = false
    answer.done = true
    return
  end
  rawset(answer, 'headers', nil)
  plain(answer, 500)
end

local function call(self, handler, asked, answer)
  local ok, why = xpcall(handler, debug.traceback, asked, answer)
  if not ok then return blame(self, asked, answer, tostring(why)) end
  if asked.failed and answer.begun and not answer.done then -- half of it is no answer
    self.keep_alive, answer.done = false, true
    return
  end
  if response.finish(answer) then return end
  if asked.failed then
    local status = asked.failed == 'too large' and 413 or 400
    if asked.failed == 'timeout' then status = 408 end
    return plain(answer, status)
  end
  return blame(self, asked, answer, 'the handler did not answer')
end

local function handle(self, asked)
  local answer = response.new(self, asked)
  local server = self.server
  if asked.length > server.limits.body then return refuse(self, 413) end
  local handler, params = server.router:find(asked.method, asked.path)
  if handler then
    asked.params = params
  else
    handler = server.handler
  end
  if handler then
    call(self, handler, asked, answer)
  else
    no_route(answer, params)
  end
  if asked.whole or not self.keep_alive then
    self.lingers = self.lingers or not asked.whole
    return
  end
  local by = host.now() + server.limits.body_time
  if request.drain(asked, DRAIN_MAX, by) then return end
  self.keep_alive = false
  self.lingers = true
end

-- The first bytes of a head may be long in coming, the rest may not.
local function await_head(self, kind, ...)
  if kind ~= nil then return kind, ... end
  local limits = self.server.limits
  local by = host.now() + limits.head_time
  if self.parser:pending() == 0 then
    if self.server.is_stopping then return nil, 'stopping' end
    self.is_waiting = true
    local bytes, why = self.stream:pull(host.now() + limits.idle)
    self.is_waiting = false
    if not bytes then return nil, why end
    by = host.now() + limits.head_time
    return came(self, by, self.parser:next(bytes))
  end
  return came(self, by, nil)
end

local function serve_one(self, kind, method, target, minor, keep_alive, length, headers)
  if kind == false then return refuse(self, method, target) end
  if kind ~= 'head' then
    self.keep_alive = false
    if method == 'timeout' and self.parser:pending() > 0 then refuse(self, 408) end
    return
  end
  if #target > self.server.limits.target then return refuse(self, 414) end
  local asked = method ~= 'CONNECT'
    and request.new(self, method, target, minor, length, headers)
  if not asked then return refuse(self, method == 'CONNECT' and 501 or 400) end
  self.keep_alive = keep_alive
  return handle(self, asked)
end

local function serve(self)
  local limits = self.server.limits
  self.parser = http.parser('request', limits.head, limits.headers)
  self.stream.timeout = limits.write_time
  repeat
    serve_one(self, await_head(self, self.parser:next()))
  until not self.keep_alive
  if self.lingers and not self.server.is_stopping then linger(self) end
end

local function secure(self)
  local server = self.server
  if not server.tls then return true end
  local tls = require 'std.net.tls'
  local made = tls.with(self.stream, server.tls, nil, server.limits.head_time)
  self.stream = made or self.stream
  return made ~= nil
end

--- The whole life of a connection; runs in a strand of its own.
function M.run(self)
  if secure(self) then serve(self) end
  self.stream:close()
  return self.server:left(self)
end

--- @return std.http.Connection
function M.new(server, stream)
  return setmetatable({
    server = server, stream = stream, is_waiting = false, keep_alive = true,
  }, Connection)
end

return M
