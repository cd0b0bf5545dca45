-- run --watch: what the evaluation read is watched, and a change of it is a reload.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'

local function tree(args)
  return ([[
local rs = require 'runsmith'
local file = io.open('settings.txt')
local settings = file and file:read '*a' or 'none'
if file then file:close() end
return rs.supervisor 'plant' {
  rs.worker 'same' { run = 'beater', args = { %s } },
  rs.worker 'lib' { run = 'sub.worker' },
  rs.worker 'set' { run = 'beater', args = { settings } },
}
]]):format(args)
end

local WORKER = "require 'sub.part'\nreturn require 'beater'\n"

local function start()
  local host, ready = control.start({
    ['tree.lua'] = tree '1', ['beater.lua'] = fixtures.beater,
    ['sub/worker.lua'] = WORKER, ['sub/part.lua'] = 'return 1\n',
  }, { '--watch' })
  return host, ready
end

local function changed(host, since)
  local entry = host:wait_for({ kind = 'reload' }, since)
  return entry.changed, entry
end

describe('run --watch', function()
  after_each(harness.sweep)

  it('reloads when the script, a module or a file that it opened changes', function()
    local host, at = start()
    local count
    host:write('tree.lua', tree '2')
    count, at = changed(host, at)
    assert.equal(1, count)
    host:write('sub/part.lua', 'return 2\n')
    count, at = changed(host, at)
    assert.equal(1, count)
    host:wait_for({ kind = 'ready', unit = 'plant/lib', incarnation = 1 }, at)
    misdeed.untouched(host, { 'plant/set' })
    host:write('settings.txt', 'made later')
    count, at = changed(host, at)
    assert.equal(1, count)
    host:wait_for({ kind = 'ready', unit = 'plant/set', incarnation = 1 }, at)
    local file = assert(io.open(host.dir .. '/settings.txt', 'w')) -- written in place
    file:write 'again'
    file:close()
    count = changed(host, at)
    assert.equal(1, count)
    host:finish()
  end)

  it('gathers many changes at once', function()
    local host, at = start()
    for i = 1, 30 do
      host:write('sub/part.lua', ('return %d\n'):format(i + 5))
      host:write('tree.lua', tree(tostring(i + 5)))
    end
    changed(host, at)
    host:watch(0.4)
    local count = #host:all({ kind = 'reload' }, at)
    assert.is_true(count <= 10, count .. ' reloads for 60 changes')
    host:finish()
  end)

  it('tells a mistake, goes on with the old tree, and sees it mended', function()
    local host, at = start()
    host:write('sub/part.lua', 'return (\n')
    local function says(text) return text and text:find('part.lua:2', 1, true) end
    at = host:wait_for({ kind = 'log', level = 'error', text = says }, at)
    misdeed.untouched(host, { 'plant/same', 'plant/lib' })
    host:write('sub/part.lua', "return require 'sub.missing'\n")
    at = host:wait_for({ kind = 'log', level = 'error', text = function(text)
      return text and text:find 'no module'
    end }, at)
    host:write('sub/missing.lua', 'return 3\n')
    local count = changed(host, at)
    assert.equal(1, count)
    host:finish()
  end)

  it('hears what changes while it evaluates', function()
    local host, at = start()
    host:write('tree.lua', 'local till = os.clock() + 0.6\n'
      .. 'while os.clock() < till do end\n' .. tree '3')
    host:wait_for({ kind = 'log', text = 'tree.lua has changed' }, at)
    host:watch(0.2)
    host:write('tree.lua', tree '4')
    local _, first = changed(host, at)
    changed(host, first)
    host:wait_for({ kind = 'ready', unit = 'plant/same', incarnation = 2 }, at)
    host:finish()
  end)

  it('sees a folder that was swapped for another', function()
    local host, at = start()
    host:write('other/worker.lua', WORKER)
    host:write('other/part.lua', 'return 77\n')
    local swap = ("cd '%s' && mv sub old && mv other sub"):format(host.dir)
    assert.equal(0, os.execute(swap))
    at = select(2, changed(host, at))
    host:write('sub/part.lua', 'return 78\n')
    assert.equal(1, (changed(host, at)))
    host:finish()
  end)

  it('does nothing of the kind without', function()
    local host, at = control.start {
      ['tree.lua'] = tree '1', ['beater.lua'] = fixtures.beater,
      ['sub/worker.lua'] = WORKER, ['sub/part.lua'] = 'return 1\n',
    }
    host:write('tree.lua', tree '2')
    host:watch(0.4)
    assert.same({}, host:all({ kind = 'reload' }, at))
    host:finish()
  end)
end)
