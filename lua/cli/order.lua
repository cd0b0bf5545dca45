--- The commands that tell units what to do: start, stop, restart, kill, remove.
local remote = require 'cli.remote'
local terminal = require 'cli.terminal'
local tree = require 'cli.tree'

local FIRST, EVERY = 300, 1000 -- ms until it is said who is waited for, and again

-- Tells of each unit that is waited for, when it is new or waits for another.
local function teller(paint)
  local told = {}
  return function(roots)
    for _, unit in ipairs(tree.under_way(roots)) do
      if not told[unit.key] then
        told[unit.key] = true
        local path = paint('bold', terminal.clean(unit.path))
        io.stdout:write(('waits for %s: %s\n'):format(path, unit.text))
      end
    end
    io.stdout:flush()
  end
end

-- The answer to an order; what takes its time is told of.
local function await(host, given, order)
  if given.json or not order.wait then return host:request(order.op, order) end
  local timer, asked = host.uv.new_timer(), nil
  local tell = teller(terminal.painter(1))
  local id = host:send(order.op, order)
  timer:start(FIRST, EVERY, function()
    if not asked then asked = host:send('status', { path = given.PATH }) end
  end)
  while not host.answers[id] and not host.over do
    host:pause()
    if asked and host.answers[asked] then
      local result = host:answer(asked)
      asked = nil
      if result then tell(result.path and { result } or result) end
    end
  end
  timer:close()
  return host:answer(id)
end

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
      end, await)
    end,
  }
end
