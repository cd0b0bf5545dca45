-- line.lua -- a connection whose errors are raised, and whose answers come whole: a
-- stop ends two waits early, and then one waits again for what was asked before it.

local net = require 'std.net'

local M = {}
M.__index = M

local PATIENCE = 1 -- seconds that an answer may take

local function insist(stream, read, ...)
  local bytes, why
  repeat
    bytes, why = read(stream, ...)
  until why ~= 'stopping'
  return bytes or error(tostring(why))
end

--- @param port integer on loopback
--- @return table line; raises when nobody answers there
function M.open(port)
  local stream, why = net.connect { port = port, timeout = PATIENCE }
  if not stream then error(('port %d: %s'):format(port, tostring(why))) end
  stream.timeout = PATIENCE
  return setmetatable({ stream = stream }, M)
end

function M:send(bytes) insist(self.stream, self.stream.write, bytes) end

--- @return string a line without its end
function M:line() return insist(self.stream, self.stream.read_line) end

--- @return string so many bytes
function M:bytes(count) return insist(self.stream, self.stream.read_exactly, count) end

function M:close() self.stream:close() end

return M
