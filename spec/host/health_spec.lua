-- What a user sees of health: probes in status and why, limits that come near, whom a
-- unit waits for; a supervisor that a probe finds bad; programs that a probe starts.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local program = require 'host.support.program'

local function start(units, more)
  return harness.start { files = {
    ['beater.lua'] = fixtures.beater,
    ['tree.lua'] = ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' { %s
%s }
]]):format(more or 'intensity = { max = 9, within = 60 },', units),
  } }
end

local function probe(unit, verdict)
  return { kind = 'probe', unit = 'plant/' .. unit, verdict = verdict }
end

local function status(host, unit)
  return control.ask(host, { id = 1, op = 'status', path = 'plant/' .. unit }).result
end

local function running(argument)
  local found = {}
  for _, name in ipairs(posix.list '/proc') do
    local line = name:find '^%d+$' and posix.slurp('/proc/' .. name .. '/cmdline')
    if line and line == 'sleep\0' .. argument .. '\0' then found[#found + 1] = name end
  end
  return found
end

describe('status', function()
  after_each(harness.sweep)

  it('has the verdict of each probe, its detail, and when it looks next', function()
    local host = start [[
rs.worker 'unit' { run = 'beater', probes = {
  rs.probe.tcp { port = 1, every = 30, action = 'warn' },
  rs.probe.lua { every = 0.05, failures = 1000, check = function()
    return false, 'not yet'
  end },
  rs.probe.file { path = '/', every = 30 },
  rs.probe.file { path = '/', delay = 60, every = 30 },
} },]]
    host:wait_for(probe('unit', 'dead'))
    host:wait_for(probe('unit', 'alive'))
    host:wait_for { kind = 'probe', detail = '3 of 1000: not yet' }
    local probes = status(host, 'unit').probes
    local names, lines = {}, {}
    for i, one in ipairs(probes) do
      names[i], lines[i] = one.probe .. ' ' .. one.verdict, one.line
      assert.equal('tree.lua', one.file)
      assert.is_true(one.next <= 60)
    end
    assert.same({ 'tcp dead', 'lua unknown', 'file alive', 'file unknown' }, names)
    assert.same({ 4, 5, 8, 9 }, lines)
    assert.equal('127.0.0.1:1: ECONNREFUSED', probes[1].detail)
    assert.is_true(probes[1].since >= 0 and probes[1].next > 20)
    assert.is_true(probes[2].failures >= 3)
    assert.equal('it has not looked yet', probes[4].detail)
    local _, text = control.run(host, 'status')
    assert.truthy(text:find 'probe tcp: dead for .-: 127.0.0.1:1: ECONNREFUSED %(looks')
    assert.truthy(text:find('probe lua: failing: ', 1, true), text)
    assert.is_nil(text:find('probe file', 1, true))
    host:finish()
  end)

  it('says who comes near its limit, and whom a unit waits for', function()
    local host = start([[
rs.worker 'unit' { run = function(ctx)
  if ctx.incarnation < 2 then error 'no' end
  require('std.time').sleep(1e6)
end },
rs.worker 'held' { run = 'beater' },
rs.worker 'after' { run = 'beater', after = { 'held' } },]], 'intensity = { max = 2 },')
    host:wait_for { kind = 'ready', unit = 'plant' }
    control.run(host, 'stop', 'plant/held')
    control.run(host, 'restart', 'plant/after', '--no-wait')
    local root = control.ask(host, { id = 1, op = 'status' }).result
    assert.same({ 2, 2, 5 }, { root.intensity.max, root.intensity.used,
      root.intensity.within })
    assert.is_true(root.intensity['until'] <= 5)
    local _, text = control.run(host, 'status')
    local near = '2 of 2 restarts in 5.0 s, one more and it gives up'
    assert.truthy(text:find(near, 1, true), text)
    assert.truthy(text:find('waits for plant/held (stopped)', 1, true), text)
    assert.truthy(text:find 'stopped for .- s; stop: by uid', text)
    host:finish()
  end)
end)

describe('the snapshot that a probe gets', function()
  after_each(harness.sweep)

  local SHOW = [[local function show(unit)
  local keys = {}
  for key, value in pairs(unit) do
    keys[#keys + 1] = type(value) == 'number' and key or key .. '=' .. value
  end
  table.sort(keys)
  return false, table.concat(keys, ' ') .. ' @' .. tostring(unit.pid)
end
local function probes()
  return { rs.probe.lua { every = 0.1, delay = 0.2, action = 'warn', check = show } }
end
rs.backend 'mine' { start = function() return 1 end, kill = function() end,
  stop = function() require('std.fs').write('over', '') end,
  wait = function(unit)
    unit:ready()
    while not require('std.fs').read 'over' do require('std.time').sleep(0.05) end
    return 'ok'
  end }
return rs.supervisor 'plant' {
  probes = probes(),
  rs.worker 'coroutine' { run = 'beater', probes = probes() },
  rs.worker 'thread' { run = 'beater', backend = 'thread', probes = probes() },
  rs.worker 'process' { run = 'beater', backend = 'process', probes = probes() },
  rs.worker 'mine' { backend = 'mine', run = 'beater', probes = probes() },
  rs.command 'plain' { exec = { 'sleep', '99' }, probes = probes() },
}]]
  local COMMON = 'health=healthy incarnation kind=%s '

  it('says the same of every kind and backend, as far as it has it', function()
    local host = harness.start { files = { ['beater.lua'] = fixtures.beater,
      ['tree.lua'] = "local rs = require 'runsmith'\n" .. SHOW } }
    local expected = {
      ['plant'] = 'health=healthy incarnation kind=supervisor path=%s pid restarts '
        .. 'uptime', -- its domain's runner
      ['plant/plain'] = 'backend=command ' .. COMMON:format 'command'
        .. 'path=%s pid restarts state=running uptime',
      ['plant/mine'] = 'backend=mine ' .. COMMON:format 'worker'
        .. 'path=%s restarts state=running uptime',
    }
    for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
      expected['plant/' .. backend] = ('backend=%s health=healthy heartbeat_age '
        .. 'incarnation kind=worker path=%%s pid restarts state=running uptime'):format(
          backend)
    end
    for unit, text in pairs(expected) do
      local dead = host:wait_for { kind = 'probe', unit = unit, verdict = 'dead' }
      local fields, pid = dead.detail:match '^(.*) @(.*)$'
      assert.equal(text:format('path=' .. unit):gsub('path=path=', 'path='), fields)
      if unit ~= 'plant' and unit ~= 'plant/mine' then
        assert.equal(host:pid_of(unit), tonumber(pid))
      elseif unit == 'plant' then
        assert.equal(host:pid_of 'plant/coroutine', tonumber(pid))
      end
    end
    host:finish()
  end)

  it('has a command\'s status and heartbeat as it told them', function()
    local unit = program.command('unit',
      'handover say:STATUS=work say:WATCHDOG=1 pid wait', [[ready = 'notify',
        heartbeat = 60, probes = { rs.probe.lua { every = 0.1, delay = 0.2,
          action = 'warn', check = function(unit)
            local beats = unit.heartbeat_age and unit.heartbeat_age >= 0
            return false, ('%s %s pid %d'):format(unit.status, beats, unit.pid)
          end } }, ]])
    local host = program.start(unit)
    local line = host:wait_for { kind = 'output', unit = 'plant/unit' }
    assert.equal('work true ' .. line.text, host:wait_for(probe('unit', 'dead')).detail)
    host:finish()
  end)
end)

describe('why', function()
  after_each(harness.sweep)

  it('goes from a restart to the probe, and to the line of its rule', function()
    local host = start [[
rs.worker 'unit' { run = 'beater', probes = {
  rs.probe.lua {
    every = 0.1,
    check = function(unit) return unit.incarnation > 0, 'too young' end,
  },
} },]]
    host:wait_for { kind = 'ready', unit = 'plant/unit', incarnation = 1 }
    local answer = control.ask(host, { id = 1, op = 'why', path = 'plant/unit' })
    local kinds, last = {}, nil
    for i, link in ipairs(answer.result.chain) do
      kinds[i], last = link.entry.kind, link
    end
    assert.same({ 'started', 'restart', 'exited', 'violation', 'probe' }, kinds)
    assert.same({ 'lua', 'dead', 'too young' },
      { last.entry.probe, last.entry.verdict, last.entry.detail })
    assert.same({ 'tree.lua', 4 }, { last.file, last.line })
    host:finish()
  end)

  for _, strategy in ipairs { 'one_for_all', 'rest_for_one' } do
    it('goes from a sibling that ' .. strategy .. ' restarted to who failed', function()
      local host = start([[
rs.command 'bad' { exec = { 'sh', '-c', 'sleep 0.2; [ -e was ] && exec sleep 1000;'
  .. ' touch was; exit 7' } },
rs.command 'sibling' { exec = { 'sleep', '1000' } },]],
        ("strategy = '%s',"):format(strategy))
      host:wait_for { kind = 'ready', unit = 'plant/sibling', incarnation = 1 }
      local answer = control.ask(host, { id = 1, op = 'why', path = 'plant/sibling' })
      local chain = {}
      for i, link in ipairs(answer.result.chain) do
        chain[i] = link.entry.unit:match '%w+$' .. ' ' .. link.entry.kind
      end
      assert.same({ 'sibling started', 'sibling restart', 'sibling exited',
        'bad restart', 'bad exited' }, chain)
      host:finish()
    end)
  end
end)

describe('why, of who waits for another', function()
  after_each(harness.sweep)

  it('goes on from that one\'s failure or hold, however far it is', function()
    local host = start [[
rs.command 'bad' { exec = { 'false' }, ready = { fd = 3 }, restart = 'temporary' },
rs.command 'next' { exec = { 'sleep', '1000' }, after = { 'bad' } },
rs.command 'last' { exec = { 'sleep', '1000' }, after = { 'next' } },]]
    host:wait_for { kind = 'exited', unit = 'plant/bad' }
    local wanted = '^[^\n]+waits for [^\n]+\n +because [^\n]+plant/bad +exited'
    for _, path in ipairs { 'plant/next', 'plant/last', 'plant' } do
      local _, out = control.run(host, 'why', path)
      assert.truthy(out:find(wanted), out)
    end
    control.run(host, 'stop', 'plant/bad')
    local _, out = control.run(host, 'why', 'plant/last')
    assert.truthy(out:find '\n +because [^\n]+plant/bad +stop: by uid', out)
    host:finish()
  end)
end)

describe('a supervisor that its probe finds bad', function()
  after_each(harness.sweep)

  it('stops its children in order, and is charged', function()
    local host = start [[
rs.supervisor 'line' {
  probes = { rs.probe.lua { every = 0.1, check = function(unit)
    return unit.incarnation > 0 or unit.uptime < 0.3, 'stuck'
  end } },
  rs.worker 'unit' { run = 'beater' },
},]]
    local violation = host:wait_for { kind = 'violation' }
    assert.same({ 'plant/line', 'probe', 'lua: stuck' },
      { violation.unit, violation.constraint, violation.where })
    local restart = host:wait_for({ kind = 'restart', unit = 'plant/line' }, violation)
    assert.is_true(restart.charged)
    local exit = host:all { kind = 'exited', unit = 'plant/line/unit' }[1]
    assert.same({ 'ok', true }, { exit.reason, exit.expected })
    host:wait_for({ kind = 'ready', unit = 'plant/line', incarnation = 1 }, restart)
    host:finish()
  end)

  it('and that is the root: the host has failed', function()
    local host = start('', [[
probes = { rs.probe.lua { every = 0.1, check = function() return false, 'all' end } },
rs.worker 'unit' { run = 'beater' },]])
    local code = host:wait_end()
    assert.equal(1, code)
    host:finish { signal = false, status = 1 }
  end)
end)

describe('the program of a probe', function()
  after_each(harness.sweep)

  it('leaves nothing, whether it ends or takes too long', function()
    local host = start [[
rs.worker 'late' { run = 'beater', probes = { rs.probe.exec {
  exec = { 'sh', '-c', 'sleep 700001 & setsid sleep 700001 & (setsid sh -c "sleep '
    .. '700001 & sleep 700001" &); sh -c "sleep 700001; true"' },
  every = 0.5, timeout = 0.3, action = 'warn',
} } },
rs.worker 'daemon' { run = 'beater', probes = { rs.probe.exec {
  exec = { 'sh', '-c', '(setsid sleep 700002 &); sleep 700002 & exit 0' },
  every = 60, action = 'warn',
} } },
rs.worker 'own' { run = 'beater', probes = { rs.probe.lua { every = 0.1,
  check = function(unit)
    require('luv').spawn('sh', { args = { '-c', 'exit 7' } }, function(code)
      if code == 7 then print 'heard of' end
    end)
    require('std.time').sleep(0.1)
    return true
  end,
} } },]]
    host:wait_for(probe('late', 'dead'))
    host:wait_for(probe('daemon', 'alive'))
    host:wait_for { kind = 'output', text = 'heard of' }
    host:write('tree.lua', [[
local rs = require 'runsmith'
return rs.supervisor 'plant' { rs.worker 'own' { run = 'beater', probes = {
  rs.probe.file { path = '/' } } } }
]])
    host:signal 'HUP'
    host:wait_for { kind = 'reload', removed = 2 }
    host:wait_for(probe('own', 'alive'), host:all { kind = 'reload' }[2])
    local by = posix.now() + 5
    while #running '700001' + #running '700002' > 0 and posix.now() < by do
      host:watch(0.05)
    end
    assert.same({}, running '700001')
    assert.same({}, running '700002')
    host:finish()
  end)
end)

describe('an http probe', function()
  after_each(harness.sweep)

  it('of a URL that it cannot get is a mistake, which says what to use', function()
    local host = start [[
rs.worker 'x' { run = 'beater', probes = {
  rs.probe.http { url = 'localhost' }, rs.probe.http { url = 'ftp://localhost/' },
} },]]
    assert.equal(1, host:wait_end())
    local text = table.concat(host.text, '\n')
    assert.truthy(text:find('tree.lua:4: plant/x: rs.probe.http.url is '
      .. "'ftp://localhost/'; it must be a URL such as", 1, true), text)
    assert.truthy(text:find("is 'localhost'; it must be a URL such as", 1, true), text)
    host:finish { signal = false, status = 1 }
  end)
end)

describe('a user or group', function()
  after_each(harness.sweep)

  it('that this machine lacks is a mistake in the tree', function()
    local host = start [[
rs.command 'x' { exec = { 'true' }, user = 'no-one-at-all' },
rs.worker 'y' { run = 'beater', backend = 'process', group = 'no-such-group' },]]
    local code = host:wait_end()
    assert.equal(1, code)
    local text = table.concat(host.text, '\n')
    assert.truthy(text:find("tree.lua:3: plant/x: user is 'no-one-at-all': there is no"
      .. ' such user here', 1, true), text)
    assert.truthy(text:find("tree.lua:4: plant/y: group is 'no-such-group': there is no"
      .. ' such group here', 1, true), text)
    host:finish { signal = false, status = 1 }
  end)

  it('may be a name or a number, for commands and for workers', function()
    if posix.slurp('/proc/self/status'):match 'Uid:%s+(%d+)' ~= '0' then return end
    local host = start [[
rs.command 'name' { exec = { 'sh', '-c', 'id -u; id -g; id -G; sleep 99' },
  user = 'nobody' },
rs.command 'number' { exec = { 'sh', '-c', 'id -u; id -g; id -G; sleep 99' },
  user = 12345, group = 54321 },
rs.worker 'lua' { backend = 'process', user = 12345, group = 'nogroup',
  run = function()
    local uv = require 'luv'
    print(uv.getuid(), uv.getgid())
    require('std.time').sleep(1e6)
  end },]]
    for unit, lines in pairs {
      name = { '65534', '65534', '65534' }, number = { '12345', '54321', '54321' },
      lua = { '12345\t65534' },
    } do
      for i, line in ipairs(lines) do
        host:wait_for { kind = 'output', unit = 'plant/' .. unit, text = line }
        local got = host:all { kind = 'output', unit = 'plant/' .. unit }
        if got[i] then assert.equal(line, got[i].text) end
      end
    end
    host:finish()
  end)
end)
