--- The commands that tell units what to do: start, stop, restart, kill, remove.
local remote = require 'cli.remote'
local terminal = require 'cli.terminal'

--- @param name string
--- @param summary string
--- @param done string how a unit is afterwards
--- @return table command
return function(name, summary, done)
  return {
    name = name,
    summary = summary,
    args = { { 'PATH', "a unit's path, or a pattern such as 'plant/*/camera'" } },
    options = {
      remote.SOCKET,
      remote.JSON,
      { 'wait', nil, 'until it is so (that is the default)' },
      { 'no-wait', nil, 'say so and go' },
    },
    run = function(given)
      local wait = not given['no-wait']
      local fields = { op = name, path = given.PATH, wait = wait }
      return remote.request(name, given, fields, function(result)
        local paint = terminal.painter(1)
        for _, unit in ipairs(result.units) do
          local how = wait and done or 'told to ' .. name
          io.stdout:write(('%s: %s\n'):format(paint('bold', unit.path), how))
        end
        if #result.units == 0 then io.stdout:write(given.PATH, ': gone\n') end
        local more = result.count - #result.units
        if #result.units > 0 and more > 0 then
          io.stdout:write(('and %d more\n'):format(more))
        end
      end)
    end,
  }
end
