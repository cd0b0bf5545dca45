--- runsmith add: another unit of a pool.
local json = require 'runsmith.json'
local remote = require 'cli.remote'

return {
  name = 'add',
  summary = 'add a unit to a pool',
  args = {
    { 'PATH', "the pool's path" },
    { 'NAME', "the unit's name" },
    { 'ARGS', 'its args, as JSON', optional = true },
  },
  options = { remote.SOCKET, remote.JSON, { 'no-wait', nil, 'say so and go' } },
  run = function(given)
    local ok, args = true, nil
    if given.ARGS then
      ok, args = pcall(json.decode, given.ARGS)
    end
    if not ok then
      io.stderr:write(('runsmith add: the args are no JSON: %s\n'):format(args))
      return 2
    end
    local fields = { op = 'add', path = given.PATH, name = given.NAME, args = args }
    fields.wait = not given['no-wait']
    return remote.request('add', given, fields, function(result)
      local unit = result.units[1]
      local how = fields.wait and 'ready' or 'added'
      if not unit or unit.health == 'completed' then how = 'completed' end
      io.stdout:write(('%s/%s: %s\n'):format(given.PATH, given.NAME, how))
    end)
  end,
}
