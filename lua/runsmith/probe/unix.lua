--- Somebody accepts connections on a socket in the file system.

local io_of = require 'runsmith.probe.io'
local uv = require('runsmith.vm.owned').module()

local M = {}

--- @param spec { path: string }
function M.check(spec)
  local pipe = uv.new_pipe(false)
  local err = io_of.await(function(callback)
    return pipe:connect(spec.path, callback)
  end)
  if err then return io_of.bad(spec.path, err) end
  pipe:close()
  return true
end

return M
