-- What a client learns: status, why, the journal, what eval says.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local json = require 'cjson'
local posix = require 'host.support.posix'

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' { backoff = { first = 600, max = 600 },
  rs.worker 'one' { run = 'beater' },
  rs.worker 'two' { run = 'beater', backend = 'process' },
  rs.command 'three' { exec = { 'sleep', '1000' } },
  rs.supervisor 'edge' {
    isolate = true,
    rs.worker 'bad' { run = function() error 'no luck' end, intensity = { max = 0 } },
    rs.worker 'good' { run = 'beater' },
  },
}
]]

local CLIENT = [[
local client = require 'runsmith.client'
local time = require 'std.time'
local worker = require 'runsmith.worker'
return worker.define {
  running = function(self, ctx)
    if ctx.stopping then return 'complete' end
    if not self.asked then
      self.asked = true
      local unit, err = client.status 'plant/other'
      print('status', unit and unit.health or err)
      print('restart', client.restart('plant/other') and 'done')
      print('add', select(2, client.add('plant', 'x', { print })).code)
      print('none', tostring(select(2, client.stop 'plant/none')))
    end
    time.sleep(0.05)
    return 'keepalive'
  end,
}
]]

local function start(args, tree)
  local host = harness.start {
    files = { ['tree.lua'] = tree or TREE, ['beater.lua'] = fixtures.beater },
    args = args,
  }
  host:wait_for { kind = 'restart', unit = 'plant/edge' }
  for _, name in ipairs(tree and { 'two' } or { 'one', 'two', 'three' }) do
    host:wait_for { kind = 'ready', unit = 'plant/' .. name }
  end
  return host
end

