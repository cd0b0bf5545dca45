-- Programs that behave as badly as they can, all at once.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local program = require 'host.support.program'

local command = program.command

-- The host has cgroups for its commands, as its journal would deny once.
local function has_groups(host)
  return #host:all { kind = 'log', level = 'info' } == 0
end

local function count(host, pattern)
  local found = 0
  for _, process in ipairs(host:processes()) do
    if process.title:find(pattern) then found = found + 1 end
  end
  return found
end

describe('a wild program', function()
  after_each(harness.sweep)

  it('that hid children, is deaf and mute, is replaced without a trace', function()
    local host = program.start(
      command('x', 'deaf hide vanish say:READY=1 mute wait',
        "ready = 'notify', shutdown = 0.3,"),
      command('y', 'wait', ''))
    local first = host:wait_for { kind = 'ready', unit = 'plant/x' }
    posix.kill(host:pid_of 'plant/x', 'KILL')
    host:wait_for({ kind = 'ready', unit = 'plant/x' }, first)
    -- Itself and two that it hid, which may still be copies of it.
    local function all() return count(host, 'sleep 1000') + count(host, 'deaf hide') end
    local wanted, by = has_groups(host) and 3 or 4, posix.now() + 10
    while all() ~= wanted and posix.now() < by do host:watch(0.02) end
    assert.equal(wanted, all())
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/y' })
    host:finish()
  end)

  it('that is stopped from outside misses its heartbeat', function()
    local beats = ('say:WATCHDOG=1 sleep:0.1 '):rep(80)
    local host = program.start(
      command('x', 'print:up ' .. beats .. 'wait', 'heartbeat = 0.5,'))
    host:wait_for { kind = 'output', text = 'up' }
    posix.kill(host:pid_of 'plant/x', 'STOP')
    local violation = host:wait_for { kind = 'violation' }
    assert.equal('heartbeat', violation.constraint)
    host:wait_for({ kind = 'ready', unit = 'plant/x', incarnation = 1 }, violation)
    host:finish()
  end)

  it('that says nonsense is not ready by it', function()
    local nonsense = 'say:READY say:READY=2 say:=1 say:ready=1 say:MAINPID=x '
      .. 'say:READY=1x say:EXTEND_TIMEOUT_USEC=-1 say:WATCHDOG_USEC=0 barrier wait'
    local host = program.start(command('x', nonsense,
      "ready = 'notify', launch = 1, restart = 'temporary',"))
    host:wait_for { kind = 'output', text = 'barrier passed' }
    assert.equal('launch', host:wait_for({ kind = 'violation' }).constraint)
    assert.equal(0, #host:all { kind = 'ready', unit = 'plant/x' })
    host:finish()
  end)

  it('that floods everywhere holds up nobody', function()
    local host = program.start(
      command('x', ('say:STATUS=busy '):rep(300) .. 'flood:100000 say:READY=1 wait',
        "ready = 'notify',"),
      command('y', 'say:READY=1 wait', "ready = 'notify',"))
    host:wait_for { kind = 'ready', unit = 'plant/y' }
    host:wait_for { kind = 'ready', unit = 'plant/x' }
    host:wait_for { kind = 'log', unit = 'plant/x' }
    host:finish()
  end)

  it('that is killed again and again leaves one folder, and none in the end', function()
    local host = program.start(
      "rs.command 'x' { exec = { 'sh', '-c', "
        .. "'cat /proc/self/cgroup; exec sleep 99' } },\n")
    local at
    for _ = 1, 5 do
      at = host:wait_for({ kind = 'output', text = function(text)
        return text ~= nil and text:find '^0::' ~= nil
      end }, at)
      posix.kill(host:pid_of 'plant/x', 'KILL')
      host:wait_for({ kind = 'ready', unit = 'plant/x' }, at)
    end
    local name = at.text:match '(runsmith%-%d+)'
    local function folders()
      local pipe = io.popen(("find /sys/fs/cgroup -path '*%s/*' -type d"):format(name))
      local _, found = pipe:read('*a'):gsub('\n', '')
      pipe:close()
      return found
    end
    for _ = 1, name and 100 or 0 do
      if folders() == 1 then break end
      host:watch(0.02)
    end
    assert.equal(1, name and folders() or 1)
    host:finish()
    assert.equal(0, name and folders() or 0)
  end)
end)
