-- Each way to fail, in each backend: the unit that failed restarts, no other.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'

local FAILURES = { -- what it does, the reason of its end, the constraint that it broke
  { how = 'raise', reason = 'error' }, -- its state has an error event, so that is taken
  { how = 'crash', reason = 'error' },
  { how = 'silence', constraint = 'heartbeat' },
  { how = 'stay', constraint = 'timeout' },
  { how = 'transition', constraint = 'transition' },
}

local function check(backend, failure)
  local host, ready = misdeed.commit(backend, failure.how)
  misdeed.comes_back(host, ready)
  if failure.constraint then
    local entry = host:wait_for({ kind = 'violation', unit = 'plant/culprit' }, ready)
    assert.equal(failure.constraint, entry.constraint)
    assert.is_true(entry.observed >= entry.limit)
  end
  local ended = host:wait_for({ kind = 'exited', unit = 'plant/culprit' }, ready)
  if failure.reason then assert.equal(failure.reason, ended.reason) end
  misdeed.untouched(host, fixtures.OTHER_RUNNERS)
  misdeed.untouched(host, fixtures.SAME_RUNNER)
  host:finish()
end

describe('a unit that fails restarts alone', function()
  after_each(harness.sweep)

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    for _, failure in ipairs(FAILURES) do
      it(backend .. ': ' .. failure.how, function() check(backend, failure) end)
    end
  end

  it('process: os.exit', function()
    local host, ready = misdeed.commit('process', 'exit')
    misdeed.comes_back(host, ready)
    misdeed.untouched(host, fixtures.OTHER_RUNNERS)
    misdeed.untouched(host, fixtures.SAME_RUNNER)
    host:finish()
  end)

  it('command: kill -9 from outside', function()
    local host = harness.start { files = fixtures.files('coroutine', 'raise') }
    local ready = host:wait_for { kind = 'ready', unit = 'plant' }
    local pid = host:pid_of 'plant/command'
    require('host.support.posix').kill(pid, 'KILL')
    local ended = host:wait_for({ kind = 'exited', unit = 'plant/command' }, ready)
    assert.same({ 'signal', 'KILL' }, { ended.reason, ended.signal })
    local back = { kind = 'ready', unit = 'plant/command', incarnation = 1 }
    host:wait_for(back, ready)
    assert.not_equal(pid, host:pid_of 'plant/command')
    misdeed.untouched(host, fixtures.SAME_RUNNER)
    host:finish()
  end)

  it('tells its exception with the traceback', function()
    local host, ready = misdeed.commit('coroutine', 'raise')
    misdeed.comes_back(host, ready)
    local said = false
    for _, entry in ipairs(host:all({ unit = 'plant/culprit' }, ready)) do
      for _, value in pairs(entry) do
        if type(value) == 'string' and value:find('ways.lua:%d+: out of cheese') then
          said = value:find 'culprit.lua' ~= nil
        end
      end
    end
    assert.is_true(said, host:tail())
    host:finish()
  end)
end)
