-- What a probe says of its unit's states and events, and what its author is told.

local assert = require 'luassert'
local scripts = require 'lua.scripts'

local MINE = [[
local function nothing() end
rs.backend 'mine' { start = nothing, stop = nothing, kill = nothing, wait = nothing }
]]
local TREE = MINE
  .. "return rs.supervisor 'plant' { %s { %s probes = { rs.probe.lua { check = print, "
  .. '%s } } } }'
local SUPERVISOR = "rs.supervisor 'a'"
local WITHIN = "rs.worker 'b' { run = 'beater' },"
local WORKER, COMMAND = "rs.worker 'a'", "rs.command 'a'"
local BY_MINE, EXEC = "backend = 'mine',", "exec = { 'x' },"

describe('the check of a probe and its unit', function()
  local RULES = { -- the unit, the probe's field, the one mistake
    { SUPERVISOR, WITHIN, "when = 'running'", 'when: a supervisor has no states' },
    { SUPERVISOR, WITHIN, "action = { emit = 'x' }", 'takes events' },
    { WORKER, BY_MINE, "when = 'polling'", "'polling' is no state: it has: crashed" },
    { WORKER, BY_MINE, "action = { emit = 'x' }", 'takes events' },
    { COMMAND, EXEC, "when = 'polling'", "'polling' is no state: it has: crashed" },
  }
  for _, rule in ipairs(RULES) do
    it(('says of %s: %s'):format(rule[1], rule[3]), function()
      local _, mistakes = scripts.evaluate(TREE:format(rule[1], rule[2], rule[3]))
      assert.equal(1, #mistakes, table.concat(mistakes, '\n'))
      assert.truthy(mistakes[1]:find(rule[4], 1, true), mistakes[1])
    end)
  end

  it('lets pass the states that a custom backend and a command have', function()
    local probe = "when = { 'starting', 'running', 'terminating' }"
    for _, of in ipairs { { WORKER, BY_MINE }, { COMMAND, EXEC } } do
      local view, mistakes = scripts.evaluate(TREE:format(of[1], of[2], probe))
      assert.truthy(view, table.concat(mistakes, '\n'))
    end
  end)
end)
