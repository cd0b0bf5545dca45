-- mqtt.lua -- as much of MQTT 3.1.1 as the example needs: hello, and tell.

local line = require 'line'

local M = {}
M.__index = M

local KEEP_ALIVE = 60

local function text(bytes)
  return string.char(math.floor(#bytes / 256), #bytes % 256) .. bytes
end

-- A packet of less than 128 bytes.
local function packet(kind, body) return string.char(kind, #body) .. body end

--- Connects and waits until the broker says that one is welcome.
--- @param port integer
function M.open(port)
  local self = setmetatable({ line = line.open(port) }, M)
  local hello = text 'MQTT' .. string.char(4, 2, 0, KEEP_ALIVE) .. text ''
  self.line:send(packet(0x10, hello))
  if self.line:bytes(4):byte(4) ~= 0 then error 'the broker refuses' end
  return self
end

--- Tells, and waits until the broker has it (QoS 1).
function M:publish(topic, said)
  self.line:send(packet(0x32, text(topic) .. '\0\1' .. said))
  self.line:bytes(4)
end

function M:close() self.line:close() end

--- A connection that lasts as long as the greeting: for probes.
function M.greet(port) M.open(port):close() end

return M
