-- Orders that conflict, from many clients at once: each is answered, none waits behind
-- a slow stop, and every unit ends as the last order to it said. RS_ORDERS: how many a
-- client; RS_SEED.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local json = require 'cjson'
local posix = require 'host.support.posix'
local random = require 'host.support.random'

local CLIENTS, ORDERS = 8, random.size('RS_ORDERS', 150)
local SEED = random.size('RS_SEED', os.time() % 100000)
local UNITS = { 'one', 'two', 'three', 'four', 'five', 'six' }
local VERBS = { 'start', 'stop', 'restart', 'kill', 'reload' }
local MAY_SAY = { superseded = true, waits = true, busy = true, failed = true }

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 10000, within = 1 },
  rs.worker 'one' { run = 'beater' },
  rs.worker 'two' { run = 'beater' },
  rs.worker 'three' { run = 'beater', backend = 'thread' },
  rs.worker 'four' { run = 'beater', backend = 'process' },
  rs.command 'five' { exec = { 'sleep', '1000' } },
  rs.supervisor 'six' { isolate = true, rs.worker 'in' { run = 'beater' } },
  rs.command 'slow' {
    shutdown = 60, exec = { 'sh', '-c', "trap '' TERM; echo up; sleep 1000" },
  },
}
]]

-- asked: by client, of each order that is unanswered what it was.
local function take_answers(host, clients, asked)
  for c, client in ipairs(clients) do
    while next(asked[c]) do
      local answer = client:object(10)
      if not answer then
        host:watch(0.1)
        error(('never answered: %s%s'):format(json.encode(asked[c]), host:tail()))
      end
      local code = answer.error and answer.error.code
      assert.is_true(answer.ok or MAY_SAY[code], json.encode(answer))
      asked[c][tostring(answer.id)] = nil
    end
  end
end

-- What each unit is to be, by the journal: the order in which they were taken.
local function wanted(host)
  local verb = {}
  for _, entry in ipairs(host.entries) do
    local said = (entry.kind == 'stop' or entry.kind == 'start') and entry.by
    local last = said and said:match '(%w+)$'
    if last and last ~= 'kill' then verb[entry.unit] = last end
  end
  return verb
end

local function check_state(host)
  local verb, by = wanted(host), posix.now() + 10
  for _, name in ipairs(UNITS) do
    local path = 'plant/' .. name
    local should = verb[path] == 'stop' and 'stopped' or 'healthy'
    local unit
    repeat
      unit = control.ask(host, { op = 'status', path = path }).result
      local calm = unit.health == should and unit.ready == (should == 'healthy')
      if not calm then host:watch(0.01) end
    until calm or posix.now() > by
    assert.equal(should, unit.health, path .. ' after ' .. tostring(verb[path])
      .. host:tail())
  end
end

local function storm(host, clients, chance)
  local asked = {}
  for c = 1, CLIENTS do
    asked[c] = {}
  end
  for i = 1, ORDERS * CLIENTS do
    local c, verb = chance:below(CLIENTS) + 1, chance:pick(VERBS)
    local path = 'plant/' .. chance:pick(UNITS)
    clients[c]:send(json.encode { id = i, op = verb, path = path } .. '\n')
    asked[c][tostring(i)] = verb .. ' ' .. path
    if i % 200 == 0 then take_answers(host, clients, asked) end
    if chance:chance(10) then host:watch(0.002) end
  end
  take_answers(host, clients, asked)
end

describe('orders that conflict', function()
  after_each(harness.sweep)

  it('are all answered, and the last one holds', function()
    local host = control.start { ['tree.lua'] = TREE, ['beater.lua'] = fixtures.beater }
    host:wait_for { kind = 'output', unit = 'plant/slow', text = 'up' }
    local slow, clients = control.open(host), {}
    slow:send '{"id":1,"op":"stop","path":"plant/slow"}\n'
    for c = 1, CLIENTS do
      clients[c] = control.open(host)
    end
    storm(host, clients, random.new(SEED))
    assert.is_nil(slow:line(0), 'the slow one has stopped')
    local mark = host.entries[#host.entries]
    assert.is_true(control.ask(host, { op = 'kill', path = 'plant/slow' }).ok)
    host:wait_for({ kind = 'killed', unit = 'plant/slow' }, mark)
    local ok, err = pcall(check_state, host)
    assert.is_true(ok, ('RS_SEED=%d: %s'):format(SEED, tostring(err)))
    assert.is_true(slow:object().ok)
    for _, client in ipairs(clients) do
      client:close()
    end
    slow:close()
    host:finish()
  end)
end)
