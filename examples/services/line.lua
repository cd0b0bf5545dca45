-- line.lua -- a connection on which a worker, or a probe, waits for what it wants to
-- read. What luv calls back ends the wait; nobody looks again and again.

local schedule = require 'runsmith.schedule'
local uv = require 'luv'

local M = {}
M.__index = M

local PATIENCE = 1 -- seconds that an answer may take

-- Waits for what `start(callback)` calls its callback with.
local function await(start)
  local ticket = schedule.ticket()
  start(function(...) schedule.wake(ticket, ...) end)
  return schedule.suspend(ticket, PATIENCE)
end

--- @param port integer on loopback
--- @return table line; raises when nobody answers there
function M.open(port)
  local tcp = uv.new_tcp()
  local refused, why = await(function(done) tcp:connect('127.0.0.1', port, done) end)
  if refused or why then error(('port %d: %s'):format(port, why or refused)) end
  return setmetatable({ tcp = tcp, bytes = '' }, M)
end

function M:send(bytes) self.tcp:write(bytes) end

--- Takes what `pattern` matches from the front; its captures are returned. The pattern
--- ends with `()`.
function M:take(pattern)
  while true do
    local found = { self.bytes:match('^' .. pattern) }
    local after = table.remove(found)
    if after then
      self.bytes = self.bytes:sub(after)
      return unpack(found)
    end
    local err, more = await(function(done)
      self.tcp:read_start(function(failed, bytes)
        self.tcp:read_stop()
        done(failed, bytes)
      end)
    end)
    if not more then error(err or 'the other side has hung up') end
    self.bytes = self.bytes .. more
  end
end

function M:close() self.tcp:close() end

return M
