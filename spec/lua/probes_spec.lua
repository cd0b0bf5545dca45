-- The probes' VM on a clock of the spec's own: when it looks, what it tells.

local assert = require 'luassert'
local cjson = require 'cjson'
local fake = require 'lua.fake_host'

local VERDICTS = { 'alive', 'dead', 'unknown', 'failing' }
local ACTIONS = { [0] = '', ' restart', ' emit' }

describe('a probe', function()
  local vm, answer, looks

  before_each(function()
    vm = fake.new()
    vm.place = 4
    looks, answer = {}, function() return true end
    vm:plan(1, { { 'unit', run = { task = function() end } } })
  end)

  local function check(_, unit)
    looks[#looks + 1] = vm.clock - 100
    return answer(unit)
  end

  local function cargo(fields, kind)
    return { kind = kind or 'own', fields = fields, parts = {}, check = check }
  end

  local function part(verdict, reason)
    return { kind = 'own', fields = {}, parts = {}, check = function()
      return verdict, reason
    end }
  end

  -- A probe that is begun in slot 1; the engine answers each LOOK.
  local function begin(fields, kind)
    local spec = fields.fields and fields or cargo(fields)
    vm:probe(1, 1, kind or 1, spec)
    vm:tell('START', 1, 0, 1, 1)
    return vm:turn()
  end

  local function state(name, ready)
    vm:tell('STATE', 1, 0, ready and 1 or 0, 0, name)
    return vm:turn()
  end

  local function unit() return cjson.encode { path = 'plant/unit', pid = 7 } end

  local function show(record)
    local event, detail = record.text:match '^%Z+%z(%Z*)%z(.*)$'
    local text = VERDICTS[record.a] .. ACTIONS[record.b]
    if event ~= '' then text = text .. ' ' .. event end
    if detail ~= '' then text = text .. ': ' .. detail end
    return text
  end

  -- Turns until nothing more comes, answering each LOOK.
  local function serve(said)
    repeat
      vm:turn()
      local records = vm.up
      vm.up = {}
      for _, record in ipairs(records) do
        if record.kind == 'LOOK' then vm:tell('UNIT', 1, 0, 0, 0, unit()) end
        if record.kind == 'VERDICT' then said[#said + 1] = show(record) end
      end
    until #records == 0
  end

  -- Lets time go by; what is told meanwhile.
  local function pass(seconds)
    local said, till = {}, vm.clock + seconds
    serve(said)
    while vm.clock < till do
      local next_at = till
      for _, at in pairs(vm.timers) do
        next_at = math.max(vm.clock, math.min(next_at, at))
      end
      vm.clock = next_at
      serve(said)
    end
    return said
  end

  it('looks every so often while its unit is ready, tells a change alone', function()
    begin { every = 2 }
    assert.same({}, pass(5))
    assert.same({}, looks)
    state('running', true)
    assert.same({ 'alive' }, pass(5))
    assert.same({ 5, 7, 9 }, looks)
    state('stopped', false)
    assert.same({}, pass(5))
    assert.equal(3, #looks)
  end)

  it('looks every 10 s without a word about it, after its delay', function()
    begin { delay = 3 }
    state('running', true)
    pass(25)
    assert.same({ 3, 13, 23 }, looks)
  end)

  it('looks in the states that `when` names', function()
    begin { every = 1, when = { 'warm', 'hot' } }
    state('running', true)
    pass(2)
    assert.same({}, looks)
    state('hot', false)
    pass(1.5)
    assert.same({ 2, 3 }, looks)
  end)

  it('asks for a restart after so many bad looks in a row', function()
    begin { every = 1, failures = 3 }
    state('running', true)
    local verdicts = { false, false, true, false, false, false, false }
    answer = function() return table.remove(verdicts, 1), 'no' end
    assert.same({
      'failing: 1 of 3: no', 'failing: 2 of 3: no', 'alive', 'failing: 1 of 3: no',
      'failing: 2 of 3: no', 'dead restart: no',
    }, pass(6.5))
  end)

  it('is well again after so many good looks in a row', function()
    begin { every = 1, successes = 2, action = 'warn' }
    state('running', true)
    local verdicts = { false, true, false, true, true }
    answer = function() return table.remove(verdicts, 1), 'no' end
    assert.same({ 'dead: no', 'alive' }, pass(4.5))
  end)

  it('holds its verdict back until it has lasted', function()
    begin { every = 1, hold = 3 }
    state('running', true)
    answer = function() return false, 'no' end
    assert.same({
      'failing: for 0 of 3 s: no', 'failing: for 1 of 3 s: no',
      'failing: for 2 of 3 s: no', 'dead restart: no',
    }, pass(3.5))
  end)

  it('that does not know changes no count', function()
    begin { every = 1, failures = 2 }
    state('running', true)
    local verdicts = { false, 'nil', 'nil', false }
    answer = function()
      local verdict = table.remove(verdicts, 1)
      if verdict == 'nil' then return nil, 'who knows' end
      return verdict, 'no'
    end
    assert.same({
      'failing: 1 of 2: no', 'unknown: who knows', 'dead restart: no',
    }, pass(3.5))
  end)

  it('that raises has failed', function()
    begin { every = 1, action = 'warn' }
    state('running', true)
    answer = function() error('broken', 0) end
    assert.same({ 'dead: broken' }, pass(0.5))
  end)

  it('that takes too long has failed, and is over', function()
    begin { every = 5, timeout = 2, action = 'warn' }
    state('running', true)
    answer = function()
      require('std.time').sleep(60)
      return true
    end
    assert.same({}, pass(1.9))
    assert.same({ 'dead: no answer within 2 s' }, pass(1))
    pass(3)
    assert.same({ 0, 5 }, looks)
  end)

  it('that takes too long because others held it up knows nothing', function()
    begin { every = 5, timeout = 2 }
    local other = cargo {}
    other.check = function()
      vm.clock = vm.clock + 1.9
      return true
    end
    vm:probe(1, 2, 1, other)
    vm:tell('START', 2, 0, 1, 2)
    state('running', true)
    answer = function()
      require('std.time').sleep(60)
      return true
    end
    vm:turn()
    vm:tell('UNIT', 1, 0, 0, 0, unit())
    vm:turn()
    vm:tell('STATE', 2, 0, 1, 0, 'running')
    vm:turn()
    vm:tell('UNIT', 2, 0, 0, 0, unit())
    vm:turn()
    local said = pass(0.5)
    assert.truthy(said[#said]:find '^unknown: the probes were late by 1%.9 s')
  end)

  it('that is interrupted has failed', function()
    begin { every = 1, action = 'warn' }
    state('running', true)
    local resume = vm.host.resume
    answer = function() return true end
    function vm.host.resume(id, ...)
      vm.tasks[id].armed = true
      return resume(id, ...)
    end
    local said = pass(0.5)
    assert.truthy(said[1]:find '^dead: interrupted: it held up the others')
  end)

  it('gets its unit, and hands it and the verdict to `call`', function()
    local called = {}
    local function call(got, verdict, reason)
      called[#called + 1] = { got.pid, verdict, reason }
    end
    begin { every = 1, action = { call = call } }
    state('running', true)
    local verdicts = { false, false, true }
    answer = function(got)
      assert(got.path == 'plant/unit')
      return table.remove(verdicts, 1), 'no'
    end
    assert.same({ 'dead: no', 'alive' }, pass(2.5))
    assert.same({ { 7, false, 'no' }, { 7, true } }, called)
  end)

  it('asks for its event to be emitted', function()
    begin { every = 1, action = { emit = 'cool' } }
    state('running', true)
    answer = function() return false, 'hot' end
    assert.same({ 'dead emit cool: hot' }, pass(2.5))
  end)

  it('that is a `ready` looks at once and often, tells its success alone', function()
    begin({}, 2)
    answer = function() return #looks == 3, 'not yet' end
    assert.same({ 'alive' }, pass(0.25))
    assert.equal(3, #looks)
  end)

  it('made of others is true if all, if any, or if not', function()
    local T, F, U, MUTE = { true }, { false, 'bad' }, { nil, 'dunno' }, { false }
    local judge = require 'runsmith.probe.judge'
    for _, row in ipairs {
      { 'all', { T, T }, true }, { 'all', { T, F, U }, false, 'bad' },
      { 'all', { U, T }, nil, 'dunno' }, { 'all', { U, F }, false, 'bad' },
      { 'any', { F, T }, true }, { 'any', { F, F }, false, 'bad; bad' },
      { 'any', { F, U }, nil, 'bad; dunno' }, { 'no', { T }, false, 'own is true' },
      { 'no', { F }, true }, { 'no', { U }, nil, 'dunno' },
      { 'any', { MUTE, F }, false, 'own gave no reason; bad' },
    } do
      local spec = { kind = row[1], fields = {}, parts = {} }
      for i, one in ipairs(row[2]) do
        spec.parts[i] = part(one[1], one[2])
      end
      assert.same({ row[3], row[4] }, { judge.look(spec, {}) })
    end
  end)

  it('looks for a pattern in the lines since the last look', function()
    local spec = cargo({ pattern = '^ERROR', every = 1, action = 'warn' }, 'output')
    spec.check = nil
    begin(spec)
    assert.same({ 'LINES 0' }, vm:said())
    state('running', true)
    pass(0.5)
    for number, line in ipairs { 'fine', 'ERROR 5', 'fine' } do
      vm:tell('LINE', 1, 0, 1, number == 1 and 2 or 0, line)
    end
    assert.same({ 'alive: ERROR 5' }, pass(1))
    vm:tell('LINE', 1, 0, 1, 9, 'fine')
    assert.same({ 'unknown: 9 lines of output were too many to look at' }, pass(1))
    for number = 1, 1030 do
      vm:tell('LINE', 1, 0, 1, 0, number <= 6 and 'ERROR' or 'fine')
    end
    vm:turn()
    assert.same({}, pass(1)) -- the first seven gave way: it stays unknown
  end)

  it('ends when its unit does, in the middle of a look too', function()
    begin { every = 1, timeout = 5 }
    state('running', true)
    answer = function() require('std.time').sleep(60) end
    pass(0.5)
    vm:tell('ASK', 1, 0)
    vm:turn()
    assert.same({ 'EXIT OK' }, vm:said())
    assert.is_true(vm:is_clean())
  end)

  it('keeps its counts over a reload, unless it has changed', function()
    begin { every = 1, failures = 3 }
    state('running', true)
    answer = function() return false, 'no' end
    pass(0.5)
    vm.plans[2] = vm.plans[1]
    vm:tell('PATCH', 1, 0, 2, 1)
    assert.same({ 'failing: 2 of 3: no' }, pass(1))
    vm.plans[3] = setmetatable({ probe = {} }, { __index = vm.plans[1] })
    vm:probe(3, 1, 1, cargo { every = 1, failures = 2 })
    vm:tell('PATCH', 1, 0, 3, 1)
    assert.same({ 'failing: 1 of 2: no', 'dead restart: no' }, pass(1.5))
  end)

  it('waits its turn: at most 128 look at once', function()
    local most, now = 0, 0
    local slow = cargo { every = 10, timeout = 5 }
    slow.kind = 'file' -- needs no unit
    slow.check = function()
      now = now + 1
      most = math.max(most, now)
      require('std.time').sleep(0.5)
      now = now - 1
      return true
    end
    vm:probe(1, 1, 1, slow)
    for slot = 1, 300 do
      vm:tell('START', slot, 0, 1, 1)
      vm:tell('STATE', slot, 0, 1, 0, 'running')
    end
    local said = pass(2)
    assert.same({ 128, 300 }, { most, #said })
  end)
end)

describe('on_activity', function()
  it('is called with one entry after another, and tells each that it took', function()
    local vm, seen = fake.new(), {}
    vm.place = 4
    vm:plan(1, { { 'unit', run = { task = function() end } } })
    vm:probe(1, 1, 3, function(entry)
      require('std.time').sleep(1)
      if entry.seq == 2 then error('no', 0) end
      seen[#seen + 1] = { entry.seq, entry.dropped, vm.clock - 100 }
    end)
    vm.code[#vm.code] = (function(fn) return function() return fn end end)(
      vm.code[#vm.code])
    vm:tell('START', 1, 0, 1, 1)
    for seq = 1, 3 do
      vm:tell('ENTRY', 1, 0, seq == 3 and 7 or 0, 0, cjson.encode { seq = seq })
    end
    vm:turn()
    vm:pass(5)
    assert.same({ { 1, nil, 1 }, { 3, 7, 3 } }, seen)
    local said = vm:said()
    assert.equal('TAKEN 1', said[1])
    assert.truthy(said[2]:find 'on_activity: no')
    assert.same({ 'TAKEN 1', 'TAKEN 1' }, { said[3], said[4] })
    vm:tell('ASK', 1, 0)
    vm:turn()
    assert.same({ 'EXIT OK' }, vm:said())
  end)
end)
