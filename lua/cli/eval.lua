--- runsmith eval: Lua in a worker's VM, between two of its steps.
local options = require 'cli.options'
local remote = require 'cli.remote'

return {
  name = 'eval',
  summary = "run Lua in a worker's VM, with self and ctx, between two of its steps",
  args = { { 'PATH', "the worker's path" }, { 'LUA', 'an expression, or a chunk' } },
  options = {
    { 'timeout', 'SECONDS', 'how long it may take', 1, options.seconds },
    remote.SOCKET,
    remote.JSON,
  },
  run = function(given)
    local fields = { op = 'eval', path = given.PATH, lua = given.LUA }
    fields.timeout = given.timeout
    return remote.request('eval', given, fields, function(result)
      if result.value ~= '' then io.stdout:write(result.value, '\n') end
    end)
  end,
}
