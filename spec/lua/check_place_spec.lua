-- Where a mistake in a tree is told to be.

local assert = require 'luassert'
local scripts = require 'lua.scripts'

local BEATER = "rs.worker 'b' { run = 'beater' }"

describe('a mistake', function()
  it('in a definition is told where that was made', function()
    local rows = { -- how bad.lua makes it, where that is
      { "return worker.define { lifecycle = LIFE, a = base.a }", 'bad.lua:4: ' },
      { "local made = worker.define { lifecycle = LIFE }\nreturn made", 'bad.lua:4: ' },
      { "local made = worker.define { lifecycle = LIFE, a = print }\nreturn made",
        'bad.lua:4: ' },
      { "return base.make(LIFE)", 'base.lua:4: ' },
    }
    local base = [[
local M = {}
function M.a() end
function M.make(life)
  return require('runsmith.worker').define { lifecycle = life, a = function() end }
end
return M]]
    local head = [[
local base = require 'base'
local worker = require 'runsmith.worker'
local LIFE = { { 'a', on = { go = 'b' } } }
]]
    for _, run in ipairs { "'bad'", "require 'bad'" } do
      for _, row in ipairs(rows) do
        local _, mistakes = scripts.evaluate(
          ("return rs.supervisor 'p' { rs.worker 'a' { run = %s } }"):format(run),
          { ['bad.lua'] = head .. row[1], ['base.lua'] = base })
        -- Of a tail call with another file's functions a bare value tells no more.
        local bare = row[1]:find 'base.a' and run ~= "'bad'"
        local where = bare and 'base.lua:2: ' or row[2]
        assert.equal(where .. 'p/a: state a: on.go', mistakes[1]:match '^.-on%.go')
      end
    end
  end)

  it('of a root without a name is told at its first child', function()
    local script = '\nreturn rs.supervisor {\n\n' .. BEATER .. ' }'
    local _, mistakes = scripts.evaluate(script)
    assert.truthy(mistakes[1]:find('^4: %?: the name is missing'), mistakes[1])
  end)

  it('about siblings is told beside others of the same list', function()
    local _, mistakes = scripts.evaluate(
      ("return rs.supervisor 'p' { rs.worker 'a' { run = 'beater', %s }, %s }")
        :format("after = { 3, 'x' }", BEATER))
    assert.equal(2, #mistakes)
    assert.truthy(mistakes[2]:find("'x' is no sibling", 1, true), mistakes[2])
  end)
end)
