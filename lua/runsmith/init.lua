--- runsmith: what a tree script requires.
local describe = require 'runsmith.tree.describe'
local probe = require 'runsmith.probe'
local suggest = require 'runsmith.tree.suggest'

local rs = {
  --- rs.supervisor 'name' { strategy = …, rs.worker 'child' {…}, … }
  supervisor = describe.constructor 'supervisor',
  --- rs.worker 'name' { run = …, … }; without a name: a pool's template
  worker = describe.constructor 'worker',
  --- rs.command 'name' { exec = {…}, … }; without a name: a pool's template
  command = describe.constructor 'command',
  --- rs.channel 'name' { capacity = … }
  channel = describe.constructor 'channel',
  --- rs.probe.http {…} and so on; rs.probe.define('kind', {…})
  probe = probe.kinds,
  all = probe.all,
  any = probe.any,
  no = probe.no,
}

local make_backend = describe.constructor 'backend'

--- rs.backend 'name' { start = …, stop = …, kill = …, wait = … }
--- @param name string
--- @return fun(fields: table): runsmith.Node
function rs.backend(name)
  local at = describe.place(2)
  local make = make_backend(name)
  if type(make) ~= 'function' then
    make.at = at
    describe.backends[#describe.backends + 1] = make
    return make
  end
  return function(fields)
    local node = make(fields)
    node.at = at
    describe.backends[#describe.backends + 1] = node
    return node
  end
end

return setmetatable(rs, {
  __index = function(_, name)
    local known = {}
    for key in pairs(rs) do
      known[#known + 1] = key
    end
    table.sort(known)
    error(
      ("runsmith has no '%s': %s"):format(tostring(name), suggest.hint(name, known)),
      2
    )
  end,
})
