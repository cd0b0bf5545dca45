--- A program ends with status 0. What it writes goes nowhere.

local io_of = require 'runsmith.probe.io'
local kin = require 'runsmith.probe.kin'
local uv = require('runsmith.vm.owned').module()

local M = {}

--- @param spec { exec: string[] }
function M.check(spec)
  local name = spec.exec[1]
  local handle
  local options = {
    args = { unpack(spec.exec, 2) }, env = kin.environment(), detached = true,
  }
  local code, signal = io_of.await(function(callback)
    local pid
    handle, pid = uv.spawn(name, options, callback)
    if handle then kin.began(pid) end
    return handle, pid
  end)
  if not handle then return io_of.bad('cannot run ' .. name, code) end
  handle:close()
  if signal ~= 0 then return false, ('%s: ended by signal %d'):format(name, signal) end
  if code ~= 0 then return false, ('%s exited with status %d'):format(name, code) end
  return true
end

return M
