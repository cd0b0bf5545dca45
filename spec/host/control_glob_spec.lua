-- A pattern is tried in pieces: the host goes on meanwhile, and so does the tree.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local json = require 'cjson'

local TREE = [[
local rs = require 'runsmith'
local function idle(ctx)
  while not ctx.stopping do require('std.time').sleep(600) end
end
local groups = {}
for g = 1, 4 do
  local units = {}
  for i = 1, 500 do units[i] = rs.worker('w' .. i) { run = idle } end
  groups[g] = rs.supervisor('g' .. g) (units)
end
return rs.supervisor 'plant' (groups)
]]

describe('a pattern over more units than a piece has', function()
  after_each(harness.sweep)

  it('finds each of them, in the tree\'s order, and answers in turn', function()
    local host = control.start { ['tree.lua'] = TREE }
    local client = control.open(host)
    for id, path in ipairs {
      'plant/*/w500', 'plant/g2', 'plant/*/nobody', 'plant/**',
    } do
      client:send(json.encode { id = id, op = 'status', path = path } .. '\n')
    end
    local found = json.decode(client:line()).result
    local paths = {}
    for i, unit in ipairs(found) do
      paths[i] = unit.path
    end
    assert.same({
      'plant/g1/w500', 'plant/g2/w500', 'plant/g3/w500', 'plant/g4/w500',
    }, paths)
    local second = json.decode(client:line())
    assert.same({ 2, 'plant/g2' }, { second.id, second.result.path })
    assert.equal('not_found', json.decode(client:line()).error.code)
    assert.equal('plant/g1', json.decode(client:line()).result[1].path)
    client:send(json.encode { id = 9, op = 'stop', path = 'plant/*/w3' } .. '\n')
    local stopped = json.decode(client:line())
    assert.same({ 9, 4 }, { stopped.id, stopped.result.count })
    host:finish()
  end)

  it('costs the host nothing when its client goes', function()
    local host = control.start { ['tree.lua'] = TREE }
    for _ = 1, 20 do
      local client = control.open(host)
      client:send '{"id":1,"op":"status","path":"plant/*/w*"}\n'
      client:close()
    end
    assert.equal('plant', control.ask(host, { op = 'status' }).result.path)
    host:finish()
  end)
end)
