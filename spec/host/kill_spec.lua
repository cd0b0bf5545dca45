-- kill -9 and SIGSTOP of the host's own processes: what goes on, what ends, what stays.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'
local parts = require 'host.support.parts'
local posix = require 'host.support.posix'

-- A command whose grandchild has left its session, and says its pid.
local RUNAWAY = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'process' { run = 'beater', backend = 'process' },
  rs.worker 'coroutine' { run = 'beater' },
  rs.command 'shell' {
    exec = { 'sh', '-c', "setsid sh -c 'sleep 1000 & echo $!; wait' & wait" },
  },
}
]]

local function start_runaway()
  local host = harness.start {
    files = { ['tree.lua'] = RUNAWAY, ['beater.lua'] = fixtures.beater },
  }
  host:wait_for { kind = 'ready', unit = 'plant' }
  local output = host:wait_for { kind = 'output', unit = 'plant/shell' }
  local grandchild = assert(tonumber(output.text), output.text)
  assert.is_true(posix.alive(grandchild))
  return host, grandchild
end

-- A process worker whose next runner nobody makes: the fork server is stopped, and the
-- spare is taken.
local function start_unborn(limits)
  local tree = [[
    local rs = require 'runsmith'
    return rs.supervisor 'plant' {
      rs.worker 'other' { run = 'beater' },
      rs.worker 'process' { run = 'beater', backend = 'process', %s },
    }
  ]]
  local host = harness.start {
    files = { ['tree.lua'] = tree:format(limits), ['beater.lua'] = fixtures.beater },
  }
  host:wait_for { kind = 'ready', unit = 'plant' }
  posix.kill(assert(parts.find(host, 'fork server')), 'STOP')
  for incarnation = 0, 1 do
    host:wait_for { kind = 'ready', unit = 'plant/process', incarnation = incarnation }
    posix.kill(host:pid_of 'plant/process', 'KILL')
  end
  host:wait_for { kind = 'restart', unit = 'plant/process', incarnation = 2 }
  return host
end

local function start(args)
  local host = harness.start {
    files = fixtures.files('coroutine', 'raise'), args = args,
  }
  return host, host:wait_for { kind = 'ready', unit = 'plant' }
end

local EVERYONE = {
  'plant/culprit', 'plant/coroutine', 'plant/thread', 'plant/process', 'plant/command',
  'plant/apart/coroutine', 'plant/apart/thread',
}