describe('status', function()
  after_each(harness.sweep)

  it('tells each unit as the tree has it', function()
    local host = start()
    local root = control.ask(host, { id = 9, op = 'status' }).result
    assert.same({ 'plant', 'supervisor', 4 }, { root.path, root.kind, #root.children })
    local one, two, three, edge = unpack(root.children)
    assert.same({ 'one', 'coroutine', 'running', 'healthy', 0, 0 },
      { one.name, one.backend, one.state, one.health, one.incarnation, one.restarts })
    assert.is_true(one.heartbeat_age < 2 and one.uptime < 20 and one.ready)
    assert.equal(host:pid_of 'plant/two', two.pid)
    assert.same({ 'command', 'running' }, { three.kind, three.state })
    assert.same({ 'waiting', 'down', 'restart' },
      { edge.health, edge.life, edge.because.kind })
    assert.is_true(edge['until'] > 500 and edge['until'] <= 600)
    assert.same({ 'tree.lua', 6 }, { edge.file, edge.line })
    host:finish()
  end)

  it('has a supervisor as old as its start, not as its readiness', function()
    local host = control.start { ['tree.lua'] = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' { rs.command 'slow' { ready = { fd = 3 },
  exec = { 'sh', '-c', 'sleep 0.3; echo >&3; exec sleep 99' } } }
]] }
    host:wait_for { kind = 'ready', unit = 'plant' }
    local root = control.ask(host, { op = 'status' }).result
    assert.is_true(root.ready and root.uptime >= 0.3)
    host:finish()
  end)

  it('takes a path or a pattern', function()
    local host = start()
    local function names(path)
      local list = {}
      for _, unit in ipairs(control.ask(host, { op = 'status', path = path }).result) do
        list[#list + 1] = unit.path
      end
      return table.concat(list, ' ')
    end
    assert.equal('plant/edge/bad plant/edge/good', names 'plant/*/*')
    assert.equal('plant/two plant/three', names 'plant/t*')
    assert.equal('plant/edge/good', names '**/g*')
    assert.equal('plant', names '**')
    local edge = control.ask(host, { op = 'status', path = 'plant/edge' }).result
    assert.equal(2, #edge.children)
    host:finish()
  end)

  it('of thousands of units comes whole', function()
    local tree = [[
local rs = require 'runsmith'
local units = { backoff = { first = 600, max = 600 }, rs.supervisor 'edge' {
  rs.command 'bad' { -- ready at no time
    exec = { 'false' }, ready = 'notify', intensity = { max = 0 } } },
  rs.worker 'two' { run = 'beater' } }
for i = 1, 3000 do
  units[#units + 1] = rs.command('c' .. i) { after = { 'edge' }, exec = { 'true' } }
end
return rs.supervisor 'plant' (units)
]]
    local host = start(nil, tree)
    local root = control.ask(host, { op = 'status' }).result
    assert.equal(3002, #root.children)
    assert.same({ 'plant/c3000', 'waiting', 'plant/edge' }, {
      root.children[3002].path, root.children[3002].health,
      root.children[3002].waits_for,
    })
    host:finish()
  end)
end)

describe('the command line', function()
  after_each(harness.sweep)

  it('shows the tree, and says who is ill and what comes next', function()
    local host = start()
    local status, out = control.run(host, 'status')
    assert.equal(0, status)
    for _, text in ipairs { 'one', 'running', 'starts in', 'no luck', '7 units:' } do
      assert.truthy(out:find(text, 1, true), out)
    end
    status, out = control.run(host, 'status', 'plant/one', '--json')
    assert.same({ 0, 'plant/one' }, { status, json.decode(out).path })
    host:finish()
  end)

  it('ends with 0, 1, 2 or 3', function()
    local host = start()
    assert.equal(0, (control.run(host, 'stop', 'plant/one')))
    assert.equal(1, (control.run(host, 'stop', 'plant/none')))
    assert.equal(2, (control.run(host, 'stop')))
    host:wait_end(host:signal 'TERM' and 20)
    assert.equal(3, (control.run(host, 'status')))
    host:finish()
  end)

  it('finds the only host, and names all where there are more', function()
    local host = start()
    local status, out, err = control.run_in('', host, 'status', 'plant/one')
    local found = status == 0 and out:find('one', 1, true) ~= nil
    local others = status == 1 and err:find 'several hosts are running'
      and err:find(control.path(host), 1, true)
    assert.truthy(found or others, out .. err)
    host:finish()
  end)

  it('bears descriptors that are closed', function()
    local host = start()
    for _, closed in ipairs { '<&-', '>&-', '<&- >&- 2>&-' } do
      local line = "RUNSMITH_SOCKET='%s' '%s' status >/dev/null %s"
      line = line:format(control.path(host), harness.program(), closed)
      assert.equal(0, os.execute(line), closed)
    end
    host:finish()
  end)

  it('fails where what it prints cannot be written', function()
    local host = start()
    for _, words in ipairs { 'status --json', 'journal', 'version', 'status --help' } do
      local line = "RUNSMITH_SOCKET='%s' '%s' %s 2>&1 >/dev/full"
      local pipe = io.popen(line:format(control.path(host), harness.program(), words)
        .. ' || echo no')
      assert.truthy(pipe:read('*a'):find '^runsmith[^\n]*: cannot write: .-\nno\n$')
      pipe:close()
    end
    host:finish()
  end)

  it('tells why, by file and line', function()
    local host = start()
    local status, out = control.run(host, 'why', 'plant/edge')
    assert.equal(0, status)
    assert.truthy(out:find 'plant/edge: waiting for .-tree%.lua:6\n')
    assert.truthy(out:find 'plant/edge/bad +exited: exception.-tree%.lua:8\n', out)
    host:finish()
  end)

  it('shows the journal by unit, kind and time', function()
    local host = start()
    local words = { 'journal', 'plant/edge', '--kind', 'exited', '--json' }
    local _, out = control.run(host, unpack(words))
    local count = 0
    for line in out:gmatch '[^\n]+' do
      local entry = json.decode(line)
      assert.equal('exited', entry.kind)
      assert.truthy(entry.unit:find '^plant/edge')
      count = count + 1
    end
    assert.equal(#host:all { kind = 'exited' }, count)
    assert.equal('', select(2, control.run(host, 'journal', '--until', '1h')))
    assert.equal(2, (control.run(host, 'journal', '--since', 'then')))
    assert.equal(2, (control.run(host, 'journal', '--kind', 'log,exitd')))
    local status, _, err = control.run(host, 'journal', 'plant/nobody')
    assert.equal(1, status)
    assert.equal("runsmith journal: there is no unit 'plant/nobody'\n", err)
    host:finish()
  end)

  it('is followed until then, and says where nothing may come', function()
    local host = start()
    local words = { 'journal', 'plant/nobody', '--follow', '--until' }
    words[5] = os.date('!%Y-%m-%dT%H:%M:%SZ', os.time() + 1)
    local status, out, err = control.run(host, unpack(words))
    assert.equal(0, status)
    assert.equal('', out)
    assert.equal("runsmith journal: there is no unit 'plant/nobody' yet\n", err)
    words = { 'journal', '--follow', '--kind', 'reload', '--until' }
    words[6] = os.date('!%Y-%m-%dT%H:%M:%SZ', os.time() + 1)
    status, out = control.run(host, unpack(words))
    assert.equal(0, status)
    assert.truthy(out:find '^[^\n]+ reload [^\n]+\n$')
    assert.equal(0, (control.run(host, 'journal', '--follow', '--until', '1h')))
    assert.equal(2, (control.run(host, 'journal', '--kind', ',')))
    host:finish()
  end)

  it('runs Lua in a worker, and says what it raised', function()
    local host = start()
    local function eval(...) return control.run(host, 'eval', ...) end
    local err
    local status, out = eval('plant/one', 'ctx.path')
    assert.same({ 0, 'plant/one\n' }, { status, out })
    status, out, err = eval('plant/two', "error 'my fault'")
    assert.same({ 1, '' }, { status, out })
    assert.truthy(err:find('my fault', 1, true))
    assert.equal(1, (eval('plant/three', '1')))
    status, out, err = eval('plant/one', '--timeout', '0.2', 'while true do end')
    assert.same({ 1, '' }, { status, out })
    assert.truthy(err:find('more than 0.2 s', 1, true))
    assert.equal('plant/one\n', select(2, eval('plant/one', 'ctx.path')))
    assert.same({}, host:all { kind = 'violation' })
    host:finish()
  end)
end)

describe('init', function()
  after_each(harness.sweep)

  it('makes a project that runs, and whose spec passes', function()
    local folder = posix.scratch()
    local program = os.getenv 'RUNSMITH' or 'build/release/runsmith'
    assert.equal(0, (control.run({ dir = folder }, 'init', folder .. '/plant')))
    assert.equal(1, (control.run({ dir = folder }, 'init', folder .. '/plant')))
    assert.truthy(json.decode(posix.slurp(folder .. '/plant/.luarc.json')))
    local host = harness.start { files = {}, script = folder .. '/plant/tree.lua' }
    host:wait_for { kind = 'log', unit = 'plant/greeter', text = 'hello, world' }
    host:finish()
    if program:sub(1, 1) ~= '/' then program = harness.root() .. '/' .. program end
    local test = "cd '%s/plant' && RUNSMITH='%s' busted > '%s/said' 2>&1"
    assert.equal(0, os.execute(test:format(folder, program, folder)),
      posix.slurp(folder .. '/said'))
    os.execute(("rm -rf '%s'"):format(folder))
  end)
end)

describe('the journal', function()
  after_each(harness.sweep)

  it('is followed from a cursor on, without a gap', function()
    local host = start()
    local client = control.open(host)
    assert.is_true(client:ask({ id = 1, op = 'subscribe', since = 3 }).ok)
    control.ask(host, { op = 'restart', path = 'plant/one' })
    local seq = 3
    repeat
      local entry = client:object()
      assert.equal(seq + 1, entry.seq)
      seq = entry.seq
    until entry.kind == 'ready' and entry.unit == 'plant/one' and entry.incarnation == 1
    client:close()
    host:finish()
  end)

  it('goes back to the files of an earlier host', function()
    local folder = posix.scratch()
    start({ '--journal', folder .. '/j' }):finish()
    local host = start { '--journal', folder .. '/j' }
    local client = control.open(host)
    client:send '{"id":1,"op":"journal","since":0}\n'
    local seq, boots, count = 0, {}, 0
    while true do
      local object = client:object()
      if object.ok ~= nil then break end
      assert.equal(seq + 1, object.seq)
      seq, count = object.seq, count + (boots[object.boot] and 0 or 1)
      boots[object.boot] = true
    end
    assert.equal(2, count)
    client:close()
    host:finish()
    os.execute(("rm -rf '%s'"):format(folder))
  end)
end)

describe('a worker', function()
  after_each(harness.sweep)

  it('is a client, too', function()
    local host = harness.start {
      files = {
        ['tree.lua'] = "local rs = require 'runsmith'\nreturn rs.supervisor 'plant' {\n"
          .. "  rs.worker 'other' { run = 'beater' }, rs.worker 'asks' { run = 'asks',"
          .. " after = { 'other' } } }",
        ['beater.lua'] = fixtures.beater, ['asks.lua'] = CLIENT,
      },
    }
    local last = host:wait_for { kind = 'output', text = function(text)
      return text and text:find '^none'
    end }
    assert.equal("none\tthere is no unit 'plant/none'", last.text)
    assert.equal(1, #host:all { kind = 'output', text = 'status\thealthy' })
    assert.equal(1, #host:all { kind = 'output', text = 'restart\tdone' })
    assert.equal(1, #host:all { kind = 'output', text = 'add\tinvalid' })
    host:finish()
  end)
end)
