--- runsmith status: the tree as it is now.
local remote = require 'cli.remote'
local terminal = require 'cli.terminal'
local tree = require 'cli.tree'

return {
  name = 'status',
  summary = 'show the tree: who is ill, since when, why, and what comes next',
  args = { { 'PATH', "a unit's path, or a pattern; else all", optional = true } },
  options = { remote.SOCKET, remote.JSON },
  run = function(given)
    local fields = { op = 'status', path = given.PATH }
    return remote.request('status', given, fields, function(result)
      local roots = result.path and { result } or result
      local lines = tree.draw(roots, terminal.painter(1))
      lines[#lines + 1] = tree.summary(roots)
      lines[#lines + 1] = tree.confirm(roots)
      lines[#lines + 1] = tree.strays(roots)
      io.stdout:write(table.concat(lines, '\n'), '\n')
    end)
  end,
}
