-- The ladder where there is hardly a processor: what an interrupt waits for one is not
-- the worker's, so nobody's runner is killed for it; who does not come back still is.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'
local posix = require 'host.support.posix'

local LOOPS = 32
local SOON = 'stall = 0.03,' -- of time that it runs, of which it gets little

-- A processor that we may use.
local function a_cpu()
  local file = assert(io.open '/proc/self/status')
  local first = file:read('*a'):match 'Cpus_allowed_list:%s*(%d+)'
  file:close()
  return tonumber(first)
end

local loops = {}

-- The culprit's runner shares one processor with them. Each is in a session of its own:
-- the kernel may share a processor out among sessions.
local function load(host)
  local cpu, runner = a_cpu(), host:pid_of 'plant/culprit'
  assert(os.execute(('taskset -acp %d %d >/dev/null'):format(cpu, runner)) == 0)
  local shell = assert(io.popen(([[
for i in $(seq %d); do
  setsid taskset -c %d sh -c 'ulimit -t 30; while :; do :; done' >/dev/null 2>&1 &
  echo $!
done]]):format(LOOPS, cpu)))
  for pid in shell:lines() do
    loops[#loops + 1] = tonumber(pid)
  end
  shell:close()
end

local function unload()
  for i, pid in ipairs(loops) do
    posix.kill(pid, 'KILL')
    loops[i] = nil
    posix.wait_gone(pid, 20)
  end
end

describe('the ladder on a busy machine', function()
  after_each(function()
    unload()
    harness.sweep()
  end)

  for _, how in ipairs { 'loop', 'read' } do
    it('interrupts, and kills no runner: ' .. how, function()
      local host, ready = misdeed.commit('coroutine', how, SOON, load)
      host:wait_for({ kind = 'violation', unit = 'plant/culprit' }, ready)
      local ended = host:wait_for({ kind = 'exited', unit = 'plant/culprit' }, ready)
      unload()
      assert.equal('interrupted', ended.reason, host:tail())
      misdeed.comes_back(host, ready)
      misdeed.untouched(host, fixtures.OTHER_RUNNERS)
      misdeed.untouched(host, fixtures.SAME_RUNNER)
      host:finish()
    end)
  end

  it('kills who never returns from C, some time', function()
    local host, ready = misdeed.commit('process', 'find', SOON, load)
    local killed = host:wait_for({ kind = 'killed', unit = 'plant/culprit' }, ready)
    local broken = host:all { kind = 'violation', unit = 'plant/culprit' }[1]
    assert.is_true(killed.mono - broken.mono < 3, host:tail())
    unload()
    misdeed.comes_back(host, ready)
    host:finish()
  end)
end)
