--- A connection, whatever carries it: TCP, a Unix socket, TLS over either. What has
--- come and nobody has read yet is bounded; who sends more waits.

local err = require 'std.err'
local host = require 'runsmith.host'
local owned = require 'runsmith.vm.owned'
local schedule = require 'runsmith.vm.schedule'

local M = {}

local WAITING_MAX = 64 * 2 ^ 10 -- bytes that wait to be read; then reading rests
local LINE_MAX = 64 * 2 ^ 10
local GREED = 256 * 2 ^ 10 -- bytes written at once until the others have a turn
local TIMEOUT = 30 -- seconds of one wait

local uv

--- @class std.net.Stream
--- @field timeout number seconds that one read or write may take
--- @field private handle? userdata
--- @field private rest string read from below, not yet handed out
--- @field private chunks string[] that luv has brought: [first, last]
--- @field private waiting integer their bytes
--- @field private ended? string|std.Err why nothing more comes
--- @field private ticket? integer of who waits for bytes
--- @field private watch? integer of who waits for the end alone
--- @field private at_rest boolean reading is stopped
--- @field private written integer bytes since it last let the others have a turn
local Stream = {}
Stream.__index = Stream
M.Stream = Stream

local TEXTS = {
  ECONNREFUSED = 'connection refused', ECONNRESET = 'connection reset by peer',
  EPIPE = 'the peer is gone', ETIMEDOUT = 'connection timed out',
  EHOSTUNREACH = 'host is unreachable', ENETUNREACH = 'network is unreachable',
  ENOENT = 'no such file', EACCES = 'permission denied', ECANCELED = 'cancelled',
  EAI_NONAME = 'unknown host', EAI_AGAIN = 'no name server answers',
}

--- A fact from what luv's callbacks say, 'ECONNRESET', or its functions, with a text.
--- @param text string
--- @param what? string
--- @return std.Err
function M.fact(text, what)
  local code = text:match '^(E[%u%d_]+)$'
  if not code and text:find '^E%u' then return err.of_luv(text) end
  local name = code or 'EUNKNOWN'
  local plain = TEXTS[name] or text
  return err.new(name, what and (what .. ': ' .. plain) or plain)
end

--- Seconds from now until `by`; nil: for ever.
--- @param by? number
--- @return number?
function M.left(by)
  if not by then return nil end
  local left = by - host.now()
  return left > 0 and left or 0
end

--- Whoever waits in a socket's `ticket` looks again.
--- @param socket { ticket?: integer }
function M.wake(socket)
  local ticket = socket.ticket
  socket.ticket = nil
  if ticket then schedule.wake(ticket) end
end

local function brought(self, why, chunk)
  if chunk then
    local last = self.last + 1
    self.chunks[last], self.last = chunk, last
    self.waiting = self.waiting + #chunk
    if self.waiting >= WAITING_MAX and not self.at_rest then
      self.at_rest = true
      uv.read_stop(self.handle)
    end
  else
    self.ended = why and M.fact(why) or 'closed'
    if self.is_spare then return self:close() end
    local watch = self.watch
    if watch then schedule.wake(watch, nil, 'closed') end
  end
  M.wake(self)
end

local function start(self)
  self.at_rest = false
  return uv.read_start(self.handle, self.on_read)
end

--- @param handle userdata luv's own, connected and somebody's
--- @return std.net.Stream
function M.new(handle)
  uv = uv or owned.luv()
  local self = setmetatable({
    handle = handle, rest = '', chunks = {}, first = 1, last = 0, waiting = 0,
    at_rest = true, written = 0, timeout = TIMEOUT,
  }, Stream)
  self.on_read = function(why, chunk) return brought(self, why, chunk) end
  start(self)
  return self
end

--- The next bytes from below, until `by`.
--- @param by? number
--- @return string? bytes, string|std.Err? why
--- @package
function Stream:pull(by)
  while self.first > self.last do
    if self.ended then return nil, self.ended end
    if not self.handle then return nil, 'closed' end
    if self.ticket then error('another coroutine reads from it', 3) end
    if self.at_rest then start(self) end
    local ticket = schedule.ticket()
    self.ticket = ticket
    local _, why = schedule.suspend(ticket, M.left(by))
    if why then
      self.ticket = nil
      return nil, why
    end
  end
  local first = self.first
  local chunk = self.chunks[first]
  self.chunks[first] = nil
  if first == self.last then
    self.first, self.last = 1, 0
  else
    self.first = first + 1
  end
  self.waiting = self.waiting - #chunk
  return chunk
end

local function deadline(self, timeout)
  return host.now() + (timeout or self.timeout)
end

-- Seconds come second: 0.5 in the first place is a slip, and would be as many bytes.
local function check_bytes(what, count)
  local is_good = type(count) == 'number' and count >= 1 and count % 1 == 0
  if is_good then return end
  error(('stream:%s takes a number of bytes first, not %s'):format(what,
    tostring(count)), 3)
end

--- Some bytes, as soon as there are any.
--- @param max? integer bytes
--- @param timeout? number seconds; default: the stream's
--- @return string? bytes, string|std.Err? why 'closed': the peer sends no more;
---   'timeout', 'stopping'
function Stream:read(max, timeout)
  if max ~= nil then check_bytes('read', max) end
  local bytes = self.rest
  if bytes == '' then
    local why
    bytes, why = self:pull(deadline(self, timeout))
    if not bytes then return nil, why end
  end
  if max and #bytes > max then
    self.rest = bytes:sub(max + 1)
    return bytes:sub(1, max)
  end
  self.rest = ''
  return bytes
