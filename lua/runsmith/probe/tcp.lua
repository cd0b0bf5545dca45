--- Somebody accepts connections.

local io_of = require 'runsmith.probe.io'

local M = {}

--- @param spec { host?: string, port: integer }
function M.check(spec)
  local host = spec.host or '127.0.0.1'
  local stream, err = io_of.connect(host, spec.port)
  if not stream then return io_of.bad(('%s:%d'):format(host, spec.port), err) end
  stream:close()
  return true
end

return M
