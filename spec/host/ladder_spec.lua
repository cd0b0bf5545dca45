-- Each way to be stuck: who is ended, how, what the journal says of it, who pays.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'

-- What an interrupt ends; `where` must name the function that was running.
local INTERRUPTED = {
  'loop', 'tight', 'protected', 'nested', 'usleep', 'poll', 'read', 'reluctant',
}

local function inside_c(host)
  local violation = host:wait_for { kind = 'violation', unit = 'plant/culprit' }
  assert.truthy(violation.where:find '^inside C for ', violation.where)
end

local function ended_by_interrupt(backend, how)
  local host, ready = misdeed.commit(backend, how)
  local violation = host:wait_for({ kind = 'violation', unit = 'plant/culprit' }, ready)
  local _, back = misdeed.comes_back(host, ready)
  misdeed.untouched(host, fixtures.OTHER_RUNNERS)
  misdeed.untouched(host, fixtures.SAME_RUNNER)
  local where = violation.where or ''
  for _, entry in ipairs(host:all({ unit = 'plant/culprit' }, violation)) do
    where = where .. (entry.where or '')
  end
  assert.truthy(where:find 'ways.lua', 'no traceback' .. host:tail())
  assert.is_true(back.mono - violation.mono < 10) -- what it does takes a minute
  if how == 'loop' then
    -- All others give signs of life for longer than their limits allow silence.
    host:watch(1)
    misdeed.untouched(host, fixtures.SAME_RUNNER)
  end
  host:finish()
end

describe('the ladder', function()
  after_each(harness.sweep)

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    for _, how in ipairs(INTERRUPTED) do
      it(('interrupts a %s: %s'):format(backend, how), function()
        ended_by_interrupt(backend, how)
      end)
    end
  end

  for _, backend in ipairs { 'coroutine', 'thread' } do
    it(('kills the runner of a %s in string.find'):format(backend), function()
      local host, ready = misdeed.commit(backend, 'find')
      inside_c(host)
      misdeed.comes_back(host, ready)
      misdeed.collateral(host, ready, fixtures.SAME_RUNNER)
      misdeed.untouched(host, fixtures.OTHER_RUNNERS)
      host:finish()
    end)
  end

  it('kills the runner of a process in string.find, alone', function()
    local host, ready = misdeed.commit('process', 'find')
    inside_c(host)
    misdeed.comes_back(host, ready)
    misdeed.untouched(host, fixtures.SAME_RUNNER)
    misdeed.untouched(host, fixtures.OTHER_RUNNERS)
    host:finish()
  end)
end)

describe('a runner that dies', function()
  after_each(harness.sweep)

  for _, backend in ipairs { 'coroutine', 'thread' } do
    it(('names the %s that crashed it through the FFI'):format(backend), function()
      local host, ready = misdeed.commit(backend, 'null')
      misdeed.comes_back(host, ready)
      local ended = host:wait_for({ kind = 'exited', unit = 'plant/culprit' }, ready)
      assert.same({ 'signal', 'SEGV' }, { ended.reason, ended.signal })
      misdeed.collateral(host, ready, fixtures.SAME_RUNNER)
      misdeed.untouched(host, fixtures.OTHER_RUNNERS)
      host:finish()
    end)
  end

  it('is the process worker alone where that crashed', function()
    local host, ready = misdeed.commit('process', 'null')
    misdeed.comes_back(host, ready)
    misdeed.untouched(host, fixtures.SAME_RUNNER)
    misdeed.untouched(host, fixtures.OTHER_RUNNERS)
    host:finish()
  end)

  it('ends a process worker that eats more than its limit', function()
    local limits = "limits = { memory = '256M' },"
    local host, ready = misdeed.commit('process', 'eat', limits)
    misdeed.comes_back(host, ready)
    misdeed.untouched(host, fixtures.SAME_RUNNER)
    misdeed.untouched(host, fixtures.OTHER_RUNNERS)
    host:finish()
  end)

  it('is charged to its supervisor where no one can be named', function()
    local host = harness.start { files = fixtures.files('coroutine', 'raise') }
    local ready = host:wait_for { kind = 'ready', unit = 'plant' }
    local pid = host:pid_of 'plant/apart/coroutine'
    require('host.support.posix').kill(pid, 'KILL')
    for _, unit in ipairs { 'plant/apart/coroutine', 'plant/apart/thread' } do
      host:wait_for({ kind = 'ready', unit = unit, incarnation = 1 }, ready)
    end
    misdeed.untouched(host, fixtures.SAME_RUNNER)
    misdeed.untouched(host, { 'plant/culprit', 'plant/process', 'plant/command' })
    host:finish()
  end)
end)
