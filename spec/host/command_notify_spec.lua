-- What commands say through NOTIFY_SOCKET and on descriptors, and who is not heard.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local parts = require 'host.support.parts'
local posix = require 'host.support.posix'
local program = require 'host.support.program'

local command = program.command
local NOTIFY = "ready = 'notify',"

local function ready_of(host, unit)
  return host:wait_for { kind = 'ready', unit = 'plant/' .. unit }
end

local function exit_of(host, unit)
  return host:wait_for { kind = 'exited', unit = 'plant/' .. unit }
end

describe('a command', function()
  after_each(harness.sweep)
  after_each(program.sweep)

  it('is ready once it says READY=1, and once only', function()
    local host = program.start(
      command('x', 'print:before say:READY=1 say:READY=1 barrier wait', NOTIFY),
      command('y', 'wait', "after = { 'x' },"))
    local ready = ready_of(host, 'x')
    local started = host:wait_for { kind = 'started', unit = 'plant/x' }
    assert.is_true(started.seq < ready.seq)
    local next_one = host:wait_for { kind = 'started', unit = 'plant/y' }
    assert.is_true(ready.seq < next_one.seq)
    host:wait_for { kind = 'output', text = 'barrier passed' }
    assert.equal(1, #host:all { kind = 'ready', unit = 'plant/x' })
    host:finish()
  end)

  it('is ready by a line on its descriptor, and may go on writing there', function()
    local host = program.start(
      command('x', 'sleep:0.05 line:3 line:3 print:alive wait', 'ready = { fd = 3 },'))
    ready_of(host, 'x')
    host:wait_for { kind = 'output', unit = 'plant/x', text = 'alive' }
    assert.equal(0, #host:all { kind = 'exited' })
    host:finish()
  end)

  local failed = {
    { 'closes its descriptor without a line', 'shut:3 wait', 'ready = { fd = 3 },',
      'it closed descriptor 3 before it was ready' },
    { 'ends well before its line', 'exit:0', 'ready = { fd = 3 },',
      'before it was ready' },
    { 'ends well before READY=1', 'exit:0', NOTIFY, 'before it was ready' },
  }
  for _, case in ipairs(failed) do
    it('that ' .. case[1] .. ' has failed to start', function()
      local host = program.start(
        command('x', case[2], case[3] .. " restart = 'temporary',"))
      local exit = exit_of(host, 'x')
      assert.equal('launch', exit.reason)
      assert.truthy(exit.detail:find(case[4], 1, true), exit.detail)
      assert.equal(0, #host:all { kind = 'ready', unit = 'plant/x' })
      host:finish()
    end)
  end

  it('that fails before it is ready has its own status', function()
    local host = program.start(
      command('x', 'exit:3', NOTIFY .. " restart = 'temporary',"),
      command('y', 'exit:4', "ready = { fd = 3 }, restart = 'temporary',"))
    assert.equal(3, exit_of(host, 'x').status)
    assert.equal(4, exit_of(host, 'y').status)
    host:finish()
  end)

  it('never ready is ended by `launch`, unless it asks for more time', function()
    local host = program.start(
      command('x', 'wait', NOTIFY .. " launch = 0.3, restart = 'temporary',"),
      command('y', 'say:EXTEND_TIMEOUT_USEC=9000000 sleep:1.2 say:READY=1 wait',
        NOTIFY .. ' launch = 1,'))
    local violation = host:wait_for { kind = 'violation', unit = 'plant/x' }
    assert.equal('launch', violation.constraint)
    ready_of(host, 'y')
    assert.equal(0, #host:all { kind = 'violation', unit = 'plant/y' })
    host:finish()
  end)

  it('with a heartbeat lives while it says WATCHDOG=1, and no longer', function()
    local beats = ('sleep:0.1 say:WATCHDOG=1 '):rep(6)
    local host = program.start(
      command('x', beats .. 'print:silent wait', 'heartbeat = 0.3,'))
    local silent = host:wait_for { kind = 'output', text = 'silent' }
    local violation = host:wait_for { kind = 'violation', unit = 'plant/x' }
    assert.is_true(violation.seq > silent.seq)
    assert.equal('heartbeat', violation.constraint)
    assert.equal('KILL', exit_of(host, 'x').signal)
    host:finish()
  end)

  it('that says STOPPING=1 ends by itself', function()
    local host = program.start(
      command('x', 'say:STOPPING=1 barrier exit:0', ''))
    assert.equal('ok', exit_of(host, 'x').reason)
    host:wait_end()
    assert.equal(0, #host:all { kind = 'violation' })
    host:finish()
  end)

  it('that says STOPPING=1 and stays is ended by `shutdown`', function()
    local host = program.start(
      command('x', 'say:STOPPING=1 wait', "shutdown = 0.2, restart = 'temporary',"))
    assert.equal('shutdown', host:wait_for({ kind = 'violation' }).constraint)
    host:finish()
  end)

  it('may hand over to another of its processes', function()
    local host = program.start(
      command('x', 'handover sleep:0.3 pid exit:5',
        NOTIFY .. " restart = 'temporary',"))
    ready_of(host, 'x')
    local heir = host:wait_for { kind = 'output', unit = 'plant/x' }
    assert.truthy(heir.text:find '^pid %d+$')
    assert.equal(5, exit_of(host, 'x').status)
    host:finish()
  end)

  it('may speak and end before the host reads any of it', function()
    local host = program.start(
      "rs.worker 'first' { run = function(ctx) require('std.time').sleep(1e6) end,"
        .. " backend = 'process' },\n",
      ("rs.command 'x' { exec = { 'sh', '-c', 'until [ -e go ]; do sleep 0.02; done;"
        .. " exec %s handover wait' }, %s launch = 100 },\n")
        :format(program.path, NOTIFY))
    ready_of(host, 'first')
    host:wait_for { kind = 'started', unit = 'plant/x' }
    local engine, first = parts.find(host, 'engine'), host:pid_of 'plant/first'
    posix.kill(engine, 'STOP')
    posix.kill(first, 'KILL') -- so that it has something to reap before it listens
    assert.is_true(posix.wait_gone(first, 10))
    host:write('go', '')
    assert.is_true(posix.wait_gone(host:pid_of 'plant/x', 10))
    posix.kill(engine, 'CONT')
    ready_of(host, 'x')
    assert.equal(0, #host:all { kind = 'exited', unit = 'plant/x' })
    host:finish()
  end)

  it('cannot make another command\'s process its own', function()
    local host = program.start(
      command('y', 'wait', ''),
      command('x', 'say:MAINPID=1 barrier wait', ''))
    local log = host:wait_for { kind = 'log', unit = 'plant/x', level = 'warn' }
    assert.equal('MAINPID=1 ignored: not of this unit', log.text)
    host:finish()
  end)

  it('is heard by what it started, orphans too', function()
    local host = program.start(
      ("rs.command 'x' { exec = { 'sh', '-c', '(setsid %s say:READY=1 barrier wait &) "
        .. "& wait; exec sleep 1000' }, ready = 'notify' },\n"):format(program.path))
    ready_of(host, 'x')
    host:finish()
  end)

  it('is not spoken for by strangers', function()
    local host = program.start(
      "rs.command 'env' { exec = { 'sh', '-c', "
        .. "'echo $NOTIFY_SOCKET; exec sleep 99' } },\n",
      command('x', 'wait', NOTIFY .. ' launch = 100,'))
    local address = host:wait_for({ kind = 'output', unit = 'plant/env' }).text
    local run = "NOTIFY_SOCKET='%s' RUNSMITH_UNIT='plant/x#0' '%s' say:READY=1 barrier"
    local pipe = io.popen(run:format(address, program.path))
    assert.equal('barrier passed\n', pipe:read '*a')
    pipe:close()
    local log = host:wait_for { kind = 'log', level = 'warn' }
    assert.truthy(log.text:find 'ignored.*READY=1.*of no command', log.text)
    assert.equal(0, #host:all { kind = 'ready', unit = 'plant/x' })
    host:finish()
  end)

  it('is not spoken for by its mark alone where there is no cgroup', function()
    program.publish()
    local lie = 'NOTIFY_SOCKET=%s RUNSMITH_UNIT=plant/x#0 setsid -w ' .. program.path
      .. ' say:READY=1 barrier'
    local host = program.start_humbly(
      command('x', 'wait', NOTIFY .. ' launch = 100,'),
      ("rs.command 'y' { exec = { 'sh', '-c', 'echo $NOTIFY_SOCKET >address; "
        .. "(setsid %s say:READY=1 wait &) & wait; exec sleep 1000' },"
        .. " ready = 'notify' },\n"):format(program.path),
      ("rs.worker 'liar' { backend = 'process', after = { 'y' },"
        .. ' run = function() print(io.popen(%q):read "*a") end },\n')
        :format(lie:format '$(cat address)'))
    ready_of(host, 'y') -- by an orphan in a session of its own
    host:wait_for { kind = 'output', unit = 'plant/liar', text = 'barrier passed' }
    local address = posix.slurp(host.dir .. '/address'):match '%S+'
    assert.equal('barrier passed\n', program.run_humbly(lie:format(address)))
    host:wait_for { kind = 'log', level = 'warn', text = function(text)
      return text ~= nil and text:find 'ignored.*READY=1.*of no command'
    end }
    assert.equal(0, #host:all { kind = 'ready', unit = 'plant/x' })
    host:finish()
  end)

  it('is not spoken for by another command that bears its mark', function()
    local host = program.start(
      command('x', 'wait', NOTIFY .. ' launch = 100,'),
      ("rs.command 'liar' { exec = { 'sh', '-c', 'RUNSMITH_UNIT=plant/x#0 setsid -w %s "
        .. "say:READY=1 barrier; exec sleep 99' } },\n"):format(program.path))
    host:wait_for { kind = 'output', text = 'barrier passed' }
    assert.equal(0, #host:all { kind = 'ready', unit = 'plant/x' })
    host:finish()
  end)
end)
