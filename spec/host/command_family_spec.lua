-- How a command ends, with all that it started; `pre`, `post`, `reload`.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local parts = require 'host.support.parts'
local program = require 'host.support.program'
local usage = require 'host.support.usage'

local command = program.command
local ONCE = "restart = 'temporary',"
local MANY = 500 -- commands

local function exit_of(host, unit)
  return host:wait_for { kind = 'exited', unit = 'plant/' .. (unit or 'x') }
end

-- Descendants of the host that run this.
local function running(host, pattern)
  local found = 0
  for _, process in ipairs(host:processes()) do
    if process.title:find(pattern) then found = found + 1 end
  end
  return found
end

local function sh(name, script, more)
  return ("rs.command '%s' { exec = { 'sh', '-c', %q }, %s },\n"):format(
    name, script, more or '')
end

local function step(words)
  local list = { ('%q'):format(program.path) }
  for word in words:gmatch '%S+' do
    list[#list + 1] = ('%q'):format(word)
  end
  return '{ ' .. table.concat(list, ', ') .. ' }'
end

describe('the end of a command', function()
  after_each(harness.sweep)

  for _, way in ipairs { 'hide', 'vanish' } do
    it('takes with it what left its group and session: ' .. way, function()
      local host = program.start(command('x', way .. ' sleep:0.1 exit:3', ONCE))
      assert.equal(3, exit_of(host).status)
      if way == 'hide' or #host:all({ kind = 'log', level = 'info' }) == 0 then
        assert.equal(0, running(host, 'sleep 1000'))
      end
      host:finish()
    end)
  end

  it('costs a few hundred at once no more each than it costs one', function()
    local host = harness.start { files = { ['tree.lua'] = ([[
      local rs = require 'runsmith'
      local many = {}
      for i = 1, %d do
        many[i] = rs.command('x' .. i) { exec = { 'sh', '-c', 'sleep 1000; exit' } }
      end
      return rs.supervisor 'plant' { rs.supervisor 'many' (many) }
    ]]):format(MANY) } }
    host:wait_for { kind = 'ready', unit = 'plant' }
    while running(host, 'sleep 1000') < 2 * MANY do host:watch(0.1) end
    local engine = parts.find(host, 'engine')
    local before = usage.processor(engine)
    assert.is_true(control.ask(host, { op = 'stop', path = 'plant/many' }).ok)
    local spent = usage.processor(engine) - before
    if not harness.SANITIZED then assert.is_true(spent < 0.5, spent .. ' s') end
    assert.equal(0, running(host, 'sleep 1000'))
    host:finish()
  end)

  it('comes by SIGKILL where it ignores its stop signal', function()
    local host = program.start(
      command('x', 'deaf hide print:up wait', 'shutdown = 0.3,'))
    host:wait_for { kind = 'output', text = 'up' }
    host:signal 'TERM'
    host:wait_end()
    local violation = host:all({ kind = 'violation' })[1]
    assert.equal('shutdown', violation.constraint)
    assert.equal('KILL', exit_of(host).signal)
    host:finish()
  end)

  it('comes for one that is stopped: it is continued', function()
    local host = program.start(command('x', 'print:up stop wait', ''))
    host:wait_for { kind = 'output', text = 'up' }
    host:watch(0.1)
    host:signal 'TERM'
    host:wait_end()
    assert.equal('TERM', exit_of(host).signal)
    assert.equal(0, #host:all { kind = 'violation' })
    host:finish()
  end)

  it('is asked for by its own signal', function()
    local host = program.start(
      sh('x', "trap 'echo bye; exit 0' USR1; echo up; while :; do sleep 0.02; done",
        "stop = 'USR1',"))
    host:wait_for { kind = 'output', text = 'up' }
    host:signal 'TERM'
    host:wait_end()
    assert.equal(1, #host:all { kind = 'output', text = 'bye' })
    assert.equal('ok', exit_of(host).reason)
    host:finish()
  end)

  it('leaves no cgroup', function()
    local host = program.start(sh('x', 'cat /proc/self/cgroup; exec sleep 1000', ''))
    local own = host:wait_for { kind = 'output', text = function(text)
      return text ~= nil and text:find '^0::' ~= nil
    end }
    host:finish()
    local name = own.text:match '(runsmith%-%d+)'
    if name then
      local pipe = io.popen(("find /sys/fs/cgroup -name '%s'"):format(name))
      assert.equal('', pipe:read '*a')
      pipe:close()
    end
  end)
end)

describe('a limit', function()
  after_each(harness.sweep)
  after_each(program.sweep)

  it('of memory holds', function()
    local host = program.start(
      command('x', 'eat:200000000 exit:0', "limits = { memory = '50M' }," .. ONCE))
    local exit = exit_of(host)
    local refused = #host:all { kind = 'output', text = 'refused' } == 1
    assert.is_true(refused or exit.signal == 'KILL')
    host:finish()
  end)

  it('of memory that no program fits into costs the command alone', function()
    local limits = "limits = { memory = '4K' }," .. ONCE
    local host = program.start(command('x', 'wait', limits) ..
      command('y', 'wait', limits .. ('pre = %s,'):format(step 'sleep:0.5')) ..
      command('z', 'print:up wait'))
    for _, unit in ipairs { 'x', 'y' } do
      assert.not_equal('ok', exit_of(host, unit).reason)
    end
    host:wait_for { kind = 'output', unit = 'plant/z', text = 'up' }
    host:finish()
  end)

  it('of processes holds for the unit alone', function()
    program.publish()
    local host = program.start(
      command('x', 'breed:50 wait', "limits = { processes = 10 }, user = 'nobody',"))
    local bred = host:wait_for { kind = 'output', unit = 'plant/x' }
    assert.is_true(tonumber(bred.text:match '%d+') < 10, bred.text)
    host:finish()
  end)
end)

describe('`pre` and `post`', function()
  after_each(harness.sweep)

  it('run before and after, in order', function()
    local host = program.start(command('x', 'print:main exit:3',
      ('pre = %s, post = %s,'):format(step 'print:pre', step 'print:post') .. ONCE))
    local exit = exit_of(host)
    local list = {}
    for _, entry in ipairs(host:all { kind = 'output' }) do
      list[#list + 1] = entry.text
    end
    assert.same({ 'pre', 'main', 'post' }, list)
    assert.equal(3, exit.status)
    host:finish()
  end)

  it('that fail are told; without `pre` it does not start', function()
    local host = program.start(
      command('x', 'print:main', ('pre = %s,'):format(step 'exit:7') .. ONCE),
      command('y', 'exit:0', ('post = %s,'):format(step 'exit:8') .. ONCE))
    local exit = exit_of(host)
    assert.same({ 'pre', 'its pre ended with status 7' }, { exit.reason, exit.detail })
    assert.equal(0, #host:all { kind = 'started', unit = 'plant/x' })
    assert.equal('ok', exit_of(host, 'y').reason)
    local log = host:wait_for { kind = 'log', unit = 'plant/y' }
    assert.equal('its post ended with status 8', log.text)
    host:finish()
  end)

  it('of which one was killed, or left somebody, run the next no less', function()
    local host = program.start(command('x', 'deaf print:main wait',
      ('shutdown = 0.2, pre = %s, post = %s,'):format(step 'hide print:pre',
        step 'sleep:0.1 print:post')))
    host:wait_for { kind = 'output', text = 'main' }
    host:signal 'TERM'
    host:wait_for { kind = 'output', text = 'post' }
    host:wait_end()
    assert.equal('KILL', exit_of(host).signal)
    assert.equal(0, #host:all { kind = 'log', level = 'warn' })
    host:finish()
  end)

  it('end at once where the host is to, and nothing comes after them', function()
    local host = program.start(
      command('x', 'deaf wait', 'shutdown = 0.1, post = ' .. step 'print:in wait'),
      command('y', 'deaf print:up wait', 'post = ' .. step 'print:never'))
    host:wait_for { kind = 'output', unit = 'plant/y', text = 'up' }
    host:signal 'TERM'
    host:wait_for { kind = 'output', unit = 'plant/x', text = 'in' }
    host:signal 'TERM'
    host:finish { signal = false, status = 1, patience = 2 }
    assert.equal(0, #host:all { kind = 'output', text = 'never' })
  end)

  it('may be named by any bytes', function()
    local host = program.start(command('x', 'exit:0',
      [[post = { exec = { './no"such\\' } },]] .. ONCE))
    exit_of(host)
    local log = host:wait_for { kind = 'log', unit = 'plant/x' }
    local text = [[its post: cannot run ./no"such\: No such file or directory]]
    assert.equal(text, log.text)
    host:finish()
  end)

  it('have limits', function()
    local slow = '{ exec = ' .. step 'deaf hide wait' .. ', timeout = 0.3 },'
    local host = program.start(
      command('x', 'wait', 'pre = ' .. slow .. ONCE),
      command('y', 'exit:0', 'post = ' .. slow .. ONCE))
    assert.equal('its pre took longer than 0.3 s', exit_of(host).detail)
    assert.equal('ok', exit_of(host, 'y').reason)
    assert.equal('its post took longer than 0.3 s',
      host:wait_for({ kind = 'log', unit = 'plant/y' }).text)
    host:finish()
  end)

  it('never block a stop for ever', function()
    local slow = '{ exec = ' .. step 'deaf print:in wait' .. ', timeout = 1000 },'
    local host = program.start(
      command('x', 'wait', 'shutdown = 0.3, launch = 1000, pre = ' .. slow),
      command('y', 'wait', 'shutdown = 0.3, post = ' .. slow))
    host:wait_for { kind = 'output', unit = 'plant/x', text = 'in' }
    host:wait_for { kind = 'ready', unit = 'plant/y' }
    host:signal 'TERM'
    host:wait_for { kind = 'output', unit = 'plant/y', text = 'in' }
    host:finish { signal = false }
  end)
end)

describe('`reload`', function()
  after_each(harness.sweep)

  it('is a signal where only contents of `files` changed', function()
    local tree = program.tree(command('x', 'hup print:up wait',
      "reload = 'HUP', files = { 'x.conf' },"))
    local host = harness.start { files = { ['tree.lua'] = tree, ['x.conf'] = '1' } }
    host:wait_for { kind = 'output', text = 'up' }
    local first = host:wait_for { kind = 'reload' }
    host:signal 'HUP'
    local same = host:wait_for({ kind = 'reload' }, first)
    host:write('x.conf', '2')
    host:signal 'HUP'
    host:wait_for({ kind = 'output', text = 'told' }, same)
    assert.equal(1, #host:all { kind = 'output', text = 'told' })
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/x' })
    host:finish()
  end)
end)