end

--- A line without its end. A last line that has none is not told.
--- @param max? integer bytes; 64 KiB
--- @param timeout? number
--- @return string? line, string|std.Err? why as `read`; 'too long'
function Stream:read_line(max, timeout)
  if max ~= nil then check_bytes('read_line', max) end
  local by, from = deadline(self, timeout), 1
  max = max or LINE_MAX
  while true do
    local at = self.rest:find('\n', from, true)
    if (at or #self.rest) > max then return nil, 'too long' end
    if at then
      local line = self.rest:sub(1, at - 1):gsub('\r$', '')
      self.rest = self.rest:sub(at + 1)
      return line
    end
    from = #self.rest + 1
    local bytes, why = self:pull(by)
    if not bytes then return nil, why end
    self.rest = self.rest .. bytes
  end
end

--- So many bytes, no fewer.
--- @param count integer
--- @param timeout? number
--- @return string? bytes, string|std.Err? why as `read`
function Stream:read_exactly(count, timeout)
  if count ~= 0 then check_bytes('read_exactly', count) end
  local by = deadline(self, timeout)
  local parts, size = { self.rest }, #self.rest
  local why
  while size < count do
    local bytes
    bytes, why = self:pull(by)
    if not bytes then break end
    parts[#parts + 1] = bytes
    size = size + #bytes
  end
  local all = table.concat(parts)
  if size < count then
    self.rest = all
    return nil, why
  end
  self.rest = all:sub(count + 1)
  return all:sub(1, count)
end

local function write_waiting(self, bytes, timeout)
  local ticket = schedule.ticket()
  local ok, why = uv.write(self.handle, bytes, function(failed)
    schedule.wake(ticket, failed or 'written')
  end)
  if not ok then
    schedule.wake(ticket)
    schedule.suspend(ticket)
    return nil, M.fact(why)
  end
  local how
  how, why = schedule.suspend(ticket, timeout or self.timeout)
  if how == 'written' then return true end
  if how then return nil, M.fact(how) end
  if why == 'timeout' then self:close() end -- half of it may be there
  return nil, why
end

--- Hands bytes to the kernel; waits as long as the peer does not take them.
--- @param bytes string
--- @param timeout? number
--- @return true? ok, string|std.Err? why 'timeout': the stream is closed; 'stopping'
function Stream:write(bytes, timeout)
  if type(bytes) ~= 'string' then
    error(('stream:write takes a string, not a %s'):format(type(bytes)), 2)
  end
  local handle = self.handle
  if not handle then return nil, 'closed' end
  local count, why, code = uv.try_write(handle, bytes)
  if count == #bytes then
    local written = self.written + count
    self.written = written
    if written > GREED then
      self.written = 0
      coroutine.yield() -- the others' turn
    end
    return true
  end
  if not count and code ~= 'EAGAIN' then return nil, M.fact(why) end
  self.written = 0
  return write_waiting(self, count and bytes:sub(count + 1) or bytes, timeout)
end

--- Says that nothing more is written; reading goes on.
--- @return true? ok, string|std.Err? why
function Stream:shutdown()
  if not self.handle then return nil, 'closed' end
  local ticket = schedule.ticket()
  local ok, why = uv.shutdown(self.handle, function(failed)
    schedule.wake(ticket, failed or 'done')
  end)
  if not ok then
    schedule.wake(ticket)
    schedule.suspend(ticket)
    return nil, M.fact(why)
  end
  local how
  how, why = schedule.suspend(ticket, self.timeout)
  if how == 'done' then return true end
  return nil, how and M.fact(how) or why
end

--- Ends it; who waits for it is told 'closed'.
function Stream:close()
  local handle = self.handle
  if not handle then return end
  self.handle = nil
  self.ended = self.ended or 'closed'
  if not uv.is_closing(handle) then uv.close(handle) end
  local watch = self.watch
  self.watch = nil
  M.wake(self)
  if watch then schedule.wake(watch, nil, 'closed') end
end

--- Ends it; a last word is left with the kernel, if it has room for it.
--- @param bytes? string
--- @package
function Stream:close_after(bytes)
  if bytes and self.handle then uv.try_write(self.handle, bytes) end
  return self:close()
end

--- Nobody uses it for now: once the peer ends it, it is closed.
--- @param is_spare boolean
--- @package
function Stream:spare(is_spare)
  self.is_spare = is_spare
  if is_spare and self.ended then self:close() end
end

--- Whether the peer may still be there: nothing has said otherwise.
--- @return boolean
function Stream:is_open() return self.handle ~= nil and not self.ended end

--- Waits until `ticket` is woken, or the peer is gone: nil, 'closed'.
--- @param ticket integer
--- @param seconds? number
--- @package
function Stream:suspend(ticket, seconds)
  if not self:is_open() then schedule.wake(ticket, nil, 'closed') end
  self.watch = ticket
  local value, why = schedule.suspend(ticket, seconds)
  self.watch = nil
  return value, why
end

--- The address of the other side; nil for Unix sockets.
--- @return string? address, integer? port
function Stream:peer()
  if not self.handle or uv.handle_get_type(self.handle) ~= 'tcp' then return nil end
  local name = uv.tcp_getpeername(self.handle)
  if name then return name.ip, name.port end
end

return M