local function without(units, ...)
  local list, dropped = {}, {}
  for _, unit in ipairs { ... } do
    dropped[unit] = true
  end
  for _, unit in ipairs(units) do
    if not dropped[unit] then list[#list + 1] = unit end
  end
  return list
end

describe('kill -9', function()
  after_each(harness.sweep)

  it('of a process worker restarts it alone', function()
    local host, ready = start()
    posix.kill(host:pid_of 'plant/process', 'KILL')
    host:wait_for({ kind = 'ready', unit = 'plant/process', incarnation = 1 }, ready)
    misdeed.untouched(host, without(EVERYONE, 'plant/process'))
    host:finish()
  end)

  it('of a runner that no one can be blamed for brings all back, uncharged', function()
    local host, ready = start()
    posix.kill(host:pid_of 'plant/coroutine', 'KILL')
    for _, unit in ipairs { 'plant/culprit', 'plant/coroutine', 'plant/thread' } do
      host:wait_for({ kind = 'ready', unit = unit, incarnation = 1 }, ready)
      local restart = host:all { kind = 'restart', unit = unit }[1]
      assert.is_falsy(restart.charged)
    end
    local failed = host:all { kind = 'restart', unit = 'plant' }[1]
    assert.equal('its runner was ended by KILL', failed.detail)
    misdeed.untouched(host, fixtures.OTHER_RUNNERS)
    host:finish()
  end)

  it('of the fork server touches no one, and process workers still start', function()
    local host, ready = start()
    assert.is_true(parts.kill(host, 'fork server'))
    for incarnation = 1, 3 do -- more than were forked ahead
      posix.kill(host:pid_of 'plant/process', 'KILL')
      local back = { kind = 'ready', unit = 'plant/process', incarnation = incarnation }
      host:wait_for(back, ready)
    end
    misdeed.untouched(host, without(EVERYONE, 'plant/process'))
    host:finish()
  end)

  it('of the printer leaves the host running', function()
    local host = start { '--journal', 'journal' }
    assert.is_true(parts.kill(host, 'printer'))
    posix.kill(host:pid_of 'plant/process', 'KILL')
    host:wait_for_line('journal', '"unit":"plant/process","incarnation":1,.*"ready"')
    host:finish()
  end)

  for _, part in ipairs { 'engine', 'witness' } do
    it(('of the %s ends all, a grandchild with setsid too'):format(part), function()
      local host, grandchild = start_runaway()
      local pids = host:processes()
      assert.is_true(parts.kill(host, part))
      assert.is_true(posix.wait_gone(grandchild, 5))
      for _, process in ipairs(pids) do
        assert.is_true(posix.wait_gone(process.pid, 5), process.title)
      end
      local status = part == 'engine' and 1 or 128 + 9
      host:finish { signal = false, status = status, stale_socket = true }
      local said = part == 'engine'
        and 'runsmith: the host was ended by signal KILL, with all that it ran' or nil
      assert.equal(said, host.text[#host.text])
    end)
  end

  it('is not needed: an orderly stop ends a grandchild with setsid', function()
    local host, grandchild = start_runaway()
    host:finish()
    assert.is_false(posix.alive(grandchild))
  end)

  it('of a command ends what it started', function()
    local host, grandchild = start_runaway()
    posix.kill(host:pid_of 'plant/shell', 'KILL')
    assert.is_true(posix.wait_gone(grandchild, 5))
    host:finish()
  end)
end)

describe('SIGSTOP', function()
  after_each(harness.sweep)

  it('of the engine for 3 s is no one\'s violation', function()
    local host = start()
    local engine = assert(parts.find(host, 'engine'))
    posix.kill(engine, 'STOP')
    host:watch(3)
    posix.kill(engine, 'CONT')
    host:watch(1.5)
    assert.equal(0, #host:all { kind = 'violation' }, host:tail())
    misdeed.untouched(host, EVERYONE)
    host:finish()
  end)

  it('of a whole host for 3 s is no one\'s violation', function()
    local host = start()
    local pids = host:processes()
    for _, process in ipairs(pids) do
      posix.kill(process.pid, 'STOP')
    end
    host:watch(3)
    for i = #pids, 1, -1 do
      posix.kill(pids[i].pid, 'CONT')
    end
    host:watch(1.5)
    assert.equal(0, #host:all { kind = 'violation' }, host:tail())
    misdeed.untouched(host, EVERYONE)
    host:finish()
  end)

  it('of a process worker is found, and its replacement is another process', function()
    local host, ready = start()
    local pid = host:pid_of 'plant/process'
    posix.kill(pid, 'STOP')
    host:wait_for({ kind = 'violation', unit = 'plant/process' }, ready)
    host:wait_for({ kind = 'ready', unit = 'plant/process', incarnation = 1 }, ready)
    assert.not_equal(pid, host:pid_of 'plant/process')
    assert.is_false(posix.alive(pid))
    misdeed.untouched(host, without(EVERYONE, 'plant/process'))
    host:finish()
  end)

  it('of the fork server is found by the first start that it holds up', function()
    local host = start_unborn 'launch = 1.1'
    local late = host:wait_for { kind = 'violation', unit = 'plant/process' }
    assert.equal('launch', late.constraint)
    assert.equal('its runner was not made yet', late.where)
    host:wait_for({ kind = 'ready', unit = 'plant/process', incarnation = 3 }, late)
    misdeed.untouched(host, { 'plant', 'plant/other' })
    host:finish()
  end)

  it('of the fork server holds up no stop', function()
    local host = start_unborn 'launch = 1000, shutdown = 0.2'
    host:finish()
  end)

  it('of a domain\'s runner is found, and is the fault of none in it', function()
    local host, ready = start()
    local pid = host:pid_of 'plant/apart/coroutine'
    posix.kill(pid, 'STOP')
    local log = host:wait_for({ kind = 'log', unit = 'plant/apart' }, ready)
    assert.truthy(log.text:find '^its runner has been stopped by a signal')
    for _, unit in ipairs { 'plant/apart/coroutine', 'plant/apart/thread' } do
      host:wait_for({ kind = 'ready', unit = unit, incarnation = 1 }, ready)
    end
    assert.is_false(posix.alive(pid))
    assert.equal(0, #host:all { kind = 'violation' }, host:tail())
    local charged = host:all({ kind = 'restart', charged = true }, ready)
    assert.equal(1, #charged)
    assert.equal('plant/apart', charged[1].unit)
    local dead = { 'plant/apart/coroutine', 'plant/apart/thread' }
    misdeed.untouched(host, without(EVERYONE, unpack(dead)))
    host:finish()
  end)
end)
