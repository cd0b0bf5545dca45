-- How a command starts: what it is given, and what the journal says where it cannot.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local parts = require 'host.support.parts'
local posix = require 'host.support.posix'
local program = require 'host.support.program'
local usage = require 'host.support.usage'

local command = program.command

local function temporary(fields)
  return fields .. " restart = 'temporary',"
end

-- One that cannot be started as it is described.
local function failing(exec, more)
  return ("rs.command 'x' { exec = { %s }, %s restart = 'temporary' },\n"):format(
    exec, more or '')
end

describe('a command', function()
  after_each(harness.sweep)
  after_each(program.sweep)

  local cases = {
    { 'no such file', "'./nope'", '', 'cannot run ./nope: ', 'ENOENT' },
    { 'not in PATH', "'nope-nope'", '', 'nope%-nope: .*PATH', 'ENOENT' },
    { 'no program', "'/etc/passwd'", '', 'cannot run /etc/passwd: ', 'EACCES' },
    { 'a folder', "'/tmp'", '', 'cannot run /tmp: ', 'EACCES' },
    { 'no cwd', "'true'", "cwd = '/no/where',", 'the folder /no/where: ', 'ENOENT' },
    { 'no place for its output', "'true'", "output = { '/no/where/at/all' },",
      'cannot open its output: ', 'ENOENT' },
  }
  for _, case in ipairs(cases) do
    it('whose launch fails says why: ' .. case[1], function()
      local host = program.start(failing(case[2], case[3]))
      local exit = host:wait_for { kind = 'exited', unit = 'plant/x' }
      assert.equal('launch', exit.reason)
      assert.truthy(exit.detail:find(case[4]), exit.detail)
      assert.equal(case[5], exit.errno)
      assert.equal(0, #host:all { kind = 'started', unit = 'plant/x' })
      host:finish()
    end)
  end

  it('costs little more where the host has thousands of variables', function()
    local many, env = {}, {}
    for i = 1, 20 do
      many[i] = ("rs.command 'x%d' { exec = { 'sleep', '1000' } },"):format(i)
    end
    for i = 1, 5000 do
      env['VARIABLE_' .. i] = 'of a service'
    end
    local tree = program.tree(unpack(many))
    local host = harness.start { files = { ['tree.lua'] = tree }, env = env }
    host:wait_for { kind = 'ready', unit = 'plant' }
    local spent = usage.processor(parts.find(host, 'engine'))
    if not harness.SANITIZED then assert.is_true(spent < 1, spent .. ' s') end
    local text = posix.slurp(('/proc/%d/environ'):format(host:pid_of 'plant/x1'))
    assert.truthy(text:find('VARIABLE_5000=of a service', 1, true))
    host:finish()
  end)

  it('that ends with 127 by itself has started', function()
    local host = program.start(command('x', 'exit:127', temporary ''))
    local exit = host:wait_for { kind = 'exited', unit = 'plant/x' }
    assert.equal('error', exit.reason)
    assert.equal(127, exit.status)
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/x' })
    host:finish()
  end)

  it('has descriptors 0, 1, 2 and the one that is named, and no other', function()
    local host = program.start(
      command('plain', 'show wait'),
      command('named', 'show line:70 wait', 'ready = { fd = 70 },'))
    local plain = host:wait_for { kind = 'output', unit = 'plant/plain' }
    assert.equal('fds=0 1 2 ', plain.text:match 'fds=.*')
    local named = host:wait_for { kind = 'output', unit = 'plant/named' }
    assert.equal('fds=0 1 2 70 ', named.text:match 'fds=.*')
    host:wait_for { kind = 'ready', unit = 'plant' }
    host:finish()
  end)

  it('is confined as its fields say', function()
    program.publish()
    local host = program.start(command('x', 'show wait', [[
      user = 'nobody', cwd = '/', umask = '027', nice = 5, oom_score_adj = 321,
      limits = { open_files = 77 }, no_new_privs = true,
      env = { ADDED = 'yes', HOME = false },]]))
    local line = host:wait_for({ kind = 'output', unit = 'plant/x' }).text
    local wanted = 'uid=65534 gid=65534 groups=1 umask=027 nice=5 files=77 cwd=/ '
    assert.equal(wanted, line:match '^.-cwd=/ ')
    local pid = host:pid_of 'plant/x'
    assert.truthy(posix.slurp('/proc/' .. pid .. '/status'):find 'NoNewPrivs:%s1')
    host:wait_for { kind = 'ready', unit = 'plant/x' }
    assert.equal('321\n', posix.slurp('/proc/' .. pid .. '/oom_score_adj'))
    local env = '\0' .. posix.slurp('/proc/' .. pid .. '/environ')
    assert.truthy(env:find('\0ADDED=yes\0', 1, true))
    assert.truthy(env:find('\0RUNSMITH_UNIT=plant/x#0\0', 1, true))
    assert.falsy(env:find('\0HOME=', 1, true))
    host:finish()
  end)

  it('has its oom_score_adj before it does anything', function()
    local one = "rs.command '%s' { exec = { %s }, oom_score_adj = 321, "
      .. "user = 'nobody', restart = 'temporary' },"
    local tell = "'sh', '-c', 'read score < /proc/self/oom_score_adj; echo $score'"
    local units = { one:format('none', "'/nowhere/at/all'") }
    for i = 1, 8 do
      units[#units + 1] = one:format('first' .. i, tell)
    end
    local host = program.start(unpack(units))
    for i = 1, 8 do
      local output = host:wait_for { kind = 'output', unit = 'plant/first' .. i }
      assert.equal('321', output.text)
    end
    local exit = host:wait_for { kind = 'exited', unit = 'plant/none' }
    assert.equal('cannot run /nowhere/at/all: No such file or directory', exit.detail)
    host:finish()
  end)

  it('leaves the engine its own oom_score_adj', function()
    local host = program.start(command('x', 'wait', 'oom_score_adj = 900,'))
    host:wait_for { kind = 'ready', unit = 'plant' }
    local own = posix.slurp '/proc/self/oom_score_adj'
    for _, process in ipairs(host:processes()) do
      local score = posix.slurp('/proc/' .. process.pid .. '/oom_score_adj')
      if process.pid == host:pid_of 'plant/x' then
        assert.equal('900\n', score)
      elseif process.title:find '^rs%-engine' then
        assert.equal(own, score)
      end
    end
    host:finish()
  end)
end)
