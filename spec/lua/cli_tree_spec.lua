-- The tree as `status` and `top` draw it, times as people write them, and a client's
-- framing, without a host.

local assert = require 'luassert'
local client = require 'runsmith.client'
local rows = require 'cli.rows'
local span = require 'cli.span'
local tree = require 'cli.tree'

local function plain(_, text) return text end

local function unit(fields)
  local made = {
    kind = 'worker', backend = 'coroutine', state = 'running', health = 'healthy',
    life = 'up', ready = true, incarnation = 0, restarts = 0, since = 1, uptime = 5,
  }
  for key, value in pairs(fields) do
    made[key] = value
  end
  made.name = made.path:match '[^/]*$'
  return made
end

local EXITED = { kind = 'exited', reason = 'exception', detail = 'x.lua:1: no\nstack' }

local function sick()
  return unit {
    path = 'p/b', health = 'waiting', life = 'down', since = 61, ['until'] = 28,
    restarts = 3, because = EXITED, state = false, uptime = false,
  }
end

describe('the tree', function()
  it('is aligned, and says who is ill, why and what comes next', function()
    local root = unit {
      path = 'p', kind = 'supervisor', backend = false, state = false,
      children = { unit { path = 'p/a', pid = 12 }, sick() },
    }
    local lines = tree.draw({ root }, plain)
    assert.same({
      'unit  state    backend     pid     up  restarts',
      'p     healthy  supervisor       5.0 s',
      '├─ a  running  coroutine    12  5.0 s',
      '└─ b  waiting  coroutine                      3  waiting for 1 min 1 s; '
        .. 'starts in 28 s; exited: exception: x.lua:1: no',
    }, lines)
    assert.equal('3 units: 2 healthy, 1 waiting', tree.summary { root })
  end)

  it('says what is waited for', function()
    local function note(fields, above)
      fields.path = 'p/x'
      return tree.note(unit(fields), above)
    end
    local down = { health = 'waiting', life = 'down' }
    assert.equal('waiting for 1.0 s; starts with p',
      note(down, { life = 'down', path = 'p' }))
    down.waits_for = 'p/y'
    assert.equal('waiting for 1.0 s; waits for p/y', note(down))
    assert.equal('stopping for 1.0 s; ended by force in 4.0 s',
      note { life = 'stopping', ['until'] = 4 })
    assert.equal('killed for 1.0 s; its end is awaited',
      note { life = 'killed', health = 'lingering' })
    assert.equal('completed for 1.0 s', note { life = 'down', health = 'completed' })
    assert.equal('', note {})
    assert.equal('not ready', note { ready = false })
  end)

  it('is no way to move the cursor', function()
    local text = tree.note(unit { path = 'p/x', status = '\27[2Jgone\r' })
    assert.is_nil(text:find '[%z\1-\31]')
  end)

  it('is sorted for top', function()
    local root = unit {
      path = 'p', restarts = 1,
      children = { unit { path = 'p/a' }, sick() },
    }
    assert.same({ 'p', 'p/a', 'p/b' }, select(2, rows.sorted(root, 'tree')))
    assert.same({ 'p/b', 'p', 'p/a' }, select(2, rows.sorted(root, 'health')))
    assert.same({ 'p/b', 'p', 'p/a' }, select(2, rows.sorted(root, 'restarts')))
    assert.equal('health', rows.next_sort 'tree')
    assert.equal('tree', rows.next_sort 'uptime')
  end)
end)

describe('a span', function()
  it('is written as people do', function()
    local texts = {
      [0] = '0.0 s', [9.94] = '9.9 s', [9.96] = '10 s', [59.9] = '59 s', [60] = '1 min',
      [93784] = '1 d 2 h', [3661] = '1 h 1 min',
    }
    for seconds, text in pairs(texts) do
      assert.equal(text, span.text(seconds))
    end
  end)

  it('is read', function()
    local read = { ['90'] = 90, ['10m'] = 600, ['1.5h'] = 5400, ['2d'] = 172800 }
    for text, seconds in pairs(read) do
      assert.equal(seconds, span.seconds(text))
    end
    assert.is_nil(span.seconds 'soon')
    local WRONG = {
      'soon', '', '25:00', '12:61', '12:3045', '2026-13-01', '2026-02-30',
      '2026-01-02T24:00:00Z', '2026-01-02T0Z', '2026-01-02 03', '1 2',
    }
    for _, text in ipairs(WRONG) do
      local date, why = span.date(text)
      assert.is_nil(date, text)
      assert.truthy(why:find '^it must be')
    end
    assert.truthy(span.date('2026-01-02 03:04'):find '^2026%-01%-0%dT%d%d:04:00%.0+Z$')
    assert.equal('2026-01-02T03:04:05.600000Z', span.date '2026-01-02T03:04:05.6Z')
    assert.equal('2026-01-02T03:04:05.000000Z', span.date '2026-01-02T03:04:05Z')
    assert.equal('1970-01-01T00:00:00.000000Z', span.date '99999999999999d')
  end)
end)

describe('a client', function()
  it('puts lines together from any pieces', function()
    local text = 'one\ntwo\n\nthree\nrest'
    for size = 1, #text do
      local lines = {}
      local cut = client.cutter(function(line) lines[#lines + 1] = line end)
      for at = 1, #text, size do
        cut(text:sub(at, at + size - 1))
      end
      assert.same({ 'one', 'two', '', 'three' }, lines)
    end
  end)
end)
